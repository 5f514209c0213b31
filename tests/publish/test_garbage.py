"""Garbage: what no client can ask for any more is found and marked, and nothing else ever is."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes import START
from tests.publish.test_broken import Damage, gone, overwrite, rolled_back, tampered
from tests.publish.troubles import Crash, at_first, calm, crash
from tests.publish.world import HELLO, World
from trustpress.core import layout
from trustpress.core.metadata import Policy
from trustpress.core.parse import MAX_TARGETS_LENGTH
from trustpress.errors import BrokenRepository, NeverPublished, Unavailable
from trustpress.expire import MARGIN, MAX_AT_ONCE, TAG, Garbage
from trustpress.publish import draft

STALENESS = Policy().snapshot_life + MARGIN
MOMENT = timedelta(seconds=1)


def found(world: World) -> list[str]:
    """What may go, without the repository's prefix."""
    candidates = Garbage(world.staging, world.public).find(world.name, world.clock.now())
    return [candidate.version.key.removeprefix(f"{world.name}/metadata/") for candidate in candidates]


def expire(world: World) -> list[str]:
    """Mark what may go, and let a month pass in which the store forgets it."""
    garbage = Garbage(world.staging, world.public)
    candidates = garbage.find(world.name, world.clock.now())
    garbage.expire(candidates)
    world.public.let_a_month_pass_for_lifecycle(*TAG)
    return [candidate.version.key.removeprefix(f"{world.name}/metadata/") for candidate in candidates]


def live_on(world: World, days: int) -> None:
    """The schedule keeps everything fresh meanwhile."""
    for _ in range(days * 2):
        world.clock.pass_time(timedelta(hours=12) + MOMENT)
        world.refresher.refresh(world.name, world.clock)
    world.see_as_clients_do()


def test_what_was_superseded_goes_when_no_client_can_go_by_it_any_more(running: World) -> None:
    running.publish_files(HELLO)
    running.clock.pass_time(STALENESS - MOMENT)
    assert found(running) == []
    running.clock.pass_time(MOMENT)
    assert found(running) == ["1.snapshot.json", "1.targets.json"]


def test_it_is_superseded_that_counts_not_old(running: World) -> None:
    running.clock.pass_time(timedelta(days=200))
    running.publish_files(HELLO)
    assert found(running) == []


def test_what_is_published_stays_however_old_it_is(running: World) -> None:
    running.clock.pass_time(timedelta(days=3000))
    assert found(running) == []


def test_a_snapshot_without_a_timestamp_goes_too(running: World) -> None:
    running.public.before = at_first("timestamp.json", crash)
    running.developer.next_version()
    running.upload(running.developer.signed())
    with pytest.raises(Crash):
        running.publisher.drain(running.name, running.clock)
    running.public.before = calm
    running.clock.pass_time(MOMENT)
    running.drain()
    assert running.published("timestamp.json")["meta"]["snapshot.json"]["version"] == 3
    running.clock.pass_time(STALENESS)
    assert found(running) == ["1.snapshot.json", "1.targets.json", "2.snapshot.json"]


def test_a_snapshot_without_a_timestamp_stays_while_its_number_may_still_be_taken(running: World) -> None:
    running.public.before = at_first("timestamp.json", crash)
    running.developer.next_version()
    running.upload(running.developer.signed())
    with pytest.raises(Crash):
        running.publisher.drain(running.name, running.clock)
    running.public.before = calm
    running.clock.pass_time(timedelta(days=30))
    assert found(running) == []


def test_clients_notice_nothing_and_publishing_goes_on(running: World) -> None:
    running.publish_files(HELLO)
    live_on(running, 9)
    before = running.published("timestamp.json")["meta"]["snapshot.json"]["version"]
    gone = expire(running)
    assert {"1.snapshot.json", "1.targets.json"} <= set(gone)
    assert not {f"{running.name}/metadata/{filename}" for filename in gone} & running.public.objects.keys()
    running.see_as_clients_do()
    assert running.download("dir/hello.txt") == b"hello"
    running.publish_files({"more.txt": b"more"})
    assert running.published("timestamp.json")["meta"]["snapshot.json"]["version"] == before + 1
    live_on(running, 9)
    expire(running)
    assert running.download("more.txt") == b"more"


