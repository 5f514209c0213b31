"""Play a walk through the model with the real publisher and refresher, request by request.

Each process is a greenlet that stops in front of every request of which the model speaks. What it asks for next, and what
the bucket holds afterwards, must be what the model says.
"""

import hashlib
import itertools
import json
import random
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from greenlet import getcurrent, greenlet

from tests.developer import Developer
from tests.fakes import START, FakeClock, InMemoryStore, KeysOf, RecordingAnnouncer
from tests.proofs.model.protocol import Bytes, Move, Process, Protocol, Request, Store, Upload
from tests.publish.troubles import Crash, calm
from trustpress.core import layout
from trustpress.core.keys import PublicKey, p256_public_key
from trustpress.errors import Conflict, Unavailable, UnknownOutcome
from trustpress.ports import Caching
from trustpress.publish.publisher import Publisher
from trustpress.publish.refresher import Refresher

NAME = "acme/api"
REGISTER = layout.register(NAME)
_METADATA = re.compile(rf"{NAME}/metadata/([0-9]+)\.(.+)\.json")

# After so long a timestamp is half spent and its snapshot is not, or the snapshot as well.
_UNTIL_REFRESH = {"timestamp": timedelta(hours=13), "snapshot": timedelta(days=4)}


class Step(NamedTuple):
    """One move of a walk: whose it is (None: the store's own, with a late request), and the store after it."""

    place: int | None
    move: Move


def walk(protocol: Protocol, seed: int, publishers: int = 3, crashes: int = 1, ambiguous: int = 1) -> Iterator[Step]:
    """One interleaving, to the end of all runs."""
    chance = random.Random(seed)
    store = protocol.beginning()
    processes = [Process(chance.choice(["timestamp", "snapshot"])), *[Process()] * publishers]
    while steps := list(_possible(protocol, store, processes, crashes, ambiguous)):
        faults = [step for step in steps if step.move.crashes or step.move.lost]
        ordinary = [step for step in steps if step not in faults]
        place, move = step = chance.choice(faults if faults and (chance.random() < 0.05 or not ordinary) else ordinary)
        yield step
        store, crashes, ambiguous = move.store, crashes - move.crashes, ambiguous - move.lost
        if place is not None:
            processes[place] = move.process


def _possible(protocol: Protocol, store: Store, processes: list[Process], crashes: int, ambiguous: int) -> Iterator[Step]:
    for place, process in enumerate(processes):
        for move in protocol.moves(store, process):
            if move.crashes <= crashes and move.lost <= ambiguous:
                yield Step(place, move)
    for after in protocol.late_moves(store):
        yield Step(None, Move("late", after, Process()))


