import functools
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from botocore.loaders import create_loader
from nacl.secret import SecretBox

from tests.uploader.deployment import Deployment
from tests.uploader.desk import Desk
from trustpress_uploader.keys import envelope
from trustpress_uploader.keys.passphrases import Passphrase

_secret_box, _seal = envelope._secret_box, envelope._seal
_SALT = bytes(32)


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """In this process a key is derived once from each passphrase, and boto reads its descriptions of AWS once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(envelope, "_seal", lambda plaintext, passphrase, cost, salt, nonce: _seal(plaintext, passphrase, cost, _SALT, nonce))
        patch.setattr(envelope, "_secret_box", lambda passphrase, salt, cost: _derived_once(passphrase.reveal(), salt, cost))
        patch.setattr("botocore.session.create_loader", functools.cache(create_loader))
        yield


@functools.cache
def _derived_once(passphrase: bytes, salt: bytes, cost: int) -> SecretBox:
    return _secret_box(Passphrase(passphrase.decode()), salt, cost)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path_factory.mktemp("deployment"))
    yield deployment
    deployment.stop()


@pytest.fixture
def new_desk(deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A developer who has nothing yet; every story has a repository of its own."""
    # The weakest derivation that is read takes a quarter of the time.
    monkeypatch.setattr("trustpress_uploader.keys.envelope._COST", 32768)
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
