"""Refresh: what is published stays fresh, and what events have missed is found."""

from datetime import timedelta

import pytest

from tests.fakes import START, FakeClock
from tests.publish.troubles import Crash, at_first, calm, crash, no_answer
from tests.publish.world import HELLO, World
from trustpress.errors import BrokenRepository, Conflict, OutOfTime
from trustpress.store.register import published_repositories


def refresh(world: World) -> bool:
    done = world.refresher.refresh(world.name, world.clock)
    world.see_as_clients_do()
    return done


def test_a_timestamp_with_half_its_life_left_at_the_next_run_is_left_alone(running: World) -> None:
    running.clock.pass_time(timedelta(hours=11))
    assert not refresh(running)
    assert running.published("timestamp.json")["version"] == 1


def test_a_timestamp_with_less_is_signed_again(running: World) -> None:
    running.clock.pass_time(timedelta(hours=11, seconds=1))
    assert refresh(running)
    timestamp = running.published("timestamp.json")
    assert timestamp["version"] == 2
    assert timestamp["expires"] == "2026-11-24T23:00:01Z"
    assert timestamp["meta"]["snapshot.json"]["version"] == 1


def test_a_snapshot_with_less_than_half_its_life_left_is_signed_again_too(running: World) -> None:
    running.publish_files(HELLO)
    for _ in range(5):
        running.clock.pass_time(timedelta(hours=13))
        assert refresh(running)
    assert running.published("timestamp.json")["meta"]["snapshot.json"]["version"] == 2
    for _ in range(2):
        running.clock.pass_time(timedelta(hours=13))
        assert refresh(running)
    assert running.published("timestamp.json")["meta"]["snapshot.json"]["version"] == 3
    assert running.published("3.snapshot.json")["meta"] == running.published("2.snapshot.json")["meta"]
    assert running.download("dir/hello.txt") == b"hello"


def test_a_repository_refreshed_every_hour_stays_fresh_for_a_month(running: World) -> None:
    for _ in range(30 * 24):
        running.clock.pass_time(timedelta(hours=1))
        running.refresher.refresh(running.name, running.clock)
        expires = running.published("timestamp.json")["expires"]
        assert expires >= (running.clock.now() + timedelta(hours=12)).isoformat()[:19]
    running.see_as_clients_do()
    assert running.published("timestamp.json")["version"] < 65


def test_root_decides_how_long_online_metadata_lives(world: World) -> None:
    story = World(world.onlookers.state / "short", policy={"timestamp_seconds": 4 * 3600, "snapshot_seconds": 6 * 3600})
    story.publish_first()
    assert story.published("timestamp.json")["expires"] == "2026-11-23T16:00:00Z"
    story.clock.pass_time(timedelta(minutes=61))
    assert refresh(story)
    assert story.published("timestamp.json")["meta"]["snapshot.json"]["version"] == 1
    story.clock.pass_time(timedelta(minutes=61))
    assert refresh(story)
    assert story.published("2.snapshot.json")["expires"] == "2026-11-23T20:02:00Z"


def test_losing_the_race_is_success(running: World) -> None:
    running.clock.pass_time(timedelta(hours=13))

    def rival() -> None:
        running.public.before = calm
        running.publish_files(HELLO)

    running.public.before = at_first("timestamp.json", rival)
    assert not refresh(running)
    assert running.published("timestamp.json")["version"] == 2
    assert running.published("timestamp.json")["meta"]["snapshot.json"]["version"] == 2


def test_a_refresh_that_happened_without_an_answer_is_recognised_as_ours(running: World) -> None:
    running.clock.pass_time(timedelta(hours=13))
    running.public.after = at_first("timestamp.json", no_answer)
    assert refresh(running)
    assert running.published("timestamp.json")["version"] == 2


def test_a_warm_refresher_follows_what_publishers_do(running: World) -> None:
    assert not refresh(running)
    running.publish_files(HELLO)
    running.developer.next_root()
    running.developer.replace_key("root")
    running.publish(running.developer.signed("root"), "root.json")
    running.clock.pass_time(timedelta(hours=13))
    assert refresh(running)
    assert running.published("timestamp.json")["version"] == 4


def test_a_warm_refresher_keeps_a_commit_that_no_register_shows(running: World) -> None:
    """Another container crashed right after its commit: the snapshot that this one remembers is not signed over it."""
    assert not refresh(running)
    running.staging.before = at_first("repositories/acme%2Fapi.json", crash)
    with pytest.raises(Crash):
        running.publish_files(HELLO)
    running.staging.before = calm
    running.clock.pass_time(timedelta(hours=13))
    assert refresh(running)
    timestamp = running.published("timestamp.json")
    assert (timestamp["version"], timestamp["meta"]["snapshot.json"]["version"]) == (3, 2)
    assert running.download("dir/hello.txt") == b"hello"


def test_a_repository_that_was_never_published_needs_no_refresh(world: World) -> None:
    world.wait(world.developer.signed("root"), "E_DELEG", "root.json")
    assert list(published_repositories(world.staging)) == []
    assert not world.refresher.refresh(world.name, world.clock)


def test_without_time_left_nothing_is_signed(running: World) -> None:
    later = FakeClock(START + timedelta(hours=13), seconds_left=14)
    with pytest.raises(OutOfTime):
        running.refresher.refresh(running.name, later)
    assert running.published("timestamp.json")["version"] == 1


def test_one_broken_repository_stops_no_other(running: World) -> None:
    others = [running.neighbour(name) for name in ("acme", "acme/web", "zeta/api")]
    for other in others:
        other.publish_first()
    running.staging.upload("repositories/not a register.json", b"{}")
    assert sorted(published_repositories(running.staging)) == ["acme", "acme/api", "acme/web", "zeta/api"]
    running.public.upload("acme/api/metadata/timestamp.json", b"<html>")
    running.clock.pass_time(timedelta(hours=13))
    refreshed, failures = running.refresher.refresh_all(running.clock)
    assert refreshed == 3
    assert failures.keys() == {"acme/api"}
    assert isinstance(failures["acme/api"], BrokenRepository)
    for other in others:
        assert other.see_as_clients_do() is not None
        assert other.published("timestamp.json")["version"] == 2


def test_leftovers_are_the_repositories_with_metadata_in_their_inbox(world: World) -> None:
    for key in (
        "inbox/acme/metadata/targets.json",
        "inbox/acme/targets/a.txt",
        "inbox/acme/api/targets/a/metadata/b.txt",
        "inbox/zeta/metadata/1.root.json",
        "inbox/zeta/metadata/1.targets.json",
        "inbox/Not A Repository/metadata/targets.json",
        "inbox/stray.txt",
        "receipts/other/metadata/0.json",
    ):
        world.staging.upload(key, b"{}")
    assert list(world.refresher.leftovers()) == ["acme", "zeta"]


def test_an_upload_whose_event_was_lost_is_found(running: World) -> None:
    running.developer.next_version()
    running.upload(running.developer.signed())
    for name in running.refresher.leftovers():
        running.publisher.drain(name, running.clock)
    running.see_as_clients_do()
    assert list(running.refresher.leftovers()) == []
    assert running.published("timestamp.json")["version"] == 2


def test_a_refresh_that_always_loses_gives_up_in_peace(running: World) -> None:
    running.clock.pass_time(timedelta(hours=13))

    def lose(operation: str, key: str) -> None:
        if operation == "PUT":
            raise Conflict(key)

    running.public.before = lose
    assert running.refresher.refresh_all(running.clock) == (0, {})
