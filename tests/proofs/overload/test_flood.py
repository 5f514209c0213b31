"""A flood in one repository does not starve another: two virtual minutes of it here, ten and more with `scripts/prove flood`."""

import random

import pytest
from rich.progress import Progress

from tests.proofs.overload import flood

BOUND = 60


@pytest.mark.parametrize(("minutes", "flooded"), [(2, 1), (1, 3)])
def test_next_door_to_a_flood_uploads_are_published_within_a_minute(minutes: float, flooded: int) -> None:
    figures = run(minutes, flooded)
    assert figures.never == 0
    assert figures.p99 < BOUND


def test_with_a_look_for_every_batch_they_would_not_be() -> None:
    assert run(2, 1, paced=False).p99 > BOUND


def test_a_flood_is_drained_when_it_is_over() -> None:
    drained = flood.Flood(random.Random(2), 1, paced=True)
    drained.go_on(60)
    drained.is_over = True
    drained.go_on(600)
    assert all(all(inbox.settled) for inbox in drained.inboxes.values())
    assert drained.is_quiet


def run(minutes: float, flooded: int, *, paced: bool = True) -> flood.Figures:
    with Progress(disable=True) as progress:
        return flood.run(progress, minutes, flooded, paced=paced)