def test_a_client_goes_on_with_what_it_got_for_as_long_as_that_is_valid(running: World) -> None:
    running.developer.next_version()
    running.developer.delegate("releases", "releases/*")
    running.developer.next_version("releases", {"releases/app": b"one"}).version = 1
    running.upload_files({"releases/app": b"one"})
    running.publish(running.developer.bundle("targets", "releases"), "both.json")
    client = running.onlookers.cold_reader(running.name)
    running.clock.pass_time(timedelta(hours=24) - MOMENT)
    session = client._updater()
    session.refresh()
    running.developer.next_version("releases", {"releases/app": b"two"})
    running.upload_files({"releases/app": b"two"})
    running.publish(running.developer.signed("releases"), "releases.json")
    live_on(running, 6)
    running.clock.pass_time(START + STALENESS - running.clock.now())
    assert expire(running) == ["1.snapshot.json", "1.targets.json"]
    entry = session.get_targetinfo("releases/app")
    assert entry is not None
    assert entry.length == len(b"one")
    live_on(running, 1)
    assert "1.releases.json" in expire(running)


def test_a_version_that_was_forgotten_cannot_come_back(running: World) -> None:
    former = running.developer.signed()
    running.publish_files(HELLO)
    live_on(running, 9)
    expire(running)
    running.refuse(former, "E_OLD")


def test_roots_stay_for_ever(running: World) -> None:
    for _ in range(3):
        running.developer.next_root()
        running.publish(running.developer.signed("root"), "root.json")
    live_on(running, 30)
    assert "1.snapshot.json" in expire(running)
    assert [filename for filename in found(running) if "root" in filename] == []
    assert running.onlookers.cold_reader(running.name).refresh().root == 4


