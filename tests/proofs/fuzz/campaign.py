"""Many inputs, in several processes: how they ended, what they cost, and what was found.

Input number `index` of seed `seed` is the same in every run, wherever it is made.
"""

import re
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from time import monotonic

from rich.progress import Progress

from tests.proofs.fuzz import oracle, shrink
from tests.proofs.fuzz.clients import Reading, Release, TufJsReleases
from tests.proofs.fuzz.inputs import Input, plan

MAX_SECONDS = 1.0
MAX_GROWTH = 256 * 1024 * 1024

_CHUNK = 500
_BATCH = 32
_NEIGHBOUR_EVERY = 8

# Inputs that are tried first, and not counted: by then every module is loaded.
_WARM_UP_SEED, _WARM_UP = 0, 100


@dataclass(frozen=True)
class Found:
    """A finding, and where its input was saved."""

    index: int
    what: str
    saved: str


@dataclass(frozen=True)
class Figures:
    """What a campaign did. `slowest` are seconds of CPU time, `growth` is memory over a process's baseline, in bytes."""

    seed: int
    inputs: int = 0
    elapsed: float = 0
    statuses: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    growth: int = 0
    by_python_tuf: int = 0
    by_tuf_js: int = 0
    found: tuple[Found, ...] = ()

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.seed,
            self.inputs + other.inputs,
            self.elapsed + other.elapsed,
            self.statuses + other.statuses,
            self.codes + other.codes,
            max(self.slowest, other.slowest),
            max(self.growth, other.growth),
            self.by_python_tuf + other.by_python_tuf,
            self.by_tuf_js + other.by_tuf_js,
            self.found + other.found,
        )

    def __str__(self) -> str:
        seconds, index = self.slowest
        return (
            f"{self.inputs:,} inputs of seed {self.seed} in {self.elapsed:,.0f} s: {self.statuses['accepted']:,} accepted, "
            f"{self.statuses['rejected']:,} rejected with {len(self.codes)} codes, {self.statuses['waiting']:,} waiting; "
            f"{self.by_python_tuf:,} distinct releases read by python-tuf, {self.by_tuf_js:,} by tuf-js; "
            f"slowest {seconds * 1000:.0f} ms (input {index}), memory {self.growth / 1e6:+.0f} MB; {len(self.found)} findings"
        )


def run(inputs: int, processes: int, seed: int, progress: Progress, tuf_js_every: int = 1) -> Figures:
    """Try so many inputs. Every release that is accepted is read by python-tuf, every `tuf_js_every`th by tuf-js as well.

    Node and tuf-js have to be installed (tests/clients/conftest.py). Findings are saved below .local/fuzz.
    """
    task = progress.add_task(f"fuzz, seed {seed}", total=inputs)
    chunks = iter([range(start, min(start + _CHUNK, inputs)) for start in range(0, inputs, _CHUNK)])
    began, total = monotonic(), Figures(seed)
    with ProcessPoolExecutor(processes, get_context("spawn"), _start, (seed, tuf_js_every)) as pool:
        running = {pool.submit(_try_chunk, chunk) for chunk in islice(chunks, processes * 2)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(_try_chunk, chunk) for chunk in islice(chunks, len(done))}
            total = sum(map(Future.result, done), total)
            progress.update(task, completed=total.inputs, description=f"fuzz, seed {seed}, {len(total.found)} findings")
    return total + Figures(seed, elapsed=monotonic() - began)


class Trial:
    """Tries inputs one after the other, and remembers which releases clients have read already."""

    def __init__(self, seed: int, tuf_js: TufJsReleases, tuf_js_every: int) -> None:
        self._seed, self.tuf_js, self._tuf_js_every = seed, tuf_js, tuf_js_every
        self._baseline = _peak()
        self._read: set[int] = set()
        self._unread: list[tuple[int, Release, Reading]] = []

    def try_all(self, indexes: Iterable[int]) -> Figures:
        figures = sum(map(self._try, indexes), Figures(self._seed))
        figures += self._ask_tuf_js()
        return figures + Figures(self._seed, growth=_peak() - self._baseline)

    def _try(self, index: int) -> Figures:
        made = plan(self._seed, index).make()
        try:
            outcome = self._judge(index, made)
            figures = Figures(
                self._seed, 1, 0, Counter([outcome.status]), Counter(outcome.code and [outcome.code]), (outcome.seconds, index)
            )
            content = hash(outcome.content)
            if outcome.content and content not in self._read:
                self._read.add(content)
                figures += self._read_release(index, made)
        except Exception as error:  # noqa: BLE001, whatever escapes is what is looked for
            return Figures(self._seed, 1, found=(self._save(index, error),))
        return figures

    def _judge(self, index: int, made: Input) -> oracle.Outcome:
        outcome = oracle.judge(made)
        if outcome.seconds > MAX_SECONDS:
            outcome = min(outcome, oracle.judge(made), key=lambda tried: tried.seconds)
        if outcome.seconds > MAX_SECONDS:
            raise oracle.Finding(f"it took {outcome.seconds:.1f} s")
        if index % _NEIGHBOUR_EVERY == 0:
            oracle.judge_beside_a_neighbour(made)
        return outcome

    def _read_release(self, index: int, made: Input) -> Figures:
        release = oracle.publish(made)
        reading = oracle.read_with_python_tuf(release)
        if len(self._read) % self._tuf_js_every == 0:
            self._unread.append((index, release, reading))
        return Figures(self._seed, by_python_tuf=1) + (self._ask_tuf_js() if len(self._unread) >= _BATCH else Figures(self._seed))

    def _ask_tuf_js(self) -> Figures:
        """Have tuf-js read what has gathered: a batch at a time, which is many times faster."""
        found = []
        readings = self.tuf_js.read([release for _, release, _ in self._unread])
        for (index, release, expected), reading in zip(self._unread, readings, strict=True):
            try:
                oracle.compare(release, expected, reading)
            except oracle.Finding as error:
                found.append(self._save(index, error))
        self._unread.clear()
        return Figures(self._seed, by_tuf_js=len(readings), found=tuple(found))

    def _save(self, index: int, error: Exception) -> Found:
        where = "" if isinstance(error, oracle.Finding) else "".join(traceback.format_tb(error.__traceback__)[-2:])
        what = f"{type(error).__name__}: {error}"
        return Found(index, what, str(shrink.save(self._seed, index, f"{what}\n{where}")))


_trials: list[Trial] = []


def _start(seed: int, tuf_js_every: int) -> None:
    """Once in each process, which takes what a process takes before anything is measured. Node ends when its input does."""
    tuf_js = TufJsReleases().__enter__()
    Trial(_WARM_UP_SEED, tuf_js, 1).try_all(range(_WARM_UP))
    _trials.append(Trial(seed, tuf_js, tuf_js_every))


def _try_chunk(indexes: Sequence[int]) -> Figures:
    return _trials[0].try_all(indexes)


def _peak() -> int:
    """The largest this process has been, in bytes. (What getrusage says begins with the size of the parent.)"""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024
