"""The clock of a function: read once for each invocation."""

from datetime import UTC, datetime
from typing import Any


class LambdaClock:
    """The time at which an invocation began, and how long it may still run."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def seconds_left(self) -> float:
        return float(self._context.get_remaining_time_in_millis()) / 1000
