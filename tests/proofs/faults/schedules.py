"""Two to five publishers, a refresher, and events that are lost, doubled, late and out of order: one run for each seed.

Every actor is a greenlet that stops in front of each of its calls; a seeded die decides who goes next, what fails and what
arrives. The same seed plays the same run, to the last call.
"""

import functools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from greenlet import getcurrent, greenlet

from tests.proofs.faults.faulty import Mode, modes_of
from tests.proofs.faults.invariants import Invariants
from tests.proofs.faults.memoised import memoised
from tests.proofs.faults.quick_client import expect
from tests.proofs.faults.stage import Container, Deployment, stage
from tests.publish.troubles import Crash
from trustpress.errors import TrustpressError

_MAX_RECEIVES = 5
_RETRIES = 2
_RIVALS = {"2.docs.json", "2.docs-rival.json"}


@dataclass
class Message:
    """Says: look at this repository."""

    receives: int = 0


@dataclass
class Figures:
    """What happened in one run, or in many."""

    runs: int = 0
    steps: int = 0
    commits: int = 0
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Figures") -> None:
        self.runs, self.steps, self.commits = self.runs + other.runs, self.steps + other.steps, self.commits + other.commits
        self.faults += other.faults

    def __str__(self) -> str:
        return f"{self.runs:,} schedules, {self.steps:,} steps, {self.commits:,} commits, {self.faults.total():,} faults, 0 violations"


class Actor:
    """A container that is idle, or has stopped in front of its next call."""

    def __init__(self, schedule: "Schedule") -> None:
        self._schedule = schedule
        self._new_container()
        self._running: greenlet | None = None

    @property
    def is_idle(self) -> bool:
        return self._running is None

    def start(self, work: Callable[[Container], object], message: Message | None = None) -> None:
        self._running = greenlet(lambda: self._run(work, message))
        self.go_on()

    def go_on(self) -> None:
        """Make the call it stopped at, and run to the next one."""
        assert self._running is not None
        self._running.switch()
        if self._running.dead:
            self._running = None

    def _run(self, work: Callable[[Container], object], message: Message | None) -> None:
        try:
            work(self._container)
        except Crash:
            self._new_container()
            self._schedule.returned(message)
        except TrustpressError:
            self._schedule.returned(message)

    def _new_container(self) -> None:
        self._container = Container(self._schedule.deployment, self._fate)

    def _fate(self, boundary: str) -> Mode | None:
        hub = getcurrent().parent
        assert hub is not None
        hub.switch()
        return self._schedule.fate(boundary)


