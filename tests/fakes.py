"""Fakes that enforce the contracts of the ports: typed as the Protocols, so that a drifted fake fails mypy."""

import hashlib
import itertools
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from trustpress.adapters.kms import Ed25519Signer
from trustpress.core.keys import PublicKey
from trustpress.core.metadata import Root
from trustpress.errors import Conflict, TooLarge, Unavailable, Unreadable
from trustpress.online_keys import DerivedKeys, verify_listed
from trustpress.ports import (
    Announcer,
    Caching,
    Clock,
    Edge,
    Event,
    HidingStore,
    Invalidator,
    Notifier,
    ObjectStore,
    OnlineKeys,
    Signer,
    StoredObject,
    StoredVersion,
    TaggingStore,
    Vault,
)
from trustpress.store.masters import Masters

START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

_VERSIONED = re.compile(r".*/metadata/[1-9][0-9]*\.[^/]+\.json|.*/targets/.+")
_NEVER_TAGGED = re.compile(r".*/metadata/(.+\.root|timestamp|online-keys)\.json")


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = START, seconds_left: float = 60) -> None:
        self._now, self._seconds_left = now, seconds_left

    def now(self) -> datetime:
        return self._now

    def seconds_left(self) -> float:
        return self._seconds_left

    def spend(self, seconds: float) -> None:
        """Leave less time to this run."""
        self._seconds_left -= seconds

    def pass_time(self, delta: timedelta) -> None:
        self._now += delta


@dataclass(frozen=True)
class ObjectVersion:
    version_id: str
    body: bytes
    etag: str
    caching: Caching
    last_modified: datetime
    has_checksum: bool


