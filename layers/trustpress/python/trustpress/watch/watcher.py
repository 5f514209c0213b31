"""The freshness watch: what clients see of every repository, read through the edge as they read it.

It trusts the first root, which the register pins, and nothing else: neither bucket, nor edge, nor that a schedule runs. It
verifies as the client workflow says (specification 5.3 to 5.6), with one check less: offline roles that have expired are
reported, not failed. They are their owner's to renew, not the deployment's, and must not hide that something is stale.
"""

import random
import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from trustpress.core import client, layout, trust
from trustpress.core.delegations import Delegated, Delegations, RoleKeys
from trustpress.core.instants import write_instant
from trustpress.core.lru import Lru
from trustpress.core.metadata import CLIENT_LIMIT, Document, Root, Snapshot, Timestamp
from trustpress.core.parse import MAX_LENGTH, parse_root, parse_timestamp
from trustpress.errors import (
    BadExpiry,
    BrokenRepository,
    Invalid,
    NeedsAPerson,
    OutOfTime,
    TrustpressError,
    Unavailable,
    UnknownOutcome,
)
from trustpress.ports import Clock, Edge, Notifier, ObjectStore
from trustpress.store.register import published_repositories, read_register
from trustpress.watch.notices import Memory, due, next_notice, read_memory, tell, write_memory
from trustpress.watch.sightings import Sighting
from trustpress.workers import Workers

# Offline roles are looked at when root or snapshot is another, when a notice is due, and once a day.
LOOK_AGAIN = timedelta(days=1)

# To see one repository takes seconds; with less than this left in a run, none is begun.
SECONDS_FOR_ONE = 15

_MAX_REMEMBERED_BYTES = 16_000_000


@dataclass(frozen=True, slots=True)
class SeenRole:
    """A targets role that was verified: all of it that is remembered. The same version under the same keys stays verified."""

    version: int
    role_keys: RoleKeys
    expires: datetime
    delegations: Delegations


@dataclass(frozen=True)
class Release:
    """What a client trusts after a refresh."""

    root: Document[Root]
    timestamp: Document[Timestamp]
    snapshot: Document[Snapshot]


@dataclass(frozen=True)
class Seen:
    """One repository as it was last seen; `release` is None where a container has not seen it yet.

    `is_told` is false from a look at its offline roles until their notices are given.
    """

    first_root: str
    memory: Memory
    release: Release | None = None
    roles: Mapping[str, SeenRole] = field(default_factory=dict, repr=False)
    is_told: bool = True

    @property
    def weight(self) -> int:
        """About how many bytes it takes to remember this."""
        return (len(self.release.snapshot.body) if self.release else 0) + 500 * len(self.roles)


