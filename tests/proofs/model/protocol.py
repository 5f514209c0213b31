"""The commit as a state machine, small enough to be explored exhaustively: the specification of the protocol.

A store, and processes that each publish what waits in the inbox, or refresh. A move is what one process does between two
instants at which another may come in between: one request that others can notice, with the requests before it that they
cannot. What is left out, and why that hides nothing:

- Reading what is written once (snapshots, role files, roots, uploads by version) is no move: the answer never changes.
- A write that is refused because a write-once key is taken, with the look at what is there, belongs to the write that
  follows: it would be refused as well, and show the same bytes, at any later time. So stepping over orphans is one move.
- An upload arrives when it is first listed: nobody can tell that it was there before.
- Receipts of what is published are one move, and so are the deletions of one drain: nothing depends on two of them. They are
  one move together where no upload can be refused: then nobody reads a receipt.
- A role file that no rival can write belongs to the snapshot that lists it: until then nobody else looks at it. Others are
  written one after another; the publisher writes several at once, but nothing depends on two.
- The register follows what was committed, and is read before the timestamp: it never knows more than the timestamp tells.

Signatures are random, as with ECDSA: two attempts at one document never have the same bytes.
"""

from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

# A role's bytes: that of the n-th upload, counted from one, or what was published at version 1 before the story began.
Bytes = int
Meta = tuple[Bytes, ...]
Uploads = frozenset[Bytes]
# A snapshot's bytes, by its number and the attempt at it.
Written = tuple[int, int]

# What is to be said of each upload, in the order in which it is written.
Statuses = tuple[tuple[Bytes, str], ...]
Request = tuple[str, str]

NONE: Uploads = frozenset()
PUBLISHED_BEFORE: Bytes = 0

# The bytes of a document that never reached the store.
LOST = -1


class Upload(NamedTuple):
    rolename: str
    version: int = 2


class Snapshot(NamedTuple):
    """`writing` tells apart the attempts at one number, whose bytes always differ: at least by their signature."""

    number: int
    meta: Meta
    writing: int = 0

    @property
    def written(self) -> Written:
        return self.number, self.writing


class Timestamp(NamedTuple):
    version: int
    snapshot: Snapshot
    writing: int = 0


class Receipt(NamedTuple):
    """`writes` is for its etag: every run writes other bytes, at another time."""

    status: str = ""
    writes: int = 0


class Receipts(NamedTuple):
    """Receipts to be written, each over the one that is expected, or whatever is there."""

    statuses: Statuses
    over: Receipt | None = None


class Write(NamedTuple):
    """What a request asks of the store; `expected` is whose etag If-Match names."""

    kind: str
    body: Bytes | Snapshot | Timestamp | Receipts | Uploads
    expected: Timestamp | None = None


class Store(NamedTuple):
    """The bucket: one mutable timestamp, write-once snapshots and role files, the inbox and its receipts.

    `late` are requests whose sender has given up on them, and which the store has yet to carry out.
    """

    timestamp: Timestamp
    snapshots: frozenset[Written]
    roles: Uploads = NONE
    arrived: Uploads = NONE
    inbox: Uploads = NONE
    receipts: tuple[Receipt, ...] = ()
    late: frozenset[Write] = frozenset()


class Process(NamedTuple):
    """One run of a publisher, or with `renews` of a refresher: where it is, and what it has in memory.

    `seen` are the uploads it found, None before it has listed the inbox, and `refused` those it knows to be impossible: both
    outlast a race that is lost. `place` is how many role files, or receipts, are written.
    """

    renews: str = ""
    at: str = "load"
    head: Timestamp | None = None
    seen: Uploads | None = None
    refused: Uploads = NONE
    taken: tuple[bool, ...] = ()
    place: int = 0
    hand: Snapshot | Timestamp | Receipt | None = None
    receipts: Statuses = ()

    def from_the_start(self, refused: Uploads = NONE) -> "Process":
        """The same run, about to load what is published by now."""
        return Process(self.renews, seen=self.seen, refused=self.refused | refused)


