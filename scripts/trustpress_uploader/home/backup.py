"""One encrypted archive of all keys and pinned roots: scrypt and NaCl's secretbox, as a key file.

{"trustpress-backup": 1, "data": envelope}, whose plaintext is {"keys": {keyid: text of the key file},
"repositories": {name: {name of a file: its text}}}. Keys stay encrypted by their own passphrases. A key that was moved to a
stick is taken from there while that is plugged in; otherwise the archive holds the note of where it is, and says so.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustpress.core import layout
from trustpress_uploader.disk import read_file
from trustpress_uploader.errors import NotPossible, UnusableFile
from trustpress_uploader.home import pinning
from trustpress_uploader.home.folder import INCOMPLETE, Home, read_connection
from trustpress_uploader.keys.envelope import NotAnEnvelope, seal, unseal
from trustpress_uploader.keys.keystore import StoredKey, read_owners_alone, write_new
from trustpress_uploader.keys.passphrases import Passphrase, WrongPassphrase

_VERSION = 1
_ANOTHER = "Name the file that `trustpress key backup` wrote."
_MAX_LENGTH = 64_000_000
_KEYID = re.compile(r"[0-9a-f]{64}")
_REQUIRED = {"repository.json", "root.json"}
_FILES = ("repository.json", "root.json", INCOMPLETE)


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds. `absent` are the keys of which it has a note alone, with where they are."""

    keyids: list[str]
    repositories: list[str]
    absent: dict[str, str]

    @property
    def count(self) -> str:
        keys, repositories = len(self.keyids), len(self.repositories)
        return f"{keys} {'key' if keys == 1 else 'keys'}, {repositories} {'repository' if repositories == 1 else 'repositories'}"

    @property
    def notes(self) -> list[str]:
        """Each key that is not there, in words."""
        return [_absent(keyid, where) for keyid, where in self.absent.items()]


def write_backup(home: Home, path: Path, passphrase: Passphrase) -> Contents:
    """Write everything that a lost home folder could not be replaced from, and read it back. Raises UnusableFile."""
    value = _collect(home) | {"keys": {stored.keyid: _key_text(home, stored) for stored in home.keystore.all()}}
    write_new(path, json.dumps({"trustpress-backup": _VERSION, "data": seal(json.dumps(value).encode(), passphrase)}).encode())
    if not _reads_back(path, passphrase, value):
        path.unlink(missing_ok=True)
        raise UnusableFile(path, "reads back otherwise than it was written", "Try another medium.")
    return _contents(value)


def restore_backup(home: Home, path: Path, passphrase: Passphrase) -> Contents:
    """Bring back what is missing here. Raises NotPossible, before anything is written, if something here differs."""
    value, present = _open(path, passphrase), _collect(home)
    _check(path, value)
    differing = [
        name
        for kind in ("keys", "repositories")
        for name in value[kind]
        if name in present[kind] and not _is_same(present[kind][name], value[kind][name])
    ]
    if differing:
        raise NotPossible(
            f"{', '.join(differing)}: what is here differs from the archive",
            "Move it away first, or restore into another folder: TRUSTPRESS_HOME=FOLDER trustpress key restore FILE.",
        )
    missing = {kind: {name: found for name, found in value[kind].items() if name not in present[kind]} for kind in value}
    for keyid, text in missing["keys"].items():
        home.keystore.put_new(keyid, text.encode())
    for name, files in missing["repositories"].items():
        home.restore(name, files)
    return _contents(missing)


def _check(path: Path, value: dict[str, dict[str, Any]]) -> None:
    """Names become paths, and pins decide what is trusted: neither is taken from an archive unseen. Raises UnusableFile."""
    if not all(_KEYID.fullmatch(keyid) for keyid in value["keys"]):
        raise UnusableFile(path, "holds a key whose name is no keyid", _ANOTHER)
    if not all(_is_key_file(text) for text in value["keys"].values()):
        raise UnusableFile(path, "holds a key file that is none", _ANOTHER)
    for name, files in value["repositories"].items():
        layout.check_repository(name)
        read_connection(files["repository.json"].encode(), f"{path}, {name}")
        if INCOMPLETE not in files:
            pinning.check_root(files["root.json"].encode(), f"{path}, {name}")


