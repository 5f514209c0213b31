"""The model asks of the store what the publisher asks: walks through it, played with the real one."""

import pytest

from tests.model.explore import STORIES
from tests.model.protocol import Protocol
from tests.model.replay import Replay, walk

WALKS = 100


@pytest.mark.parametrize("story", STORIES)
def test_the_real_publisher_makes_every_request_of_a_walk_and_no_other(story: str) -> None:
    protocol = Protocol(STORIES[story])
    for seed in range(WALKS):
        replay, store = Replay(protocol), protocol.beginning()
        for step in walk(protocol, seed):
            replay.play(step, store)
            store = step.move.store


@pytest.mark.parametrize("story", STORIES)
def test_the_walks_that_are_played_take_every_kind_of_step(story: str) -> None:
    protocol = Protocol(STORIES[story])
    played = {step.move.what for seed in range(WALKS) for step in walk(protocol, seed)}
    assert played == {step.move.what for seed in range(400) for step in walk(protocol, seed)}
