"""A store, a signer and an announcer that fail on purpose, typed as the ports.

At every call they ask what is to happen around it. What they then raise is what the real adapters make of the same event:
a write without a clear answer is an UnknownOutcome, a read without one is Unavailable, and a body that is not what was
stored does not get past `S3Store.get` (tests/adapters). Where a signature covers what is read, it is given out corrupted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from tests.fakes import FakeClock, InMemoryStore
from tests.proofs.faults.boundaries import sign_boundary, store_boundary
from tests.publish.troubles import Crash
from trustpress.core.keys import PublicKey
from trustpress.errors import Conflict, Unavailable, UnknownOutcome
from trustpress.ports import Announcer, Caching, Event, ObjectStore, Signer, StoredObject, StoredVersion

R = TypeVar("R")

# Four attempts that each wait five seconds for an answer.
TIMEOUT_SECONDS = 20.0


class Mode(Enum):
    """What happens around one call."""

    ERROR_BEFORE = "error before"
    ERROR_AFTER = "error after the effect"
    TIMEOUT_AFTER = "timeout after the effect"
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    THROTTLED = "throttled three times"
    CONFLICT = "409"
    CONFLICT_AFTER = "412 by its own first attempt"
    TRUNCATED = "truncated body"
    CORRUPTED = "corrupted body"


_ANYWHERE = (Mode.ERROR_BEFORE, Mode.ERROR_AFTER, Mode.TIMEOUT_AFTER, Mode.CRASH_BEFORE, Mode.CRASH_AFTER, Mode.THROTTLED)
_CONDITIONAL = {"PUT role", "PUT root", "PUT snapshot", "PUT timestamp", "PUT register", "copy target"}
_SIGNED = {"GET timestamp", "GET snapshot", "sign snapshot", "sign timestamp"}


def modes_of(boundary: str) -> list[Mode]:
    """Everything that can happen at this call."""
    modes = [*_ANYWHERE]
    if boundary in _CONDITIONAL:
        modes += [Mode.CONFLICT, Mode.CONFLICT_AFTER]
    if boundary.startswith("GET"):
        modes += [Mode.TRUNCATED]
    if boundary.startswith("GET") or boundary in _SIGNED:
        modes += [Mode.CORRUPTED]
    return modes


class Fate(Protocol):
    """Decides what happens at a call; None lets it pass. Asked before the call."""

    def __call__(self, boundary: str) -> Mode | None: ...


@dataclass
class Trouble:
    """Runs calls as their fate will have it. A call that times out spends the time of `clock`, the present invocation's."""

    fate: Fate
    clock: FakeClock

    def around(self, boundary: str, call: Callable[[], R], *, is_write: bool = False, key: str = "") -> R:
        mode = self.fate(boundary)
        if mode in {Mode.ERROR_BEFORE, Mode.THROTTLED}:
            raise Unavailable(f"{boundary}: {mode.value}")
        if mode is Mode.CRASH_BEFORE:
            raise Crash
        if mode is Mode.CONFLICT:
            raise Conflict(key)
        result = call()
        if mode is Mode.CRASH_AFTER:
            raise Crash
        if mode is Mode.CONFLICT_AFTER:
            raise Conflict(key)
        if mode is Mode.TIMEOUT_AFTER:
            self.clock.spend(TIMEOUT_SECONDS)
        if mode is Mode.CORRUPTED and boundary in _SIGNED:
            return _corrupted(result)
        if mode is not None:
            raise UnknownOutcome(key, mode.value) if is_write else Unavailable(f"{boundary}: {mode.value}")
        return result


def _corrupted(result: R) -> R:
    """The same with one bit turned; None, as of an object that is not there, has none."""
    if isinstance(result, StoredObject):
        return StoredObject(_with_a_bit_turned(result.body), result.etag, result.last_modified)  # type: ignore[return-value]
    return _with_a_bit_turned(result) if isinstance(result, bytes) else result  # type: ignore[return-value]


def _with_a_bit_turned(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


class FaultyStore:
    """A bucket in memory, in front of which everything may go wrong."""

    def __init__(self, store: InMemoryStore, trouble: Trouble) -> None:
        self.store, self._trouble = store, trouble

    def list_versions(self, prefix: str) -> Iterator[StoredVersion]:
        yield from self._read("LIST", prefix, lambda: list(self.store.list_versions(prefix)))

    def list_keys(self, prefix: str) -> Iterator[str]:
        yield from self._read("LIST", prefix, lambda: list(self.store.list_keys(prefix)))

    def head(self, key: str) -> StoredVersion | None:
        return self._read("HEAD", key, lambda: self.store.head(key))

    def get(self, key: str, limit: int, version_id: str | None = None) -> StoredObject | None:
        return self._read("GET", key, lambda: self.store.get(key, limit, version_id))

    def digest(self, version: StoredVersion, algorithm: str) -> str:
        return self._read("GET", version.key, lambda: self.store.digest(version, algorithm))

    def put(self, key: str, body: bytes, caching: Caching) -> None:
        self._write("PUT", key, lambda: self.store.put(key, body, caching))

    def put_new(self, key: str, body: bytes, caching: Caching) -> str:
        return self._write("PUT", key, lambda: self.store.put_new(key, body, caching))

    def replace(self, key: str, body: bytes, caching: Caching, etag: str) -> str:
        return self._write("PUT", key, lambda: self.store.replace(key, body, caching, etag))

    def copy_new(self, source: ObjectStore, version: StoredVersion, key: str, caching: Caching) -> None:
        assert isinstance(source, FaultyStore)
        self._write("COPY", key, lambda: self.store.copy_new(source.store, version, key, caching))

    def delete_version(self, version: StoredVersion) -> None:
        self._read("DELETE", version.key, lambda: self.store.delete_version(version))

    def _read(self, operation: str, key: str, call: Callable[[], R]) -> R:
        return self._trouble.around(store_boundary(operation, key), call)

    def _write(self, operation: str, key: str, call: Callable[[], R]) -> R:
        return self._trouble.around(store_boundary(operation, key), call, is_write=True, key=key)


class FaultySigner:
    """An online key, in front of which everything may go wrong."""

    def __init__(self, signer: Signer, trouble: Trouble) -> None:
        self._signer, self._trouble = signer, trouble

    @property
    def public_key(self) -> PublicKey:
        return self._signer.public_key

    def sign(self, message: bytes) -> bytes:
        return self._trouble.around(sign_boundary(message), lambda: self._signer.sign(message))


class FaultyAnnouncer:
    """Tells of releases and rejections, if nothing goes wrong."""

    def __init__(self, announcer: Announcer, trouble: Trouble) -> None:
        self._announcer, self._trouble = announcer, trouble

    def announce(self, events: Sequence[Event]) -> None:
        self._trouble.around("announce", lambda: self._announcer.announce(events))


def _check_that_they_fit(store: FaultyStore, signer: FaultySigner, announcer: FaultyAnnouncer) -> tuple[ObjectStore, Signer, Announcer]:
    return store, signer, announcer
