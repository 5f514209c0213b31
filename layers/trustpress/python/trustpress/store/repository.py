"""A published repository, verified as a client would; its roles are read when they are asked for."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from trustpress.core import client, layout, trust
from trustpress.core.lru import Lru
from trustpress.core.metadata import Document, Root, Snapshot, Targets, Timestamp, published_version
from trustpress.core.parse import MAX_LENGTH, parse_root, parse_timestamp
from trustpress.errors import BrokenRepository, Invalid, NotThere
from trustpress.ports import ObjectStore, StoredVersion
from trustpress.store.register import Register

_MAX_REMEMBERED_BYTES = 64_000_000
_BEFORE_ANY = datetime.min.replace(tzinfo=UTC)

# Targets roles as they were last seen, by repository and role name.
RoleCache = Lru[tuple[str, str], Document[Targets]]


def new_role_cache() -> RoleCache:
    return Lru(_MAX_REMEMBERED_BYTES, lambda document: len(document.body))


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
        known = self.cache.get((self.name, rolename))
        if known is None or known.signed.version != version:
            with verifying(self.name):
                known = client.open_role(rolename, self.head.snapshot.signed, published_bytes(self.public, self.name))
            self.cache.put((self.name, rolename), known)
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
            with verifying(self.name):
                former, former_published = read_root(self.public, self.name, root.signed.version - 1)
                trust.verify_next_root(former.signed, root)
            yield former.signed, published
            root, published = former, former_published

    def all_roots(self) -> list[Root]:
        """Every root there ever was, newest first. Raises BrokenRepository."""
        newest = [self.head.root.signed] if self.head else []
        return newest + [root for root, _ in self.former_roots(_BEFORE_ANY)]

    def earlier_snapshot(self, timestamp: StoredVersion, roots: Iterable[Root]) -> Snapshot:
        """The snapshot that an earlier version of timestamp.json committed, under one of these roots. Raises BrokenRepository."""
        found = self.public.get(timestamp.key, MAX_LENGTH["timestamp"], timestamp.version_id)
        if found is None:
            raise BrokenRepository(self.name, f"version {timestamp.version_id} of timestamp.json is gone")
        with verifying(self.name):
            document = parse_timestamp(found.body)
            if not any(trust.is_signed_by(document, root.roles["timestamp"]) for root in roots):
                raise BrokenRepository(self.name, f"timestamp version {document.signed.version} is signed for none of its roots")
            return client.open_snapshot(document.signed, published_bytes(self.public, self.name)).signed


def _shown(head: Head | None) -> tuple[str, bytes] | None:
    return (head.root.sha256, head.timestamp.body) if head else None


def published_bytes(public: ObjectStore, name: str) -> client.Fetch:
    """How the steps of a client reach what is published of a repository."""

    def fetch(rolename: str, version: int, limit: int) -> bytes | None:
        found = public.get(layout.metadata(name, rolename, version), limit)
        return found.body if found else None

    return fetch


def read_root(public: ObjectStore, name: str, version: int) -> tuple[Document[Root], datetime]:
    """A root, which nobody has verified yet, and since when it shows. Raises Invalid."""
    key = layout.metadata(name, "root", version)
    found = public.get(key, MAX_LENGTH["root"])
    if found is None:
        raise NotThere(key)
    return parse_root(found.body), found.last_modified


@contextmanager
def verifying(name: str) -> Iterator[None]:
    """What is already published and does not verify is not an uploader's fault: a person must look."""
    try:
        yield
    except Invalid as error:
        raise BrokenRepository(name, str(error)) from error
