"""One repository is flooded, another is not: how long the uploads of the other take to be published. In virtual time.

The looks are the real ones, in ten containers of their own clocks, each a greenlet; the queue and the inboxes are models of what
SQS and S3 do, with the durations that tests/proofs/overload/backlog.py measures.
"""

import heapq
import itertools
import random
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from greenlet import getcurrent, greenlet
from rich.progress import Progress

from tests.fakes import START
from trustpress.errors import TrustpressError
from trustpress.ports import Clock, Request
from trustpress.publish.inbox import MAX_LISTED, MAX_UPLOADS
from trustpress.publish.looks import Looks
from trustpress.publish.pacing import Pace
from trustpress.publish.publisher import Outcome

QUIET = "quiet"
FLOOD_PER_SECOND = 100
QUIET_EVERY_SECONDS = 10

CONTAINERS = 10
BATCH = 10
TIMEOUT = 120
VISIBILITY = 240
CLOCKS_DIFFER_BY = 2.0

# As measured on the local stack, and slower than S3: a look without work, a page of a thousand of a listing, an upload that is
# settled, one that another container has taken meanwhile, and a commit.
EMPTY_LOOK, PAGE, SETTLED, TAKEN, COMMIT = 0.05, 0.15, 0.015, 0.002, 0.15


@dataclass(frozen=True)
class Figures:
    """How long the uploads of the quiet repository took, in seconds from upload to release."""

    minutes: float
    flooded: int
    paced: bool
    waited: list[float]
    never: int
    looks: int

    @property
    def p99(self) -> float:
        return sorted(self.waited)[int(len(self.waited) * 0.99)] if self.waited else float("inf")

    def __str__(self) -> str:
        how = "paced" if self.paced else "a look for every batch"
        return (
            f"{self.flooded} flooded at {FLOOD_PER_SECOND} uploads a second for {self.minutes:g} minutes, {how}: next door "
            f"{len(self.waited)} of {len(self.waited) + self.never} published, p99 {self.p99:.1f} s, {self.looks:,} looks"
        )


def run(progress: Progress, minutes: float = 10, flooded: int = 1, *, paced: bool = True) -> Figures:
    """Flood so many repositories for so long, then see the quiet one's uploads through for as long again."""
    flood = Flood(random.Random(1), flooded, paced=paced)
    task = progress.add_task("flood" if paced else "flood, unpaced", total=minutes)
    for _ in range(int(minutes * 2)):
        flood.go_on(30)
        progress.advance(task, 0.5)
    flood.is_over = True
    for _ in range(int(minutes * 2)):
        flood.go_on(30)
    waited = flood.inboxes[QUIET].waited
    return Figures(minutes, flooded, paced, waited, flood.inboxes[QUIET].uploads - len(waited), flood.looks)


class Unhurried(Pace):
    """Takes no request for answered: what a container does that does not remember."""

    def is_answered(self, request: Request) -> bool:
        return False


@dataclass
class Inbox:
    """When each upload arrived, in that order, and whether it has been settled."""

    arrived: list[float] = field(default_factory=list)
    settled: list[bool] = field(default_factory=list)
    first: int = 0
    waited: list[float] = field(default_factory=list)

    @property
    def uploads(self) -> int:
        return len(self.arrived)

    def add(self, now: float) -> None:
        self.arrived.append(now)
        self.settled.append(False)

    def listed(self, now: float) -> list[int]:
        while self.first < len(self.settled) and self.settled[self.first]:
            self.first += 1
        return [number for number in range(self.first, bisect_right(self.arrived, now)) if not self.settled[number]][:MAX_LISTED]

    def settle(self, number: int, now: float) -> None:
        if not self.settled[number]:
            self.settled[number] = True
            self.waited.append(now - self.arrived[number])


@dataclass(frozen=True)
class Message:
    repository: str
    sent: float
    delay: float = 0


