"""A CloudWatch alarm as the template describes it, evaluated as CloudWatch does.

Periods stand on whole multiples of their length. Where data are missing it looks at more periods than it needs, five for
three, and takes the newest that have data; only what is still lacking is filled in as TreatMissingData says. So an alarm
on silence comes two periods later than its numbers say.
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html)
"""

import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

_MORE_PERIODS = 2
_STATISTICS: dict[str, Callable[[float, float], float]] = {"Sum": operator.add, "Minimum": min, "Maximum": max}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {"LessThanThreshold": operator.lt, "GreaterThanThreshold": operator.gt}


class Alarm:
    """Put data in, look at it in time; periods from before the first look are taken to have been quiet."""

    def __init__(self, properties: dict[str, Any], start: datetime) -> None:
        self._period, self._count = properties["Period"], properties["EvaluationPeriods"]
        self._enough = properties.get("DatapointsToAlarm", self._count)
        self._join, self._breaches = _STATISTICS[properties["Statistic"]], _COMPARISONS[properties["ComparisonOperator"]]
        self._threshold, self._fills = properties["Threshold"], properties["TreatMissingData"] == "breaching"
        self._values: dict[int, float] = {}
        self._start = self._next = self._window(start) + 1
        self.went_off: list[datetime] = []
        self.is_off = False

    def put(self, at: datetime, value: float) -> None:
        window = self._window(at)
        self._values[window] = self._join(self._values[window], value) if window in self._values else value

    def look(self, now: datetime) -> bool:
        """Evaluate every period that has ended by now; whether the alarm is on."""
        while (self._next + 1) * self._period <= now.timestamp():
            was_off, self.is_off = self.is_off, self._is_breached(self._next)
            self._next += 1
            if self.is_off and not was_off:
                self.went_off.append(now)
        return self.is_off

    def _window(self, at: datetime) -> int:
        return int(at.timestamp() // self._period)

    def _is_breached(self, window: int) -> bool:
        looked_at = range(max(self._start, window - self._count - _MORE_PERIODS + 1), window + 1)
        found = [self._values[index] for index in looked_at if index in self._values][-self._count :]
        missing = min(self._count, len(looked_at)) - len(found)
        breaching = sum(self._breaches(value, self._threshold) for value in found) + (max(missing, 0) if self._fills else 0)
        return bool(breaching >= self._enough)
