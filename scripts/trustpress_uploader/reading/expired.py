"""What was published last, where a client stops because it has expired: signatures and numbers as a client checks them, no clock.

Whoever renews has to start from the newest versions. The signed timestamp and snapshot say which those are, expired or not;
counting up from 1 would not, as earlier versions may be gone.
"""

from dataclasses import dataclass

from trustpress.core import client, layout, trust
from trustpress.core.metadata import Document, Root, Snapshot, Targets, Timestamp, published_version
from trustpress.core.parse import MAX_LENGTH, parse_timestamp
from trustpress_uploader.errors import NotVerified
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.reading.web import fetch, require, verifying


@dataclass(frozen=True, slots=True)
class Release:
    timestamp: Document[Timestamp]
    snapshot: Document[Snapshot]
    targets: Document[Targets]


def follow_expired(
    repository: KnownRepository, root: Root, timestamp: Document[Timestamp] | None, snapshot: Document[Snapshot] | None
) -> Release:
    """The release that the served timestamp commits, none of it older than `timestamp` and `snapshot`, which this machine has seen.

    Raises NotVerified, NotPublished or Unreachable.
    """
    with verifying(repository.base_url):
        newest = _newest_timestamp(repository, root, timestamp)
        committed = client.open_snapshot(newest.signed, lambda *asked: _fetch(repository, *asked))
        trust.verify_signed("snapshot", committed, root.roles["snapshot"])
        if snapshot and trust.is_signed_by(snapshot, root.roles["snapshot"]):
            _check_not_older(repository, committed.signed, snapshot.signed)
        targets = client.open_role("targets", committed.signed, lambda *asked: _fetch(repository, *asked))
        trust.verify_signed("targets", targets, root.roles["targets"])
        trust.verify_repository("targets", targets.signed, repository.name)
    return Release(newest, committed, targets)


def _newest_timestamp(repository: KnownRepository, root: Root, known: Document[Timestamp] | None) -> Document[Timestamp]:
    """A timestamp by other keys than root lists now counts for nothing (specification 5.3.11)."""
    url = f"{repository.connection.url}/{layout.timestamp(repository.name)}"
    served = parse_timestamp(require(url, MAX_LENGTH["timestamp"]))
    trust.verify_signed("timestamp", served, root.roles["timestamp"])
    if known and trust.is_signed_by(known, root.roles["timestamp"]) and served.signed.version < known.signed.version:
        raise NotVerified(f"{url}: expected version {known.signed.version} or a later one, found {served.signed.version}")
    return served


def _check_not_older(repository: KnownRepository, snapshot: Snapshot, known: Snapshot) -> None:
    """Specification 5.5.5."""
    for rolename, listed in known.meta.items():
        if published_version(snapshot, rolename) < listed["version"]:
            raise NotVerified(
                f"{repository.base_url}: expected version {listed['version']} of {rolename} or a later one, "
                f"found {published_version(snapshot, rolename)}"
            )


def _fetch(repository: KnownRepository, rolename: str, version: int, limit: int) -> bytes | None:
    return fetch(repository.metadata_url(rolename, version), limit)
