"""The published repository, loaded and verified as a client would."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from trustpress.core import layout, trust
from trustpress.core.metadata import Document, MetaFile, Root, Snapshot, Targets, Timestamp, metapath, published_version
from trustpress.core.parse import MAX_LENGTH, MAX_TARGETS_LENGTH, parse_root, parse_snapshot, parse_targets, parse_timestamp
from trustpress.errors import BrokenRepository, Rejected
from trustpress.ports import ObjectStore, StoredObject, StoredVersion
from trustpress.store.register import Register, listed_versions, raised, read_register, verify_agrees, write_register

_MAX_REMEMBERED = 64
_MAX_REMEMBERED_BYTES = 64_000_000
_BEFORE_ANY = datetime.min.replace(tzinfo=UTC)


class RoleCache:
    """Targets roles as they were last seen, up to a number of bytes; the oldest make room for new ones."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], Document[Targets]] = {}
        self._bytes = 0

    def get(self, repository: str, rolename: str) -> Document[Targets] | None:
        return self._documents.get((repository, rolename))

    def put(self, repository: str, rolename: str, document: Document[Targets]) -> None:
        self._drop((repository, rolename))
        self._documents[repository, rolename] = document
        self._bytes += len(document.body)
        while self._bytes > _MAX_REMEMBERED_BYTES:
            self._drop(next(iter(self._documents)))

    def _drop(self, place: tuple[str, str]) -> None:
        if dropped := self._documents.pop(place, None):
            self._bytes -= len(dropped.body)


@dataclass(frozen=True, slots=True)
class Head:
    """The committed release: the timestamp with its etag, the snapshot it commits, the newest root and since when it shows.

    A recovery builds on a release that was never written: where there is no timestamp to replace, `etag` is None.
    """

    root: Document[Root]
    root_published: datetime
    timestamp: Document[Timestamp]
    etag: str | None
    snapshot: Document[Snapshot]

    @property
    def release(self) -> dict[str, int]:
        return {
            "root": self.root.signed.version,
            "snapshot": self.snapshot.signed.version,
            "timestamp": self.timestamp.signed.version,
        }


@dataclass(frozen=True)
class Repository:
    """One repository at one instant. `head` is None before its first publish; roles are loaded when they are asked for."""

    name: str
    public: ObjectStore = field(repr=False)
    head: Head | None
    register: Register | None
    cache: RoleCache = field(repr=False)

    def version(self, rolename: str) -> int:
        """The published version of root or a targets role, 0 if there is none."""
        if rolename == "root":
            return self.head.root.signed.version if self.head else 0
        return published_version(self.head.snapshot.signed if self.head else None, rolename)

    def newest_version(self, rolename: str) -> int:
        """The version that the next one follows: the published one, or one that was lost and that clients have seen."""
        mark = self.register.roles.get(rolename, 0) if self.register else 0
        return max(self.version(rolename), mark)

    def role(self, rolename: str) -> Document[Targets] | None:
        """The published targets role as the snapshot lists it, None if it lists none. Raises BrokenRepository.

        None as well for a role of which a recovery found no version at all: it is listed so that no client sees it go back.
        """
        version = self.version(rolename)
        if not version or self.head is None or self._is_gone(rolename, version):
            return None
        known = self.cache.get(self.name, rolename)
        if known is None or known.signed.version != version:
            body = _read(self.public, self.name, layout.metadata(self.name, rolename, version), MAX_TARGETS_LENGTH).body
            with _verifying(self.name):
                known = parse_targets(body)
                trust.verify_meta_file(metapath(rolename), known, self.head.snapshot.signed.meta[metapath(rolename)])
            self.cache.put(self.name, rolename, known)
        return known

    def shows_same_as(self, other: "Repository") -> bool:
        """Whether clients find the same root and the same timestamp in both."""
        return _shown(self.head) == _shown(other.head)

    def _is_gone(self, rolename: str, version: int) -> bool:
        register = self.register
        return register is not None and register.lost.get(rolename) == 0 and version <= register.roles[rolename]

    def former_roots(self, since: datetime) -> Iterator[tuple[Root, datetime]]:
        """The roots that were replaced after this instant, newest first, each with when that was. Raises BrokenRepository."""
        if self.head is None:
            return
        root, published = self.head.root, self.head.root_published
        while root.signed.version > 1 and published > since:
            key = layout.metadata(self.name, "root", root.signed.version - 1)
            found = _read(self.public, self.name, key, MAX_LENGTH["root"])
            with _verifying(self.name):
                former = parse_root(found.body)
                trust.verify_next_root(former.signed, root)
            yield former.signed, published
            root, published = former, found.last_modified

    def all_roots(self) -> list[Root]:
        """Every root there ever was, newest first. Raises BrokenRepository."""
        newest = [self.head.root.signed] if self.head else []
        return newest + [root for root, _ in self.former_roots(_BEFORE_ANY)]

    def earlier_snapshot(self, timestamp: StoredVersion, roots: Iterable[Root]) -> Snapshot:
        """The snapshot that an earlier version of timestamp.json committed, under one of these roots. Raises BrokenRepository."""
        found = self.public.get(timestamp.key, MAX_LENGTH["timestamp"], timestamp.version_id)
        if found is None:
            raise BrokenRepository(self.name, f"version {timestamp.version_id} of timestamp.json is gone")
        with _verifying(self.name):
            document = parse_timestamp(found.body)
            if not any(trust.is_signed_by(document, root.roles["timestamp"]) for root in roots):
                raise BrokenRepository(self.name, f"timestamp version {document.signed.version} is signed for none of its roots")
            key = layout.metadata(self.name, "snapshot", document.signed.snapshot["version"])
            snapshot = parse_snapshot(_read(self.public, self.name, key, MAX_LENGTH["snapshot"]).body)
            trust.verify_meta_file("snapshot.json", snapshot, document.signed.snapshot)
        return snapshot.signed


