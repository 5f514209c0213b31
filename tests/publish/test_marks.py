"""The register's numbers: exact, never taken from a bucket that has gone back, never behind what clients know."""

import json
from contextlib import nullcontext
from datetime import timedelta

import pytest

from tests import builders
from tests.builders import EXPIRES, compact, ed25519_signer, envelope
from tests.publish.troubles import Crash, at_first, calm, crash
from tests.publish.world import HELLO, World
from trustpress.core.instants import write_instant
from trustpress.core.metadata import MetaFile, Snapshot, Timestamp
from trustpress.core.parse import parse_root
from trustpress.errors import BrokenRepository
from trustpress.store.register import MAX_UNSEEN, Register, is_fast_forwarded, verify_agrees

REGISTER = "repositories/acme%2Fapi.json"


def register(world: World) -> dict[str, object]:
    value: dict[str, object] = json.loads(world.staging.body(REGISTER))
    return value


def publish_docs(world: World) -> None:
    world.developer.next_version()
    world.developer.delegate("docs", "docs/*")
    world.publish(world.developer.bundle("targets", "docs"), "bundle.json")


def test_every_role_is_remembered_at_its_highest_version(running: World) -> None:
    publish_docs(running)
    running.publish_files(HELLO)
    assert register(running)["roles"] == {"targets": 3, "docs": 1}


def test_a_refresh_is_remembered(running: World) -> None:
    running.clock.pass_time(timedelta(days=4))
    assert running.refresher.refresh(running.name, running.clock)
    assert (register(running)["timestamp"], register(running)["snapshot"]) == (2, 2)


def test_what_a_crash_kept_from_the_register_comes_with_the_next_commit(running: World) -> None:
    """Another container commits another role: it must not take the register for complete."""
    publish_docs(running)
    running.developer.next_version("docs")
    running.upload(running.developer.signed("docs"), "docs.json")
    running.staging.before = at_first(REGISTER, crash)
    with pytest.raises(Crash):
        running.publisher.drain(running.name, running.clock)
    running.staging.before = calm
    running.staging.objects.pop("inbox/acme/api/metadata/docs.json")
    running.start()
    running.publish_files(HELLO)
    assert register(running)["roles"] == {"targets": 3, "docs": 2}


def test_what_is_acknowledged_is_remembered(running: World) -> None:
    """Or a bucket that loses it would not be noticed."""
    running.developer.next_version()
    sha256 = running.upload(running.developer.signed())
    running.staging.before = at_first(REGISTER, crash)
    with pytest.raises(Crash):
        running.publisher.drain(running.name, running.clock)
    assert running.published("timestamp.json")["version"] == 2
    with pytest.raises(KeyError):
        running.receipt(sha256)


def test_a_bucket_that_goes_back_to_what_a_container_remembers_is_noticed(running: World) -> None:
    """It heard of a later commit from the register alone."""
    running.clock.pass_time(timedelta(hours=13))
    running.staging.before = at_first(REGISTER, lambda: rival_publishes(running))
    assert running.refresher.refresh(running.name, running.clock)
    assert running.published("timestamp.json")["version"] == 3
    go_back(running, 2)
    running.clock.pass_time(timedelta(hours=13))
    with pytest.raises(BrokenRepository, match="timestamp version 3 was committed, version 2 is published"):
        running.refresher.refresh(running.name, running.clock)


@pytest.mark.parametrize("version", [2, 3])
def test_a_bucket_that_goes_back_to_what_an_idle_container_remembers_is_noticed(running: World, version: int) -> None:
    """Another container has published since. The next version is not published, and a later one is not told to wait for it."""
    running.drain()
    running.developer.next_version()
    running.upload(running.developer.signed())
    running.new_publisher().drain(running.name, running.clock)
    go_back(running, 1)
    running.developer.next_version().version = version
    sha256 = running.upload(running.developer.signed(), "restored.json")
    with pytest.raises(BrokenRepository, match="timestamp version 2 was committed, version 1 is published"):
        running.publisher.drain(running.name, running.clock)
    with pytest.raises(KeyError):
        running.receipt(sha256)


def test_nothing_is_signed_again_that_an_idle_container_remembers_and_others_have_replaced(running: World) -> None:
    assert not running.refresher.refresh(running.name, running.clock)
    running.publish_files(HELLO)
    go_back(running, 1)
    running.clock.pass_time(timedelta(hours=13))
    with pytest.raises(BrokenRepository, match="timestamp version 2 was committed, version 1 is published"):
        running.refresher.refresh(running.name, running.clock)
    assert running.published("timestamp.json")["version"] == 1


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_root_that_is_lost_is_missed_by_a_container_that_never_knew_it(running: World, *, is_committed: bool) -> None:
    """The root may have dropped a stolen key: under the one before, its thief could publish."""
    running.drain()
    developer = running.developer
    developer.next_root()
    running.upload(developer.signed("root"), "root.json")
    if is_committed:
        developer.next_version()
        running.upload(developer.signed())
    running.new_publisher().drain(running.name, running.clock)
    assert register(running)["root_version"] == 2
    running.public.objects.pop(f"{running.name}/metadata/2.root.json")
    developer.next_version()
    running.upload(developer.signed())
    with pytest.raises(BrokenRepository, match="root version 2 was published"):
        running.publisher.drain(running.name, running.clock)