class Flood:
    """Ten containers, one queue, an inbox for each repository. Time is in seconds from the beginning."""

    def __init__(self, chance: random.Random, flooded: int, *, paced: bool) -> None:
        self.now = 0.0
        self.is_over = False
        self.looks = 0
        names = [f"flooded-{number}" for number in range(flooded)]
        self.inboxes = {name: Inbox() for name in [*names, QUIET]}
        self._chance = chance
        self._queue: deque[Message] = deque()
        self._delayed = 0
        self._agenda: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._hub = getcurrent()
        for _ in range(CONTAINERS):
            container = Container(self, chance.uniform(-1, 1) * CLOCKS_DIFFER_BY, Pace() if paced else Unhurried())
            self.after(0, greenlet(container.run).switch)
        for name in names:
            self._uploads(name, 1 / FLOOD_PER_SECOND)
        self._uploads(QUIET, QUIET_EVERY_SECONDS)

    @property
    def is_quiet(self) -> bool:
        """Whether no message is left, to be received now or later."""
        return not self._queue and self._delayed == 0

    def go_on(self, seconds: float) -> None:
        until = self.now + seconds
        while self._agenda and self._agenda[0][0] <= until:
            self.now, _, happen = heapq.heappop(self._agenda)
            happen()
        self.now = until

    def after(self, seconds: float, happen: Callable[[], object]) -> None:
        heapq.heappush(self._agenda, (self.now + seconds, next(self._numbers), happen))

    def sleep(self, seconds: float) -> None:
        """Let others go on, as a container does while it waits."""
        self.after(seconds, getcurrent().switch)
        self._hub.switch()

    def put(self, message: Message, after: float) -> None:
        self._delayed += 1
        self.after(after, lambda: self._show(message))

    def _show(self, message: Message) -> None:
        self._delayed -= 1
        self._queue.append(message)

    def receive(self) -> list[Message]:
        return [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]

    def _uploads(self, repository: str, interval: float) -> None:
        if self.is_over:
            return
        self.inboxes[repository].add(self.now)
        self.put(Message(repository, self.now), after=self._chance.uniform(0.1, 1))
        self.after(interval, lambda: self._uploads(repository, interval))


@dataclass(frozen=True)
class Reading:
    """What a container's clock says now, and how long until its invocation is ended."""

    flood: Flood
    present: datetime
    ends: float

    def now(self) -> datetime:
        return self.present

    def seconds_left(self) -> float:
        return self.ends - self.flood.now


class Container:
    """One container of the publish function: it receives a batch, attends to it, and receives the next."""

    def __init__(self, flood: Flood, difference: float, pace: Pace) -> None:
        self._flood, self._difference = flood, difference
        self._looks = Looks(self._drain, self, pace)
        self._invoked = 0.0

    def run(self) -> None:
        while True:
            messages = self._flood.receive()
            self._flood.sleep(0.02 if messages else 0.2)
            self._invoked = self._flood.now
            batch = self._looks.begin(self._read_clock, lambda outcome: None)
            for message in sorted(messages, key=lambda message: self._looks.pace.answered_until(message.repository)):
                try:
                    batch.attend([Request(message.repository, START + timedelta(seconds=message.sent + message.delay))])
                except TrustpressError:
                    self._flood.put(message, after=VISIBILITY)

    def _read_clock(self) -> "Reading":
        present = START + timedelta(seconds=self._flood.now + self._difference)
        return Reading(self._flood, present, self._invoked + TIMEOUT)

    def send(self, repository: str, delay: timedelta = timedelta()) -> None:
        seconds = delay.total_seconds()
        self._flood.put(Message(repository, self._flood.now, seconds), after=seconds)

    def _drain(self, repository: str, _clock: Clock, seconds: float) -> Outcome:
        """List once, then window after window, oldest first, until the time for a look is over."""
        flood, inbox = self._flood, self._flood.inboxes[repository]
        flood.looks += 1
        began = flood.now
        listed = inbox.listed(began)
        flood.sleep(EMPTY_LOOK + PAGE * (len(listed) // 1000))
        while listed:
            window, listed = listed[:MAX_UPLOADS], listed[MAX_UPLOADS:]
            flood.sleep(COMMIT + sum(TAKEN if inbox.settled[number] else SETTLED for number in window))
            for number in window:
                inbox.settle(number, flood.now)
            if flood.now >= began + seconds:
                break
        return Outcome([], 1, has_more=bool(listed))
