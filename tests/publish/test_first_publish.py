"""How a repository comes into being."""

import hashlib
import json

import pytest

from tests.publish.troubles import Crash, at_first, calm, crash
from tests.publish.world import HELLO, World


def test_a_bundle_of_root_and_targets_is_published_at_once(world: World) -> None:
    receipt = world.publish(world.developer.bundle("root", "targets"), "first.root.json")
    assert receipt.release == {"root": 1, "snapshot": 1, "timestamp": 1}
    assert receipt.roles == {"root": 1, "targets": 1}
    assert sorted(world.public.objects) == [
        "acme/api/metadata/1.root.json",
        "acme/api/metadata/1.snapshot.json",
        "acme/api/metadata/1.targets.json",
        "acme/api/metadata/timestamp.json",
    ]
    assert world.inbox() == []


def test_root_and_targets_as_two_files_wait_for_each_other(world: World) -> None:
    world.wait(world.developer.signed("root"), "E_DELEG", "root.json")
    assert world.public.objects == {}
    world.upload(world.developer.signed(), "1.targets.json")
    assert [receipt.status for receipt in world.drain()] == ["published", "published"]


def test_targets_before_root_wait_too(world: World) -> None:
    world.wait(world.developer.signed(), "E_DELEG")
    world.upload(world.developer.signed("root"), "1.root.json")
    assert [receipt.status for receipt in world.drain()] == ["published", "published"]


def test_a_first_release_may_bring_target_files(world: World) -> None:
    world.developer.next_version(files=HELLO).version = 1
    world.publish(world.developer.bundle("root", "targets"), "first.root.json", HELLO)
    assert world.download("dir/hello.txt") == b"hello"
    assert world.inbox() == []


def test_the_register_pins_the_first_root_and_the_highest_numbers(world: World) -> None:
    world.publish_first()
    world.publish_files(HELLO)
    register = json.loads(world.staging.body("repositories/acme%2Fapi.json"))
    assert register["first_root"] == register["root"]
    assert (register["root_version"], register["snapshot"], register["timestamp"]) == (1, 2, 2)


def test_a_root_that_starts_at_two_is_refused(world: World) -> None:
    world.developer.next_root()
    world.refuse(world.developer.bundle("root", "targets"), "E_JUMP", "first.root.json")


def test_another_first_root_is_refused_once_one_is_pinned(running: World) -> None:
    running.refuse(running.stranger().bundle("root", "targets"), "E_EQUIVOCATION", "stranger.root.json")


def test_a_pinned_root_that_nobody_has_seen_may_be_replaced(world: World) -> None:
    """A crash right after the register was written, and the upload withdrawn: the name is free again."""
    world.upload(world.developer.bundle("root", "targets"), "ours.root.json")
    world.staging.after = at_first("acme%2Fapi.json", crash)
    with pytest.raises(Crash):
        world.drain()
    world.start()
    world.staging.objects.pop("inbox/acme/api/metadata/ours.root.json")
    world.upload(world.stranger().bundle("root", "targets"), "a-stranger.root.json")
    assert [receipt.status for receipt in world.drain()] == ["published"]


def test_the_pinned_root_holds_although_nothing_was_committed_yet(world: World) -> None:
    """A crash right after root 1 was written: nobody else may take the name then."""
    world.upload(world.developer.bundle("root", "targets"), "ours.root.json")
    world.public.after = at_first("1.root.json", crash)
    with pytest.raises(Crash):
        world.drain()
    world.start()
    world.upload(world.stranger().bundle("root", "targets"), "a-stranger.root.json")
    statuses = {receipt.upload.rpartition("/")[2]: receipt.status for receipt in world.drain()}
    assert statuses == {"ours.root.json": "published", "a-stranger.root.json": "rejected"}


@pytest.mark.parametrize("written", ["1.root.json", "2.root.json", "1.snapshot.json", "acme%2Fapi.json"])
def test_a_first_publish_of_two_roots_that_crashed_is_gone_on_with(world: World, written: str) -> None:
    """Root 1 is what is pinned, also where root 2 comes together with it."""
    world.upload(world.developer.bundle("root", "targets"), "first.root.json")
    world.developer.next_root()
    world.developer.replace_key("root")
    world.upload(world.developer.signed("root"), "root.json")
    world.staging.after = world.public.after = at_first(written, crash)
    with pytest.raises(Crash):
        world.drain()
    world.staging.after = world.public.after = calm
    world.start()
    assert [receipt.status for receipt in world.drain()] == ["published", "published"]
    first_root = hashlib.sha256(world.public.body("acme/api/metadata/1.root.json")).hexdigest()
    assert json.loads(world.staging.body("repositories/acme%2Fapi.json"))["first_root"] == first_root


def test_of_two_first_roots_at_once_one_is_pinned_and_the_other_refused(world: World) -> None:
    """The stranger's upload arrives, and is published, between our look into the inbox and our first write."""

    def stranger_is_first() -> None:
        world.staging.before = calm
        ours = world.staging.objects.pop("inbox/acme/api/metadata/ours.root.json")
        world.upload(world.stranger().bundle("root", "targets"), "strangers.root.json")
        world.new_publisher().drain(world.name, world.clock)
        world.staging.objects["inbox/acme/api/metadata/ours.root.json"] = ours

    world.upload(world.developer.bundle("root", "targets"), "ours.root.json")
    world.staging.before = at_first("acme%2Fapi.json", stranger_is_first)
    [receipt] = world.drain()
    assert (receipt.status, receipt.error and receipt.error.code) == ("rejected", "E_EQUIVOCATION")
    assert world.published("timestamp.json")["version"] == 1


def test_another_first_root_does_not_even_get_into_the_register(world: World) -> None:
    """A crash right after root 1 was written, and its upload withdrawn: whoever comes next cannot take the pin away."""
    world.upload(world.developer.bundle("root", "targets"), "ours.root.json")
    world.public.after = at_first("1.root.json", crash)
    with pytest.raises(Crash):
        world.drain()
    world.start()
    pinned = world.staging.body("repositories/acme%2Fapi.json")
    world.staging.objects.pop("inbox/acme/api/metadata/ours.root.json")
    world.refuse(world.stranger().bundle("root", "targets"), "E_EQUIVOCATION", "strangers.root.json")
    assert world.staging.body("repositories/acme%2Fapi.json") == pinned