def test_a_role_that_is_called_like_a_root_stays_too(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From before such names were refused."""
    running.developer.next_version()
    running.developer.delegate("the.root", "docs/*")
    both = running.developer.bundle("targets", "the.root")
    running.refuse(both, "E_PORTABLE", "both.json")
    with monkeypatch.context() as before:
        before.setattr(draft, "check_new_rolename", lambda _: None)
        running.publish(both, "both.json")
        running.developer.next_version("the.root")
        running.publish(running.developer.signed("the.root"), "the.root.json")
    running.clock.pass_time(STALENESS)
    assert found(running) == ["1.snapshot.json", "1.targets.json", "2.snapshot.json"]


def test_target_files_stay_since_a_later_upload_may_list_them_again(running: World) -> None:
    running.publish_files(HELLO)
    running.developer.next_version().targets.clear()
    running.publish(running.developer.signed())
    live_on(running, 9)
    expire(running)
    running.developer.next_version(files=HELLO)
    running.publish(running.developer.signed())
    assert running.download("dir/hello.txt") == b"hello"


def test_what_a_former_root_promised_is_kept(world: World) -> None:
    story = World(world.onlookers.state / "slow", policy={"snapshot_seconds": 30 * 24 * 3600})
    story.publish_first()
    story.publish_files(HELLO)
    story.developer.next_root().unrecognized_fields["x-trustpress"] = {"snapshot_seconds": 3600}
    story.publish(story.developer.signed("root"), "root.json")
    story.clock.pass_time(timedelta(days=31) - MOMENT)
    assert found(story) == []
    story.clock.pass_time(MOMENT)
    assert found(story) == ["1.snapshot.json", "1.targets.json", "2.snapshot.json"]


def test_what_was_written_again_lately_stays(running: World) -> None:
    running.publish_files(HELLO)
    running.clock.pass_time(STALENESS)
    overwrite(running, "1.targets.json", running.public.body("acme/api/metadata/1.targets.json"))
    assert found(running) == ["1.snapshot.json"]


def test_another_repository_is_not_looked_at(running: World) -> None:
    other = running.neighbour("acme/api/nested")
    other.publish_first()
    other.publish_files(HELLO)
    running.clock.pass_time(STALENESS)
    assert found(running) == []
    assert found(other) == ["1.snapshot.json", "1.targets.json"]


def test_looking_changes_nothing(running: World) -> None:
    running.publish_files(HELLO)
    running.clock.pass_time(STALENESS)
    for store in (running.staging, running.public):
        store.calls.clear()
    assert found(running)
    assert running.public.calls.keys() | running.staging.calls.keys() <= {"GET", "LIST"}


def test_what_was_marked_before_a_crash_stays_marked_and_the_rest_follows(running: World) -> None:
    running.publish_files(HELLO)
    running.clock.pass_time(STALENESS)
    garbage = Garbage(running.staging, running.public, workers=1)
    candidates = garbage.find(running.name, running.clock.now())

    def trouble(operation: str, key: str) -> None:
        if operation == "TAG" and key.endswith("targets.json"):
            raise Unavailable("503")

    running.public.before = trouble
    with pytest.raises(Unavailable):
        garbage.expire(candidates)
    assert [version.key for version in running.public.tags] == ["acme/api/metadata/1.snapshot.json"]
    running.public.before = calm
    garbage.expire(garbage.find(running.name, running.clock.now()))
    assert set(running.public.tags) == {candidate.version for candidate in candidates}


def test_the_list_of_one_run_fits_into_the_answer_of_a_function(running: World) -> None:
    """S3 takes keys of 1,024 bytes; the longest of ours are shorter."""
    running.publish_files(HELLO)
    running.clock.pass_time(STALENESS)
    candidate = Garbage(running.staging, running.public).find(running.name, running.clock.now())[0]
    key = layout.metadata("r" * layout.MAX_REPOSITORY_LENGTH, "n" * 100, 2**31 - 1)
    listed = json.dumps({"key": key, "length": MAX_TARGETS_LENGTH, "reason": candidate.reason + " " * 10})
    assert len(listed) * MAX_AT_ONCE < 6 * 1024 * 1024


def test_a_name_that_is_no_repository_is_told(world: World) -> None:
    with pytest.raises(NeverPublished):
        found(world)


@pytest.mark.parametrize("damage", [rolled_back, tampered("timestamp.json"), tampered("2.snapshot.json")])
def test_a_repository_that_does_not_verify_is_left_as_it_is(running: World, damage: Damage) -> None:
    running.publish_files(HELLO)
    running.clock.pass_time(STALENESS)
    damage(running)
    with pytest.raises(BrokenRepository):
        found(running)


def test_what_the_oldest_release_lists_is_believed_only_if_it_verifies(running: World) -> None:
    running.publish_files(HELLO)
    running.clock.pass_time(timedelta(days=1))
    running.publish_files({"more.txt": b"more"})
    running.clock.pass_time(STALENESS - timedelta(days=1))
    versions = running.public.objects["acme/api/metadata/timestamp.json"]
    envelope = json.loads(versions[1].body)
    envelope["signed"]["meta"]["snapshot.json"] = json.loads(versions[2].body)["signed"]["meta"]["snapshot.json"]
    versions[1] = replace(versions[1], body=json.dumps(envelope).encode())
    with pytest.raises(BrokenRepository, match="signed for none of its roots"):
        found(running)


@pytest.mark.parametrize("damage", [gone("2.snapshot.json"), tampered("2.snapshot.json")])
def test_the_snapshot_of_the_oldest_release_must_be_the_one_that_was_committed(running: World, damage: Damage) -> None:
    running.publish_files(HELLO)
    running.clock.pass_time(timedelta(days=1))
    running.publish_files({"more.txt": b"more"})
    running.clock.pass_time(STALENESS - timedelta(days=1))
    damage(running)
    with pytest.raises(BrokenRepository):
        found(running)


def test_while_nobody_knows_what_was_current_then_nothing_goes(running: World) -> None:
    """A timestamp that was brought back has no past."""
    running.publish_files(HELLO)
    running.clock.pass_time(STALENESS)
    overwrite(running, "timestamp.json", running.public.body("acme/api/metadata/timestamp.json"))
    assert found(running) == []


def test_a_timestamp_that_the_store_forgets_while_it_is_asked_for_stops_the_run(running: World) -> None:
    running.publish_files(HELLO)
    running.clock.pass_time(timedelta(days=1))
    running.publish_files({"more.txt": b"more"})
    running.clock.pass_time(STALENESS - timedelta(days=1))
    assert found(running)
    running.public.calls.clear()

    def forget(operation: str, key: str) -> None:
        if operation == "GET" and key.endswith("timestamp.json") and running.public.calls["LIST"]:
            del running.public.objects[key][:-1]

    running.public.before = forget
    with pytest.raises(BrokenRepository, match=r"version v\d+ of timestamp\.json is gone"):
        found(running)
