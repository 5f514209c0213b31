"""What is left of a repository: every version that the public bucket still keeps, and what its owners hand in."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trustpress.core import layout
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, Timestamp
from trustpress.core.parse import MAX_LENGTH, MAX_TARGETS_LENGTH, parse_root, parse_snapshot, parse_targets, parse_timestamp
from trustpress.errors import Invalid
from trustpress.ports import ArchivingStore, ObjectStore, StoredVersion
from trustpress.publish.inbox import Inbox
from trustpress.store.register import Register
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
    """One repository's metadata. Where a key holds an object, that is what clients get, and nothing may replace it.

    Where it holds none, whatever it held before can be brought back; then comes what waits in the inbox: roots, and roles up to
    the versions in the register. Others are news, and published when all is well again.
    """

    def __init__(self, staging: ObjectStore, public: ArchivingStore, name: str, register: Register, workers: Workers) -> None:
        self._public, self._name, self._workers = public, name, workers
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
            version = document.signed.version
            if rolename == "root" or not register.is_exact or version <= register.roles.get(rolename, 0):
                self._handed_in[rolename, version].append(document)
                self._numbers[rolename].add(version)

    def versions(self, rolename: str) -> list[int]:
        """The version numbers of which there may be a document, highest first."""
        return sorted(self._numbers.get(rolename, ()), reverse=True)

    def find(self, rolename: str, version: int, *, handed_in: bool = True) -> Iterator[Found]:
        """The documents that this version of a role can be, the likeliest first. None of them has been verified."""
        key = layout.metadata(self._name, rolename, version)
        is_published = key in self._published
        stored = self._versions.get(key, [])
        for document in map(self._read, stored[:1] if is_published else stored):
            if document and document.signed.version == version:
                yield Found(document, is_published)
        if handed_in and not is_published:
            yield from (Found(document, is_published=False) for document in self._handed_in.get((rolename, version), ()))

    @cached_property
    def timestamps(self) -> list[Document[Timestamp]]:
        """The timestamps that can be read, the one written last first."""
        stored = self._versions.get(layout.timestamp(self._name), [])[:_MAX_TIMESTAMPS]
        return [document for document in self._workers.map(self._read, stored) if document]

    def _read(self, stored: StoredVersion) -> Document[Any] | None:
        """None for what is no metadata. What is not written as Trustpress writes it can only be a timestamp, by somebody else."""
        rolename = (layout.parse_version(stored.key) or ("timestamp", 0))[0]
        try:
            found = self._public.get(stored.key, MAX_LENGTH.get(rolename, MAX_TARGETS_LENGTH), stored.version_id)
            document = _parse(rolename, found.body) if found else None
        except Invalid:
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
