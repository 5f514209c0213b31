"""What somebody with nothing but the right to upload can put in front of one good upload, and what it costs the function.

Each kind is looked at in a process of its own, as a container does, until the good upload is published: the slowest look and the
peak of its memory are measured. The store is in memory: what is measured is parsing and judging, not the network.
"""

import json
import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.progress import Progress

from tests.builders import JsonObject, compact, delegated, delegations, ed25519_signer, targets
from tests.publish.world import HELLO, World
from trustpress.core.parse import MAX_TARGETS_LENGTH
from trustpress.publish.looks import SECONDS_FOR_LOOKS

MEGABYTE = 1_000_000
FUNCTION_SECONDS = 120
MOST_LOOKS = 200

Junk = Iterator[tuple[str, bytes]]


def _unsigned(signed: JsonObject) -> JsonObject:
    return {"signatures": [{"keyid": "0" * 64, "sig": "00"}], "signed": signed}


def _repeated(filename: str, body: bytes, count: int) -> Junk:
    return ((f"{number}.{filename}", body) for number in range(1, count + 1))


def one_byte(_world: World, count: int) -> Junk:
    return _repeated("targets.json", b"{", count)


def nested_lists(_world: World, count: int) -> Junk:
    """480 kB each, not in compact JSON: the slowest to read."""
    nested: list[object] = []
    for _ in range(20):
        nested = [nested]
    return _repeated("targets.json", json.dumps(_unsigned({**targets(), "x-junk": [nested] * 10_900})).encode(), count)


def bundles_of_small_roles(_world: World, count: int) -> Junk:
    """480 kB each: once parsed, twenty times as large."""
    return _repeated("targets.json", compact({f"unknown-{number}": _unsigned(targets()) for number in range(2_190)}), count)


def delegations_to_many(_world: World, count: int) -> Junk:
    """480 kB each of the shortest path patterns."""
    signer = ed25519_signer("junk")
    roles = [delegated(f"unknown-{number}", [signer], *["a"] * 1000) for number in range(116)]
    return _repeated("targets.json", compact(_unsigned(targets(delegations=delegations([signer], *roles)))), count)


def _as_long_as_is_read(entry: JsonObject) -> bytes:
    """Targets with as many entries like this as an upload may have bytes."""
    empty, text = compact(_unsigned(targets())), compact(entry)
    count = (MAX_TARGETS_LENGTH - len(empty)) // (len(text) + 11)
    entries = b",".join(b'"%07d":%b' % (number, text) for number in range(count))
    return empty.replace(b'"targets":{}', b'"targets":{%b}' % entries)


def many_target_entries(_world: World, count: int) -> Junk:
    """64 MB each, which one pattern checks many at a time."""
    return _repeated("targets.json", _as_long_as_is_read({"hashes": {"sha256": "0" * 64}, "length": 1}), count)


def entries_with_custom_members(_world: World, count: int) -> Junk:
    """64 MB each, in which every entry has to be parsed, and has as many values as are read."""
    entry = {"custom": {"a": [[]] * 10 + ["x" * 50]}, "hashes": {"sha256": "0" * 64}, "length": 1}
    return _repeated("targets.json", _as_long_as_is_read(entry), count)


def unknown_roles(world: World, count: int) -> Junk:
    """What nobody has signed waits, for its delegation may be on its way."""
    body = world.developer.signed()
    return ((f"unknown-{number:05}.json", body) for number in range(count))


def known_role_forged(world: World, count: int) -> Junk:
    """Named for a role that is found only behind a hundred others."""
    return _repeated("team-099.json", world.developer.signed("team-000"), count)


def waiting_versions(world: World, count: int) -> Junk:
    """Signed, and waiting for a version that never comes. Needs a key; nobody else could."""
    developer = world.stranger()
    developer.signers, developer.roles = world.developer.signers, dict(world.developer.roles)
    developer.next_version()
    for _ in range(count):
        version = developer.next_version().version
        yield f"{version}.targets.json", developer.signed()


