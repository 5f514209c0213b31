"""Target files: found where metadata says they are, proven to be what it says, copied under each of their hashes."""

from dataclasses import dataclass

from trustpress.core import layout
from trustpress.core.entries import TargetFile
from trustpress.errors import Conflict, UnknownOutcome
from trustpress.ports import Caching, ObjectStore, StoredVersion
from trustpress.verdicts import AwaitingTargetFile, BadTargetFile

# Without a SHA-256 from the store, or with SHA-512 asked for, the file has to be read through: up to here in good time.
MAX_READ_THROUGH = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Copy:
    """A staged version of a target file, and the public key it goes to."""

    version: StoredVersion
    key: str


def plan_copies(staging: ObjectStore, public: ObjectStore, repository: str, targetpath: str, entry: TargetFile) -> list[Copy]:
    """What has to be copied before this entry may be published: a copy per listed hash that is not there yet.

    Raises AwaitingTargetFile while the right file is not staged, BadTargetFile where it can never be checked.
    """
    missing = [key for key in _public_keys(repository, targetpath, entry) if not _is_published(public, key, entry)]
    if not missing:
        return []
    staged = staging.head(layout.inbox_target(repository, targetpath))
    if staged is None:
        raise AwaitingTargetFile(targetpath, "the file has not arrived")
    if staged.length != entry["length"]:
        raise AwaitingTargetFile(targetpath, f"expected {entry['length']:,} bytes, the staged file has {staged.length:,}")
    for algorithm, expected in entry["hashes"].items():
        if (found := _digest(staging, staged, targetpath, algorithm)) != expected:
            raise AwaitingTargetFile(targetpath, f"expected {algorithm} {expected}, the staged file has {found}")
    return [Copy(staged, key) for key in missing]


def copy_target_file(staging: ObjectStore, public: ObjectStore, copy: Copy) -> None:
    """Copy once; a file that is there already was put under its own hash, so it is the same."""
    try:
        public.copy_new(staging, copy.version, copy.key, Caching.IMMUTABLE)
    except (Conflict, UnknownOutcome):
        found = public.head(copy.key)
        if found is None or found.length != copy.version.length:
            raise


def _public_keys(repository: str, targetpath: str, entry: TargetFile) -> list[str]:
    return [layout.target(repository, targetpath, digest) for digest in entry["hashes"].values()]


def _is_published(public: ObjectStore, key: str, entry: TargetFile) -> bool:
    found = public.head(key)
    return found is not None and found.length == entry["length"]


def _digest(staging: ObjectStore, staged: StoredVersion, targetpath: str, algorithm: str) -> str:
    if algorithm == "sha256" and staged.sha256 is not None:
        return staged.sha256
    if staged.length > MAX_READ_THROUGH:
        raise BadTargetFile(targetpath, f"over {MAX_READ_THROUGH:,} bytes, a file needs a SHA-256 checksum in the store, and no sha512")
    return staging.digest(staged, algorithm)
