"""The freshness watch of a deployment in memory."""

from collections.abc import Mapping
from datetime import timedelta

from tests.fakes import InMemoryEdge, RecordingNotifier
from tests.publish.world import World
from trustpress.errors import TrustpressError
from trustpress.ports import Notifier
from trustpress.watch.sightings import Sighting, overall
from trustpress.watch.watcher import Watcher

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Canary:
    """It has been looking for a while; `start_anew` makes it forget, as a new container."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.edge, self.notifier = InMemoryEdge(world.public), RecordingNotifier()
        self.topic: Notifier | None = self.notifier
        self.failures: Mapping[str, TrustpressError] = {}
        self.start_anew()

    def start_anew(self) -> None:
        self.watcher = Watcher(self.world.staging, self.edge, self.topic, workers=1)

    def look(self) -> Sighting:
        """At the one repository there is."""
        (sighting,) = self.look_at_all()
        return sighting

    def look_at_all(self) -> list[Sighting]:
        sightings, self.failures = self.watcher.watch_all(self.world.clock)
        return sorted(sightings, key=lambda sighting: sighting.repository)

    def expect_failure(self, says: str) -> None:
        """Through the edge the repository does not verify, and whoever asks for the least of all hears it."""
        sighting = self.look()
        assert says in str(sighting.error)
        assert not self.failures
        figures = overall([sighting])
        assert (figures["EdgeFailed"], figures["TimestampSecondsToExpiry"], figures["TimestampLifeLeft"]) == (1, 0, 0)

    def expect_success(self) -> Sighting:
        sighting = self.look()
        assert sighting.error is None
        assert not self.failures
        return sighting

    def fetched(self) -> list[str]:
        """What was fetched since the last time this was asked, without the repository."""
        found, self.edge.fetched = [path.partition("/metadata/")[2] for path in self.edge.fetched], []
        return found

    def subjects(self) -> list[str]:
        return [subject for subject, _ in self.notifier.messages]
