"""Repositories loaded from the buckets, and remembered: what is immutable is read once in the life of a container."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from trustpress.core import client, layout, trust
from trustpress.core.lru import Lru
from trustpress.core.metadata import Document, MetaFile, Root, Timestamp
from trustpress.core.parse import MAX_LENGTH, parse_timestamp
from trustpress.errors import BrokenRepository
from trustpress.ports import ObjectStore, StoredObject
from trustpress.store.register import Register, listed_versions, raised, read_register, verify_agrees, write_register
from trustpress.store.repository import Head, Repository, new_role_cache, published_bytes, read_root, verifying

_MAX_REMEMBERED = 64


class Repositories:
    """Loads repositories. One instance serves a container for its life."""

    def __init__(self, staging: ObjectStore, public: ObjectStore) -> None:
        self._staging, self._public = staging, public
        self._known: Lru[str, Repository] = Lru(_MAX_REMEMBERED)
        self._cache = new_role_cache()

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

    def newest_root(self, name: str) -> Root | None:
        """The newest root alone, whatever somebody has made of the release; None before the first publish. Raises BrokenRepository."""
        register = read_register(self._staging, name)
        if register is None or not register.timestamp:
            return None
        with verifying(name):
            root, published = self._pinned_root(name, register)
            return self._newest_root(name, root, published)[0].signed

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

    def follow_roots(self, repository: Repository) -> Repository:
        """The same with the newest root, as every client asks for the next one. Raises BrokenRepository where that does not verify."""
        head = repository.head
        assert head is not None
        with verifying(repository.name):
            root, published = self._newest_root(repository.name, head.root, head.root_published)
        return repository if root is head.root else replace(repository, head=replace(head, root=root, root_published=published))

    def _verify(self, name: str, known: Repository | None, register: Register, found: StoredObject, newest_root: bool) -> Repository:
        """What clients find behind this timestamp, held against the register, and remembered. Raises BrokenRepository."""
        head = known.head if known else None
        with verifying(name):
            timestamp = head.timestamp if head and head.timestamp.body == found.body else parse_timestamp(found.body)
            root, root_published = (head.root, head.root_published) if head else self._pinned_root(name, register)
            is_behind = root.signed.version < register.root_version
            if newest_root or is_behind or not trust.is_signed_by(timestamp, root.signed.roles["timestamp"]):
                root, root_published = self._newest_root(name, root, root_published)
            snapshot = client.open_snapshot(timestamp.signed, published_bytes(self._public, name), head.snapshot if head else None)
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
        roles = listed_versions(accepted if knows_the_rest else head.snapshot.signed.meta)
        current = raised(register, head.root, head.timestamp.signed, head.snapshot.signed, roles)
        if current == register:
            return repository
        return self.remember(replace(repository, register=write_register(self._staging, repository.name, current)))

    def remember(self, repository: Repository) -> Repository:
        return self._known.put(repository.name, repository)

    def _unpublished(self, name: str, known: Repository | None, register: Register | None) -> Repository:
        """A missing previous state is an error, never "version 0" (CVE-2022-29173): the register knows the difference."""
        if (register and register.timestamp) or (known and known.head):
            raise BrokenRepository(name, "timestamp.json is gone")
        return Repository(name, self._public, None, register, self._cache)

    def _pinned_root(self, name: str, register: Register) -> tuple[Document[Root], datetime]:
        root, published = read_root(self._public, name, register.root_version)
        if root.sha256 != register.root:
            raise BrokenRepository(name, f"{register.root_version}.root.json is not the one in the register")
        return root, published

    def _newest_root(self, name: str, root: Document[Root], published: datetime) -> tuple[Document[Root], datetime]:
        """The last of the chain, and since when it shows."""
        since = {root.signed.version: published}

        def fetch(rolename: str, version: int, limit: int) -> bytes | None:
            found = self._public.get(layout.metadata(name, rolename, version), limit)
            if found:
                since[version] = found.last_modified
            return found.body if found else None

        for following in client.follow_roots(root, fetch):
            root = following
        return root, since[root.signed.version]

    def _verify_not_older(self, name: str, register: Register, head: Head | None, timestamp: Timestamp) -> None:
        committed = max(register.timestamp, head.timestamp.signed.version if head else 0)
        if timestamp.version < committed:
            raise BrokenRepository(name, f"timestamp version {committed} was committed, version {timestamp.version} is published")
