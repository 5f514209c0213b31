from pathlib import Path

import pytest

from tests.publish.world import World
from tests.watch.canary import Canary


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A deployment with one repository, published for the first time."""
    world = World(tmp_path)
    world.publish_first()
    return world


@pytest.fixture
def canary(world: World) -> Canary:
    return Canary(world)