def test_a_snapshot_is_renewed_under_a_root_that_others_have_settled_without_a_commit(running: World) -> None:
    """They found it published by a run that crashed: the timestamp that an idle container remembers is still the one."""
    assert not running.refresher.refresh(running.name, running.clock)
    running.developer.next_root()
    running.developer.root.unrecognized_fields["x-trustpress"] = {"snapshot_seconds": 3 * 24 * 3600}
    running.public.upload(f"{running.name}/metadata/2.root.json", running.developer.signed("root"))
    running.upload(running.developer.signed("root"), "root.json")
    [receipt] = running.new_publisher().drain(running.name, running.clock).receipts
    assert receipt.release == {"root": 2, "snapshot": 1, "timestamp": 1}
    running.clock.pass_time(timedelta(days=4))
    assert running.refresher.refresh(running.name, running.clock)
    renewed = running.published("2.snapshot.json")
    assert renewed["expires"] == write_instant(running.clock.now() + timedelta(days=3))


def test_a_first_publish_that_was_outrun_does_not_count_from_1_again(world: World) -> None:
    """The bucket is emptied after another has published, and before this one writes."""

    def outrun() -> None:
        world.staging.before = calm
        world.new_publisher().drain(world.name, world.clock)
        world.public.objects.clear()

    upload = world.developer.bundle("root", "targets")
    world.upload(upload, "first.root.json")
    world.staging.before = at_first(REGISTER, outrun)
    with pytest.raises(BrokenRepository, match=r"timestamp\.json is gone"):
        world.publisher.drain(world.name, world.clock)
    assert not world.public.objects


@pytest.mark.parametrize("rolename", ["timestamp", "snapshot", "targets", "docs"])
def test_a_number_that_nobody_here_committed_may_be_a_little_ahead_and_no_more(rolename: str) -> None:
    """A container may be killed before it remembers; `docs` has not been committed here at all."""
    root = parse_root(compact(envelope(builders.root(), ed25519_signer("root"))))
    register = Register(root.sha256, root.sha256, 1, snapshot=5, timestamp=7, roles={"targets": 3})
    for ahead in (MAX_UNSEEN, MAX_UNSEEN + 1):
        numbers = {"timestamp": 7, "snapshot": 5, "targets": 3, "docs": 0}
        numbers[rolename] += ahead
        timestamp, snapshot = numbers.pop("timestamp"), numbers.pop("snapshot")
        meta: dict[str, MetaFile] = {name: {"version": version} for name, version in numbers.items() if version}
        published = Timestamp(timestamp, EXPIRES, {"version": snapshot}), Snapshot(snapshot, EXPIRES, meta)
        assert is_fast_forwarded(register, *published) == (ahead > MAX_UNSEEN)
        with pytest.raises(BrokenRepository, match="was committed here") if ahead > MAX_UNSEEN else nullcontext():
            verify_agrees("acme/api", register, root, *published)


@pytest.mark.parametrize(("left", "is_noticed"), [({}, True), ({"docs": 0}, False)], ids=["committed", "lost in a recovery"])
def test_a_role_that_is_listed_no_more_is_missed_even_at_its_first_version(left: dict[str, int], *, is_noticed: bool) -> None:
    root = parse_root(compact(envelope(builders.root(), ed25519_signer("root"))))
    register = Register(root.sha256, root.sha256, 1, snapshot=5, timestamp=7, roles={"targets": 3, "docs": 1}, lost=left)
    published = Timestamp(7, EXPIRES, {"version": 5}), Snapshot(5, EXPIRES, {"targets": {"version": 3}})
    missed = "docs version 1 was committed, version 0 is published"
    with pytest.raises(BrokenRepository, match=missed) if is_noticed else nullcontext():
        verify_agrees("acme/api", register, root, *published)


def test_without_its_register_nothing_is_published(running: World) -> None:
    running.staging.objects.pop(REGISTER)
    running.developer.next_version()
    running.upload(running.developer.signed())
    with pytest.raises(BrokenRepository, match="its register is gone"):
        running.publisher.drain(running.name, running.clock)


def go_back(world: World, timestamp: int) -> None:
    key = f"{world.name}/metadata/timestamp.json"
    world.public.objects[key] = world.public.objects[key][:timestamp]


def rival_publishes(world: World) -> None:
    world.staging.before = calm
    world.developer.next_version()
    world.upload(world.developer.signed())
    world.new_publisher().drain(world.name, world.clock)


@pytest.mark.parametrize("changed", [{"roles": []}, {"roles": {"docs": "1"}}, {"lost": {"docs": True}}, {"lost": None}])
def test_a_register_whose_roles_are_not_numbers_is_not_readable(running: World, changed: dict[str, object]) -> None:
    running.staging.upload(REGISTER, json.dumps(register(running) | changed).encode())
    running.start()
    with pytest.raises(BrokenRepository, match="not readable"):
        running.publisher.drain(running.name, running.clock)
