"""I8: clients never meet an expired timestamp while the schedule runs, nor while it fails three times in a row; then an alarm is heard."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.watch.schedule import HOUR, LATE_SECONDS, LIFE, Simulation, run_schedule

PERIODS = [timedelta(hours=1), timedelta(hours=2), timedelta(hours=3)]
ALLOWED_TO_MISS = 3
LATE = timedelta(seconds=2 * LATE_SECONDS)

# With this seed and this many days a timestamp expires if it is signed again only when it is half spent, and the schedule is one
# of three hours. The others leave more room; `scripts/prove freshness` has all of the days for them, too.
SEED, DAYS = 1, {1: 100, 2: 150, 3: 400}

every_period = pytest.mark.parametrize("period", PERIODS, ids=lambda period: f"{period // HOUR}h")


@every_period
def test_no_client_meets_an_expired_timestamp_in_hundreds_of_days_of_outages(tmp_path: Path, period: timedelta) -> None:
    figures = run_schedule(tmp_path, period, DAYS[period // HOUR], SEED)
    assert figures.missed > 100
    assert figures.least_left >= LIFE / 2 - ALLOWED_TO_MISS * period - LATE


@every_period
def test_while_the_schedule_runs_half_of_the_life_is_always_left_and_no_alarm_is_heard(tmp_path: Path, period: timedelta) -> None:
    simulation = Simulation(tmp_path, period, seed=1)
    for _ in range(40 * LIFE // period):
        simulation.wait_for_run()
        simulation.run()
    assert simulation.least_left >= LIFE / 2 - LATE
    assert not [name for name, alarm in simulation.alarms.items() if alarm.went_off]


@every_period
@pytest.mark.parametrize("runs", range(LIFE // HOUR))
def test_the_fourth_missed_run_is_heard_of_with_a_quarter_of_the_life_left(tmp_path: Path, period: timedelta, runs: int) -> None:
    """Whatever the age of the timestamp when the schedule stops, and wherever in a quarter of an hour it does."""
    simulation = stopped(tmp_path, period, runs)
    for _ in range(ALLOWED_TO_MISS + 1):
        simulation.wait_for_run()
    simulation.pass_time(LATE)
    (heard,) = simulation.alarms["RefreshMissedAlarm"].went_off
    assert simulation.left + (simulation.now - heard) >= LIFE / 4
    assert simulation.left >= LIFE / 2 - 3 * period - LATE


@every_period
@pytest.mark.parametrize("runs", range(0, LIFE // HOUR, 5))
def test_freshness_is_heard_of_in_two_steps_before_a_timestamp_expires(tmp_path: Path, period: timedelta, runs: int) -> None:
    simulation = stopped(tmp_path, period, runs)
    simulation.pass_time(simulation.left - HOUR)
    heard = {name: simulation.left + (simulation.now - alarm.went_off[0]) for name, alarm in simulation.alarms.items() if alarm.went_off}
    assert list(heard) == ["RefreshMissedAlarm", "HalfSpentAlarm", "NearlyExpiredAlarm"]
    assert LIFE / 2 - HOUR <= heard["HalfSpentAlarm"] < LIFE / 2
    assert LIFE / 4 - HOUR <= heard["NearlyExpiredAlarm"] < LIFE / 4


def stopped(state: Path, period: timedelta, runs: int) -> Simulation:
    """The schedule has run for two days, and some runs more, and does no longer."""
    simulation = Simulation(state, period, seed=runs)
    for _ in range(2 * LIFE // period + runs):
        simulation.wait_for_run()
        simulation.run()
    return simulation