def _collect(home: Home) -> dict[str, dict[str, Any]]:
    keys = {stored.keyid: home.keystore.read(stored.keyid).decode() for stored in home.keystore.all()}
    known = [repository for name in home.names() if (repository := home.find(name))]
    return {
        "keys": keys,
        "repositories": {repository.name: _read_files(repository.folder) for repository in known},
    }


def _key_text(home: Home, stored: StoredKey) -> str:
    """The key itself, from where it was moved to if that is plugged in; else what is here. Raises BadKeyFile."""
    scheme, _, path = (stored.uri or "").partition(":")
    if scheme == "file" and Path(path).exists():
        text = read_owners_alone(Path(path)).decode(errors="replace")
        if _is_key_of(stored, text):
            return text
    return home.keystore.read(stored.keyid).decode()


def _is_key_of(stored: StoredKey, text: str) -> bool:
    """Whether it is a key file as the keystore has them: in other formats it could not be restored there."""
    if stored.public_key is None:
        return False
    return _is_key_file(text) and _where(text) is None and _public_half(text) == stored.public_key.as_json()


def _is_key_file(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _is_same(present: Any, archived: Any) -> bool:
    """A note of where a key is stands for the key: it was moved before, or after, the archive was made."""
    if present == archived or not isinstance(archived, str):
        return bool(present == archived)
    return _public_half(present) == _public_half(archived) and {_where(present), _where(archived)} != {None}


def _public_half(text: str) -> Any:
    return json.loads(text).get("key")


def _where(text: str) -> str | None:
    """Where a key is that has a note alone."""
    where: str | None = json.loads(text).get("uri")
    return where


def _read_files(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in _FILES if (folder / name).exists()}


def _open(path: Path, passphrase: Passphrase) -> dict[str, dict[str, Any]]:
    try:
        value: dict[str, dict[str, Any]] = json.loads(unseal(json.loads(read_file(path, _MAX_LENGTH))["data"], passphrase, str(path)))
    except (NotAnEnvelope, ValueError, TypeError, KeyError) as error:
        raise UnusableFile(path, "not an archive made by `trustpress key backup`", _ANOTHER) from error
    if not _is_archive(value):
        raise UnusableFile(path, "not an archive made by `trustpress key backup`", _ANOTHER)
    return value


def _is_archive(value: Any) -> bool:
    """Texts of key files by name, and texts of files by name for each repository."""
    match value:
        case {"keys": dict(keys), "repositories": dict(repositories)} if len(value) == len(("keys", "repositories")):
            texts = [*keys.values(), *(text for files in repositories.values() if isinstance(files, dict) for text in files.values())]
            complete = all(isinstance(files, dict) and files.keys() >= _REQUIRED for files in repositories.values())
            return complete and all(isinstance(text, str) for text in texts)
    return False


def _reads_back(path: Path, passphrase: Passphrase, value: dict[str, dict[str, Any]]) -> bool:
    try:
        return _open(path, passphrase) == value
    except (WrongPassphrase, UnusableFile, FileNotFoundError):
        return False


def _contents(value: dict[str, dict[str, Any]]) -> Contents:
    absent = {keyid: where for keyid, text in sorted(value["keys"].items()) if (where := _where(text))}
    return Contents(sorted(value["keys"].keys() - absent.keys()), sorted(value["repositories"]), absent)


def _absent(keyid: str, where: str) -> str:
    if where.startswith("file:"):
        return f"The offline key {keyid} is NOT in this archive, which only says where it is: {where}"
    return f"The key {keyid} cannot be in an archive: it is in {where}"
