"""Readers that never stop reading, and what they have to say."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.tuf_js import TufJs
from tests.proofs.drills.clients import Client, ColdPythonTuf, RefreshFailed, WarmPythonTuf, WarmTufJs
from tests.proofs.drills.edge import RememberingEdge
from tests.readers import Seen
from tests.stack.actors import until

WARM_PAUSE, COLD_PAUSE = 0.1, 3.0
TURNS_A_DOWNLOAD = 5
TURNS_A_STEP = 3
GOOD_TURNS = 2


@dataclass
class Shelf:
    """The files that readers must find, each from the release on that published it; None stands for what they must not find."""

    _files: dict[str, tuple[int, bytes | None]] = field(default_factory=dict)

    def put(self, targetpath: str, data: bytes | None, timestamp: int) -> None:
        self._files[targetpath] = (timestamp, data)

    @property
    def newest(self) -> int:
        """The version of the timestamp that shows all of them."""
        return max(since for since, _ in self._files.values())

    def sample(self, timestamp: int) -> dict[str, bytes | None]:
        """The first and the last file among those that a client of this release must find."""
        found = [(targetpath, data) for targetpath, (since, data) in list(self._files.items()) if since <= timestamp]
        return dict(found[:1] + found[-1:])


class Watcher:
    """One client that reads over and over, and downloads now and then.

    It has failed each time that anything did not verify, a number was lower than before, or a file was not what was published.
    """

    def __init__(self, name: str, client: Client, shelf: Shelf, pause: float) -> None:
        self.name, self._client, self._shelf, self._pause = name, client, shelf, pause
        self.turns = self.good_turns = self.refreshes = self.downloads = 0
        self.failures: list[str] = []
        self.seen = Seen(0, 0, 0, {})

    def run(self, stopping: threading.Event) -> None:
        while not stopping.wait(self._pause):
            self.turns += 1
            try:
                self._turn()
            except RefreshFailed as error:
                self.good_turns = 0
                self.failures.append(str(error))
            else:
                self.good_turns += 1

    def _turn(self) -> None:
        wanted = self._shelf.sample(self.seen.timestamp) if self.turns % TURNS_A_DOWNLOAD == 0 else {}
        seen, found = self._client.read(wanted)
        if seen.is_older_than(self.seen):
            raise RefreshFailed(f"went back from {self.seen} to {seen}")
        if found != wanted:
            raise RefreshFailed(f"expected {wanted}, found {found}")
        self.seen = seen
        self.refreshes += 1
        self.downloads += len(found)


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, how long it took, and how often each watcher has read meanwhile."""

    name: str
    seconds: float
    turns: Mapping[str, int]


@dataclass
class Watch:
    """A warm client at each of two edge locations, and a cold one next to each."""

    warm: Sequence[Watcher]
    cold: Sequence[Watcher]
    steps: list[Step] = field(default_factory=list)

    @property
    def all(self) -> list[Watcher]:
        return [*self.warm, *self.cold]

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Something happens, which no reader may notice. It ends when both warm ones have read several times since it began."""
        began, before = time.monotonic(), {watcher.name: watcher.turns for watcher in self.all}
        yield
        until(lambda: all(watcher.turns >= before[watcher.name] + TURNS_A_STEP for watcher in self.warm) or None, f"readers after {name}")
        turns = {watcher.name: watcher.turns - before[watcher.name] for watcher in self.all}
        self.steps.append(Step(name, time.monotonic() - began, turns))
        assert not self.failures, f"{name}: {self.failures}"

    @contextmanager
    def outage(self, name: str) -> "Iterator[Counter[str]]":
        """Something happens at which readers may fail, until the block has ended and all of them read well again.

        Yields what then says how often they failed in which words.
        """
        said = Counter[str]()
        with self.step(name):
            yield said
            for watcher in self.all:
                watcher.good_turns = 0
            until(lambda: all(watcher.good_turns >= GOOD_TURNS for watcher in self.all) or None, f"readers to be well after {name}")
            for watcher in self.all:
                said.update(watcher.failures)
                watcher.failures.clear()

    @property
    def failures(self) -> dict[str, Counter[str]]:
        """By watcher, how often it failed in the same words."""
        return {watcher.name: Counter(watcher.failures) for watcher in self.all if watcher.failures}

    def report(self) -> str:
        """A line a step, a line a watcher."""
        lines = [f"{step.name:32} {step.seconds:5.1f} s  {dict(step.turns)}" for step in self.steps]
        lines += [
            f"{watcher.name:32} {watcher.refreshes} refreshes, {watcher.downloads} downloads, {len(watcher.failures)} failures"
            for watcher in self.all
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Readers:
    """Clients at two edge locations, which keep what they know in `folder`. Nothing is known there before the first watch."""

    folder: Path
    edges: tuple[RememberingEdge, RememberingEdge]
    tuf_js: TufJs

    @contextmanager
    def watching(self, repository: str, first_root: bytes, shelf: Shelf | None = None) -> Iterator[Watch]:
        """Have them read a repository until the block ends."""
        watch = self._watch(repository, first_root, shelf or Shelf())
        stopping = threading.Event()
        with ThreadPoolExecutor(len(watch.all)) as threads:
            running = [threads.submit(watcher.run, stopping) for watcher in watch.all]
            try:
                yield watch
            finally:
                stopping.set()
                print(watch.report())
                for thread in running:
                    thread.result()  # raises what no client should ever raise

    def _watch(self, repository: str, first_root: bytes, shelf: Shelf) -> Watch:
        one, other = (f"{edge.url}/{repository}/" for edge in self.edges)
        return Watch(
            warm=[
                Watcher("warm python-tuf", WarmPythonTuf(self.folder / "warm", one, first_root), shelf, WARM_PAUSE),
                Watcher("warm tuf-js", WarmTufJs(self.tuf_js, other, first_root), shelf, WARM_PAUSE),
            ],
            cold=[
                Watcher("cold at the one edge", ColdPythonTuf(self.folder / "one", one, first_root), shelf, COLD_PAUSE),
                Watcher("cold at the other", ColdPythonTuf(self.folder / "other", other, first_root), shelf, COLD_PAUSE),
            ],
        )
