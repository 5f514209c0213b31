"""Private keys on this machine: one encrypted file per key, named by its keyid, in a folder of their owner's alone.

A file is what go-tuf writes: `{"encrypted": true, "data": envelope}`, whose plaintext is a list of key objects.
"""

import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from nacl.signing import SigningKey

from trustpress.core.keys import PublicKey, ed25519_public_key
from trustpress_uploader.envelope import NotAnEnvelope, seal, unseal
from trustpress_uploader.errors import BadKeyFile
from trustpress_uploader.passphrases import Passphrase

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MAX_LENGTH = 64_000
_SEED_LENGTH = 32


class PrivateKey:
    """An Ed25519 key that signs and never shows itself: PyNaCl's own would print its seed."""

    def __init__(self, seed: bytes) -> None:
        self.__key = SigningKey(seed)
        self.public_key: PublicKey = ed25519_public_key(bytes(self.__key.verify_key))

    @classmethod
    def generate(cls) -> "PrivateKey":
        return cls(bytes(SigningKey.generate()))

    def __repr__(self) -> str:
        return f"PrivateKey({self.public_key.keyid})"

    def sign(self, message: bytes) -> bytes:
        return self.__key.sign(message).signature

    def encode(self, passphrase: Passphrase) -> bytes:
        """The key file: encrypted, nothing in it can be read without the passphrase."""
        private = bytes(self.__key) + self.public_key.material[1]
        key = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": self.public_key.public, "private": private.hex()}}
        return json.dumps({"encrypted": True, "data": seal(json.dumps([key]).encode(), passphrase)}).encode()


class Keystore:
    """A folder of key files, 0600 in 0700."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, keyid: str) -> Path:
        return self.folder / f"{keyid}.json"

    def held(self, keyids: Iterable[str]) -> list[str]:
        """Those of the keys that are here."""
        return [keyid for keyid in keyids if self.path(keyid).exists()]

    def add(self, key: PrivateKey, passphrase: Passphrase) -> Path:
        """Write a new key file; an existing one is never overwritten. Raises FileExistsError."""
        self.folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        _refuse_open_to_others(self.folder, self.folder.stat(), "700")
        path = self.path(key.public_key.keyid)
        encoded = key.encode(passphrase)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
        with os.fdopen(descriptor, "wb") as file:
            file.write(encoded)
            file.flush()
            os.fsync(file.fileno())
        return path

    def load(self, keyid: str, passphrase: Passphrase) -> PrivateKey:
        """Open a key file. Raises BadKeyFile or WrongPassphrase."""
        path = self.path(keyid)
        with path.open("rb") as file:
            _refuse_open_to_others(path, os.fstat(file.fileno()), "600")
            encoded = file.read(_MAX_LENGTH)
        key = _decode(path, encoded, passphrase)
        if key.public_key.keyid != keyid:
            raise BadKeyFile(path, f"holds the key {key.public_key.keyid}, which is not the one in its name")
        return key


def _refuse_open_to_others(path: Path, status: os.stat_result, mode: str) -> None:
    if stat.S_IMODE(status.st_mode) & _OTHERS:
        raise BadKeyFile(path, "other users of this machine may open it", f"chmod {mode} {path}, and consider the key known to them.")


def _decode(path: Path, encoded: bytes, passphrase: Passphrase) -> PrivateKey:
    try:
        plaintext = unseal(json.loads(encoded)["data"], passphrase, str(path))
    except (ValueError, TypeError, KeyError) as error:
        reason = str(error) if isinstance(error, NotAnEnvelope) else "not a key file"
        raise BadKeyFile(path, reason) from None
    key = _parse_plaintext(plaintext)
    # Raised out here, where no other exception is at hand: a parser's would hold the plaintext, even behind `from None`.
    if key is None:
        raise BadKeyFile(path, "expected exactly one Ed25519 key inside, with the public half that belongs to it")
    return key


def _parse_plaintext(plaintext: bytes) -> PrivateKey | None:
    try:
        (value,) = json.loads(plaintext)
        key = PrivateKey(bytes.fromhex(value["keyval"]["private"])[:_SEED_LENGTH])
        belongs = value["keytype"] == "ed25519" and value["keyval"]["public"] == key.public_key.public
    except (ValueError, TypeError, KeyError):
        return None
    return key if belongs else None
