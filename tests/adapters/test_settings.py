"""The environment as a function reads it: complete and sensible, or named in an error."""

from datetime import timedelta

import pytest

from trustpress.adapters.settings import Settings, open_edge, open_notifier, open_queue, read_period, read_settings
from trustpress.core.overlap import OVERLAP
from trustpress.core.release import REFRESH_PERIOD
from trustpress.errors import Misconfigured

COMPLETE = {
    "TRUSTPRESS_STAGING_BUCKET": "staging",
    "TRUSTPRESS_PUBLIC_BUCKET": "public",
    "TRUSTPRESS_BUCKET_OWNER": "123456789012",
    "TRUSTPRESS_ONLINE_KEY": "master:key",
}


def test_settings_are_read() -> None:
    assert read_settings(COMPLETE) == Settings("staging", "public", "123456789012", "master:key", (), OVERLAP)
    former = read_settings({**COMPLETE, "TRUSTPRESS_FORMER_KEYS": " awskms:old  sealed:online:key "}).former_keys
    assert former == ("awskms:old", "sealed:online:key")


@pytest.mark.parametrize("name", COMPLETE)
@pytest.mark.parametrize("value", [None, "", "  "], ids=["not there", "empty", "blank"])
def test_what_is_missing_is_named(name: str, value: str | None) -> None:
    environment = {key: text for key, text in {**COMPLETE, name: value}.items() if text is not None}
    with pytest.raises(Misconfigured, match=f"settings: {name} not set"):
        read_settings(environment)


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(Misconfigured, match=", ".join(COMPLETE)):
        read_settings({})


@pytest.mark.parametrize("text", ["4", "0", "-5", "86401", "200.0", "two hundred", "²00"])
def test_an_overlap_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="expected a whole number from 5 to 86400"):
        read_settings({**COMPLETE, "TRUSTPRESS_OVERLAP_SECONDS": text})


@pytest.mark.parametrize(("text", "seconds"), [("5", 5), (" 86400 ", 86400)])
def test_the_shortest_and_the_longest_overlap_are_taken(text: str, seconds: int) -> None:
    assert read_settings({**COMPLETE, "TRUSTPRESS_OVERLAP_SECONDS": text}).overlap == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "period"),
    [("rate(1 hour)", timedelta(hours=1)), ("rate(15 minutes)", timedelta(minutes=15)), (" ", REFRESH_PERIOD), ("", REFRESH_PERIOD)],
)
def test_the_period_is_that_of_the_schedule(text: str, period: timedelta) -> None:
    assert read_period({"TRUSTPRESS_REFRESH_SCHEDULE": text}) == period


@pytest.mark.parametrize("text", ["rate(1 day)", "rate(0 hours)", "rate(100 minutes)", "cron(0 * * * ? *)", "hourly", "rate(1 hour) "[:-2]])
def test_a_schedule_whose_period_nobody_can_tell_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match="expected rate"):
        read_period({"TRUSTPRESS_REFRESH_SCHEDULE": text})


@pytest.mark.parametrize("environment", [{}, {"TRUSTPRESS_QUEUE_URL": ""}, {"TRUSTPRESS_QUEUE_URL": " "}])
def test_without_a_queue_nothing_is_left_for_later_unnoticed(environment: dict[str, str]) -> None:
    with pytest.raises(Misconfigured, match="TRUSTPRESS_QUEUE_URL not set"):
        open_queue(environment)


def test_without_a_url_the_watch_does_not_look() -> None:
    with pytest.raises(Misconfigured):
        open_edge({})


def test_without_a_topic_nobody_is_told() -> None:
    assert open_notifier({}) is None
