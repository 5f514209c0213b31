"""Files on disk on their way to becoming targets: named, measured, hashed."""

import glob
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trustpress.core.entries import TargetFile
from trustpress.core.portable import check_targetpath
from trustpress_uploader.errors import NotPossible, UnusableFile
from trustpress_uploader.terminal.progress import Show

# One PUT takes no more than this. In one PUT, S3 checks and keeps the SHA-256 of the whole file, which the publisher
# reads by HEAD; a multipart upload has a checksum of checksums, which says nothing about the file.
MAX_LENGTH = 5 * 1024**3

_CHUNK = 1024 * 1024

_SHA256 = re.compile(r"[0-9a-f]{64}")
_IMAGE = re.compile(
    r"(?P<repository>[a-z0-9][a-zA-Z0-9._-]*(?::[0-9]+(?=/))?(?:/[a-z0-9][a-z0-9._-]*)*)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?@(?P<digest>sha256:[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file, and the target path it is published under."""

    path: Path
    targetpath: str
    length: int


def find_artifacts(arguments: Iterable[str], name: str | None = None) -> list[Artifact]:
    """The files that are meant: files under their own names, folders with all that is in them, and what globs match.

    `name` stands in the place of a single argument's own name; with a slash at its end, everything lies below it.
    Raises UnusableFile or NotPortable.
    """
    found = [pair for argument in arguments for pair in _expand(argument)]
    if name and name.endswith("/"):
        found = [(path, f"{name}{relative}") for path, relative in found]
    elif name:
        found = _rename(found, name)
    artifacts = [_measure(path, targetpath) for path, targetpath in found]
    for targetpath, count in Counter(artifact.targetpath for artifact in artifacts).items():
        if count > 1:
            raise UnusableFile(targetpath, f"{count} files have this name", "Push them one by one, with --as NAME.")
    return artifacts


def parse_custom(pairs: Iterable[str]) -> dict[str, str]:
    """`K=V`, several times. Raises NotPossible."""
    custom = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not key or not separator:
            raise NotPossible(f"--custom {pair}: expected K=V", "For example --custom commit=9f3c1e2.")
        custom[key] = value
    return custom


def describe_elsewhere(name: str, digest: str, length: int, custom: Mapping[str, str]) -> TargetFile:
    """What targets metadata will say of something kept elsewhere. Raises NotPossible or NotPortable."""
    check_targetpath(name)
    algorithm, _, value = digest.partition(":")
    if algorithm != "sha256" or not _SHA256.fullmatch(value):
        raise NotPossible(f"--digest {digest}: expected sha256: and 64 hexadecimal digits", "`sha256sum FILE` computes them.")
    return _entry(length, value, custom)


def parse_image(image: str) -> tuple[str, str, str]:
    """Repository, tag (latest where there is none) and digest of an image reference. Raises NotPossible."""
    match = _IMAGE.fullmatch(image)
    if match is None:
        raise NotPossible(
            f"{image}: expected IMAGE[:TAG]@sha256:HEX", "A tag alone can be moved; `docker buildx imagetools inspect` shows the digest."
        )
    return match["repository"], match["tag"] or "latest", match["digest"]


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


def describe_artifacts(artifacts: Iterable[Artifact], custom: Mapping[str, str], show: Show) -> dict[str, TargetFile]:
    """What targets metadata will say of these files, by target path. Raises UnusableFile if one is changing."""
    return {artifact.targetpath: _entry(artifact.length, _hash(artifact, show), custom) for artifact in artifacts}


def _hash(artifact: Artifact, show: Show) -> str:
    digest, length = hashlib.sha256(), 0
    with artifact.path.open("rb") as file, show(f"Hashing {artifact.targetpath}", artifact.length) as advance:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            length += len(chunk)
            advance(len(chunk))
    if length != artifact.length:
        raise UnusableFile(artifact.path, "changed while it was read", "Push it again once it is complete.")
    return digest.hexdigest()


def _entry(length: int, sha256: str, custom: Mapping[str, str]) -> TargetFile:
    entry: TargetFile = {"length": length, "hashes": {"sha256": sha256}}
    return {**entry, "custom": dict(custom)} if custom else entry


def _expand(argument: str) -> list[tuple[Path, str]]:
    """Files and the names they have by themselves, in order."""
    path = Path(argument)
    if path.is_dir():
        return _expand_folder(path)
    if path.exists():
        return [(path, path.name)]
    matches = sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor)))) if glob.has_magic(argument) else []
    if not matches:
        raise UnusableFile(argument, "there is no such file")
    return [pair for match in matches for pair in _expand(str(match))]


def _expand_folder(folder: Path) -> list[tuple[Path, str]]:
    name = folder.resolve().name if folder.name in {"", ".."} else folder.name
    files = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir()]
    if not files:
        raise UnusableFile(folder, "this folder has no files")
    return [(file, f"{name}/{file.relative_to(folder).as_posix()}") for file in files]


def _rename(found: list[tuple[Path, str]], name: str) -> list[tuple[Path, str]]:
    """`name` in the place of a file's name, or of the folder's that all of them are in."""
    if len(found) == 1 and "/" not in found[0][1]:
        return [(found[0][0], name)]
    if len({relative.partition("/")[0] for _, relative in found}) > 1 or not all("/" in relative for _, relative in found):
        raise NotPossible(f"--as {name} names one file or one folder", f"With a slash at its end, --as {name}/, everything goes below it.")
    return [(path, f"{name}/{relative.partition('/')[2]}") for path, relative in found]


def _measure(path: Path, targetpath: str) -> Artifact:
    check_targetpath(targetpath)
    if not path.is_file():
        raise UnusableFile(
            path, "expected a file", "Links are followed to files; name folders, and what they are linked to, by themselves."
        )
    return Artifact(path, targetpath, path.stat().st_size)
