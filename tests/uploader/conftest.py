import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.loaders import create_loader
from nacl.secret import SecretBox

from tests.uploader.deployment import Deployment
from tests.uploader.desk import Desk
from tests.uploader.storage import InMemory, OnSeaweedFS
from trustpress_uploader.keys import envelope
from trustpress_uploader.keys.passphrases import Passphrase

_secret_box, _seal = envelope._secret_box, envelope._seal
_SALT = bytes(32)
IN_MEMORY, SEAWEEDFS = "in memory", "SeaweedFS"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked so is told twice: with the buckets in memory, and on SeaweedFS."""
    if metafunc.definition.get_closest_marker("on_seaweedfs_too"):
        metafunc.parametrize("deployment", [IN_MEMORY, SEAWEEDFS], indirect=True, scope="session")


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """In this process a key is derived once from the same passphrase and salt, and boto reads its descriptions of AWS once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(envelope, "_secret_box", lambda passphrase, salt, cost: _derived_once(passphrase.reveal(), salt, cost))
        patch.setattr("botocore.session.create_loader", functools.cache(create_loader))
        yield


@functools.lru_cache(maxsize=None, typed=True)
def _derived_once(passphrase: bytes, salt: bytes, cost: int) -> SecretBox:
    return _secret_box(Passphrase(passphrase.decode()), salt, cost)


def _seal_with_one_salt(plaintext: bytes, passphrase: Passphrase, cost: int, salt: bytes, nonce: bytes) -> dict[str, Any]:
    return _seal(plaintext, passphrase, cost, _SALT, nonce)


@pytest.fixture(scope="session")
def deployment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    on_seaweedfs = getattr(request, "param", None) == SEAWEEDFS
    deployment = Deployment(OnSeaweedFS(tmp_path_factory.mktemp("seaweedfs")) if on_seaweedfs else InMemory())
    yield deployment
    deployment.stop()


@pytest.fixture
def new_desk(deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A developer who has nothing yet; every story has a repository of its own."""
    # The weakest derivation that is read takes a quarter of the time; with one salt it is made once for each passphrase.
    monkeypatch.setattr(envelope, "_COST", 32768)
    monkeypatch.setattr(envelope, "_seal", _seal_with_one_salt)
    return Desk(tmp_path / "desk", deployment, f"acme/{uuid4().hex}")


@pytest.fixture
def desk(new_desk: Desk) -> Desk:
    """A developer whose repository is published, still empty."""
    new_desk.init()
    return new_desk


@pytest.fixture(scope="session")
def quiet_desk(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The same, shared by the stories in which nothing is published."""
    desk = Desk(tmp_path_factory.mktemp("quiet"), deployment, f"acme/{uuid4().hex}")
    desk.init()
    return desk
