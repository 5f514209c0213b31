"""A whole repository as plain files, as any TUF client expects them below one URL."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trustpress.core import layout
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import published_version
from trustpress.core.parse import MAX_LENGTH, MAX_TARGETS_LENGTH
from trustpress.workers import Workers
from trustpress_uploader.artifacts import check_bytes
from trustpress_uploader.errors import UnusableFile
from trustpress_uploader.progress import Show
from trustpress_uploader.published import Trusted
from trustpress_uploader.roles import Roles
from trustpress_uploader.settings import KnownRepository
from trustpress_uploader.web import require

_AT_ONCE = 8


def export_repository(repository: KnownRepository, trusted: Trusted, roles: Roles, folder: Path, show: Show) -> tuple[int, int]:
    """Write all roots, the newest release and every target file; the number of files and of bytes.

    The folder appears when it is complete. Raises UnusableFile if it exists, NotVerified, NotPublished or Unreachable.
    """
    if folder.exists():
        raise UnusableFile(folder, "exists already", "Name a folder that does not exist yet.")
    folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.absolute().parent, prefix=".export-"))
    try:
        _write_metadata(repository, trusted, roles, draft / "metadata")
        if not trusted.root.signed.policy.external_targets:
            _write_targets(repository, roles, draft / "targets", show)
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


def _write_metadata(repository: KnownRepository, trusted: Trusted, roles: Roles, folder: Path) -> None:
    """Verified by python-tuf (root, timestamp, snapshot) and by `roles`; earlier roots are verified by whoever starts from them."""
    folder.mkdir()
    newest = trusted.root.signed.version
    for version in range(1, newest):
        _write(folder / f"{version}.root.json", _fetch(repository, layout.metadata(repository.name, "root", version), MAX_LENGTH["root"]))
    _write(folder / f"{newest}.root.json", trusted.root.body)
    if trusted.timestamp and trusted.snapshot:
        _write(folder / "timestamp.json", trusted.timestamp.body)
        _write(folder / f"{trusted.snapshot.signed.version}.snapshot.json", trusted.snapshot.body)
    for rolename, document in roles.all():
        listed = published_version(trusted.snapshot.signed, rolename) if trusted.snapshot else document.signed.version
        body = document.body
        if listed != document.signed.version:
            # Published since: the snapshot at hand lists the one before.
            body = _fetch(repository, layout.metadata(repository.name, rolename, listed), MAX_TARGETS_LENGTH)
        _write(folder / f"{listed}.{rolename}.json", body)


def _write_targets(repository: KnownRepository, roles: Roles, folder: Path, show: Show) -> None:
    entries = list(_all_entries(roles))
    folder.mkdir()
    with show("Downloading targets", sum(entry["length"] for _, entry in entries)) as advance:

        def write(item: tuple[str, TargetFile]) -> None:
            targetpath, entry = item
            first, *others = (folder / _place(targetpath, digest) for digest in entry["hashes"].values())
            key = layout.target(repository.name, targetpath, entry["hashes"]["sha256"])
            body = _fetch(repository, key, entry["length"])
            check_bytes(body, targetpath, entry)
            _write(first, body)
            for path in others:
                path.unlink(missing_ok=True)
                os.link(first, path)
            advance(entry["length"])

        Workers(_AT_ONCE).map(write, entries)


def _all_entries(roles: Roles) -> Iterator[tuple[str, TargetFile]]:
    seen = set()
    for rolename, _ in roles.all():
        for targetpath, entry in roles.entries(rolename).items():
            key = (targetpath, entry["hashes"]["sha256"])
            if key not in seen:
                seen.add(key)
                yield targetpath, entry


def _place(targetpath: str, digest: str) -> str:
    return layout.target("", targetpath, digest).removeprefix("/targets/")


def _fetch(repository: KnownRepository, key: str, limit: int) -> bytes:
    return require(f"{repository.connection.url}/{key}", limit)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
