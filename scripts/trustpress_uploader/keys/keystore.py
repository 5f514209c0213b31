"""Keys on this machine: one file per key, named by its keyid, in a folder of their owner's alone.

A private key is encrypted, in the format of go-tuf. A key that lives elsewhere (AWS KMS, a token, a memory stick) has a
file that says where: `{"uri": URI, "key": public key object}`.
"""

import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trustpress.core.keys import PublicKey, parse_key
from trustpress.errors import Invalid
from trustpress_uploader.disk import is_somebody_elses
from trustpress_uploader.errors import BadKeyFile, NoSuchKey
from trustpress_uploader.keys.formats import read_private_key, write_private_key
from trustpress_uploader.keys.passphrases import Passphrase
from trustpress_uploader.keys.private_keys import PrivateKey

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
MAX_LENGTH = 64_000
_MIN_PREFIX = 4
_RESTORE = "Bring the right file back from a backup: `trustpress key restore FILE`."


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What is known of a key without its passphrase. `uri` is where it lives, if not here; `public_key` is None in files
    that other programs wrote."""

    keyid: str
    path: Path
    public_key: PublicKey | None = None
    uri: str | None = None


class Keystore:
    """A folder of key files, 0600 in 0700."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, keyid: str) -> Path:
        return self.folder / f"{keyid}.json"

    def held(self, keyids: Iterable[str]) -> list[str]:
        """Those of the keys that have a file here."""
        return [keyid for keyid in keyids if self.path(keyid).exists()]

    def all(self) -> Iterator[StoredKey]:
        """Every key, by keyid. Raises BadKeyFile."""
        for path in sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []:
            yield self.describe(path.stem)

    def find(self, prefix: str) -> StoredKey:
        """The one key whose keyid begins so. Raises NoSuchKey."""
        found = [path.stem for path in sorted(self.folder.glob(f"{prefix}*.json"))] if prefix.isalnum() else []
        if len(prefix) < _MIN_PREFIX or len(found) != 1:
            raise NoSuchKey(prefix, found if len(prefix) >= _MIN_PREFIX else [])
        return self.describe(found[0])

    def find_here(self, prefix: str) -> StoredKey:
        """As `find`, for a key whose private half is in its file. Raises BadKeyFile if it lives elsewhere."""
        stored = self.find(prefix)
        if stored.uri:
            hint = "From a file it comes back by `trustpress key remove KEYID`, then `trustpress key import FILE`."
            raise BadKeyFile(stored.path, f"the key is not here, but at {stored.uri}", hint)
        return stored

    def check_new(self, keyid: str) -> None:
        """Raises BadKeyFile if this key has a file already."""
        if self.path(keyid).exists():
            hint = "`trustpress key list` tells where it is. What was moved away comes back after `trustpress key remove KEYID`."
            raise BadKeyFile(self.path(keyid), "this machine knows the key already", hint)

    def describe(self, keyid: str) -> StoredKey:
        """What a key file says without its passphrase. Raises BadKeyFile."""
        path = self.path(keyid)
        try:
            value = json.loads(self.read(keyid))
            key, uri = value.get("key"), value.get("uri")
            public_key = parse_key(keyid, key) if key else None
        except (ValueError, TypeError, KeyError, AttributeError, Invalid) as error:
            raise BadKeyFile(path, "not a key file, or not the key in its name", _RESTORE) from error
        if not isinstance(uri, str | None):
            raise BadKeyFile(path, "does not say where the key is", _RESTORE)
        return StoredKey(keyid, path, public_key, uri)

    def read(self, keyid: str) -> bytes:
        """The bytes of a key file. Raises BadKeyFile if others may open it."""
        return read_owners_alone(self.path(keyid))

    def add(self, key: PrivateKey, passphrase: Passphrase) -> Path:
        """Write a new key file; an existing one is never overwritten. Raises FileExistsError."""
        return self.put_new(key.public_key.keyid, write_private_key(key, passphrase, "trustpress"))

    def add_elsewhere(self, uri: str, public_key: PublicKey) -> Path:
        """Remember where a key lives. Raises FileExistsError."""
        return self.put_new(public_key.keyid, write_elsewhere(uri, public_key))

    def put_new(self, keyid: str, encoded: bytes) -> Path:
        self.folder.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        self.folder.mkdir(mode=stat.S_IRWXU, exist_ok=True)
        refuse_open_to_others(self.folder, self.folder.stat(), "700")
        path = self.path(keyid)
        write_new(path, encoded)
        return path

    def replace(self, keyid: str, encoded: bytes) -> None:
        """Put other bytes in the place of a key file: the old ones or the new ones are there, whatever happens."""
        path, (new, old) = self.path(keyid), self._beside(keyid)
        for leftover in (new, old):
            _clear(leftover, path)
        write_new(new, encoded)
        os.link(path, old)
        new.replace(path)
        # Interrupted here, the old bytes stay readable under a name that nothing looks for; they are encrypted.
        wipe(old)

    def load(self, keyid: str, passphrase: Passphrase) -> PrivateKey:
        """Open a key file. Raises BadKeyFile or WrongPassphrase."""
        path = self.path(keyid)
        key = read_private_key(self.read(keyid), passphrase, str(path))
        if key.public_key.keyid != keyid:
            raise BadKeyFile(path, f"holds the key {key.public_key.keyid}, which is not the one in its name", _RESTORE)
        return key

    def remove(self, keyid: str) -> None:
        """Wipe a key file, and what an interrupted `replace` may have left of it."""
        for path in (*self._beside(keyid), self.path(keyid)):
            if path.exists():
                wipe(path)

    def _beside(self, keyid: str) -> tuple[Path, Path]:
        """The names that new and old bytes have while one replaces the other."""
        return self.folder / f"{keyid}.new", self.folder / f"{keyid}.old"


def write_elsewhere(uri: str, public_key: PublicKey) -> bytes:
    return json.dumps({"uri": uri, "key": public_key.as_json()}).encode()


def read_owners_alone(path: Path) -> bytes:
    """The bytes of a file that only its owner may open. Raises BadKeyFile, or OSError if there is none."""
    with path.open("rb") as file:
        refuse_open_to_others(path, os.fstat(file.fileno()), "600")
        return file.read(MAX_LENGTH)


def write_new(path: Path, body: bytes) -> None:
    """Write a file of its owner's alone, down to the disk, or none. Raises FileExistsError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
            _forget_pages(file.fileno())
    except OSError as error:
        path.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error


def wipe(path: Path) -> None:
    """Overwrite a file where it lies, then remove it. On flash memory old blocks may remain; they are still encrypted."""
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def _clear(leftover: Path, path: Path) -> None:
    """Remove what an interrupted `replace` left: wiped, unless it is another name of the file that is still in use."""
    if leftover.exists():
        if leftover.samefile(path):
            leftover.unlink()
        else:
            wipe(leftover)


def _forget_pages(descriptor: int) -> None:
    """Whoever reads the file back is to see the disk, not this system's memory of it."""
    if sys.platform == "linux":
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def refuse_open_to_others(path: Path, status: os.stat_result, mode: str) -> None:
    """Neither by permission nor as its owner. Raises BadKeyFile."""
    if is_somebody_elses(status):
        hint = f"Take a copy of your own, from your backup, in the place of {path}, and consider a key in it known to its owner."
        raise BadKeyFile(path, f"belongs to another user of this machine, {status.st_uid}", hint)
    if stat.S_IMODE(status.st_mode) & _OTHERS:
        raise BadKeyFile(path, "other users of this machine may open it", f"chmod {mode} {path}, and consider the key known to them.")
