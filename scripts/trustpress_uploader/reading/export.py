"""A whole repository as plain files, as any TUF client expects them below one URL."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from trustpress.core import layout, trust
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, Signed, Targets, published_version
from trustpress.core.parse import MAX_LENGTH, MAX_TARGETS_LENGTH, parse_targets
from trustpress.workers import Workers
from trustpress_uploader.disk import check_folder
from trustpress_uploader.errors import NotVerified, UnusableFile
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.reading.files import check_bytes
from trustpress_uploader.reading.published import Trusted, root_chain
from trustpress_uploader.reading.roles import Roles
from trustpress_uploader.reading.web import require
from trustpress_uploader.terminal.progress import Show

_AT_ONCE = 8

# Documents by the name of their file.
Release = Sequence[tuple[str, Document[Signed]]]


def export_repository(repository: KnownRepository, trusted: Trusted, roles: Roles, folder: Path, show: Show) -> tuple[int, int]:
    """Write all roots, the newest release and every target file; the number of files and of bytes.

    The folder appears when it is complete. Raises UnusableFile if it exists, NotVerified, NotPublished or Unreachable.
    """
    check_folder(folder.parent)
    if os.path.lexists(folder):
        raise UnusableFile(folder, "exists already", "Name a folder that does not exist yet.")
    release = list(_release(repository, trusted, roles))
    folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.absolute().parent, prefix=".export-"))
    try:
        _write_metadata(repository, trusted, release, draft / "metadata")
        if not trusted.root.signed.policy.external_targets:
            _write_targets(repository, release, draft / "targets", show)
        draft.chmod(0o755)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


def _release(repository: KnownRepository, trusted: Trusted, roles: Roles) -> Iterator[tuple[str, Document[Signed]]]:
    """The metadata files of the release that the timestamp at hand commits: newer versions may be published since."""
    timestamp, snapshot = trusted.timestamp, trusted.snapshot
    yield "timestamp.json", timestamp
    yield f"{snapshot.signed.version}.snapshot.json", snapshot
    for rolename, newest in roles.all():
        if version := published_version(snapshot.signed, rolename):
            is_newest = version == newest.signed.version
            yield f"{version}.{rolename}.json", newest if is_newest else _former(repository, trusted, roles, rolename, version)


def _former(repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str, version: int) -> Document[Targets]:
    if rolename == "targets":
        return trusted.targets
    url = repository.metadata_url(rolename, version)
    document, role_keys = parse_targets(require(url, MAX_TARGETS_LENGTH)), roles.role_keys(rolename)
    if document.signed.version != version or role_keys is None or not trust.is_signed_by(document, role_keys):
        raise NotVerified(f"{url}: not version {version} of {rolename}, signed by the keys that its delegating role lists")
    return document


def _write_metadata(repository: KnownRepository, trusted: Trusted, release: Release, folder: Path) -> None:
    folder.mkdir()
    roots = root_chain(repository, trusted.root)
    for version in range(1, min(roots)):
        # Whoever starts from a root before the pinned one verifies it.
        _write(folder / f"{version}.root.json", require(repository.metadata_url("root", version), MAX_LENGTH["root"]))
    for version, root in roots.items():
        _write(folder / f"{version}.root.json", root.body)
    for name, document in release:
        _write(folder / name, document.body)


def _write_targets(repository: KnownRepository, release: Release, folder: Path, show: Show) -> None:
    entries = list(_all_entries(release))
    folder.mkdir()
    with show("Downloading targets", sum(entry["length"] for _, entry in entries)) as advance:

        def write(item: tuple[str, TargetFile]) -> None:
            targetpath, entry = item
            first, *others = (folder / _place(targetpath, digest) for digest in entry["hashes"].values())
            key = layout.target(repository.name, targetpath, entry["hashes"]["sha256"])
            body = require(f"{repository.connection.url}/{key}", entry["length"])
            check_bytes(body, targetpath, entry)
            _write(first, body)
            for path in others:
                path.unlink(missing_ok=True)
                os.link(first, path)
            advance(entry["length"])

        Workers(_AT_ONCE).map(write, entries)


def _all_entries(release: Release) -> Iterator[tuple[str, TargetFile]]:
    seen = set()
    for _, document in release:
        for targetpath, entry in document.signed.targets.items() if isinstance(document.signed, Targets) else ():
            key = (targetpath, entry["hashes"]["sha256"])
            if key not in seen:
                seen.add(key)
                yield targetpath, entry


def _place(targetpath: str, digest: str) -> str:
    return layout.target("", targetpath, digest).removeprefix("/targets/")


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
