"""Another tagging key signs as soon as no cache remembers the root that lists it as missing, and not before.

The world's onlookers see every release through caches that do not know the newest root yet.
"""

from datetime import timedelta

import pytest
from tuf.api.exceptions import RepositoryError

from tests.fakes import START, FakeClock
from tests.publish.troubles import Crash, at_first, calm, crash
from tests.publish.world import HELLO, MISSING_ROOT_CACHED, World
from trustpress.core.overlap import OVERLAP
from trustpress.errors import BrokenRepository

SECOND = timedelta(seconds=1)


def list_new_key(world: World) -> bytes:
    """The next root, which lists another targets key next to the present one; from now on the new key alone signs targets."""
    former = world.developer.signers["targets"][-1].public_key
    world.developer.next_root()
    world.developer.replace_key("targets")
    world.developer.root.add_key(former, "targets")
    return world.developer.signed("root")


def next_targets(world: World) -> bytes:
    world.developer.next_version()
    return world.developer.signed()


@pytest.fixture
def renewed(running: World) -> World:
    """Root 2, published just now, lists a new key next to the old one; the old one has signed what is published."""
    running.publish(list_new_key(running), "root.json")
    return running


def test_targets_by_the_new_key_wait_while_a_cache_may_not_know_the_root_that_lists_it(renewed: World) -> None:
    renewed.wait(next_targets(renewed), "E_ROOT")
    assert "acme/api/metadata/2.targets.json" not in renewed.public.objects
    renewed.clock.pass_time(OVERLAP - SECOND)
    assert [receipt.status for receipt in renewed.drain()] == ["waiting"]
    renewed.clock.pass_time(SECOND)
    assert [receipt.status for receipt in renewed.drain()] == ["published"]


def test_a_receipt_says_when_and_how_long(renewed: World) -> None:
    renewed.clock.pass_time(50 * SECOND)
    receipt = renewed.receipt(renewed.wait(next_targets(renewed), "E_ROOT").sha256)
    assert (receipt["since"], receipt["until"]) == ("2026-11-23T12:00:50Z", "2026-11-23T12:03:20Z")
    assert "200 seconds after the root" in receipt["hint"]
    assert receipt["message"].startswith("targets: its keys are new, and it waits")


@pytest.mark.parametrize("late", [timedelta(microseconds=1), timedelta(milliseconds=250), timedelta(microseconds=999_999)])
def test_a_look_in_the_second_that_the_receipt_names_publishes(world: World, late: timedelta) -> None:
    world = World(world.onlookers.state / "between-seconds", clock=FakeClock(START + late))
    world.publish_first()
    world.publish(list_new_key(world), "root.json")
    receipt = world.receipt(world.wait(next_targets(world), "E_ROOT").sha256)
    assert receipt["until"] == "2026-11-23T12:03:21Z"
    world.clock.pass_time(OVERLAP + SECOND - late)
    assert [receipt.status for receipt in world.drain()] == ["published"]


def test_targets_that_the_old_key_signs_too_need_no_wait(renewed: World) -> None:
    renewed.developer.signers["targets"].reverse()
    renewed.publish(next_targets(renewed))


def test_root_and_targets_in_one_look_do_not_hide_that_the_root_is_new(running: World) -> None:
    running.upload(list_new_key(running), "root.json")
    sha256 = running.upload(next_targets(running))
    assert [receipt.status for receipt in running.drain()] == ["published", "waiting"]
    assert running.receipt(sha256)["until"] == "2026-11-23T12:03:20Z"
    running.clock.pass_time(OVERLAP)
    assert [receipt.status for receipt in running.drain()] == ["published"]


def test_a_container_that_did_not_publish_the_root_waits_as_long(running: World) -> None:
    elsewhere = running.new_publisher()
    running.publish_files(HELLO)
    elsewhere.drain(running.name, running.clock)
    running.publish(list_new_key(running), "root.json")
    running.clock.pass_time(SECOND)
    body = next_targets(running)
    for publisher in (elsewhere, running.new_publisher()):
        running.publisher = publisher
        receipt = running.receipt(running.wait(body, "E_ROOT").sha256)
        assert receipt["until"] == "2026-11-23T12:03:20Z"


def test_every_root_that_shows_with_the_same_look_counts(running: World) -> None:
    """Root 3 lists what root 2 lists, so targets verify under both; a cache that does not know root 2 keeps clients at root 1."""
    running.upload(list_new_key(running), "2.root.json")
    running.developer.next_root()
    running.upload(running.developer.signed("root"), "3.root.json")
    running.upload(next_targets(running))
    assert [receipt.status for receipt in running.drain()] == ["published", "published", "waiting"]
    running.clock.pass_time(OVERLAP)
    assert [receipt.status for receipt in running.drain()] == ["published"]


def test_every_root_that_was_the_newest_within_the_overlap_counts_and_no_other(renewed: World) -> None:
    """Root 3 is as young as can be when targets are published: clients that a cache keeps from it accept them under root 2."""
    for _ in range(2):
        renewed.clock.pass_time(OVERLAP / 2 - SECOND)
        renewed.developer.next_root()
        renewed.publish(renewed.developer.signed("root"), "root.json")
    renewed.start()
    receipt = renewed.wait(next_targets(renewed), "E_ROOT")
    assert renewed.receipt(receipt.sha256)["until"] == "2026-11-23T12:03:20Z"
    renewed.clock.pass_time(2 * SECOND)
    assert [receipt.status for receipt in renewed.drain()] == ["published"]


