"""Files on disk on their way to becoming targets: named, measured, hashed."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trustpress.core.entries import TargetFile
from trustpress.core.portable import check_targetpath
from trustpress_uploader.errors import UnusableFile
from trustpress_uploader.progress import Show

# One PUT takes no more than this. In one PUT, S3 checks and keeps the SHA-256 of the whole file, which the publisher
# reads by HEAD; a multipart upload has a checksum of checksums, which says nothing about the file.
MAX_LENGTH = 5 * 1024**3

_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file, and the target path it is published under."""

    path: Path
    targetpath: str
    length: int


def name_artifacts(paths: Iterable[Path], targetpath: str | None = None) -> list[Artifact]:
    """Artifacts under their file names, or a single one under `targetpath`. Raises UnusableFile or NotPortable."""
    artifacts = [_measure(path, targetpath or path.name) for path in paths]
    for name, count in Counter(artifact.targetpath for artifact in artifacts).items():
        if count > 1:
            raise UnusableFile(name, f"{count} files have this name", "Push them one by one, with --as NAME.")
    return artifacts


def check_lengths(artifacts: Iterable[Artifact]) -> None:
    """Raises UnusableFile for a file that one PUT cannot carry."""
    for artifact in artifacts:
        if artifact.length > MAX_LENGTH:
            raise UnusableFile(
                artifact.path,
                f"has {artifact.length:,} bytes, and S3 takes at most {MAX_LENGTH:,} in one PUT",
                "Keep files of this size elsewhere, in a repository made by `trustpress init --external-targets`: "
                "it lists their length and hash, and stores none.",
            )


def hash_artifact(artifact: Artifact, show: Show) -> TargetFile:
    """What targets metadata will say of this file. Raises UnusableFile if it is changing."""
    digest, length = hashlib.sha256(), 0
    with artifact.path.open("rb") as file, show(f"Hashing {artifact.targetpath}", artifact.length) as advance:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            length += len(chunk)
            advance(len(chunk))
    if length != artifact.length:
        raise UnusableFile(artifact.path, "changed while it was read", "Push it again once it is complete.")
    return {"length": length, "hashes": {"sha256": digest.hexdigest()}}


def _measure(path: Path, targetpath: str) -> Artifact:
    check_targetpath(targetpath)
    return Artifact(path, targetpath, path.stat().st_size)