@dataclass
class InMemoryStore:
    """A versioned bucket in memory, which fails the test when an immutable key of the public layout changes its bytes.

    `hidden` are the versions before a delete marker; `set_aside` counts those of them that others may follow with other bytes.
    `archived` are versions in a storage class that gives no bytes. `calls` counts what S3 would charge for. `before` and `after`
    are told of each call, as ("PUT", key): what they raise happens instead of the call, or instead of its answer.
    """

    clock: Clock = field(default_factory=FakeClock)
    calls: Counter[str] = field(default_factory=Counter)
    objects: dict[str, list[ObjectVersion]] = field(default_factory=dict)
    tags: dict[StoredVersion, tuple[str, str]] = field(default_factory=dict)
    forgotten: dict[str, bytes] = field(default_factory=dict)
    hidden: dict[str, list[ObjectVersion]] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)
    before: Callable[[str, str], None] = lambda _operation, _key: None
    after: Callable[[str, str], None] = lambda _operation, _key: None
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock)

    def list_versions(self, prefix: str) -> Iterator[StoredVersion]:
        self._begin("LIST", prefix)
        for key in sorted(self.objects):
            if key.startswith(prefix):
                yield from (self._describe(key, version, with_sha256=False) for version in reversed(self.objects.get(key, [])))

    def list_all_versions(self, prefix: str) -> Iterator[StoredVersion]:
        self._begin("LIST", prefix)
        for key in sorted({*self.objects, *self.hidden}):
            if key.startswith(prefix):
                versions = [*self.hidden.get(key, []), *self.objects.get(key, [])]
                yield from (self._describe(key, version, with_sha256=False) for version in reversed(versions))

    def list_keys(self, prefix: str) -> Iterator[str]:
        self._begin("LIST", prefix)
        yield from (key for key in sorted(self.objects) if key.startswith(prefix))

    def head(self, key: str) -> StoredVersion | None:
        self._begin("HEAD", key)
        version = self._current(key)
        return self._describe(key, version, with_sha256=version.has_checksum) if version else None

    def get(self, key: str, limit: int, version_id: str | None = None) -> StoredObject | None:
        self._begin("GET", key)
        version = self._current(key) if version_id is None else self._version(key, version_id)
        if version is None:
            return None
        if version.version_id in self.archived:
            raise Unreadable(key, "InvalidObjectState")
        if len(version.body) > limit:
            raise TooLarge(key, limit)
        return StoredObject(version.body, version.etag, version.last_modified)

    def digest(self, version: StoredVersion, algorithm: str) -> str:
        self._begin("GET", version.key)
        found = self._version(version.key, version.version_id)
        assert found is not None
        return hashlib.new(algorithm, found.body).hexdigest()

    def put(self, key: str, body: bytes, caching: Caching) -> None:
        self._begin("PUT", key)
        self._answer("PUT", key, self._write(key, body, caching))

    def put_new(self, key: str, body: bytes, caching: Caching) -> str:
        self._begin("PUT", key)
        with self._one_at_a_time:
            if self._current(key):
                raise Conflict(key)
            etag = self._write(key, body, caching)
        return self._answer("PUT", key, etag)

    def replace(self, key: str, body: bytes, caching: Caching, etag: str) -> str:
        self._begin("PUT", key)
        with self._one_at_a_time:
            version = self._current(key)
            if version is None or version.etag != etag:
                raise Conflict(key)
            etag = self._write(key, body, caching)
        return self._answer("PUT", key, etag)

    def copy_new(self, source: ObjectStore, version: StoredVersion, key: str, caching: Caching) -> None:
        self._begin("COPY", key)
        assert isinstance(source, InMemoryStore)
        with self._one_at_a_time:
            found = source._version(version.key, version.version_id)
            if found is None or self._current(key):
                raise Conflict(key)
            etag = self._write(key, found.body, caching)
        self._answer("COPY", key, etag)

    def delete_version(self, version: StoredVersion) -> None:
        self._begin("DELETE", version.key)
        with self._one_at_a_time:
            self._remove(version)
        self.after("DELETE", version.key)

    def hide(self, version: StoredVersion) -> None:
        self._begin("HIDE", version.key)
        with self._one_at_a_time:
            current = self._current(version.key)
            if current is None or current.version_id != version.version_id:
                raise Conflict(version.key)
            self.withdraw(version.key)
            self.set_aside[version.key] = len(self.hidden[version.key])
        self.after("HIDE", version.key)

    def tag(self, version: StoredVersion, name: str, value: str) -> None:
        self._begin("TAG", version.key)
        assert not _NEVER_TAGGED.fullmatch(version.key), f"the policy of the public bucket lets nobody tag {version.key}"
        if self._version(version.key, version.version_id):
            self.tags[version] = (name, value)
        self.after("TAG", version.key)

    def let_a_month_pass_for_lifecycle(self, name: str, value: str) -> None:
        """Forget what is tagged so, as a lifecycle rule does that asks nobody; such a key keeps what it once was."""
        for version, tag in list(self.tags.items()):
            if tag == (name, value):
                self.forgotten[version.key] = self.objects[version.key][-1].body
                self._remove(version)
                del self.tags[version]

    def upload(self, key: str, body: bytes, with_checksum: bool = True) -> None:
        """Put an object as an outsider does: uncounted, with or without a SHA-256 checksum."""
        self._write(key, body, Caching.PRIVATE, with_checksum)

    def withdraw(self, key: str) -> None:
        """Delete an object as an outsider does: a delete marker hides its versions."""
        self.hidden.setdefault(key, []).extend(self.objects.pop(key))

    def archive(self, key: str) -> None:
        """Move an object into a storage class that gives no bytes, as a thief may have written it."""
        self.archived.add(self.objects[key][-1].version_id)

    def body(self, key: str) -> bytes:
        """Look at an object without being counted."""
        return self.objects[key][-1].body

    def _remove(self, version: StoredVersion) -> None:
        remaining = [kept for kept in self.objects.get(version.key, []) if kept.version_id != version.version_id]
        if remaining:
            self.objects[version.key] = remaining
        else:
            self.objects.pop(version.key, None)

    def _begin(self, operation: str, key: str) -> None:
        with self._one_at_a_time:
            self.calls[operation] += 1
        self.before(operation, key)

    def _answer(self, operation: str, key: str, etag: str) -> str:
        self.after(operation, key)
        return etag

    def _write(self, key: str, body: bytes, caching: Caching, has_checksum: bool = True) -> str:
        versions = [*self.hidden.get(key, []), *self.objects.get(key, [])][self.set_aside.get(key, 0) :]
        earlier = versions[0].body if versions else self.forgotten.get(key)
        if earlier is not None and _VERSIONED.fullmatch(key) and not key.startswith("inbox/"):
            assert earlier == body, f"{key} is immutable, and was written with other bytes"
        number = next(self._numbers)
        etag = f'"{number}"'
        version = ObjectVersion(f"v{number}", body, etag, caching, self.clock.now(), has_checksum)
        self.objects.setdefault(key, []).append(version)
        return etag

    def _current(self, key: str) -> ObjectVersion | None:
        versions = self.objects.get(key)
        return versions[-1] if versions else None

    def _version(self, key: str, version_id: str) -> ObjectVersion | None:
        versions = [*self.objects.get(key, []), *self.hidden.get(key, [])]
        return next((version for version in versions if version.version_id == version_id), None)

    def _describe(self, key: str, version: ObjectVersion, with_sha256: bool) -> StoredVersion:
        sha256 = hashlib.sha256(version.body).hexdigest() if with_sha256 else None
        return StoredVersion(key, version.version_id, len(version.body), version.last_modified, sha256, version.etag)


