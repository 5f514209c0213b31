"""States that cannot be told apart by anything that happens later are one state. True of the real protocol only."""

from tests.proofs.model.protocol import NONE, Process, Snapshot, Store, Timestamp, Write


def reduced_store(store: Store) -> Store:
    """Numbers count from the release that is served, and requests that can only be refused are forgotten.

    Snapshots below the served one are never read again, and all their numbers are taken.
    """
    served = store.timestamp
    kept = [Snapshot(number, (), writing) for number, writing in store.snapshots if number >= served.snapshot.number]
    snapshots = frozenset(_shifted_snapshot(snapshot, served).written for snapshot in kept)
    late = frozenset(shifted for write in store.late if (shifted := _reduced_write(store, write)))
    return store._replace(timestamp=_shifted(served, served), snapshots=snapshots, late=late)


def reduced_process(store: Store, process: Process) -> Process:
    """A publisher whose release is no longer served will not commit: what it has read decides which role files it writes, no more.

    Once all that it found is published and gone, it only looks once more.
    """
    if process.at in {"load", "list"} and process.seen is not None:
        process = process._replace(seen=process.seen & store.inbox)
    if process.at == "load" and process.seen == NONE:
        return Process(at="over")
    if process.head is None:
        return process
    served = store.timestamp
    if process.head == served:
        return process._replace(head=_shifted(served, served), hand=_shifted_hand(process, served))
    if process.at == "read timestamp" and process.hand == served:
        return process._replace(head=_outdated(process.head), hand=_shifted(served, served))
    if process.at in {"put timestamp", "read timestamp", "look again"} or process.renews == "timestamp":
        return Process(process.renews, at="over") if process.renews else reduced_process(store, process.from_the_start())
    return process._replace(head=_outdated(process.head), hand=_shifted_hand(process, served))


def _reduced_write(store: Store, write: Write) -> Write | None:
    """A late request for the timestamp, None if somebody else has committed since."""
    served = store.timestamp
    if write.expected != served:
        return None
    assert isinstance(write.body, Timestamp)
    return write._replace(body=_shifted(write.body, served), expected=_shifted(served, served))


def _outdated(head: Timestamp) -> Timestamp:
    return Timestamp(0, Snapshot(1, head.snapshot.meta))


def _shifted_hand(process: Process, served: Timestamp) -> Snapshot | Timestamp | None:
    """A number that was tried in vain says no more than the store: it is taken."""
    if process.at == "put snapshot":
        return None
    if isinstance(process.hand, Timestamp):
        return _shifted(process.hand, served)
    return _shifted_snapshot(process.hand, served) if isinstance(process.hand, Snapshot) else None


def _shifted(timestamp: Timestamp, served: Timestamp) -> Timestamp:
    writing = 0 if timestamp == served else timestamp.writing
    return Timestamp(timestamp.version - served.version + 1, _shifted_snapshot(timestamp.snapshot, served), writing)


def _shifted_snapshot(snapshot: Snapshot, served: Timestamp) -> Snapshot:
    writing = 0 if snapshot.written == served.snapshot.written else snapshot.writing
    return snapshot._replace(number=snapshot.number - served.snapshot.number + 1, writing=writing)