class Watcher:
    """One instance serves a container for its life, and reads what is immutable once. Without a notifier it gives no notices."""

    def __init__(self, staging: ObjectStore, edge: Edge, notifier: Notifier | None, workers: int = 6) -> None:
        self._staging, self._edge, self._notifier = staging, edge, notifier
        self._workers = Workers(workers)
        self._seen: Lru[str, Seen] = Lru(_MAX_REMEMBERED_BYTES, lambda seen: seen.weight)
        self._one_large_role = threading.Lock()

    def watch_all(self, clock: Clock) -> tuple[list[Sighting], dict[str, TrustpressError]]:
        """Look at every repository, give the notices that are due: what was seen, and where the watch itself failed.

        One repository stops no other. In random order, so that a run that ends early does not always leave out the same ones.
        """
        sightings: list[Sighting] = []
        failures: dict[str, TrustpressError] = {}

        def watch(name: str) -> None:
            try:
                if clock.seconds_left() < SECONDS_FOR_ONE:
                    raise OutOfTime(name)
                if sighting := self.watch(name, clock.now()):
                    sightings.append(sighting)
                self.give_notices(name, clock.now())
            except (Unavailable, UnknownOutcome, NeedsAPerson) as error:
                failures[name] = error

        names = list(published_repositories(self._staging))
        random.shuffle(names)
        self._workers.map(watch, names)
        return sightings, failures

    def watch(self, name: str, now: datetime) -> Sighting | None:
        """Refresh as a client does. None before the first publish. Raises Unavailable if the staging bucket does not answer."""
        known = self._seen.get(name) or self._begin(name)
        if known is None:
            return None
        try:
            seen = self._follow(name, known, now)
        except Invalid as error:
            return Sighting(name, BrokenRepository(name, str(error)))
        except (Unavailable, BrokenRepository) as error:
            return Sighting(name, error)
        self._seen.put(name, seen)
        return _sighting(name, seen, now)

    def give_notices(self, name: str, now: datetime) -> None:
        """Tell what a look has found, and remember it. Raises Unavailable or UnknownOutcome: then it looks again.

        What was told before one notice failed is remembered all the same.
        """
        seen = self._seen.get(name)
        if seen is None or seen.is_told:
            return
        told = {rolename: found for rolename, found in seen.memory.told.items() if rolename in seen.memory.expiries}
        look_again = None
        try:
            if self._notifier:
                told.update(tell(self._notifier, due(name, seen.memory.expiries, told, now), now))
            # Told and not yet remembered: a crash here repeats these notices.
            look_again = seen.memory.look_again
        finally:
            memory = replace(seen.memory, told=told, look_again=look_again)
            self._seen.put(name, replace(seen, memory=memory, is_told=True))
            write_memory(self._staging, name, memory)

    def _begin(self, name: str) -> Seen | None:
        """What is known of a repository without having seen it; None before its first publish."""
        register = read_register(self._staging, name)
        if register is None or not register.timestamp:
            return None
        return Seen(register.first_root, read_memory(self._staging, name))

    def _follow(self, name: str, known: Seen, now: datetime) -> Seen:
        """The next state of a client, and a look at offline roles where one is due. Raises Invalid or Unavailable."""
        release = self._refresh(name, known)
        for document in (release.timestamp, release.snapshot):
            if document.signed.expires <= now:
                raise BadExpiry(_name_of(document), f"expired at {write_instant(document.signed.expires)}")
        memory, numbers = known.memory, (release.root.signed.version, release.snapshot.signed.version)
        if memory.look_again and now < memory.look_again and memory.release == numbers:
            return replace(known, release=release)
        reads_all = not known.roles or memory.read_all_at is None or now - memory.read_all_at >= LOOK_AGAIN
        roles = self._offline_roles(name, release, {} if reads_all else known.roles)
        expiries = {"root": release.root.signed.expires, **{rolename: role.expires for rolename, role in roles.items()}}
        read_all_at = now if reads_all else memory.read_all_at
        assert read_all_at is not None
        look_again = min(filter(None, [read_all_at + LOOK_AGAIN, next_notice(expiries, now)]))
        memory = Memory(read_all_at, look_again, numbers, expiries, memory.told)
        return Seen(known.first_root, memory, release, roles, is_told=False)

    def _refresh(self, name: str, known: Seen) -> Release:
        """Specification 5.3 to 5.5."""
        old, fetch = known.release, self._fetch(name)
        root = old.root if old else self._first_root(name, known.first_root)
        for following in client.follow_roots(root, fetch):
            root = following
        body = self._edge.fetch(layout.timestamp(name), MAX_LENGTH["timestamp"])
        if body is None:
            raise BrokenRepository(name, "timestamp.json is missing")
        timestamp = old.timestamp if old and old.timestamp.body == body else parse_timestamp(body)
        if old and old.root is root and old.timestamp is timestamp:
            return old
        snapshot = client.open_snapshot(timestamp.signed, fetch, old.snapshot if old else None)
        trust.verify_successor(_still_trusted(old, root, timestamp), timestamp, snapshot, root.signed)
        return Release(root, timestamp, snapshot)

    def _first_root(self, name: str, pinned: str) -> Document[Root]:
        body = self._edge.fetch(layout.metadata(name, "root", 1), MAX_LENGTH["root"])
        root = parse_root(body) if body is not None else None
        if root is None or root.sha256 != pinned:
            raise BrokenRepository(name, f"1.root.json is {'missing' if root is None else 'not the one in the register'}")
        return root

    def _offline_roles(self, name: str, release: Release, known: Mapping[str, SeenRole]) -> dict[str, SeenRole]:
        """Specification 5.6: targets, and all that it delegates to, each verified by the role that delegates to it."""

        def see_all(level: Mapping[str, Delegated]) -> list[SeenRole]:
            return self._workers.map(
                lambda item: self._role(name, release.snapshot.signed, known, item[0], item[1].role_keys), level.items()
            )

        return client.walk(release.root.signed.roles["targets"], see_all, lambda role: role.delegations)

    def _role(self, name: str, snapshot: Snapshot, known: Mapping[str, SeenRole], rolename: str, role_keys: RoleKeys) -> SeenRole:
        seen, listed = known.get(rolename), snapshot.meta.get(rolename)
        if seen and listed and (seen.version, seen.role_keys) == (listed["version"], role_keys):
            return seen
        is_large = listed is not None and client.role_limit(listed) > CLIENT_LIMIT
        with self._one_large_role if is_large else nullcontext():
            document = client.open_role(rolename, snapshot, self._fetch(name))
            trust.verify_signed(rolename, document, role_keys)
        return SeenRole(document.signed.version, role_keys, document.signed.expires, document.signed.delegations)

    def _fetch(self, name: str) -> client.Fetch:
        return lambda rolename, version, limit: self._edge.fetch(layout.metadata(name, rolename, version), limit)


def _still_trusted(old: Release | None, root: Document[Root], timestamp: Document[Timestamp]) -> tuple[Timestamp, Snapshot] | None:
    """Specification 5.3.11: new online keys make a client forget what the old ones have signed."""
    if old is None or old.timestamp is timestamp:
        return None
    if any(old.root.signed.roles[rolename] != root.signed.roles[rolename] for rolename in ("timestamp", "snapshot")):
        return None
    return old.timestamp.signed, old.snapshot.signed


def _sighting(name: str, seen: Seen, now: datetime) -> Sighting:
    release = seen.release
    assert release is not None
    return Sighting(
        name,
        None,
        release.timestamp.signed.expires - now,
        release.root.signed.policy.timestamp_life,
        release.snapshot.signed.expires - now,
        {rolename: expires - now for rolename, expires in seen.memory.expiries.items()},
    )


def _name_of(document: Document[Timestamp] | Document[Snapshot]) -> str:
    return type(document.signed).__name__.lower()
