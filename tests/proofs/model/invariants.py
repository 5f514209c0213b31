"""What must hold of every state that the protocol can reach, and of every step between two of them."""

from collections.abc import Iterator
from enum import Enum

from tests.proofs.model.protocol import Bytes, Process, Protocol, Store

# More moves than any run makes that is left alone: it settles or it is stuck.
_PATIENCE = 60


class Invariant(Enum):
    SERVED = "the snapshot that the served timestamp lists is there, with the bytes it lists"
    LISTED = "every role that the served snapshot lists is there, with the bytes it lists"
    WRITTEN_ONCE = "a versioned key never changes its bytes"
    RISING = "new content of the timestamp has a higher version"
    NOTHING_LOST = "from one commit to the next no role is lost, lowered or changed under its version"
    ACKNOWLEDGED = "what a receipt calls published is what the served snapshot lists, or older"
    RECEIPT_STANDS = "a receipt that says published goes on saying so"
    NEVER_STUCK = "a publisher that is left alone publishes all that waits"


def broken_by_state(protocol: Protocol, store: Store) -> Iterator[Invariant]:
    listed = store.timestamp.snapshot
    if listed.written not in store.snapshots:
        yield Invariant.SERVED
    if not store.roles.issuperset(body for body in listed.meta if body):
        yield Invariant.LISTED
    if any(found.status == "published" and not _is_in_force(protocol, store, body) for body, found in enumerate(store.receipts, start=1)):
        yield Invariant.ACKNOWLEDGED
    if not _publishes_alone(protocol, store):
        yield Invariant.NEVER_STUCK


def broken_by_step(protocol: Protocol, before: Store, after: Store) -> Iterator[Invariant]:
    if before.snapshots - after.snapshots or before.roles - after.roles:
        yield Invariant.WRITTEN_ONCE
    old, new = before.timestamp, after.timestamp
    if old != new and new.version <= old.version:
        yield Invariant.RISING
    for was, now in zip(old.snapshot.meta, new.snapshot.meta, strict=True):
        if was != now and protocol.version(now) <= protocol.version(was):
            yield Invariant.NOTHING_LOST
    if any(was.status == "published" != now.status for was, now in zip(before.receipts, after.receipts, strict=True)):
        yield Invariant.RECEIPT_STANDS


def _publishes_alone(protocol: Protocol, store: Store) -> bool:
    """Whoever else was at work never comes back; one publisher starts now, and nothing fails."""
    process = Process()
    for _ in range(_PATIENCE):
        move = next(protocol.moves(store, process), None)
        if move is None:
            return all(_is_settled(protocol, store, body) for body in store.arrived)
        store, process = move.store, move.process
    return False


def _is_settled(protocol: Protocol, store: Store, body: Bytes) -> bool:
    """Published, or refused because another has its version or a higher one is published, or waiting for what has not arrived."""
    if body in store.inbox:
        return store.receipts[body - 1].status == "waiting" and not _has_arrived_before(protocol, store, body)
    return store.receipts[body - 1].status == "published" or body not in store.roles


def _has_arrived_before(protocol: Protocol, store: Store, body: Bytes) -> bool:
    upload = protocol.uploads[body - 1]
    return any(protocol.uploads[other - 1] == upload._replace(version=upload.version - 1) for other in store.arrived)


def _is_in_force(protocol: Protocol, store: Store, body: Bytes) -> bool:
    served = store.timestamp.snapshot.meta[protocol.role(body)]
    return served == body or protocol.version(served) > protocol.version(body)