class RandomSigner:
    """ECDSA, whose signatures are never the same twice."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.public_key: PublicKey = p256_public_key(self._key.public_key())

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))


class PublicStore(InMemoryStore):
    """Tells how the timestamp is about to be replaced, for a request that will come late."""

    replacement: tuple[str, bytes, Caching, str] | None = None

    def replace(self, key: str, body: bytes, caching: Caching, etag: str) -> str:
        self.replacement = (key, body, caching, etag)
        return super().replace(key, body, caching, etag)


class Deployment:
    """Three roles published at version 1, and uploads that have yet to arrive; `bodies` are each upload's, and its role's."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self.staging, self.public = InMemoryStore(), PublicStore()
        signer = RandomSigner()
        self.signers = {signer.public_key.keyid: signer}
        developer = Developer([signer.public_key], START + timedelta(days=300))
        for rolename in ("docs", "tools"):
            developer.delegate(rolename, f"{rolename}/*")
        self.staging.upload(f"inbox/{NAME}/metadata/first.root.json", developer.bundle("root", "targets", "docs", "tools"))
        self.publisher().drain(NAME, FakeClock())
        self._bodies = [_signed(developer, upload, note) for note, upload in enumerate(protocol.uploads, start=1)]
        bundles = zip(protocol.uploads, self._bodies, strict=True)
        self._uploads = [b'{"%s":%s}' % (upload.rolename.encode(), body) for upload, body in bundles]
        self._receipts = [f"receipts/{NAME}/{hashlib.sha256(upload).hexdigest()}.json" for upload in self._uploads]

    def publisher(self) -> Publisher:
        return Publisher(
            self.staging, self.public, KeysOf(self.signers.values()), lambda attempt: None, workers=1, announcer=RecordingAnnouncer()
        )

    def calm(self) -> None:
        for store in (self.staging, self.public):
            store.before = store.after = calm

    def upload(self, body: Bytes) -> None:
        self.staging.upload(f"inbox/{NAME}/metadata/upload-{body}.json", self._uploads[body - 1])

    def request(self, operation: str, key: str, previous: str) -> Request | None:
        """A request in the model's words; None for those it leaves out: what is read there never changes.

        Reading a write-once key tells something only right after writing it.
        """
        if key in self._receipts:
            return operation, f"receipt {self._receipts.index(key) + 1}"
        if key == f"{NAME}/metadata/timestamp.json":
            return operation, "timestamp.json"
        if key.startswith("inbox/"):
            return None if operation == "GET" else (operation, "inbox" if operation == "LIST" else f"upload {key[-6]}")
        is_left_out = not (found := _METADATA.fullmatch(key)) or found[2] == "root" or (operation == "GET" and key != previous)
        return None if is_left_out else (operation, key.removeprefix(f"{NAME}/metadata/"))

    def seen(self) -> dict[str, object]:
        """What the buckets hold, in the model's words."""
        timestamp = self._signed("timestamp.json")
        number = timestamp["meta"]["snapshot.json"]["version"]
        listed = self._signed(f"{number}.snapshot.json")["meta"]
        keys = [found for key in self.public.objects if (found := _METADATA.fullmatch(key))]
        return {
            "timestamp": timestamp["version"],
            "snapshot": number,
            "meta": tuple(self._bytes_of(f"{listed[f'{name}.json']['version']}.{name}.json") for name in self._protocol.rolenames),
            "snapshots": {int(found[1]) for found in keys if found[2] == "snapshot"},
            "roles": {self._bytes_of(found[0].rpartition("/")[2]) for found in keys if found[2] in self._protocol.rolenames} - {0},
            "inbox": {int(key[-6]) for key in self.staging.objects if key.startswith("inbox/")},
            "receipts": [self._status(key) for key in self._receipts],
        }

    def _signed(self, filename: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.public.body(f"{NAME}/metadata/{filename}"))["signed"]
        return value

    def _bytes_of(self, filename: str) -> Bytes:
        body = self.public.body(f"{NAME}/metadata/{filename}")
        return self._bodies.index(body) + 1 if body in self._bodies else 0

    def _status(self, key: str) -> str:
        return str(json.loads(self.staging.body(key))["status"]) if key in self.staging.objects else ""


class Run:
    """One run of a real publisher or refresher, stopped in front of the next request of which the model speaks."""

    def __init__(self, deployment: Deployment, renews: str, later: timedelta) -> None:
        self._deployment, self._renews, self._later = deployment, renews, later
        self._greenlet = greenlet(self._work)
        self._previous = ""
        self._asked: tuple[str, ...] = ()
        self._register, self._register_changed = b"", False
        self._loses_answer = False
        self.next: Request = ("", "")
        self._resume()

    def _work(self) -> None:
        deployment, clock = self._deployment, FakeClock(START + self._later)
        with suppress(Unavailable, UnknownOutcome, Crash):
            if self._renews:
                Refresher(deployment.staging, deployment.public, KeysOf(deployment.signers.values())).refresh(NAME, clock)
            else:
                deployment.publisher().drain(NAME, clock)

    @property
    def is_over(self) -> bool:
        return bool(self._greenlet.dead)

    def carry_out(self, loses_answer: bool = False) -> None:
        self._loses_answer = loses_answer
        self._resume()

    def fail(self, error: BaseException) -> None:
        """End the process, or have it told that its request got no answer."""
        self._resume(error)

    def _resume(self, error: BaseException | None = None) -> None:
        for store in (self._deployment.staging, self._deployment.public):
            store.before, store.after = self._before, self._after
        self.next = self._greenlet.throw(error) if error else self._greenlet.switch()

    def _before(self, operation: str, key: str) -> None:
        request = self._deployment.request(operation, key, self._previous)
        self._previous = key if operation == "PUT" else ""
        self.replacement = self._deployment.public.replacement
        self._asked = (*self._asked[-2:], key)
        if (operation, key) == ("GET", REGISTER):
            register = self._deployment.staging.body(key)
            self._register, self._register_changed = register, register != self._register
        # A version that an upload waits for is looked at each time that upload is judged.
        if request and not self._reads_again() and not (operation == "HEAD" and request == self.next):
            parent = getcurrent().parent
            assert parent is not None
            parent.switch(request)

    def _reads_again(self) -> bool:
        """Whoever finds another timestamp or another register than it remembers reads the timestamp once more, behind the register."""
        *before, now = self._asked
        if not now.endswith("timestamp.json") or len(before) < 2 or before[-1] != REGISTER:
            return False
        return before[0] == now or self._register_changed

    def _after(self, operation: str, key: str) -> None:
        if key == REGISTER:
            self._register = self._deployment.staging.body(key)
        if self._loses_answer:
            self._loses_answer = False
            raise UnknownOutcome(key, "the connection broke")


