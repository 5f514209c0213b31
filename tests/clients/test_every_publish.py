"""Two clients that share no code follow everything that can be published, with and without a memory."""

from datetime import UTC, datetime
from pathlib import Path

from tests.clients.edge import serving
from tests.clients.journey import Journey
from tests.clients.tuf_js import TufJs
from tests.fakes import FakeClock
from tests.publish.world import World
from tests.readers import Reader


def test_both_clients_refresh_and_download_cold_and_warm_after_every_publish(tmp_path: Path, tuf_js: TufJs) -> None:
    world = World(tmp_path / "memory", clock=FakeClock(datetime.now(UTC)))
    journey = Journey(world)
    with serving(world.public) as origin:
        url, published = f"{origin}{world.name}/", 0
        for published, step in enumerate(journey.steps(), start=1):
            first_root = world.public.body("acme/api/metadata/1.root.json")
            for memory in ("warm", f"cold-{published}"):
                python_tuf = Reader(tmp_path / "python-tuf" / memory, url, first_root)
                seen = python_tuf.refresh()
                assert seen.timestamp == world.published("timestamp.json")["version"], step
                assert python_tuf.download_all(journey.files) == journey.files, step
                reading = tuf_js.read(memory, url, first_root, journey.files)
                assert reading.seen == {"root": seen.root, "timestamp": seen.timestamp, "snapshot": seen.snapshot}, step
                assert reading.files == journey.files, step
    assert published >= 20