class Move(NamedTuple):
    """`crashes` and `lost` count the faults it takes."""

    what: str
    store: Store
    process: Process
    requests: tuple[Request, ...] = ()
    crashes: int = 0
    lost: int = 0


class Verdicts(NamedTuple):
    """`accepted` in the order in which they are written, `errors` with the receipt each will get; `meta` is what snapshot is to list."""

    accepted: tuple[Bytes, ...]
    errors: dict[Bytes, str]
    meta: Meta
    gap: Upload | None


class Variant(NamedTuple):
    """Ways to build it. The defaults are the real one."""

    new_roles: bool = True  # PUT N.role.json with If-None-Match
    new_snapshot: bool = True  # PUT M.snapshot.json with If-None-Match
    match_timestamp: bool = True  # PUT timestamp.json with If-Match
    snapshot_first: bool = True
    reads_back: bool = True  # after a refusal or no answer, same bytes are fine
    probes: bool = True  # a snapshot number that is taken is stepped over


THE_REAL_ONE = Variant()


class Protocol:
    """Every move of one process against a store. `uploads` are those that may arrive.

    With `late`, a request for the timestamp that got no answer may be carried out at any later time. (Other requests that come
    late are what a slow run makes that crashes right behind them; one for the timestamp is too, but for its sender's memory.)
    """

    def __init__(self, uploads: tuple[Upload, ...], variant: Variant = THE_REAL_ONE, *, late: bool = True) -> None:
        self.uploads, self.variant, self._late = uploads, variant, late
        self.rolenames = tuple(dict.fromkeys(upload.rolename for upload in uploads))

    def beginning(self) -> Store:
        """Every role is published at version 1, by the first snapshot and the first timestamp."""
        snapshot = Snapshot(1, (PUBLISHED_BEFORE,) * len(self.rolenames))
        return Store(Timestamp(1, snapshot), frozenset({snapshot.written}), receipts=(Receipt(),) * len(self.uploads))

    def version(self, body: Bytes) -> int:
        return self.uploads[body - 1].version if body else 1

    def role(self, body: Bytes) -> int:
        """The place of an upload's role in a snapshot's meta."""
        return self.rolenames.index(self.uploads[body - 1].rolename)

    def moves(self, store: Store, process: Process) -> Iterator[Move]:
        """Where there is no fault and nobody uploads, exactly the first one is possible; none once the run is over."""
        if process.at == "over":
            return
        step = {
            "load": self._load,
            "list": self._list,
            "look": self._look,
            "put roles": self._put_roles,
            "read role": self._read_role,
            "put snapshot": self._put_snapshot,
            "read snapshot": self._read_snapshot,
            "put timestamp": self._put_timestamp,
            "read timestamp": self._read_timestamp,
            "look again": self._look_again,
            "put receipts": self._put_receipts,
            "read receipt": self._read_receipt,
            "put receipt": self._put_receipt,
            "check receipt": self._check_receipt,
            "delete": self._delete,
        }[process.at]
        yield from step(store, process)
        again = Process(process.renews)
        if process != again:
            yield Move("crash", store, again, crashes=1)

    def late_moves(self, store: Store) -> Iterator[Store]:
        """The store carries out a request that nobody waits for any more."""
        for write in store.late:
            waiting = store._replace(late=store.late - {write})
            yield self._carried_out(waiting, write) or waiting

    # The publisher: drain, publish and settle.

    def _load(self, store: Store, process: Process) -> Iterator[Move]:
        """A release that does not verify stops everybody: a person must look."""
        if store.timestamp.snapshot.written not in store.snapshots:
            yield Move("load: broken", store, Process(process.renews), (("GET", "timestamp.json"),))
            return
        at = {"": "list", "timestamp": "put timestamp", "snapshot": "put snapshot"}[process.renews]
        hand = store.timestamp.snapshot if process.renews == "timestamp" else None
        loaded = process._replace(at=at, head=store.timestamp, hand=hand)
        yield Move("load", store, loaded, (("GET", "timestamp.json"),))

    def _list(self, store: Store, process: Process) -> Iterator[Move]:
        """The first time, what is there; later, what of it no other has taken. What comes later is for others to find."""
        if process.seen is not None:
            yield Move("list again", store, self._judged(store, process._replace(seen=process.seen & store.inbox)), (("LIST", "inbox"),))
            return
        for arriving in self._arrivals(store):
            there = store._replace(inbox=store.inbox | arriving, arrived=store.arrived | arriving)
            yield Move("list", there, self._judged(there, process._replace(seen=there.inbox)), (("LIST", "inbox"),))

    def _arrivals(self, store: Store) -> Iterator[Uploads]:
        """Who may upload now. Of uploads that only their names tell apart, those with the first names arrive first."""
        yield NONE
        absent = [body for body in range(1, len(self.uploads) + 1) if body not in store.arrived]
        for chosen in range(1, 1 << len(absent)):
            arriving = frozenset(body for place, body in enumerate(absent) if chosen >> place & 1)
            if all(self._twin(body) in {0} | store.arrived | arriving for body in arriving):
                yield arriving

    def _twin(self, body: Bytes) -> Bytes:
        """The upload before this one if the story would be the same with the two exchanged, 0 if not."""
        return body - 1 if body > 1 and self._alone(body) and self._alone(body - 1) else 0

    def _alone(self, body: Bytes) -> bool:
        upload = self.uploads[body - 1]
        return upload.version == 2 and [other.rolename for other in self.uploads].count(upload.rolename) == 1

    def _look(self, store: Store, process: Process) -> Iterator[Move]:
        """Whether the version that an upload waits for is taken: its upload may be gone."""
        gap = self.verdicts(store, process).gap
        assert gap is not None
        looked = process._replace(taken=(any(self.uploads[body - 1] == gap for body in store.roles),))
        yield Move("look", store, self._judged(store, looked), (("HEAD", f"{gap.version}.{gap.rolename}.json"),))

    def _judged(self, store: Store, process: Process) -> Process:
        verdicts = self.verdicts(store, process)
        if verdicts.gap is not None:
            return process._replace(at="look")
        return process._replace(at="put roles") if verdicts.accepted else self._settled(store, process, process.head)

    def verdicts(self, store: Store, process: Process) -> Verdicts:
        """What is accepted upon the release that was loaded, lowest versions first, and what is not."""
        assert process.head is not None
        assert process.seen is not None
        meta = list(process.head.snapshot.meta)
        accepted, errors, gap = [], dict.fromkeys(process.refused & process.seen, "rejected"), None
        for body in self._in_order(process.seen - process.refused):
            role, version = self.role(body), self.version(body)
            missing = version - self.version(meta[role]) - 1
            is_done = missing < 0 and body in store.roles
            if missing > 0 and not process.taken:
                gap = self.uploads[body - 1]._replace(version=version - 1)
            if missing == 0 or (missing > 0 and process.taken == (True,)):
                meta[role] = body
                accepted.append(body)
            elif not is_done:
                errors[body] = "rejected" if missing < 0 else "waiting"
        return Verdicts(tuple(accepted), errors, tuple(meta), gap)

    def _in_order(self, bodies: Uploads) -> list[Bytes]:
        return sorted(bodies, key=lambda body: (self.version(body), body))

    def _put_roles(self, store: Store, process: Process) -> Iterator[Move]:
        """Role files in order, to the first that a rival may have taken; once all are there the snapshot follows."""
        accepted = self.verdicts(store, process).accepted
        requests: tuple[Request, ...] = ()
        for place in range(process.place, len(accepted)):
            body, key = accepted[place], self._key(accepted[place])
            requests += (("PUT", key),)
            if body in store.roles and self.variant.reads_back:
                requests += (("GET", key),)
                continue
            if not self._contested(body):
                store = store._replace(roles=store.roles | {body})
                continue
            last = place + 1 == len(accepted)
            following = self._roles_there(process) if last else process._replace(place=place + 1)
            refused = process.from_the_start(refused=frozenset({body}))
            unsure = process._replace(at="read role", place=place)
            yield from self._write(store, Write("role", body), requests, done=following, refused=refused, unsure=unsure)
            return
        for move in self.moves(store, self._roles_there(process)):
            if not move.crashes:
                yield move._replace(requests=requests + move.requests)

    def _roles_there(self, process: Process) -> Process:
        return process._replace(at="put snapshot" if self.variant.snapshot_first else "put timestamp", place=0)

    def _key(self, body: Bytes) -> str:
        return f"{self.version(body)}.{self.uploads[body - 1].rolename}.json"

    def _contested(self, body: Bytes) -> bool:
        return self.uploads.count(self.uploads[body - 1]) > 1

    def _read_role(self, store: Store, process: Process) -> Iterator[Move]:
        body = self.verdicts(store, process).accepted[process.place]
        upload = self.uploads[body - 1]
        found = [other for other in store.roles if self.uploads[other - 1] == upload]
        if found == [body]:
            following = process._replace(at="put roles", place=process.place + 1)
        else:
            following = process.from_the_start(refused=frozenset({body})) if found else Process()
        yield Move("read role", store, following, (("GET", f"{upload.version}.{upload.rolename}.json"),))

    def _settled(self, store: Store, process: Process, head: Timestamp | None) -> Process:
        """What is left to do after the commit, or without one: receipts, and last of all the inbox.

        What is not published was judged by the release that is served, `head`, or is judged again.
        """
        assert process.seen is not None
        errors = self.verdicts(store, process).errors
        receipts = tuple((body, errors.get(body, "published")) for body in self._in_order(process.seen))
        if errors:
            return process.from_the_start()._replace(at="look again", head=head, receipts=receipts)
        return _at_next_receipt(receipts, 0) if receipts else Process(at="over")

    def _look_again(self, store: Store, process: Process) -> Iterator[Move]:
        same = store.timestamp == process.head
        following = _at_next_receipt(process.receipts, 0) if same else process.from_the_start()
        yield Move("look again", store, following, (("GET", "timestamp.json"),))

    def _put_receipts(self, store: Store, process: Process) -> Iterator[Move]:
        """Those of what is published, over whatever a run with an older view has written."""
        statuses = tuple(takewhile(_is_published, process.receipts[process.place :]))
        requests = tuple(("PUT", f"receipt {body}") for body, _ in statuses)
        done = _at_next_receipt(process.receipts, process.place + len(statuses))
        for move in self._write(store, Write("receipts", Receipts(statuses)), requests, done=done, refused=Process(), unsure=Process()):
            if move.process.at == "delete" and not any(self._may_be_refused(body) for body, _ in process.receipts):
                yield from self._delete_at_once(move)
            else:
                yield move

    def _delete_at_once(self, receipts_put: Move) -> Iterator[Move]:
        """Receipts that nobody reads make no difference until the uploads are gone too, or will be by another run."""
        for move in self._delete(receipts_put.store, receipts_put.process):
            yield move._replace(requests=receipts_put.requests + move.requests)
        yield receipts_put._replace(what="crash behind receipts", process=Process(), crashes=1)

    def _read_receipt(self, store: Store, process: Process) -> Iterator[Move]:
        """Of what comes to nothing now: what was published before stays so, and so does what was refused."""
        body, status = process.receipts[process.place]
        found = store.receipts[body - 1]
        status = found.status if found.status in {"published", "rejected"} else status
        receipts = (*process.receipts[: process.place], (body, status), *process.receipts[process.place + 1 :])
        nothing_new = _at_next_receipt(receipts, process.place + 1)
        following = nothing_new if found.status == status else process._replace(at="put receipt", hand=found, receipts=receipts)
        yield Move("read receipt", store, following, (("GET", f"receipt {body}"),))

    def _put_receipt(self, store: Store, process: Process) -> Iterator[Move]:
        """Over the one that was read; if another run was faster it is read again."""
        assert isinstance(process.hand, Receipt)
        body, status = process.receipts[process.place]
        write = Write("receipt", Receipts(((body, status),), process.hand))
        again = process._replace(at="read receipt", hand=None)
        done = _at_next_receipt(process.receipts, process.place + 1)
        unsure = process._replace(at="check receipt", hand=Receipt(status, process.hand.writes + 1))
        yield from self._write(store, write, (("PUT", f"receipt {body}"),), done=done, refused=again, unsure=unsure)

    def _check_receipt(self, store: Store, process: Process) -> Iterator[Move]:
        body, _ = process.receipts[process.place]
        mine = store.receipts[body - 1] == process.hand
        again = process._replace(at="read receipt", hand=None)
        following = _at_next_receipt(process.receipts, process.place + 1) if mine else again
        yield Move("check receipt", store, following, (("GET", f"receipt {body}"),))

    def _delete(self, store: Store, process: Process) -> Iterator[Move]:
        done = frozenset(body for body, status in process.receipts if status != "waiting")
        requests = tuple(("DELETE", f"upload {body}") for body in done)
        yield from self._write(store, Write("delete", done), requests, done=Process(at="over"), refused=Process(), unsure=Process())

    # The commit: snapshot, then timestamp.

    def _put_snapshot(self, store: Store, process: Process) -> Iterator[Move]:
        assert process.head is not None
        if not self.variant.snapshot_first:
            yield from self._put_snapshot_last(store, process)
            return
        taken = {number for number, _ in store.snapshots}
        tried = process.hand if isinstance(process.hand, Snapshot) else process.head.snapshot
        number = tried.number + 1
        requests: tuple[Request, ...] = ()
        while self.variant.probes and number in taken:
            requests += (("PUT", f"{number}.snapshot.json"), ("GET", f"{number}.snapshot.json"))
            number += 1
        snapshot = self._signed_snapshot(store, number, self._meta(store, process))
        following = process._replace(at="put timestamp", hand=snapshot)
        unsure = process._replace(at="read snapshot", hand=snapshot)
        requests += (("PUT", f"{number}.snapshot.json"),)
        yield from self._write(
            store, Write("snapshot", snapshot), requests, done=following, refused=self._lost_race(process), unsure=unsure
        )

    def _put_snapshot_last(self, store: Store, process: Process) -> Iterator[Move]:
        assert isinstance(process.hand, Timestamp)
        following = self._committed(store, process, process.hand)
        requests = (("PUT", f"{process.hand.snapshot.number}.snapshot.json"),)
        write = Write("snapshot", process.hand.snapshot)
        yield from self._write(store, write, requests, done=following, refused=self._lost_race(process), unsure=Process())

    def _meta(self, store: Store, process: Process) -> Meta:
        assert process.head is not None
        return process.head.snapshot.meta if process.renews else self.verdicts(store, process).meta

    def _read_snapshot(self, store: Store, process: Process) -> Iterator[Move]:
        """What is not there may still come: the run ends, and its event is delivered again."""
        assert isinstance(process.hand, Snapshot)
        number = process.hand.number
        if process.hand.written in store.snapshots:
            following = process._replace(at="put timestamp")
        elif any(taken == number for taken, _ in store.snapshots):
            following = process._replace(at="put snapshot")
        else:
            following = Process(process.renews)
        yield Move("read snapshot", store, following, (("GET", f"{number}.snapshot.json"),))

    def _put_timestamp(self, store: Store, process: Process) -> Iterator[Move]:
        head = process.head
        assert head is not None
        snapshot = process.hand if self.variant.snapshot_first else Snapshot(head.snapshot.number + 1, self._meta(store, process))
        assert isinstance(snapshot, Snapshot)
        timestamp = self._signed_timestamp(store, head.version + 1, snapshot)
        write = Write("timestamp", timestamp, head)
        unsure = process._replace(at="read timestamp", hand=timestamp)
        following = (
            self._committed(store, process, timestamp)
            if self.variant.snapshot_first
            else process._replace(at="put snapshot", hand=timestamp)
        )
        requests = (("PUT", "timestamp.json"),)
        yield from self._write(store, write, requests, done=following, refused=self._lost_race(process), unsure=unsure)

    def _read_timestamp(self, store: Store, process: Process) -> Iterator[Move]:
        assert isinstance(process.hand, Timestamp)
        mine = store.timestamp == process.hand
        following = self._committed(store, process, process.hand) if mine else self._lost_race(process)
        yield Move("read timestamp", store, following, (("GET", "timestamp.json"),))

    def _committed(self, store: Store, process: Process, timestamp: Timestamp) -> Process:
        return Process(process.renews, at="over") if process.renews else self._settled(store, process, timestamp)

    def _lost_race(self, process: Process) -> Process:
        """A publisher starts over from what is published then; to a refresher it is success: somebody has signed just now."""
        return Process(process.renews, at="over") if process.renews else process.from_the_start()

    # The store.

    def _write(
        self, store: Store, write: Write, requests: tuple[Request, ...], *, done: Process, refused: Process, unsure: Process
    ) -> Iterator[Move]:
        """Every answer that a write can get: yes, no, or none, after it happened, before it happens, or instead."""
        after = self._carried_out(store, write)
        if not self.variant.reads_back:
            unsure = Process(unsure.renews)
        if after is None:
            yield Move(f"put {write.kind}: refused", store, refused, (*requests, ("GET", requests[-1][1])))
        else:
            yield Move(f"put {write.kind}", after, done, requests)
            yield Move(f"put {write.kind}: answer lost", after, unsure, requests, lost=1)
            if self._late and write.kind == "timestamp":
                yield Move("put timestamp: late", store._replace(late=store.late | {write}), unsure, requests, lost=1)
        if isinstance(unsure.hand, Snapshot | Timestamp):
            unsure = unsure._replace(hand=unsure.hand._replace(writing=LOST))
        if isinstance(unsure.hand, Receipt):
            unsure = unsure._replace(hand=unsure.hand._replace(writes=LOST))
        yield Move(f"put {write.kind}: request lost", store, unsure, requests, lost=1)

    def _carried_out(self, store: Store, write: Write) -> Store | None:
        """What the store makes of a request, None if its condition does not hold."""
        body, variant = write.body, self.variant
        if isinstance(body, int):
            there = {other for other in store.roles if self.uploads[other - 1] == self.uploads[body - 1]}
            return None if there and variant.new_roles else store._replace(roles=store.roles - there | {body})
        if isinstance(body, Snapshot):
            taken = {written for written in store.snapshots if written[0] == body.number}
            return None if taken and variant.new_snapshot else store._replace(snapshots=store.snapshots - taken | {body.written})
        if isinstance(body, Timestamp):
            changed = store.timestamp != write.expected
            return None if changed and variant.match_timestamp else store._replace(timestamp=body)
        if isinstance(body, frozenset):
            return store._replace(inbox=store.inbox - body)
        receipts = list(store.receipts)
        for upload, status in body.statuses:
            if body.over is not None and receipts[upload - 1] != body.over:
                return None
            writes = receipts[upload - 1].writes + 1 if self._may_be_refused(upload) else 0
            receipts[upload - 1] = Receipt(status, writes)
        return store._replace(receipts=tuple(receipts))

    def _may_be_refused(self, body: Bytes) -> bool:
        """Only then are its receipts written by compare-and-swap."""
        return [upload.rolename for upload in self.uploads].count(self.uploads[body - 1].rolename) > 1

    def _signed_snapshot(self, store: Store, number: int, meta: Meta) -> Snapshot:
        late = [write.body.written for write in store.late if isinstance(write.body, Snapshot)]
        attempts = [writing for other, writing in [*store.snapshots, *late] if other == number]
        return Snapshot(number, meta, max(attempts, default=-1) + 1)

    def _signed_timestamp(self, store: Store, version: int, snapshot: Snapshot) -> Timestamp:
        others = [store.timestamp, *(write.body for write in store.late)]
        attempts = [other.writing for other in others if isinstance(other, Timestamp) and other.version == version]
        return Timestamp(version, snapshot, max(attempts, default=-1) + 1)


def _is_published(entry: tuple[Bytes, str]) -> bool:
    return entry[1] == "published"


def _at_next_receipt(receipts: Statuses, place: int) -> Process:
    if place == len(receipts):
        nothing_is_done = all(status == "waiting" for _, status in receipts)
        return Process(at="over") if nothing_is_done else Process(at="delete", receipts=receipts)
    return Process(at="put receipts" if _is_published(receipts[place]) else "read receipt", place=place, receipts=receipts)
