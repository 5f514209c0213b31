"""Files and bytes held against the entry that describes them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from trustpress.core.entries import TargetFile
from trustpress_uploader.errors import WrongFile
from trustpress_uploader.terminal.progress import Show

_CHUNK = 1024 * 1024


def check_file(path: Path, targetpath: str, entry: TargetFile, show: Show) -> None:
    """Raises WrongFile if this is not the file that an entry describes, by length and every hash."""
    length = path.stat().st_size
    _check_length(path, targetpath, entry, length)
    digests = {algorithm: hashlib.new(algorithm) for algorithm in entry["hashes"]}
    with path.open("rb") as file, show(f"Hashing {path.name}", length) as advance:
        while chunk := file.read(_CHUNK):
            for digest in digests.values():
                digest.update(chunk)
            advance(len(chunk))
    _check_hashes(path, targetpath, entry, {algorithm: digest.hexdigest() for algorithm, digest in digests.items()})


def check_bytes(body: bytes, targetpath: str, entry: TargetFile) -> None:
    """The same for a file in memory, before it is written. Raises WrongFile."""
    _check_length("what the server sent", targetpath, entry, len(body))
    _check_hashes("what the server sent", targetpath, entry, {name: hashlib.new(name, body).hexdigest() for name in entry["hashes"]})


def _check_length(what: object, targetpath: str, entry: TargetFile, length: int) -> None:
    if length != entry["length"]:
        raise WrongFile(what, targetpath, f"expected {entry['length']:,} bytes, found {length:,}")


def _check_hashes(what: object, targetpath: str, entry: TargetFile, found: Mapping[str, str]) -> None:
    for algorithm, expected in entry["hashes"].items():
        if found[algorithm] != expected:
            raise WrongFile(what, targetpath, f"expected {algorithm} {expected}, found {found[algorithm]}")