def test_a_second_root_right_behind_the_first_publish_counts_too(world: World) -> None:
    world.upload(world.developer.bundle("root", "targets"), "first.root.json")
    world.upload(list_new_key(world), "2.root.json")
    world.upload(next_targets(world), "2.targets.json")
    assert sorted(receipt.status for receipt in world.drain()) == ["published", "published", "waiting"]
    world.clock.pass_time(OVERLAP)
    assert [receipt.status for receipt in world.drain()] == ["published"]


def test_versions_that_build_on_what_waits_are_published_with_it(renewed: World) -> None:
    for number in range(2, 5):
        renewed.upload(next_targets(renewed), f"{number}.targets.json")
    assert {receipt.status for receipt in renewed.drain()} == {"waiting"}
    renewed.clock.pass_time(OVERLAP)
    assert {receipt.status for receipt in renewed.drain()} == {"published"}
    assert renewed.published("timestamp.json")["version"] == 3


def test_a_root_waits_for_its_online_key_while_targets_wait_for_theirs(renewed: World) -> None:
    """What waits and is no root is not taken for one: the new online key signs meanwhile."""
    key = renewed.add_online_key()
    renewed.upload(next_targets(renewed))
    renewed.developer.next_root()
    renewed.developer.list_online_keys([key])
    renewed.upload(renewed.developer.signed("root"), "root.json")
    assert [receipt.status for receipt in renewed.drain()] == ["waiting", "waiting"]
    assert renewed.signers_of("timestamp.json") == {renewed.online.public_key.keyid, key.keyid}
    renewed.clock.pass_time(OVERLAP)
    assert [receipt.status for receipt in renewed.drain()] == ["published", "published"]


def test_a_deployment_with_other_caches_waits_for_another_time(renewed: World) -> None:
    renewed.overlap = timedelta(seconds=100)
    renewed.start()
    receipt = renewed.wait(next_targets(renewed), "E_ROOT")
    assert receipt.error is not None
    assert "100 seconds" in receipt.error.hint
    renewed.clock.pass_time(renewed.overlap)
    assert [receipt.status for receipt in renewed.drain()] == ["published"]


def test_a_key_whose_predecessor_is_stolen_signs_at_once_in_a_bundle_with_a_root_that_says_so(renewed: World) -> None:
    """As asked for, and as the receipt says, this costs clients behind caches that lag a failed refresh."""
    renewed.developer.next_root_at_once()
    renewed.developer.next_version()
    renewed.upload(renewed.developer.bundle("root", "targets"), "both.root.json")
    [receipt] = renewed.publisher.drain(renewed.name, renewed.clock).receipts
    assert receipt.status == "published"
    assert "no new root" in renewed.receipt(receipt.sha256)["note"]
    with pytest.raises(RepositoryError):
        renewed.see_as_clients_do()
    renewed.clock.pass_time(MISSING_ROOT_CACHED)
    renewed.see_as_clients_do()


def replace_stolen_key(world: World) -> None:
    world.developer.next_root_at_once()
    world.developer.replace_key("targets")
    world.developer.next_version()
    world.upload(world.developer.bundle("root", "targets"), "root.json")


def test_what_follows_a_stolen_key_does_not_wait_for_clients_that_fail_already(running: World) -> None:
    replace_stolen_key(running)
    running.publisher.drain(running.name, running.clock)
    running.upload(next_targets(running))
    assert [receipt.status for receipt in running.publisher.drain(running.name, running.clock).receipts] == ["published"]
    running.clock.pass_time(MISSING_ROOT_CACHED)
    running.see_as_clients_do()


def test_a_stolen_keys_bundle_that_crashed_behind_its_root_is_published_by_the_next_run(running: World) -> None:
    """Its root shows and nothing verifies under it: whatever waits now, this must not."""
    replace_stolen_key(running)
    running.public.before = at_first("timestamp.json", crash)
    with pytest.raises(Crash):
        running.publisher.drain(running.name, running.clock)
    running.public.before = calm
    running.start()
    [receipt] = running.publisher.drain(running.name, running.clock).receipts
    assert receipt.status == "published"
    assert "note" in running.receipt(receipt.sha256)


@pytest.mark.parametrize("damaged", [None, b"<html>"], ids=["gone", "garbled"])
def test_a_former_root_that_is_not_what_it_was_is_for_a_person_to_see(renewed: World, damaged: bytes | None) -> None:
    del renewed.public.objects["acme/api/metadata/1.root.json"]
    if damaged:
        renewed.public.upload("acme/api/metadata/1.root.json", damaged)
    renewed.upload(next_targets(renewed))
    with pytest.raises(BrokenRepository, match=r"1\.root\.json is missing|not strict JSON"):
        renewed.publisher.drain(renewed.name, renewed.clock)


def test_a_former_root_that_never_trusted_this_one_is_for_a_person_to_see(renewed: World) -> None:
    del renewed.public.objects["acme/api/metadata/1.root.json"]
    renewed.public.upload("acme/api/metadata/1.root.json", renewed.stranger().signed("root"))
    renewed.upload(next_targets(renewed))
    with pytest.raises(BrokenRepository):
        renewed.publisher.drain(renewed.name, renewed.clock)
