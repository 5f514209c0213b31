"""People who hold keys, each at a desk of their own: a home folder with their own key in it, and nobody else's."""

import functools
import hashlib
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.uploader.desk import ROOT_PASSPHRASE, TAGGING_PASSPHRASE, Desk
from tests.uploader.storage import STAGING
from trustpress.core.keys import PublicKey
from trustpress.ports import Caching
from trustpress_uploader.keys.formats import read_private_key, write_private_key, write_public_key
from trustpress_uploader.keys.keystore import Keystore
from trustpress_uploader.keys.passphrases import Passphrase
from trustpress_uploader.keys.private_keys import PrivateKey

DELEGATION_PASSPHRASE = "yet another six random words"
WAITS = 4
PATIENCE = 60


@functools.cache
def key_file(name: str, passphrase: str, keytype: str = "ed25519") -> tuple[PublicKey, bytes]:
    """The key of this name, made once: opening it takes long on purpose, and making it as long again."""
    key = PrivateKey.generate(keytype)
    return key.public_key, write_private_key(key, Passphrase(passphrase), "trustpress")


def open_key(name: str, passphrase: str = ROOT_PASSPHRASE) -> PrivateKey:
    return read_private_key(key_file(name, passphrase)[1], Passphrase(passphrase), name)


def give_key(desk: Desk, name: str, passphrase: str = ROOT_PASSPHRASE) -> str:
    """Put the key of this name into a desk's keystore; returns the file with its public half, to be handed to others."""
    public_key, encoded = key_file(name, passphrase)
    Keystore(desk.home / "keys").put_new(public_key.keyid, encoded)
    return write_public(desk, name, public_key)


def write_public(desk: Desk, name: str, public_key: PublicKey) -> str:
    return desk.write(f"{name}.pub", write_public_key(public_key).decode())


def keyid(name: str, passphrase: str = ROOT_PASSPHRASE) -> str:
    return key_file(name, passphrase)[0].keyid


def another_desk(desk: Desk, name: str, *, knows: bool = False) -> Desk:
    """Another person's machine; `knows` tells whether it has the repository pinned already."""
    other = Desk(desk.folder.parent / name, desk.deployment, desk.repository)
    other.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = DELEGATION_PASSPHRASE
    if knows:
        shutil.copytree(desk.home / "repositories", other.home / "repositories")
    return other


def place(desk: Desk) -> list[str]:
    return ["-r", desk.repository, "--url", desk.deployment.url, "--staging", STAGING]


def board(ann: Desk, *names: str, threshold: int = 2) -> list[Desk]:
    """Publish a repository whose root these people sign, each at a desk of their own.

    The first of them is at this desk, and has the tagging key, too.
    """
    publics = [give_key(ann, name) for name in names]
    give_key(ann, "tagging", TAGGING_PASSPHRASE)
    keys = [option for public in publics for option in ("--root-key", public)]
    ann.init(*keys, "--root-threshold", str(threshold), "--tagging-key", keyid("tagging", TAGGING_PASSPHRASE))
    desks = [ann]
    for name in names[1:]:
        desks.append(another_desk(ann, name, knows=True))
        give_key(desks[-1], name)
        Keystore(ann.home / "keys").remove(keyid(name))
    return desks


def first_root_hash(desk: Desk) -> str:
    found = desk.deployment.public.get(f"{desk.repository}/metadata/1.root.json", 100_000)
    assert found is not None
    return hashlib.sha256(found.body).hexdigest()


def stranger(desk: Desk) -> Desk:
    """Somebody who knows the hash of the first root and nothing else: their client follows every root there ever was."""
    fresh = Desk(desk.folder.parent / f"stranger-{len(list(desk.folder.parent.iterdir()))}", desk.deployment, desk.repository)
    fresh.environment |= dict.fromkeys(desk.deployment.environment)
    fresh.run("inspect", "-r", desk.repository, "--url", desk.deployment.url, "--root-hash", first_root_hash(desk))
    return fresh


def roles(desk: Desk) -> Any:
    """What a stranger's client verifies now."""
    return stranger(desk).run_json("inspect")["roles"]


def answer(process: "subprocess.Popen[str]", exit_code: int = 0) -> Any:
    stdout, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == exit_code, stdout
    return json.loads(stdout) if stdout else None


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_published(desk: Desk, filename: str) -> bool:
    return desk.deployment.public.head(f"{desk.repository}/metadata/{filename}") is not None


def pending(desk: Desk) -> list[str]:
    """The ids of the changes that wait in the staging bucket."""
    prefix = f"pending/{desk.repository}/"
    return [key.removeprefix(prefix).removesuffix(".json") for key in desk.deployment.staging.list_keys(prefix)]


def read_pending(desk: Desk, change: str) -> Any:
    found = desk.deployment.staging.get(f"pending/{desk.repository}/{change}.json", 1_000_000)
    assert found is not None
    return json.loads(found.body)


def write_pending(desk: Desk, change: str, value: Any) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    desk.deployment.staging.put(f"pending/{desk.repository}/{change}.json", body, Caching.PRIVATE)


def signed_by(answered: Any) -> list[list[str]]:
    """Who has signed, for each signature that is still lacking."""
    return [need["signed_by"] for need in answered["needs"]]


def hand_over(file: str, desk: Desk) -> str:
    """Carry a file to another desk."""
    return str(shutil.copy(file, desk.folder))


def forbid_network(desk: Desk, folder: Path) -> None:
    """From now on every connection that a process of this desk tries to make ends it with a traceback."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*arguments, **options):\n"
        "    raise SystemExit('reached for the network')\n"
        "socket.getaddrinfo = socket.socket.connect = socket.socket.connect_ex = refuse\n"
    )
    desk.environment |= dict.fromkeys([*desk.deployment.environment, *(name for name in desk.environment if name.startswith("AWS_"))])
    desk.environment |= {"PYTHONPATH": str(folder), "HOME": str(folder)}
