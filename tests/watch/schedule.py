"""Hundreds of virtual days of a schedule that fails now and then, seen by clients and by the template's alarms."""

import itertools
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rich.progress import track

from tests.fakes import InMemoryEdge, KeysOf
from tests.publish.world import World
from tests.template.facts import read_template
from tests.watch.alarms import Alarm
from trustpress.publish.refresher import Refresher
from trustpress.watch.sightings import overall
from trustpress.watch.watcher import Watcher

DAY, HOUR, QUARTER = timedelta(days=1), timedelta(hours=1), timedelta(minutes=15)
LIFE = timedelta(hours=24)

METRICS = {"HalfSpentAlarm": "TimestampLifeLeft", "NearlyExpiredAlarm": "TimestampLifeLeft", "EdgeFailedAlarm": "EdgeFailed"}

LOOKS_AN_HOUR = HOUR // QUARTER
NEVER = 10**9

# EventBridge is this late at times.
LATE_SECONDS = 60

# Not too many: an upload in an outage hides it.
_RUNS_BETWEEN_UPLOADS = 53


@dataclass(frozen=True, slots=True)
class Figures:
    """`least_left` is the least life that any client ever saw in a timestamp, `signed` how often it was signed again."""

    period: timedelta
    days: int
    missed: int
    signed: int
    refreshes: int
    by_python_tuf: int
    least_left: timedelta

    def __str__(self) -> str:
        return (
            f"every {self.period // HOUR} h for {self.days} virtual days: {self.missed:,} runs missed, signed {self.signed:,} times, "
            f"{self.refreshes:,} refreshes ({self.by_python_tuf:,} by python-tuf), none expired, least life left {self.least_left}"
        )


@dataclass(frozen=True, slots=True)
class AllFigures:
    of_each_period: tuple[Figures, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.of_each_period))


class Simulation:
    """One repository, refreshed by a schedule, read through the edge every quarter of an hour by the watch, and by python-tuf."""

    def __init__(self, state: Path, period: timedelta, seed: int, looks_between_python_tuf: int = NEVER) -> None:
        self.period, self._random, self._looks_between_python_tuf = period, random.Random(seed), looks_between_python_tuf
        self.world = World(state)
        self.world.developer.expire_at(self.world.clock.now() + timedelta(days=2000))
        self.world.publish_first()
        self._refresher = Refresher(self.world.staging, self.world.public, KeysOf(self.world.signers.values()), period=period)
        self._watcher = Watcher(self.world.staging, InMemoryEdge(self.world.public), None, workers=1)
        self._reader = self.world.onlookers.cold_reader(self.world.name)
        template, names = read_template(), ("RefreshMissedAlarm", "HalfSpentAlarm", "NearlyExpiredAlarm", "EdgeFailedAlarm")
        self.alarms = {name: Alarm(template.properties(name), self.now) for name in names}
        self.signed = self.refreshes = self.by_python_tuf = 0
        self.least_left = LIFE
        self._run_due = self.now + self._random.random() * period
        self._look_due = self.now + self._random.random() * QUARTER

    @property
    def now(self) -> datetime:
        return self.world.clock.now()

    @property
    def left(self) -> timedelta:
        """Of the life of the timestamp that is published."""
        return datetime.fromisoformat(self.world.published("timestamp.json")["expires"]) - self.now

    def wait_for_run(self) -> None:
        """Until the schedule comes round, a little late as it is at times. Everybody looks meanwhile."""
        instant = self._run_due + timedelta(seconds=self._random.uniform(0, LATE_SECONDS))
        self._run_due += self.period
        self._pass_time_to(instant)

    def publish_some_time(self) -> None:
        """An upload between two runs: its commit signs the timestamp at an instant that the schedule has no part in."""
        self.pass_time(self._random.random() * (self._run_due - self.now))
        self.world.developer.next_version()
        self.world.upload(self.world.developer.signed())
        self.world.publisher.drain(self.world.name, self.world.clock)

    def _pass_time_to(self, instant: datetime) -> None:
        while self._look_due <= instant:
            self._move_to(self._look_due)
            self._look_due += QUARTER
            self._look()
        self._move_to(instant)
        self._look_at_alarms()

    def run(self) -> None:
        self.alarms["RefreshMissedAlarm"].put(self.now, 1)
        self.signed += self._refresher.refresh(self.world.name, self.world.clock)

    def pass_time(self, delta: timedelta) -> None:
        self._pass_time_to(self.now + delta)

    def refresh_as_python_tuf(self) -> None:
        self._reader.refresh()
        self.by_python_tuf += 1

    def _move_to(self, instant: datetime) -> None:
        self.world.clock.pass_time(instant - self.now)

    def _look(self) -> None:
        """As a client that verifies everything, and must not meet anything expired."""
        sightings, failures = self._watcher.watch_all(self.world.clock)
        figures = overall(sightings)
        assert not failures
        assert not figures["EdgeFailed"], sightings
        self.refreshes += 1
        if self.refreshes % self._looks_between_python_tuf == 0:
            self.refresh_as_python_tuf()
        self.least_left = min(self.least_left, sightings[0].timestamp_left)
        for name, metric in METRICS.items():
            self.alarms[name].put(self.now, figures[metric])
        self._look_at_alarms()

    def _look_at_alarms(self) -> None:
        for alarm in self.alarms.values():
            alarm.look(self.now)


def outages(seed: int) -> Iterator[bool]:
    """Whether each run is missed: one to three in a row, now and then, and always one that happens in between."""
    chance = random.Random(seed)
    while True:
        yield from itertools.repeat(False, chance.randint(1, 40))
        yield from itertools.repeat(True, chance.randint(1, 3))


def run_schedule(state: Path, period: timedelta, days: int = 400, seed: int = 0, *, looks_between_python_tuf: int = 400) -> Figures:
    """Fails at the first client that meets an expired timestamp. python-tuf refreshes after every so many looks, and each outage."""
    simulation, missed_runs, was_missed = Simulation(state, period, seed, looks_between_python_tuf), 0, False
    runs = days * DAY // period
    for number, is_missed in track(zip(range(runs), outages(seed), strict=False), f"every {period // HOUR} h", total=runs):
        simulation.wait_for_run()
        if was_missed:
            simulation.refresh_as_python_tuf()
        if not is_missed:
            simulation.run()
        if number % _RUNS_BETWEEN_UPLOADS == 0:
            simulation.publish_some_time()
        missed_runs, was_missed = missed_runs + is_missed, is_missed
    return Figures(period, days, missed_runs, simulation.signed, simulation.refreshes, simulation.by_python_tuf, simulation.least_left)


def run(days: int = 400, seed: int = 0) -> AllFigures:
    """The long form: every period that the template allows to be counted in hours, and python-tuf at every virtual hour."""
    with tempfile.TemporaryDirectory() as folder:
        return AllFigures(
            tuple(
                run_schedule(Path(folder) / str(hours), hours * HOUR, days, seed, looks_between_python_tuf=LOOKS_AN_HOUR)
                for hours in (1, 2, 3)
            )
        )
