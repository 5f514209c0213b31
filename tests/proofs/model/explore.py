"""Explore every interleaving of the commit, breadth first, and check every state and every step."""

import itertools
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from rich.progress import Progress

from tests.proofs.model.invariants import Invariant, broken_by_state, broken_by_step
from tests.proofs.model.protocol import THE_REAL_ONE, Move, Process, Protocol, Store, Timestamp, Upload
from tests.proofs.model.reduction import reduced_process, reduced_store

STORIES = {
    "three roles": (Upload("targets"), Upload("docs"), Upload("tools")),
    "two with other bytes for one version": (Upload("targets"), Upload("targets"), Upload("docs")),
    "two versions of one role": (Upload("targets"), Upload("targets", 3), Upload("docs")),
}

# The number of a store, that of a refresher, and those of the publishers in ascending order: which is which makes no difference.
State = tuple[int, ...]

# The store itself, carrying out a late request.
_NOBODY = -1

H = TypeVar("H", bound=Hashable)


@dataclass(frozen=True)
class Figures:
    """What an exploration has seen. `broken` tells of each broken invariant by which steps it is reached."""

    states: int
    steps: int
    broken: Mapping[Invariant, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        verdict = f"broken: {', '.join(invariant.name for invariant in self.broken)}" if self.broken else "every invariant holds"
        return f"{self.states:,} states, {self.steps:,} steps: {verdict}"

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(self.states + other.states, self.steps + other.steps, {**other.broken, **self.broken})


def run(crashes: int = 1, ambiguous: int = 1, progress: Progress | None = None) -> Figures:
    """The long form: every story with either kind of refresher, that many crashes and writes without an answer.

    Three publishers where they cannot be in each other's way; rivals have many more states, and are three with crashes only.
    """
    figures = Figures(0, 0)
    for (name, uploads), renews in itertools.product(STORIES.items(), ("timestamp", "snapshot")):
        sizes = [(3, ambiguous)] if name == "three roles" else [(2, ambiguous), (3, 0)]
        for publishers, unanswered in sizes:
            label = f"{name}, {publishers} publishers, {renews} refreshed"
            exploration = Exploration(Protocol(uploads), publishers, renews, crashes, unanswered)
            figures += _shown(exploration, label, progress) if progress else exploration.until()
    return figures


def _shown(exploration: "Exploration", label: str, progress: Progress) -> Figures:
    task = progress.add_task(label, total=None)
    for figures in exploration.explore():
        progress.update(task, completed=figures.states)
    progress.update(task, total=figures.states)
    return figures


class _Numbers(Generic[H]):
    """Values by number, so that a state is a few small numbers."""

    def __init__(self) -> None:
        self._numbers: dict[H, int] = {}
        self.values: list[H] = []

    def of(self, value: H) -> int:
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


class _Faults(NamedTuple):
    """How many may still happen."""

    crashes: int
    ambiguous: int

    def covers(self, other: "_Faults") -> bool:
        return self.crashes >= other.crashes and self.ambiguous >= other.ambiguous


class _Step(NamedTuple):
    """`committed` is the store in the numbers of before, if its timestamp changed: everybody else's memory is renumbered by it."""

    what: str
    store: int
    process: int
    faults: int
    committed: Store | None


class Exploration:
    """Publishers and a refresher on one store. Moves depend on one process and the store, so each pair is worked out once.

    What can be reached from a state with more faults to come includes what can be reached with fewer, so states are visited
    with many faults first, and not again with fewer.
    """

    def __init__(self, protocol: Protocol, publishers: int = 3, renews: str = "timestamp", crashes: int = 0, ambiguous: int = 0) -> None:
        self._protocol = protocol
        self._faults = [_Faults(*left) for left in itertools.product(range(crashes, -1, -1), range(ambiguous, -1, -1))]
        self._covering = [sum(1 << place for place, other in enumerate(self._faults) if other.covers(faults)) for faults in self._faults]
        self._stores: _Numbers[Store] = _Numbers()
        self._processes: _Numbers[Process] = _Numbers()
        self._steps: list[dict[tuple[int, int], list[_Step]]] = [{} for _ in self._faults]
        self._numbers_after: dict[tuple[Timestamp, frozenset[int], int], int] = {}
        self._reduces = protocol.variant == THE_REAL_ONE
        self._broken_by_store: dict[int, set[Invariant]] = {}
        self._came_from: dict[State, State] = {}
        self._broken: dict[Invariant, list[str]] = {}
        self._beginning = (
            self._stores.of(protocol.beginning()),
            self._processes.of(Process(renews)),
            *[self._processes.of(Process())] * publishers,
        )

    def until(self, *invariants: Invariant) -> Figures:
        """Explore until all of these are broken, or to the end."""
        for figures in self.explore():
            if invariants and figures.broken.keys() >= set(invariants):
                break
        return figures

    def explore(self) -> Iterator[Figures]:
        """What was seen so far, again and again; the last is the whole."""
        seen = {self._beginning: 1}
        frontiers: list[list[State]] = [[] for _ in self._faults]
        frontiers[0].append(self._beginning)
        steps = 0
        for faults in range(len(self._faults)):
            while frontiers[faults]:
                frontier, frontiers[faults] = frontiers[faults], []
                for state in frontier:
                    for after, left, _ in self._following(state, faults):
                        steps += 1
                        visited = seen.get(after, 0)
                        if not visited:
                            self._came_from[after] = state
                        if not visited & self._covering[left]:
                            seen[after] = visited | 1 << left
                            frontiers[left].append(after)
                yield Figures(len(seen), steps, self._broken)

    def _following(self, state: State, faults: int) -> Iterator[tuple[State, int, str]]:
        """Every state that is one step away, with the faults left then, and what happens."""
        store, steps = state[0], self._steps[faults]
        previous = None
        for place in range(1, len(state) + 1):
            process = state[place] if place < len(state) else _NOBODY
            if process == previous:
                continue
            previous = process
            known = steps.get((store, process))
            if known is None:
                known = steps[store, process] = list(self._steps_of(state, process, faults))
            for what, store_after, process_after, left, committed in known:
                processes = state[1:] if committed is None else self._renumbered(committed, state[1:])
                refresher, *publishers = processes
                if place == 1:
                    refresher = process_after
                elif process != _NOBODY:
                    publishers[place - 2] = process_after
                publishers.sort()
                yield (store_after, refresher, *publishers), left, what

    def _steps_of(self, state: State, process: int, faults: int) -> Iterator[_Step]:
        before = self._stores.values[state[0]]
        for move in self._moves(before, process):
            left = _Faults(self._faults[faults].crashes - move.crashes, self._faults[faults].ambiguous - move.lost)
            if min(left) < 0:
                continue
            after = self._stores.of(reduced_store(move.store) if self._reduces else move.store)
            self._check(state, before, move, after)
            mover = reduced_process(move.store, move.process) if self._reduces else move.process
            changes = move.store.timestamp != before.timestamp or not move.store.inbox >= before.inbox
            committed = move.store if self._reduces and changes else None
            yield _Step(move.what, after, self._processes.of(mover), self._faults.index(left), committed)

    def _moves(self, store: Store, process: int) -> Iterator[Move]:
        if process == _NOBODY:
            return (Move("a late request", after, Process()) for after in self._protocol.late_moves(store))
        return self._protocol.moves(store, self._processes.values[process])

    def _renumbered(self, committed: Store, processes: State) -> State:
        return tuple([self._renumber(committed, process) for process in processes])

    def _renumber(self, committed: Store, process: int) -> int:
        known = (committed.timestamp, committed.inbox, process)
        if known not in self._numbers_after:
            self._numbers_after[known] = self._processes.of(reduced_process(committed, self._processes.values[process]))
        return self._numbers_after[known]

    def _check(self, state: State, before: Store, move: Move, after: int) -> None:
        """Note what this move breaks, and how it came to it; each invariant once, while its story is told as well."""
        if after not in self._broken_by_store:
            self._broken_by_store[after] = set(broken_by_state(self._protocol, self._stores.values[after]))
        for invariant in {*broken_by_step(self._protocol, before, move.store), *self._broken_by_store[after]} - self._broken.keys():
            self._broken[invariant] = []
            self._broken[invariant] = [*self._story(state), move.what]

    def _story(self, state: State) -> list[str]:
        """What happened on the way to a state."""
        told: list[str] = []
        while earlier := self._came_from.get(state):
            followed = itertools.chain.from_iterable(self._following(earlier, faults) for faults in range(len(self._faults)))
            told.append(next(what for after, _, what in followed if after == state))
            state = earlier
        return told[::-1]
