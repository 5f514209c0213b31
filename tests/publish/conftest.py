from pathlib import Path

import pytest

from tests.publish.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A deployment and a developer; nothing is published yet."""
    return World(tmp_path)


@pytest.fixture
def running(world: World) -> World:
    """The same with its first publish done."""
    world.publish_first()
    return world