def _shown(head: Head | None) -> tuple[str, bytes] | None:
    return (head.root.sha256, head.timestamp.body) if head else None


class Repositories:
    """Loads repositories, and remembers them: what is immutable is read once in the life of a container."""

    def __init__(self, staging: ObjectStore, public: ObjectStore) -> None:
        self._staging, self._public = staging, public
        self._known: dict[str, Repository] = {}
        self._cache = RoleCache()

    def load(self, name: str, newest_root: bool = True) -> Repository:
        """The repository as it is now. Raises BrokenRepository if what is published does not verify.

        With `newest_root` false a remembered root is good enough as long as it verifies the timestamp.
        """
        known = self._known.get(name)
        head = known.head if known else None
        register, found = self._read_register_and_timestamp(name, known)
        if found is None:
            return self._unpublished(name, known, register)
        if register is None:
            raise BrokenRepository(name, "there is a timestamp but no register")
        if known and head and not newest_root and found.body == head.timestamp.body and head.timestamp.signed.version >= register.timestamp:
            return known if found.etag == head.etag else replace(known, head=replace(head, etag=found.etag))
        return self._verify(name, known, register, found, newest_root)

    def confirm(self, repository: Repository) -> Repository:
        """Compare what was loaded with the register as it is now, before anything is decided by it. Raises BrokenRepository.

        A release that is remembered and still served may be one that a restored bucket went back to: the register tells. If
        somebody has committed since, what was loaded stays, and loses the race to commit.
        """
        if repository.head is None or repository.register is None:
            return repository
        register = read_register(self._staging, repository.name, repository.register)
        if register is repository.register:
            return repository
        if register is None:
            raise BrokenRepository(repository.name, "its register is gone")
        found = self._public.get(layout.timestamp(repository.name), MAX_LENGTH["timestamp"])
        if found is None or found.body != repository.head.timestamp.body:
            return repository
        return self._verify(repository.name, repository, register, found, newest_root=False)

    def _verify(self, name: str, known: Repository | None, register: Register, found: StoredObject, newest_root: bool) -> Repository:
        """What clients find behind this timestamp, held against the register, and remembered. Raises BrokenRepository."""
        head = known.head if known else None
        with _verifying(name):
            timestamp = head.timestamp if head and head.timestamp.body == found.body else parse_timestamp(found.body)
            root, root_published = (head.root, head.root_published) if head else self._pinned_root(name, register)
            is_behind = root.signed.version < register.root_version
            if newest_root or is_behind or not trust.is_signed_by(timestamp, root.signed.roles["timestamp"]):
                root, root_published = self._newest_root(name, root, root_published)
            snapshot = self._snapshot(name, timestamp, head)
            if head is None or (head.root, head.timestamp) != (root, timestamp):
                trust.verify_successor(None, timestamp, snapshot, root.signed)
        self._verify_not_older(name, register, head, timestamp.signed)
        if known is None or register is not known.register:
            verify_agrees(name, register, root, timestamp.signed, snapshot.signed)
        loaded = Head(root, root_published, timestamp, found.etag, snapshot)
        return self.remember(Repository(name, self._public, loaded, register, self._cache))

    def _read_register_and_timestamp(self, name: str, known: Repository | None) -> tuple[Register | None, StoredObject | None]:
        """A remembered register does for a look, as long as the timestamp is the remembered one too: decisions come after `confirm`."""
        if known and known.register and known.head:
            found = self._public.get(layout.timestamp(name), MAX_LENGTH["timestamp"])
            if found and found.body == known.head.timestamp.body:
                return known.register, found
        # In this order: read behind the timestamp, the register could know of a commit that was made in between.
        register = read_register(self._staging, name)
        return register, self._public.get(layout.timestamp(name), MAX_LENGTH["timestamp"])

    def record(self, repository: Repository, before: Repository, accepted: Mapping[str, MetaFile]) -> Repository:
        """Raise the register to what is published now. Raises Unavailable.

        `before` is what the release was built on and `accepted` what it changed. Where the register knows all the rest, none
        of its roles is looked at.
        """
        head, register = repository.head, repository.register
        if head is None or register is None:
            return repository
        knows_the_rest = before.head is not None and before.head.snapshot.signed.version == register.snapshot and register.is_exact
        roles = _versions(accepted) if knows_the_rest else listed_versions(head.snapshot.signed.meta)
        current = raised(register, head.root, head.timestamp.signed, head.snapshot.signed, roles)
        if current == register:
            return repository
        return self.remember(replace(repository, register=write_register(self._staging, repository.name, current)))

    def remember(self, repository: Repository) -> Repository:
        self._known.pop(repository.name, None)
        self._known[repository.name] = repository
        while len(self._known) > _MAX_REMEMBERED:
            del self._known[next(iter(self._known))]
        return repository

    def _unpublished(self, name: str, known: Repository | None, register: Register | None) -> Repository:
        """A missing previous state is an error, never "version 0" (CVE-2022-29173): the register knows the difference."""
        if (register and register.timestamp) or (known and known.head):
            raise BrokenRepository(name, "timestamp.json is gone")
        return Repository(name, self._public, None, register, self._cache)

    def _pinned_root(self, name: str, register: Register) -> tuple[Document[Root], datetime]:
        found = _read(self._public, name, layout.metadata(name, "root", register.root_version), MAX_LENGTH["root"])
        root = parse_root(found.body)
        if root.sha256 != register.root:
            raise BrokenRepository(name, f"{register.root_version}.root.json is not the one in the register")
        return root, found.last_modified

    def _newest_root(self, name: str, root: Document[Root], published: datetime) -> tuple[Document[Root], datetime]:
        """Specification 5.3: each next root, verified by the one before, until there is none."""
        while found := self._public.get(layout.metadata(name, "root", root.signed.version + 1), MAX_LENGTH["root"]):
            candidate = parse_root(found.body)
            trust.verify_next_root(root.signed, candidate)
            root, published = candidate, found.last_modified
        return root, published

    def _snapshot(self, name: str, timestamp: Document[Timestamp], head: Head | None) -> Document[Snapshot]:
        listed = timestamp.signed.snapshot
        if head and head.snapshot.meta_file == listed:
            return head.snapshot
        key = layout.metadata(name, "snapshot", listed["version"])
        return parse_snapshot(_read(self._public, name, key, MAX_LENGTH["snapshot"]).body)

    def _verify_not_older(self, name: str, register: Register, head: Head | None, timestamp: Timestamp) -> None:
        committed = max(register.timestamp, head.timestamp.signed.version if head else 0)
        if timestamp.version < committed:
            raise BrokenRepository(name, f"timestamp version {committed} was committed, version {timestamp.version} is published")


def _versions(accepted: Mapping[str, MetaFile]) -> dict[str, int]:
    return {rolename: entry["version"] for rolename, entry in accepted.items()}


def _read(public: ObjectStore, name: str, key: str, limit: int) -> StoredObject:
    found = public.get(key, limit)
    if found is None:
        raise BrokenRepository(name, f"{key} is missing")
    return found


@contextmanager
def _verifying(name: str) -> Iterator[None]:
    """What is already published and does not verify is not an uploader's fault: a person must look."""
    try:
        yield
    except Rejected as error:
        raise BrokenRepository(name, str(error)) from error
