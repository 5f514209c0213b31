"""The first two hundred of the schedules of which `scripts/prove schedules` plays a hundred thousand."""

from tests.proofs.faults.faulty import Mode
from tests.proofs.faults.schedules import replay, written


def test_whatever_fails_and_whoever_goes_first_nothing_is_lost_and_no_client_notices() -> None:
    figures = replay(range(200))
    assert figures.runs == 200
    assert figures.commits > 300
    assert figures.faults.keys() == {mode.value for mode in Mode}


def test_a_seed_plays_the_same_run_again() -> None:
    assert written(7) == written(7)
    assert written(7) != written(8)
