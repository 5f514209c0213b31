"""What is published, as python-tuf's client verifies it, starting from the root pinned on this machine."""

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import urllib3
from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, ExpiredMetadataError, RepositoryError
from tuf.ngclient.updater import Updater
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from trustpress.core import layout, trust
from trustpress.core.delegations import parse_role_keys
from trustpress.core.keys import parse_key
from trustpress.core.metadata import Document, RoleKeys, Root, Signed, Snapshot, Targets, Timestamp, metapath, published_version
from trustpress.core.parse import MAX_TARGETS_LENGTH, parse_root, parse_snapshot, parse_targets, parse_timestamp
from trustpress.errors import Rejected
from trustpress_uploader.errors import Expired, NoSuchTarget, NotPublished, NotVerified, Unreachable
from trustpress_uploader.progress import Advance, Show
from trustpress_uploader.settings import KnownRepository

_MISSING = {403, 404}
_MAX_ONLINE_KEYS_LENGTH = 64_000

S = TypeVar("S", bound=Signed)


@dataclass(frozen=True)
class Trusted:
    """The metadata that a client on this machine has verified; `expired` says what has run out, if anything has."""

    root: Document[Root]
    timestamp: Document[Timestamp] | None
    snapshot: Document[Snapshot] | None
    targets: Document[Targets] | None
    expired: str | None


def refresh(repository: KnownRepository) -> Trusted:
    """Refresh as every TUF client does, then read what it trusts. Raises NotVerified or Unreachable.

    Expired metadata is no reason to stop: whoever has to renew it must be able to see it.
    """
    expired = None
    with repository.lock():
        with _translated(repository.base_url):
            try:
                _updater(repository).refresh()
            except ExpiredMetadataError as error:
                expired = str(error)
        folder = repository.metadata_folder
        root = _read(folder / "root.json", parse_root)
        assert root is not None
        return Trusted(
            root,
            _read(folder / "timestamp.json", parse_timestamp),
            _read(folder / "snapshot.json", parse_snapshot),
            _read(folder / "targets.json", parse_targets),
            expired,
        )


def newest_targets(repository: KnownRepository, trusted: Trusted) -> Document[Targets]:
    """The newest targets version: the one to edit. Raises NotVerified or Unreachable.

    Timestamp may come from a cache and be some seconds old. Numbered versions are immutable, and that one is missing is never
    cached: asking for the next one until there is none finds what was published since.
    """
    version = published_version(trusted.snapshot.signed if trusted.snapshot else None, "targets") or 1
    newest = trusted.targets if trusted.targets and trusted.targets.signed.version == version else _targets(repository, trusted, version)
    if newest is None:
        raise NotVerified(f"{repository.base_url}: version {version} of targets is missing")
    while following := _targets(repository, trusted, newest.signed.version + 1):
        newest = following
    return newest


def download(repository: KnownRepository, targetpath: str, destination: Path, show: Show) -> int:
    """Download a target, verified, and return its length. Raises NoSuchTarget, NotVerified or Unreachable."""
    with _translated(repository.base_url):
        with repository.lock():
            updater = _updater(repository)
            found = updater.get_targetinfo(targetpath)
        if found is None:
            raise NoSuchTarget([targetpath])
        with show(f"Downloading {targetpath}", found.length) as _fetcher().advance:
            updater.download_target(found, str(destination))
    return found.length


def fetch_online_keys(url: str) -> Mapping[str, RoleKeys]:
    """Who signs snapshot and timestamp in this deployment. Raises Unreachable, NotVerified or Rejected."""
    body = fetch(f"{url}/{layout.ONLINE_KEYS}", _MAX_ONLINE_KEYS_LENGTH)
    if body is None:
        raise NotVerified(f"{url}/{layout.ONLINE_KEYS} is missing: expected the URL of a Trustpress deployment")
    try:
        value = json.loads(body)
        keys = {keyid: parse_key(keyid, key) for keyid, key in value["keys"].items()}
        return {rolename: parse_role_keys(rolename, keys, value["roles"][rolename]) for rolename in ("snapshot", "timestamp")}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotVerified(f"{url}/{layout.ONLINE_KEYS} is not readable") from error


def fetch(url: str, limit: int) -> bytes | None:
    """The bytes at a URL, None where there is nothing. Raises Unreachable."""
    with _translated(url):
        try:
            return _fetcher().download_bytes(url, limit)
        except DownloadHTTPError as error:
            if error.status_code in _MISSING:
                return None
            raise


class _Fetcher(Urllib3Fetcher):
    """python-tuf's own, which tells `advance` how far a download has come."""

    def __init__(self) -> None:
        super().__init__()
        self.advance: Advance = lambda _: None

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._counted(super()._fetch(url))

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.advance(len(chunk))
            yield chunk


@functools.cache
def _fetcher() -> _Fetcher:
    """One for the whole run: connections are kept open."""
    return _Fetcher()


def _updater(repository: KnownRepository) -> Updater:
    return Updater(
        metadata_dir=str(repository.metadata_folder),
        metadata_base_url=f"{repository.base_url}/metadata/",
        target_base_url=f"{repository.base_url}/targets/",
        fetcher=_fetcher(),
        bootstrap=repository.pinned_root(),
    )


def _targets(repository: KnownRepository, trusted: Trusted, version: int) -> Document[Targets] | None:
    """One version of targets, signed by root's targets keys; None where it does not exist."""
    body = fetch(f"{repository.connection.url}/{layout.metadata(repository.name, 'targets', version)}", MAX_TARGETS_LENGTH)
    if body is None:
        return None
    try:
        targets = parse_targets(body)
        listed = trusted.snapshot.signed.meta[metapath("targets")] if trusted.snapshot else None
        if listed and listed["version"] == version:
            trust.verify_meta_file(metapath("targets"), targets, listed)
    except Rejected as error:
        raise NotVerified(f"{repository.base_url}: {error}") from error
    if not trust.is_signed_by(targets, trusted.root.signed.roles["targets"]):
        raise NotVerified(f"{repository.base_url}: version {version} of targets is not signed by the keys that root lists")
    if targets.signed.version != version:
        raise NotVerified(f"{repository.base_url}: expected version {version} of targets, found {targets.signed.version}")
    return targets


def _read(path: Path, parse: Callable[[bytes], Document[S]]) -> Document[S] | None:
    try:
        return parse(path.read_bytes()) if path.exists() else None
    except Rejected as error:
        raise NotVerified(f"{path}: {error}") from error


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """python-tuf's errors and urllib3's, in Trustpress's words."""
    try:
        yield
    except ExpiredMetadataError as error:
        raise Expired(url, str(error)) from error
    except (RepositoryError, DownloadLengthMismatchError) as error:
        raise NotVerified(f"{url}: {error}") from error
    except DownloadHTTPError as error:
        if error.status_code in _MISSING:
            raise NotPublished(url) from error
        raise Unreachable(f"{url}: HTTP {error.status_code}") from error
    except (DownloadError, urllib3.exceptions.HTTPError) as error:
        raise Unreachable(f"{url}: {error.__cause__ or error}") from error