class Replay:
    """Plays the steps of a walk. Raises AssertionError at the first thing that is not as the model has it."""

    def __init__(self, protocol: Protocol) -> None:
        self._deployment = Deployment(protocol)
        self._runs: dict[int, Run] = {}
        self._numbers = {renews: itertools.count(1) for renews in ("", *_UNTIL_REFRESH)}
        self._late: tuple[str, bytes, Caching, str] | None = None

    def play(self, step: Step, before: Store) -> None:
        for body in sorted(step.move.store.arrived - before.arrived):
            self._deployment.upload(body)
        if step.place is None:
            self._come_late()
        else:
            run = self._running(step.place, step.move.process.renews)
            self._ask(run, step.move)
            if step.move.process.at == "over":
                assert run.is_over
        assert self._deployment.seen() == _in_words(step.move.store)

    def _running(self, place: int, renews: str) -> Run:
        if place not in self._runs or self._runs[place].is_over:
            later = _UNTIL_REFRESH[renews] if renews else timedelta(seconds=1)
            self._runs[place] = Run(self._deployment, renews, next(self._numbers[renews]) * later)
        return self._runs[place]

    def _ask(self, run: Run, move: Move) -> None:
        """The requests of one move, with the fault at the last of them; of receipts or deletions, which go together, at the first."""
        requests = list(move.requests)
        unanswered = move.what.endswith(("request lost", "late"))
        while requests:
            # Deletions are in no particular order.
            assert run.next in (requests if requests[0][0] == "DELETE" else requests[:1])
            if unanswered and _are_one(requests):
                self._late = run.replacement if move.what.endswith("late") else self._late
                run.fail(UnknownOutcome(run.next[1], "the connection broke"))
                return
            requests.remove(run.next)
            run.carry_out(loses_answer=move.what.endswith("answer lost") and not requests)
        if move.crashes:
            run.fail(Crash())

    def _come_late(self) -> None:
        assert self._late is not None
        self._deployment.calm()
        with suppress(Conflict):
            self._deployment.public.replace(*self._late)


def _are_one(requests: list[Request]) -> bool:
    """Whether one fault is a fault of all of them."""
    return len(requests) == 1 or (requests[0][1].startswith(("receipt", "upload")) and len({operation for operation, _ in requests}) == 1)


def _in_words(store: Store) -> dict[str, object]:
    return {
        "timestamp": store.timestamp.version,
        "snapshot": store.timestamp.snapshot.number,
        "meta": store.timestamp.snapshot.meta,
        "snapshots": {number for number, _ in store.snapshots},
        "roles": set(store.roles),
        "inbox": set(store.inbox),
        "receipts": [receipt.status for receipt in store.receipts],
    }


def _signed(developer: Developer, upload: Upload, note: int) -> bytes:
    """The role as it is, at another version and with a note that makes its bytes differ."""
    role = developer.roles[upload.rolename]
    role.version, role.unrecognized_fields = upload.version, {"x-note": str(note)}
    return developer.signed(upload.rolename)
