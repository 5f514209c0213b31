"""Garbage: metadata that no client can ask for any more is found, and marked for the store to forget.

A publisher's numbers never go down. What lies below the numbers of the oldest release that a client may still go by is
therefore asked for by nobody: superseded metadata, and the snapshots that crashed or slower publishers left without a
timestamp. Only a recovery may list an earlier version of a role; until it has grown old itself, nothing is garbage.

What is never garbage:

- what the oldest release lists, and everything above it. A number above the committed snapshot's may be taken by a
  publisher at any moment, and with it gone, the next one would put other bytes under a key that was seen before;
- roots: a client may come back after years, and needs all of them;
- timestamp.json, the one object that is replaced in its place;
- target files. Their names are hashes: a later upload may list one again, and it would be published without being copied.

Nobody may delete in the public bucket, this code included. It tags; a lifecycle rule of the bucket forgets what is tagged.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from trustpress.core import layout
from trustpress.core.metadata import Root, Snapshot, published_version
from trustpress.errors import NeverPublished
from trustpress.ports import ObjectStore, StoredVersion, TaggingStore
from trustpress.store.loading import Repositories
from trustpress.workers import Workers

# What template.yaml's lifecycle rule looks for.
TAG = ("trustpress", "expired")

# Clocks that differ, a cache that serves a timestamp to its last second, a run that wrote minutes after it had looked at the
# clock: together less than an hour. A day costs nothing.
MARGIN = timedelta(days=1)

# What one run marks: well within its time, and the list of it within what a function may answer.
MAX_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of an object that nobody asks for, and why that is so."""

    version: StoredVersion
    reason: str


def longest_staleness(roots: Iterable[Root]) -> timedelta:
    """How long after its signing a release may still be what some client goes by.

    A client may be served a timestamp until it expires, and may go on with the snapshot that it then got until that one
    expires: whoever is still at it has to refresh. Both lives are counted from the same signing at the latest, so the longer
    of them decides; by default a week. Not only the newest root counts: what a former one promised was signed as well.
    """
    lives = [life for root in roots for life in (root.policy.timestamp_life, root.policy.snapshot_life)]
    return max(lives) + MARGIN


def find_oldest_in_use(timestamps: Iterable[StoredVersion], since: datetime) -> StoredVersion | None:
    """The timestamp that was the current one at this instant, None if there was none yet; `timestamps` are newest first.

    Those before it were signed earlier still, so that they have expired, and so has all that they lead to.
    """
    return next((version for version in timestamps if version.last_modified <= since), None)


def is_unbroken(found: Iterable[StoredVersion], oldest: Snapshot, newest: Snapshot) -> bool:
    """Whether nothing but publishers made the releases between these two.

    A publisher takes the next number, or steps over one that is taken: all of them are there. A recovery leaves a gap.
    """
    numbers = {parsed[1] for version in found if (parsed := layout.parse_version(version.key)) and parsed[0] == "snapshot"}
    return sum(oldest.version <= number <= newest.version for number in numbers) == newest.version - oldest.version + 1


def find_candidates(found: Iterable[StoredVersion], oldest: Snapshot, newest: Snapshot, since: datetime) -> Iterator[Candidate]:
    """What lies below both of these snapshots, and was written before this instant."""
    for version in found:
        parsed = layout.parse_version(version.key)
        # A delegated role may have a name like `a.root`; the bucket's policy protects whatever ends like a root.
        if parsed is None or f".{parsed[0]}".endswith(".root") or version.last_modified > since:
            continue
        rolename, number = parsed
        kept = min(_number(oldest, rolename), _number(newest, rolename))
        if number < kept:
            yield Candidate(version, f"older than version {kept}, the oldest that a client may still go by")


def _number(snapshot: Snapshot, rolename: str) -> int:
    return snapshot.version if rolename == "snapshot" else published_version(snapshot, rolename)


class Garbage:
    """Finds and marks it, one repository at a time."""

    def __init__(self, staging: ObjectStore, public: TaggingStore, workers: int = 16) -> None:
        self._public = public
        self._repositories = Repositories(staging, public)
        self._workers = Workers(workers)

    def find(self, name: str, now: datetime) -> list[Candidate]:
        """Everything that may go, what is marked already and not yet forgotten included; nothing is changed.

        Raises NeverPublished for a name that is no repository's, and BrokenRepository where what is published does not
        verify: what is wrong there may have to be mended with what would be garbage otherwise.
        """
        repository = self._repositories.confirm(self._repositories.load(name))
        if repository.head is None:
            raise NeverPublished(name)
        roots = repository.all_roots()
        since = now - longest_staleness(roots)
        timestamp = find_oldest_in_use(self._public.list_versions(layout.timestamp(name)), since)
        if timestamp is None:
            return []
        oldest, newest = repository.earlier_snapshot(timestamp, roots), repository.head.snapshot.signed
        found = [version for version in self._public.list_versions(layout.published_metadata(name)) if layout.parse_version(version.key)]
        return list(find_candidates(found, oldest, newest, since)) if is_unbroken(found, oldest, newest) else []

    def expire(self, candidates: Iterable[Candidate]) -> None:
        """Mark them for the store to forget. A crash leaves some of them marked: the next run finds the others."""
        self._workers.map(lambda candidate: self._public.tag(candidate.version, *TAG), candidates)
