"""What is left of a repository: every version that the public bucket still keeps, and what its owners hand in."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trustpress.core import layout
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, Timestamp
from trustpress.core.parse import MAX_LENGTH, MAX_TARGETS_LENGTH, parse_root, parse_snapshot, parse_targets, parse_timestamp
from trustpress.errors import Conflict, Invalid, TooLarge, Unreadable
from trustpress.ports import ArchivingStore, ObjectStore, StoredVersion
from trustpress.publish.inbox import Inbox
from trustpress.store.target_files import Copy, plan_copies
from trustpress.workers import Workers

# A release that was committed is among the newest timestamps, also where an older copy was written over it. To read those of
# years would take longer than a function may run.
_MAX_TIMESTAMPS = 100


@dataclass(frozen=True)
class Found:
    """A document, and whether clients find it where it belongs."""

    document: Document[Any]
    is_published: bool


class Archive:
    """One repository's metadata. Where a key holds what verifies, that is what clients get, and nothing may replace it.

    Else whatever it held before can be brought back; then comes what waits in the inbox: roots, and roles up to the versions that
    clients have seen. Others are news, and published when all is well again.
    """

    def __init__(self, staging: ObjectStore, public: ArchivingStore, name: str, workers: Workers) -> None:
        self.name, self._public, self._workers = name, public, workers
        prefix = layout.published_metadata(name)
        self._published = set(public.list_keys(prefix))
        self._versions: dict[str, list[StoredVersion]] = defaultdict(list)
        self._numbers: dict[str, set[int]] = defaultdict(set)
        for stored in public.list_all_versions(prefix):
            self._versions[stored.key].append(stored)
            if place := layout.parse_version(stored.key):
                self._numbers[place[0]].add(place[1])
        self._handed_in: dict[tuple[str, int], list[Document[Any]]] = defaultdict(list)
        for rolename, document in _uploads(Inbox(staging, name, workers, {})):
            self._handed_in[rolename, document.signed.version].append(document)
            self._numbers[rolename].add(document.signed.version)

    def versions(self, rolename: str) -> list[int]:
        """The version numbers of which there may be a document, highest first."""
        return sorted(self._numbers.get(rolename, ()), reverse=True)

    def find(self, rolename: str, version: int, *, handed_in: bool = True) -> Iterator[Found]:
        """The documents that this version of a role can be, the likeliest first. None of them has been verified."""
        key = layout.metadata(self.name, rolename, version)
        current = self.current(key)
        for stored in self.kept(key):
            document = self.read(stored)
            if document and document.signed.version == version:
                yield Found(document, is_published=stored is current)
        if handed_in:
            yield from (Found(document, is_published=False) for document in self._handed_in.get((rolename, version), ()))

    def current(self, key: str) -> StoredVersion | None:
        """What clients get for a key, None if they get nothing."""
        return next(iter(self.kept(key)), None) if key in self._published else None

    def verify_unchanged(self, key: str) -> None:
        """Raises Conflict if clients get something else for a key by now."""
        listed, now = self.current(key), self._public.head(key)
        if (listed and listed.version_id) != (now and now.version_id):
            raise Conflict(key)

    def kept(self, key: str) -> Sequence[StoredVersion]:
        """All versions of a key, the newest first."""
        return self._versions.get(key, ())

    @cached_property
    def visible(self) -> Mapping[str, Mapping[int, StoredVersion]]:
        """What clients get under the numbers of each role, by role name."""
        found: dict[str, dict[int, StoredVersion]] = defaultdict(dict)
        for key in self._published:
            current, place = self.current(key), layout.parse_version(key)
            if current and place:
                found[place[0]][place[1]] = current
        return found

    @cached_property
    def timestamps(self) -> list[Document[Timestamp]]:
        """The timestamps that can be read, the one written last first."""
        stored = self.kept(layout.timestamp(self.name))[:_MAX_TIMESTAMPS]
        return [document for document in self._workers.map(self.read, stored) if document]

    def is_readable(self, stored: StoredVersion) -> bool:
        """Whether clients get its bytes."""
        try:
            return self._public.get(stored.key, _longest(stored.key), stored.version_id) is not None
        except (TooLarge, Unreadable):
            return False

    def read(self, stored: StoredVersion) -> Document[Any] | None:
        """None for what is no metadata, or does not show its bytes. What is not written as Trustpress writes it can only be a
        timestamp, by somebody else.
        """
        rolename = _rolename(stored.key)
        try:
            found = self._public.get(stored.key, _longest(stored.key), stored.version_id)
            document = _parse(rolename, found.body) if found else None
        except (Invalid, Unreadable):
            return None
        return document if found and document and (rolename == "timestamp" or document.body == found.body) else None


class TargetFiles:
    """One repository's target files."""

    def __init__(self, staging: ObjectStore, public: ArchivingStore, name: str) -> None:
        self._staging, self._public, self._name = staging, public, name
        self._published = set(public.list_keys(layout.published_targets(name)))

    def are_published(self, targetpath: str, entry: TargetFile) -> bool:
        """Whether the file is there under each of its hashes."""
        return all(key in self._published for key, _, _ in self._places(targetpath, entry))

    def plan_copies(self, targetpath: str, entry: TargetFile) -> list[tuple[ObjectStore, Copy]]:
        """How it comes back, from what its keys held before or else from the inbox: copies, each with the store it is made from.

        Raises Waiting or Rejected where neither has it.
        """
        found: list[tuple[ObjectStore, Copy]] = []
        for key, algorithm, digest in self._places(targetpath, entry):
            if key not in self._published:
                hidden = self._hidden.get(key, [])
                same = (
                    stored for stored in hidden if stored.length == entry["length"] and self._public.digest(stored, algorithm) == digest
                )
                found += [(self._public, Copy(stored, key)) for stored in [next(same, None)] if stored]
        missing = sum(key not in self._published for key, _, _ in self._places(targetpath, entry))
        if len(found) == missing:
            return found
        return [(self._staging, copy) for copy in plan_copies(self._staging, self._public, self._name, targetpath, entry)]

    def _places(self, targetpath: str, entry: TargetFile) -> list[tuple[str, str, str]]:
        """Each key of a file, with the algorithm and the digest that it is named by."""
        return [(layout.target(self._name, targetpath, digest), algorithm, digest) for algorithm, digest in entry["hashes"].items()]

    @cached_property
    def _hidden(self) -> dict[str, list[StoredVersion]]:
        versions: dict[str, list[StoredVersion]] = defaultdict(list)
        for stored in self._public.list_all_versions(layout.published_targets(self._name)):
            versions[stored.key].append(stored)
        return versions


def _rolename(key: str) -> str:
    return (layout.parse_version(key) or ("timestamp", 0))[0]


def _longest(key: str) -> int:
    return MAX_LENGTH.get(_rolename(key), MAX_TARGETS_LENGTH)


def _parse(rolename: str, body: bytes) -> Document[Any]:
    parsers: dict[str, Any] = {"root": parse_root, "timestamp": parse_timestamp, "snapshot": parse_snapshot}
    return parsers[rolename](body) if rolename in parsers else parse_targets(body)


def _uploads(inbox: Inbox) -> Iterator[tuple[str, Document[Any]]]:
    has_next = True
    while has_next:
        window = inbox.uploads(lambda: True)
        for upload in window:
            yield from upload.bundle.items()
        inbox.leave(waiting=window, unjudged=[])
        has_next = inbox.has_next