@dataclass
class InMemoryEdge:
    """Serves a public bucket as a distribution does. What `before` raises happens instead of an answer; `stale` is served first."""

    public: InMemoryStore
    fetched: list[str] = field(default_factory=list)
    stale: dict[str, bytes | None] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _path: None

    def fetch(self, path: str, limit: int) -> bytes | None:
        self.fetched.append(path)
        self.before(path)
        body = self.stale[path] if path in self.stale else self.public.body(path) if path in self.public.objects else None
        if body is not None and len(body) > limit:
            raise TooLarge(path, limit)
        return body


@dataclass
class RecordingAnnouncer:
    """Remembers every event. What `before` raises happens instead of an announcement."""

    events: list[Event] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def announce(self, events: Sequence[Event]) -> None:
        self.before()
        self.events += events


@dataclass
class RecordingNotifier:
    """Remembers every message. What `before` and `after` raise happens instead of it, or behind it."""

    messages: list[tuple[str, str]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    def notify(self, subject: str, text: str) -> None:
        self.before()
        self.messages.append((subject, text))
        self.after()


@dataclass
class RecordingInvalidator:
    """Remembers what is invalidated. Where it is `broken`, nothing is."""

    invalidated: list[str] = field(default_factory=list)
    broken: bool = False

    def invalidate(self, prefix: str) -> None:
        if self.broken:
            raise Unavailable("cloudfront: TooManyInvalidationsInProgress")
        self.invalidated.append(prefix)


class KeysOf:
    """The online keys of a deployment of one repository: these, as they are when they are asked for, the oldest first."""

    def __init__(self, signers: Iterable[Signer]) -> None:
        self._signers = signers

    def of(self, repository: str, /, *roots: Root) -> Sequence[Signer]:
        return list(self._signers)

    def verify_own(self, repository: str, root: Root) -> None:
        verify_listed(repository, root, {signer.public_key.material for signer in self._signers})

    def offered(self, repository: str, root: Root | None, /) -> Sequence[PublicKey]:
        return [signer.public_key for signer in self._signers]


class FakeVault:
    """Seals by counting: the secret of a name is the same in every run, and opens under that name alone. `key` is of the account."""

    def __init__(self, key: str = "") -> None:
        self._key = key
        self.calls: Counter[str] = Counter()

    def make_secret(self, name: str) -> bytes:
        self.calls["make"] += 1
        return f"sealed {name} {self.calls['make']}".encode()

    def open_secret(self, name: str, sealed: bytes) -> bytes:
        self.calls["open"] += 1
        assert sealed.startswith(f"sealed {name} ".encode())
        return hashlib.sha256(self._key.encode() + sealed).digest()


def derived_keys(staging: ObjectStore, former: Sequence[Signer] = ()) -> DerivedKeys:
    """The online keys of a deployment as the template has them, with its first master made."""
    masters = Masters(staging, FakeVault())
    masters.make_first()
    return DerivedKeys(masters, Ed25519Signer, former)


def _check_that_the_fakes_fit(
    store: InMemoryStore,
    edge: InMemoryEdge,
    announcer: RecordingAnnouncer,
    notifier: RecordingNotifier,
    invalidator: RecordingInvalidator,
) -> tuple[TaggingStore, HidingStore, Edge, Announcer, Notifier, Invalidator]:
    return store, store, edge, announcer, notifier, invalidator


def _check_that_the_fake_keys_fit(keys: KeysOf, vault: FakeVault) -> tuple[OnlineKeys, Vault]:
    return keys, vault
