"""Files that are replaced whole: whatever happens, the old one is there or the new one, and no link is written through."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from trustpress_uploader.errors import UnusableFile

_ADVICE = {
    errno.ENOENT: "Check the path.",
    errno.EACCES: "Check the permissions of the file and of its folders.",
    errno.EPERM: "Check the permissions of the file and of its folders.",
    errno.EROFS: "Name a place that can be written to.",
    errno.ENOSPC: "Make room on that disk.",
    errno.EDQUOT: "Make room on that disk.",
    errno.EEXIST: "Name a file that does not exist yet.",
}
_OWNERS_ALONE, _AS_THE_UMASK_SAYS = 0o600, 0o666


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """What is written becomes the file at `path`, with the permissions of the one that it replaces, when all of it is on the disk.

    A link there is replaced, and what it leads to stays. Raises UnusableFile where something else than a file is.
    """
    if path.exists() and not path.is_file():
        raise UnusableFile(path, "expected a file, or nothing", "Name a file.")
    with _replacing(path, _AS_THE_UMASK_SAYS) as file:
        if path.exists() and not path.is_symlink():
            os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode) & 0o777)
        yield file


def replace_file(path: Path, body: bytes) -> None:
    """The same for bytes that are their owner's alone."""
    with _replacing(path, _OWNERS_ALONE) as file:
        file.write(body)


def read_file(path: Path, limit: int) -> bytes:
    """All of a file that somebody was handed. Raises UnusableFile for a longer one, of which no more is read."""
    with path.open("rb") as file:
        body = file.read(limit + 1)
    if len(body) > limit:
        raise UnusableFile(path, f"expected at most {limit:,} bytes", "Check the path.")
    return body


def refused_by_the_system(error: OSError) -> UnusableFile:
    """What an operating system said of a file, with what follows from just that."""
    return UnusableFile(
        error.filename or "file", error.strerror or str(error), _ADVICE.get(error.errno or 0, "Name another file or folder.")
    )


def is_somebody_elses(status: os.stat_result) -> bool:
    """Whether another user of this machine may change or open it, whatever its permissions say. (Root may anyway.)"""
    return status.st_uid not in {os.getuid(), 0}


def check_folder(folder: Path) -> None:
    """Raises UnusableFile where a relative path leads out of the working directory by a link that somebody else may have put there."""
    is_below = not folder.is_absolute() and ".." not in folder.parts
    if is_below and not folder.resolve().is_relative_to(Path.cwd()):
        raise UnusableFile(folder, f"a link leads to {folder.resolve()}", "Name that folder itself, if it is meant.")


@contextmanager
def _replacing(path: Path, mode: int) -> Iterator[BinaryIO]:
    beside = path.with_name(f".trustpress-{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # A crash before this leaves the old file, and the new one beside it under a name that nothing looks for.
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
