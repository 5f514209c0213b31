"""The way back from a break-in, for a fleet that is small enough for every run of the tests."""

from rich.progress import Progress

from tests.proofs.rekey import fleet


def test_a_hundred_repositories_move_to_a_new_master() -> None:
    figures = fleet.run(100, Progress(disable=True))
    assert (figures.repositories, figures.refreshes) == (100, 10)
