"""One encrypted archive of all keys and pinned roots: scrypt and NaCl's secretbox, as a key file.

{"trustpress-backup": 1, "data": envelope}, whose plaintext is {"keys": {keyid: text of the key file},
"repositories": {name: {name of a file: its text}}}. Keys stay encrypted by their own passphrases.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trustpress_uploader.envelope import NotAnEnvelope, seal, unseal
from trustpress_uploader.errors import NotPossible, UnusableFile
from trustpress_uploader.keystore import write_new
from trustpress_uploader.passphrases import Passphrase, WrongPassphrase
from trustpress_uploader.settings import INCOMPLETE, Home

_VERSION = 1
_FILES = ("repository.json", "root.json", INCOMPLETE)


@dataclass(frozen=True, slots=True)
class Contents:
    keyids: list[str]
    repositories: list[str]


def write_backup(home: Home, path: Path, passphrase: Passphrase) -> Contents:
    """Write everything that a lost home folder could not be replaced from, and read it back. Raises UnusableFile."""
    value = _collect(home)
    write_new(path, json.dumps({"trustpress-backup": _VERSION, "data": seal(json.dumps(value).encode(), passphrase)}).encode())
    if not _reads_back(path, passphrase, value):
        path.unlink(missing_ok=True)
        raise UnusableFile(path, "reads back otherwise than it was written", "Try another medium.")
    return _contents(value)


def restore_backup(home: Home, path: Path, passphrase: Passphrase) -> Contents:
    """Bring back what is missing here. Raises NotPossible, before anything is written, if something here differs."""
    value, present = _open(path, passphrase), _collect(home)
    differing = [
        name for kind in ("keys", "repositories") for name in value[kind] if present[kind].get(name, value[kind][name]) != value[kind][name]
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


def _collect(home: Home) -> dict[str, dict[str, Any]]:
    keys = {stored.keyid: home.keystore.read(stored.keyid).decode() for stored in home.keystore.all()}
    known = [repository for name in home.names() if (repository := home.find(name))]
    return {
        "keys": keys,
        "repositories": {repository.name: _read_files(repository.folder) for repository in known},
    }


def _read_files(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in _FILES if (folder / name).exists()}


def _open(path: Path, passphrase: Passphrase) -> dict[str, dict[str, Any]]:
    try:
        value: dict[str, dict[str, Any]] = json.loads(unseal(json.loads(path.read_bytes())["data"], passphrase, str(path)))
    except (NotAnEnvelope, ValueError, TypeError, KeyError) as error:
        raise UnusableFile(path, "not an archive made by `trustpress key backup`") from error
    return value


def _reads_back(path: Path, passphrase: Passphrase, value: dict[str, dict[str, Any]]) -> bool:
    try:
        return _open(path, passphrase) == value
    except (WrongPassphrase, UnusableFile, FileNotFoundError):
        return False


def _contents(value: dict[str, dict[str, Any]]) -> Contents:
    return Contents(sorted(value["keys"]), sorted(value["repositories"]))