class Schedule:
    """One run. Raises AssertionError, naming the seed, for whatever must not happen."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self.deployment = Deployment()
        self._invariants = Invariants(self.deployment)
        self._fault_rate = self._dice.choice([0.0, 0.02, 0.05, 0.1])
        self._publishers = [Actor(self) for _ in range(self._dice.randint(2, 5))]
        self._refresher = Actor(self)
        self._messages: list[Message] = []
        self._arrivals = self._choose_arrivals()
        self._half_a_day_passes = self._dice.random() < 0.5
        self.figures = Figures(runs=1)

    def play(self) -> Figures:
        while actions := self._actions():
            self._dice.choice(actions)()
            self.figures.steps += 1
            self._invariants.look()
        self._fault_rate = 0.0
        self._sweep_up()
        assert self._invariants.seen is not None
        self.figures.commits = self._invariants.seen.timestamp - 1
        return self.figures

    def fate(self, boundary: str) -> Mode | None:
        if self._dice.random() >= self._fault_rate:
            return None
        mode = self._dice.choice(modes_of(boundary))
        self.figures.faults[mode.value] += 1
        return mode

    def returned(self, message: Message | None) -> None:
        """A message whose work failed becomes visible again; five times over, it goes to the dead letters."""
        if message:
            message.receives += 1
            if message.receives < _MAX_RECEIVES:
                self._messages.append(message)

    def _choose_arrivals(self) -> list[Callable[[], None]]:
        """Some of the work, in any order; target files before their metadata or after it, some things twice."""
        share = self._dice.choice([0.3, 0.5, 0.8])
        chosen = [name for name in stage().work if self._dice.random() < share]
        arrivals: list[Callable[[], None]] = [functools.partial(self._upload, name) for name in chosen]
        arrivals += [functools.partial(self._upload_files, name) for name in chosen if stage().work[name].files]
        arrivals += self._dice.sample(arrivals, min(2, len(arrivals)))
        self._dice.shuffle(arrivals)
        return arrivals

    def _actions(self) -> list[Callable[[], None]]:
        """What may happen next; empty when nothing is left to happen but the sweep."""
        running = [actor.go_on for actor in [*self._publishers, self._refresher] if not actor.is_idle]
        actions = running * 4
        if self._messages:
            actions += [functools.partial(self._take_a_message, actor) for actor in self._publishers if actor.is_idle]
        if self._arrivals:
            actions += [self._arrive]
            if self._refresher.is_idle:
                actions += [lambda: self._refresher.start(Container.refresh)]
        if actions and self._half_a_day_passes and not running:
            actions += [self._pass_half_a_day]
        return actions

    def _arrive(self) -> None:
        self._arrivals.pop()()

    def _upload(self, filename: str) -> None:
        self.deployment.upload(filename)
        self._announce()

    def _upload_files(self, filename: str) -> None:
        self.deployment.upload_files(filename)
        self._announce()

    def _announce(self) -> None:
        """Once; or never, or twice."""
        self._messages += [Message() for _ in range(self._dice.choice([0, 1, 1, 1, 1, 2]))]

    def _take_a_message(self, actor: Actor) -> None:
        message = self._messages.pop(self._dice.randrange(len(self._messages)))
        actor.start(Container.drain, message)

    def _pass_half_a_day(self) -> None:
        self._half_a_day_passes = False
        self.deployment.clock.pass_time(timedelta(hours=13))

    def _sweep_up(self) -> None:
        """Faults have stopped: a sweep publishes what is there, within two retries."""
        sweeper = Actor(self)
        for _ in range(1 + _RETRIES):
            sweeper.start(Container.drain)
            while not sweeper.is_idle:
                sweeper.go_on()
            self._invariants.look()
        self._invariants.conclude()
        self._expect_all_that_can_be_published()

    def _expect_all_that_can_be_published(self) -> None:
        statuses = self._invariants.statuses()
        rivals = _RIVALS & statuses.keys()
        expect(sorted(statuses[name] for name in rivals)[:1] != ["rejected"] or len(rivals) > 1, f"one of one rivals lost: {statuses}")
        expect([statuses[name] for name in rivals].count("published") <= 1, f"two contents of one version: {statuses}")
        for name, work in self.deployment.uploaded.items():
            if not work.is_good:
                expect(statuses[name] == "rejected", f"{name} is {statuses[name]}")
            elif name not in rivals:
                expect(statuses[name] == ("published" if self._is_complete(name) else "waiting"), f"{name} is {statuses[name]}: {statuses}")

    def _is_complete(self, name: str) -> bool:
        """Whether everything that this upload builds on was uploaded too."""
        number, _, rolename = name.removesuffix(".json").partition(".")
        uploaded = self.deployment.uploaded.keys()
        if rolename == "tools" and "2.targets.json" not in uploaded:
            return False
        before = {f"{version}.{rolename}.json" for version in range(2, int(number))} - _RIVALS
        return before <= uploaded and (rolename != "docs" or number == "2" or bool(_RIVALS & uploaded))


def play(seed: int) -> Figures:
    """Raises AssertionError with the seed in it."""
    try:
        return Schedule(seed).play()
    except AssertionError as error:
        error.add_note(f"seed {seed}: scripts/prove schedules --from {seed} --count 1")
        raise


def replay(seeds: range) -> Figures:
    """Every seed of a range, in this process."""
    total = Figures()
    with memoised():
        for seed in seeds:
            total.add(play(seed))
    return total


def written(seed: int) -> list[tuple[str, list[str]]]:
    """What a run leaves behind: every object, with the numbers of its writes."""
    schedule = Schedule(seed)
    schedule.play()
    stores = (schedule.deployment.staging, schedule.deployment.public)
    return sorted((key, [version.etag for version in found]) for store in stores for key, found in store.objects.items())
