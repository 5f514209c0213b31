"""Uploads, the messages about them and the containers that receive these, in an order that a seed decides.

The looks are the real ones; the inbox, the queue and the clocks are not. Containers have clocks of their own, batches come in any
order, and while one container looks, uploads arrive and others look too.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

from tests.fakes import START, FakeClock
from trustpress.errors import TrustpressError, Unavailable
from trustpress.ports import Clock, Request
from trustpress.publish.looks import Looks
from trustpress.publish.pacing import MARGIN, Pace
from trustpress.publish.publisher import Outcome

REPOSITORIES = ["a", "b"]
STEPS = 60


@dataclass
class Message:
    repository: str
    sent: float
    delay: float = 0
    received_from: float = 0


class Container:
    """`difference` is how far its clock is from the queue's, in seconds."""

    def __init__(self, arrivals: "Arrivals", difference: float, margin: timedelta) -> None:
        self.difference = difference
        self.is_busy = False
        self.looks = Looks(arrivals.drain, arrivals, Pace(margin))


class Arrivals:
    """One story; time is in seconds."""

    def __init__(self, seed: int, margin: timedelta = MARGIN, *, tells_delay: bool = True) -> None:
        self._random = random.Random(seed)
        self._tells_delay = tells_delay
        self._now = 0.0
        self._is_over = False
        self._unseen: list[tuple[str, float]] = []
        self._messages: list[Message] = []
        reach = MARGIN.total_seconds() * 0.99
        self._containers = [Container(self, self._random.uniform(-reach, reach), margin) for _ in range(3)]

    def left_behind(self) -> list[tuple[str, float]]:
        """The uploads that no look has seen when no message is left."""
        for _ in range(STEPS):
            self._step(depth=0)
        self._is_over = True
        while self._messages:
            self._step(depth=0)
        return self._unseen

    def send(self, repository: str, delay: timedelta = timedelta()) -> None:
        seconds = delay.total_seconds()
        self._messages.append(Message(repository, self._now, seconds, self._now + seconds))

    def drain(self, repository: str, clock: Clock, seconds: float) -> Outcome:
        """See what was there when the look began: all of it, or nothing of it when there is no time, or nothing is to be had."""
        waiting = [upload for upload in self._unseen if upload[0] == repository]
        for _ in range(self._random.randrange(4)):
            self._step(depth=1)
        fate = 0.0 if self._is_over else self._random.random()
        if fate > 0.9:
            raise Unavailable("away")
        if fate > 0.5:
            return Outcome([], 1, has_more=True)
        self._unseen = [upload for upload in self._unseen if upload not in waiting]
        return Outcome([], 1)

    def _step(self, depth: int) -> None:
        self._now += self._random.choice([0.1, 0.5, 1, 5, 20])
        if not self._is_over and self._random.random() < 0.6:
            self._upload(self._random.choice(REPOSITORIES))
        idle = [container for container in self._containers if not container.is_busy]
        if idle and depth < 3:
            self._receive(self._random.choice(idle))

    def _upload(self, repository: str) -> None:
        self._unseen.append((repository, self._now))
        self._now += 0.01
        self._messages.append(Message(repository, self._now, received_from=self._now))

    def _receive(self, container: Container) -> None:
        visible = [message for message in self._messages if message.received_from <= self._now]
        batch = self._random.sample(visible, min(len(visible), self._random.randint(1, 3)))
        for message in batch:
            self._messages.remove(message)
        container.is_busy = True
        attending = container.looks.begin(lambda: self._read_clock(container), lambda outcome: None)
        for message in batch:
            try:
                attending.attend([self._request(message)])
            except TrustpressError:
                message.received_from = self._now + 10
                self._messages.append(message)
        container.is_busy = False

    def _request(self, message: Message) -> Request:
        delay = message.delay if self._tells_delay else 0
        return Request(message.repository, START + timedelta(seconds=message.sent + delay))

    def _read_clock(self, container: Container) -> FakeClock:
        seconds_left = self._random.choice([120, 120, 120, 50])
        return FakeClock(START + timedelta(seconds=self._now + container.difference), 120 if self._is_over else seconds_left)
