"""What a look at a repository comes to, in figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from trustpress.errors import TrustpressError

_DAY = timedelta(days=1)

# In the words of CloudWatch, which has none for days.
UNITS = {
    "EdgeFailed": "Count",
    "TimestampSecondsToExpiry": "Seconds",
    "SnapshotSecondsToExpiry": "Seconds",
    "TimestampAgeSeconds": "Seconds",
    "TimestampLifeLeft": "Percent",
    "RootDaysToExpiry": "Count",
    "TargetsDaysToExpiry": "Count",
    "DaysToExpiry": "Count",
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a client sees of one repository: how long it stays fresh, or the `error` that the client would meet.

    `expiries` holds at least root, targets and the offline role that expires first.
    """

    repository: str
    error: TrustpressError | None = None
    timestamp_left: timedelta = timedelta()
    timestamp_life: timedelta = timedelta(days=1)
    snapshot_left: timedelta = timedelta()
    expires_in: Mapping[str, timedelta] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, float]:
        """By the name of the metric. A repository that does not verify has no time left, and tells no more."""
        figures = {
            "EdgeFailed": float(self.error is not None),
            "TimestampSecondsToExpiry": self.timestamp_left.total_seconds(),
            "TimestampLifeLeft": 100 * (self.timestamp_left / self.timestamp_life),
            "SnapshotSecondsToExpiry": self.snapshot_left.total_seconds(),
        }
        if self.error is None:
            figures |= {
                "TimestampAgeSeconds": (self.timestamp_life - self.timestamp_left).total_seconds(),
                "RootDaysToExpiry": self.expires_in["root"] / _DAY,
                "TargetsDaysToExpiry": self.expires_in["targets"] / _DAY,
                "DaysToExpiry": min(self.expires_in.values()) / _DAY,
            }
        return figures


def overall(sightings: list[Sighting]) -> dict[str, float]:
    """The least of each figure over all repositories, and how many failed: what alarms look at."""
    seen = [sighting.figures for sighting in sightings]
    least = {"EdgeFailed": sum(figures["EdgeFailed"] for figures in seen), "TimestampLifeLeft": 100.0}
    for name in ("TimestampLifeLeft", "TimestampSecondsToExpiry", "SnapshotSecondsToExpiry", "DaysToExpiry"):
        found = [figures[name] for figures in seen if name in figures]
        least |= {name: min(found)} if found else {}
    return least
