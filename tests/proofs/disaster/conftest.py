from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.clients.conftest import installed_tuf_js, tuf_js
from tests.clients.edge import serving
from tests.clients.tuf_js import TufJs
from tests.fakes import FakeClock
from tests.proofs.disaster.story import Story
from tests.publish.world import World

__all__ = ["installed_tuf_js", "tuf_js"]


@pytest.fixture
def story(tmp_path: Path, tuf_js: TufJs) -> Iterator[Story]:
    """A repository with a past that could be in a backup."""
    world = World(tmp_path / "memory", clock=FakeClock(datetime.now(UTC)))
    with serving(world.public) as origin:
        story = Story(world, tuf_js, f"{origin}acme/api/", tmp_path)
        story.begin()
        yield story
