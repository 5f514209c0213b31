"""What is published, as python-tuf's client verifies it, starting from the root pinned on this machine."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from urllib.parse import quote

from tuf.api.exceptions import ExpiredMetadataError
from tuf.api.metadata import TargetFile as FoundTarget
from tuf.ngclient.updater import Updater

from trustpress.core import client, layout, trust
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, Root, Signed, Snapshot, Targets, Timestamp
from trustpress.core.parse import parse_root, parse_snapshot, parse_targets, parse_timestamp
from trustpress_uploader.disk import replacing
from trustpress_uploader.errors import NoSuchTarget, NotPossible, NotVerified
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.reading.expired import follow_expired
from trustpress_uploader.reading.first_root import complete_pin
from trustpress_uploader.reading.web import MetadataFetcher, fetcher, require, translated, verifying
from trustpress_uploader.terminal.progress import Show

# A digest is printed for scripts, which put it into commands.
_SHA256 = re.compile(r"[0-9a-f]{64}")

S = TypeVar("S", bound=Signed)


@dataclass(frozen=True)
class Trusted:
    """What is published, verified; `expired` says what has run out, if anything has, and clients go on with nothing of it then."""

    root: Document[Root]
    timestamp: Document[Timestamp]
    snapshot: Document[Snapshot]
    targets: Document[Targets]
    expired: str | None


def refresh(repository: KnownRepository) -> Trusted:
    """Refresh as every TUF client does, then read what it trusts. Raises NotVerified or Unreachable.

    Expired metadata is no reason to stop: whoever has to renew it must be able to see it.
    """
    expired = None
    complete_pin(repository)
    with repository.lock():
        with translated(repository.base_url):
            try:
                _updater(repository).refresh()
            except ExpiredMetadataError as error:
                expired = str(error)
        return _trusted(repository, expired)


def _trusted(repository: KnownRepository, expired: str | None) -> Trusted:
    """What the client has just left in its folder; where it stopped because of `expired`, what is served is followed on."""
    folder = repository.metadata_folder
    root, targets = _read(folder / "root.json", parse_root), _read(folder / "targets.json", parse_targets)
    timestamp, snapshot = _read(folder / "timestamp.json", parse_timestamp), _read(folder / "snapshot.json", parse_snapshot)
    assert root is not None
    with verifying(folder):
        # The client refuses such files when they come; one that kept none of that may have left them here.
        trust.verify_repository("root", root.signed, repository.name)
        if targets:
            trust.verify_repository("targets", targets.signed, repository.name)
    if expired:
        release = follow_expired(repository, root.signed, timestamp, snapshot)
        return Trusted(root, release.timestamp, release.snapshot, release.targets, expired)
    assert timestamp is not None
    assert snapshot is not None
    assert targets is not None
    return Trusted(root, timestamp, snapshot, targets, None)


@contextmanager
def after_loss(repository: KnownRepository, now: datetime) -> Iterator[KnownRepository]:
    """The repository as a machine sees it that has seen its roots and timestamps, and nothing else.

    Clients that have seen a role that is gone do not read on until its owner has signed it again. Roots and timestamps are never
    gone: nothing older than those verified here is taken. Raises NotVerified, NotPublished or Unreachable.
    """
    complete_pin(repository)
    with TemporaryDirectory() as folder:
        view = replace(repository, folder=Path(folder))
        view.metadata_folder.mkdir()
        with repository.lock():
            (view.folder / "root.json").write_bytes(known_root(repository).body)
            timestamp = repository.metadata_folder / "timestamp.json"
            if timestamp.exists():
                (view.metadata_folder / "timestamp.json").write_bytes(timestamp.read_bytes())
        check_is_current(view, now)
        yield view


def check_is_current(repository: KnownRepository, now: datetime) -> None:
    """Raises NotVerified where timestamp or snapshot has expired: what is served may be older than what was published."""
    trusted = refresh(repository)
    if not all(document.signed.expires > now for document in (trusted.timestamp, trusted.snapshot)):
        raise NotVerified(f"{repository.base_url}: its timestamp has expired, so nobody can tell what is left")


def last_seen(repository: KnownRepository, rolename: str) -> Document[Targets] | None:
    """A role as it was verified last on this machine, None if it never was. Raises NotVerified."""
    return _read(repository.metadata_folder / f"{quote(rolename, safe='')}.json", parse_targets)


def known_root(repository: KnownRepository) -> Document[Root]:
    """The newest root that was ever verified on this machine, without asking anybody."""
    root = _read(repository.metadata_folder / "root.json", parse_root)
    return root or parse_root(repository.pinned_root())


def root_chain(repository: KnownRepository, newest: Document[Root]) -> dict[int, Document[Root]]:
    """Every root from the pinned one to the newest by version, each verified by the one before (specification 5.3).

    Raises NotPublished, NotVerified or Unreachable.
    """
    pinned, last = parse_root(repository.pinned_root()), newest.signed.version

    def fetch_to_newest(rolename: str, version: int, limit: int) -> bytes | None:
        return require(repository.metadata_url(rolename, version), limit) if version <= last else None

    with verifying(repository.base_url):
        return {root.signed.version: root for root in (pinned, *client.follow_roots(pinned, fetch_to_newest))}


def find_target(repository: KnownRepository, targetpath: str) -> TargetFile:
    """What is said of a target, verified. Raises NoSuchTarget, NotVerified, Expired or Unreachable."""
    found = _find(_refreshed_updater(repository), repository, targetpath)
    _sha256(found, repository)
    entry: TargetFile = {"length": found.length, "hashes": found.hashes}
    return {**entry, "custom": found.custom} if found.custom else entry


def download(repository: KnownRepository, targetpath: str, destination: Path, show: Show) -> int:
    """Download a target, verify it, only then replace what is at `destination`, and return its length.

    Raises NoSuchTarget, NotPossible, NotVerified, Expired, Unreachable or UnusableFile.
    """
    found = _find(_refreshed_updater(repository), repository, targetpath)
    if known_root(repository).signed.policy.external_targets:
        hint = "`trustpress resolve` prints its digest, and `trustpress verify` tells whether a file from there is it."
        raise NotPossible(f"{targetpath} is kept elsewhere: {repository.name} lists files and stores none", hint)
    url = f"{repository.connection.url}/{layout.target(repository.name, targetpath, _sha256(found, repository))}"
    with (
        translated(repository.base_url),
        show(f"Downloading {targetpath}", found.length) as fetcher().advance,
        fetcher().download_file(url, found.length) as body,
    ):
        found.verify_length_and_hashes(body)
        body.seek(0)
        destination.parent.mkdir(parents=True, exist_ok=True)
        with replacing(destination) as file:
            shutil.copyfileobj(body, file)
    return found.length


def _refreshed_updater(repository: KnownRepository) -> Updater:
    complete_pin(repository)
    with translated(repository.base_url), repository.lock():
        updater = _updater(repository)
        updater.refresh()
    return updater


def _find(updater: Updater, repository: KnownRepository, targetpath: str) -> FoundTarget:
    with translated(repository.base_url), repository.lock():
        found = updater.get_targetinfo(targetpath)
    if found is None:
        raise NoSuchTarget([targetpath])
    return found


def _sha256(found: FoundTarget, repository: KnownRepository) -> str:
    sha256 = found.hashes.get("sha256", "")
    if not _SHA256.fullmatch(sha256):
        raise NotVerified(f"{repository.base_url}: the entry of {found.path} has no well-formed SHA-256")
    return sha256


def _updater(repository: KnownRepository) -> Updater:
    return Updater(
        metadata_dir=str(repository.metadata_folder),
        metadata_base_url=f"{repository.base_url}/metadata/",
        target_base_url=f"{repository.base_url}/targets/",
        fetcher=MetadataFetcher(repository.name),
        bootstrap=repository.pinned_root(),
    )


def _read(path: Path, parse: Callable[[bytes], Document[S]]) -> Document[S] | None:
    with verifying(path):
        return parse(path.read_bytes()) if path.exists() else None
