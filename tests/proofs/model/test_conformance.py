"""The model asks of the store what the publisher asks: walks through it, played with the real one."""

from collections.abc import Iterator

import pytest

from tests.proofs.model.explore import STORIES
from tests.proofs.model.protocol import Protocol
from tests.proofs.model.replay import Replay, walk

# How many walks are played, and among how many more those are found that take a step which none before has taken.
PLAYED, LOOKED_AT = 50, 400


@pytest.mark.parametrize("story", STORIES)
def test_the_real_publisher_makes_every_request_of_a_walk_and_no_other(story: str) -> None:
    protocol = Protocol(STORIES[story])
    for seed in seeds(protocol):
        replay, store = Replay(protocol), protocol.beginning()
        for step in walk(protocol, seed):
            replay.play(step, store)
            store = step.move.store


def seeds(protocol: Protocol) -> Iterator[int]:
    taken: set[str] = set()
    for seed in range(LOOKED_AT):
        steps = {step.move.what for step in walk(protocol, seed)}
        if seed < PLAYED or not steps <= taken:
            yield seed
        taken |= steps


def test_a_walk_that_the_publisher_does_not_take_is_noticed() -> None:
    """The same walk through a model that loads twice: what is asked for next is not what the model says."""
    protocol = Protocol(STORIES["three roles"])
    [first, *_] = walk(protocol, seed=0)
    replay = Replay(protocol)
    replay.play(first, protocol.beginning())
    with pytest.raises(AssertionError):
        replay.play(first, protocol.beginning())