@dataclass(frozen=True)
class Kind:
    build: Callable[[World, int], Junk]
    count: int
    delegated_roles: int = 0


KINDS = {
    "one byte": Kind(one_byte, 10_000),
    "nested lists": Kind(nested_lists, 200),
    "bundles of small roles": Kind(bundles_of_small_roles, 200),
    "delegations to many": Kind(delegations_to_many, 200),
    "many target entries": Kind(many_target_entries, 4),
    "entries with custom members": Kind(entries_with_custom_members, 4),
    "unknown roles": Kind(unknown_roles, 5_000),
    "a known role, forged": Kind(known_role_forged, 1_000, delegated_roles=100),
    "waiting versions": Kind(waiting_versions, 1_500),
}


class RunningClock:
    """The time of one invocation."""

    def __init__(self, world: World) -> None:
        self._world, self._began = world, time.monotonic()

    def now(self) -> datetime:
        return self._world.clock.now()

    def seconds_left(self) -> float:
        return FUNCTION_SECONDS - (time.monotonic() - self._began)


@dataclass(frozen=True)
class Figures:
    """`slowest` is in seconds, `peak` in bytes on top of what the process held before its first look."""

    name: str
    count: int
    looks: int
    slowest: float
    peak: int

    def __str__(self) -> str:
        return (
            f"{self.count:,} x {self.name}: the good upload behind it published by look {self.looks}, "
            f"slowest {self.slowest:.1f} s, peak {self.peak / MEGABYTE:.0f} MB"
        )


@dataclass(frozen=True)
class AllFigures:
    kinds: list[Figures]

    def __str__(self) -> str:
        slowest, highest = max(kind.slowest for kind in self.kinds), max(kind.peak for kind in self.kinds)
        return (
            f"{len(self.kinds)} kinds of junk, every good upload behind them published: slowest look {slowest:.1f} s, "
            f"highest peak {highest / MEGABYTE:.0f} MB"
        )


def run(progress: Progress, part: float = 1) -> AllFigures:
    """Every kind in a process of its own; `part` of the numbers above."""
    figures = []
    for name in progress.track(KINDS, description="junk"):
        figures.append(in_its_own_process(name, max(1, int(KINDS[name].count * part))))
        progress.console.print(str(figures[-1]))
    return AllFigures(figures)


def in_its_own_process(name: str, count: int) -> Figures:
    """Raises BrokenProcessPool if that is ended for want of memory."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, name, count).result()


def measure(name: str, count: int) -> Figures:
    """Look at an inbox with so much junk until the good upload behind it is published."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        prepare(world, KINDS[name].delegated_roles)
        for filename, body in KINDS[name].build(world, count):
            world.upload(body, filename)
        good = upload_something_good(world)
        forget_peak()
        before = peak()
        durations: list[float] = []
        while not is_published(world, good):
            assert len(durations) < MOST_LOOKS, f"{name}: still not published"
            clock = RunningClock(world)
            world.publisher.drain(world.name, clock, SECONDS_FOR_LOOKS)
            durations.append(FUNCTION_SECONDS - clock.seconds_left())
            world.clock.pass_time(timedelta(seconds=30))
        figures = Figures(name, count, len(durations), max(durations), peak() - before)
        world.see_as_clients_do()
        return figures


def prepare(world: World, delegated_roles: int) -> None:
    """The first publish, with so many delegated roles, which the next container has to read again."""
    names = [f"team-{number:03}" for number in range(delegated_roles)]
    for name in names:
        world.developer.delegate(name, f"{name}/*")
    world.publish(world.developer.bundle("root", "targets", *names), "first.root.json")
    world.start()


def upload_something_good(world: World) -> str:
    world.clock.pass_time(timedelta(seconds=1))
    world.developer.next_version(files=HELLO)
    world.upload_files(HELLO)
    return world.upload(world.developer.signed(), "targets.json")


def is_published(world: World, sha256: str) -> bool:
    key = f"receipts/{world.name}/{sha256}.json"
    return key in world.staging.objects and bool(world.receipt(sha256)["status"] == "published")


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match is not None
    return int(match[1]) * 1024
