"""Looks at inboxes, as messages ask for them."""

from collections.abc import Callable, Iterable

from trustpress.errors import TrustpressError
from trustpress.ports import Clock, Queue, Request
from trustpress.publish.pacing import PAUSE, Pace
from trustpress.publish.publisher import Outcome

# How long the looks of one batch go on, all together: then each has one window more, and is left for another.
SECONDS_FOR_LOOKS = 20

# What the last window of a look takes at the worst. Without as much left, none is begun.
SECONDS_FOR_ANY_LOOK = 60


class Looks:
    """Looks at inboxes for the life of a container. `drain` is the publisher's: repository, clock, seconds to go on for."""

    def __init__(self, drain: Callable[[str, Clock, float], Outcome], queue: Queue, pace: Pace | None = None) -> None:
        self.drain, self.queue, self.pace = drain, queue, pace or Pace()

    def begin(self, read_clock: Callable[[], Clock], report: Callable[[Outcome], None]) -> "Batch":
        """Attend to one batch of messages. `read_clock` gives the present time, and what is left of this invocation."""
        return Batch(self, read_clock, report)


class Batch:
    """Messages that were received together: a look at a repository answers all of them, for all were sent before it."""

    def __init__(self, looks: Looks, read_clock: Callable[[], Clock], report: Callable[[Outcome], None]) -> None:
        self._looks, self._read_clock, self._report = looks, read_clock, report
        self._looked_at: dict[str, TrustpressError | None] = {}
        self._looks_end = read_clock().seconds_left() - SECONDS_FOR_LOOKS

    def attend(self, requests: Iterable[Request]) -> None:
        """Do what one message asks for, unless it is done. Raises what kept a repository from being drained."""
        for request in requests:
            name = request.repository
            if name not in self._looked_at and not self._looks.pace.is_answered(request):
                self._looked_at[name] = self._look(name)
            if failure := self._looked_at.get(name):
                raise failure

    def _look(self, repository: str) -> TrustpressError | None:
        try:
            clock = self._read_clock()
            if clock.seconds_left() < SECONDS_FOR_ANY_LOOK:
                self._looks.queue.send(repository)
                return None
            outcome = self._looks.drain(repository, clock, clock.seconds_left() - self._looks_end)
            self._report(outcome)
            if outcome.has_more:
                resumes = self._read_clock().now() + PAUSE
                self._looks.queue.send(repository, PAUSE)
                self._looks.pace.left_off(repository, resumes)
            elif not outcome.unread:
                self._looks.pace.looked(repository, clock.now())
        except TrustpressError as error:
            return error
        return outcome.unread
