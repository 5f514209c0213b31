"""When a repository is looked at again: never too late for an upload, and not once for each message of a flood.

A message asks for a look that begins after it was sent, since that look lists whatever the message announces. So a message
is answered by any look that began later, in this container, and by one that is sure to come: where a look was left unfinished
a message was sent that nobody can receive before a certain instant. What is forgotten here costs a look and loses nothing.

Messages are dated by the queue, looks by the container; the margin is for clocks that differ.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from trustpress.core.lru import Lru
from trustpress.ports import Request

# Containers and queues follow the same time service to within milliseconds; five seconds are a thousand times that. A wider
# margin costs looks, a narrower one nothing but trust in clocks.
MARGIN = timedelta(seconds=5)

# Between two looks at an inbox that is too full for one. Others have a container to themselves meanwhile; and the owners of a
# thousand uploads need not wait for long.
PAUSE = timedelta(seconds=10)

_MAX_REMEMBERED = 10_000
_NEVER = datetime.min.replace(tzinfo=UTC)


class Pace:
    """What a container remembers: for each repository the instant up to which requests are answered, or sure to be."""

    def __init__(self, margin: timedelta = MARGIN) -> None:
        self._margin = margin
        self._answered: Lru[str, datetime] = Lru(_MAX_REMEMBERED)

    def is_answered(self, request: Request) -> bool:
        return request.since is not None and request.since < self.answered_until(request.repository)

    def answered_until(self, repository: str) -> datetime:
        return self._answered.get(repository) or _NEVER

    def longest_unseen(self, requests: Iterable[Request]) -> datetime:
        """For putting messages in order: repositories that were not just looked at come first."""
        return min((self.answered_until(request.repository) for request in requests), default=_NEVER)

    def looked(self, repository: str, began: datetime) -> None:
        """A look that began then has seen all that was waiting."""
        self._answer(repository, began - self._margin)

    def left_off(self, repository: str, resumes: datetime) -> None:
        """A message was sent that is received at `resumes` at the earliest, and asks for the look that will see the rest."""
        self._answer(repository, resumes - self._margin)

    def _answer(self, repository: str, until: datetime) -> None:
        self._answered.put(repository, max(self.answered_until(repository), until))
