"""`kill -9` at random instants: clients never notice, and everything that was uploaded is published in the end."""

import pytest
from rich.progress import Progress

from tests.proofs.kills import hunt
from tests.proofs.kills.places import StoreName


@pytest.mark.parametrize("store", ["seaweedfs", "ministack"])
def test_a_publisher_that_is_killed_breaks_nothing_and_loses_nothing(store: StoreName) -> None:
    figures = hunt.run(15, store, seed=1, progress=Progress(disable=True))
    assert figures.kills == 15
    assert len(figures.falls) > 3
    assert figures.uploads > 5
