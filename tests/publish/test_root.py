"""New roots: every client that trusts any earlier one must be able to follow."""

import json
from datetime import timedelta

import pytest

from tests.publish.world import HELLO, MISSING_ROOT_CACHED, World
from trustpress.core.overlap import OVERLAP


def test_the_root_key_is_replaced(running: World) -> None:
    running.developer.next_root()
    running.developer.replace_key("root")
    receipt = running.publish(running.developer.signed("root"), "root.json")
    assert receipt.release == {"root": 2, "snapshot": 2, "timestamp": 2}
    running.developer.next_root()
    running.developer.replace_key("root")
    running.publish(running.developer.signed("root"), "3.root.json")
    running.publish_files(HELLO)


def test_a_root_without_the_old_root_key_is_refused(running: World) -> None:
    running.developer.next_root()
    running.developer.replace_key("root")
    del running.developer.signers["root"][0]
    running.refuse(running.developer.signed("root"), "E_SIG", "root.json")


def test_a_root_without_its_own_new_key_is_refused(running: World) -> None:
    running.developer.next_root()
    running.developer.replace_key("root")
    del running.developer.signers["root"][1]
    running.refuse(running.developer.signed("root"), "E_SIG", "root.json")


def test_a_root_that_skips_a_number_waits_for_the_one_between(running: World) -> None:
    """Nobody would notice a gap: clients stop at root 1 for ever."""
    running.developer.next_root()
    second = running.developer.signed("root")
    running.developer.next_root()
    running.wait(running.developer.signed("root"), "E_JUMP", "3.root.json")
    assert "acme/api/metadata/3.root.json" not in running.public.objects
    running.upload(second, "2.root.json")
    assert [receipt.status for receipt in running.drain()] == ["published", "published"]
    assert running.see_as_clients_do() is not None


def test_other_bytes_under_the_published_root_version_are_refused(running: World) -> None:
    running.developer.root.unrecognized_fields["x-other"] = "bytes"
    running.refuse(running.developer.signed("root"), "E_EQUIVOCATION", "root.json")


@pytest.mark.parametrize(
    ("filenames", "code"),
    [(["2.root.json", "root.json"], "E_EQUIVOCATION"), (["root.json", "2.root.json"], "E_SIG")],
    ids=["behind", "before"],
)
def test_a_strangers_root_beside_the_genuine_one_does_not_stand_in_its_way(running: World, filenames: list[str], code: str) -> None:
    """Both lie in one window. Were both accepted, their number could be given to neither."""
    running.developer.next_root()
    genuine = running.developer.signed("root")
    changed = json.loads(genuine)
    changed["signed"]["x-note"] = "nobody has signed this"
    bodies = {"2.root.json": genuine, "root.json": json.dumps(changed).encode()}
    sha256 = {}
    for filename in filenames:
        sha256[filename] = running.upload(bodies[filename], filename)
        running.clock.pass_time(timedelta(seconds=1))
    running.drain()
    assert running.receipt(sha256["2.root.json"])["status"] == "published"
    refused = running.receipt(sha256["root.json"])
    assert (refused["status"], refused["code"]) == ("rejected", code)


def test_a_root_that_drops_the_targets_key_is_refused(running: World) -> None:
    running.developer.next_root()
    running.developer.replace_key("targets")
    receipt = running.refuse(running.developer.signed("root"), "E_ROOT", "root.json")
    assert receipt.error is not None
    assert "one bundle" in receipt.error.hint


def test_the_tagging_key_is_replaced_without_one_failed_refresh(running: World) -> None:
    """Root lists both; targets is signed by the new one; root drops the old one.

    Targets waits by itself until no cache remembers the root that lists its key as missing, and the last root until none holds
    a release with the targets that only the old key has signed.
    """
    developer = running.developer
    former = developer.signers["targets"][0].public_key
    developer.next_root()
    developer.replace_key("targets")
    developer.root.add_key(former, "targets")
    running.publish(developer.signed("root"), "root.json")
    developer.next_version(files=HELLO)
    running.upload_files(HELLO)
    running.wait(developer.signed(), "E_ROOT")
    running.clock.pass_time(OVERLAP)
    assert [receipt.status for receipt in running.drain()] == ["published"]
    developer.next_root()
    developer.root.revoke_key(former.keyid, "targets")
    running.wait(developer.signed("root"), "E_ROOT", "root.json")
    running.clock.pass_time(OVERLAP)
    [receipt] = running.drain()
    assert receipt.status == "published"
    assert "note" not in running.receipt(receipt.sha256)
    running.publish_files(HELLO)


def test_a_stolen_tagging_key_is_dropped_at_once_with_targets_signed_again_in_one_bundle(running: World) -> None:
    """The one case that costs clients behind lagging caches a failed refresh, so the story looks when caches have caught up."""
    running.developer.next_root_at_once()
    running.developer.replace_key("targets")
    running.developer.next_version(files=HELLO)
    running.upload_files(HELLO)
    running.upload(running.developer.bundle("root", "targets"), "root.json")
    [receipt] = running.publisher.drain(running.name, running.clock).receipts
    assert receipt.status == "published"
    assert "cached" in running.receipt(receipt.sha256)["note"]
    running.clock.pass_time(MISSING_ROOT_CACHED)
    running.see_as_clients_do()
    assert running.download("dir/hello.txt") == b"hello"


def test_targets_signed_by_a_key_that_a_root_behind_it_lists_is_not_refused(running: World) -> None:
    """Roots are judged first, whatever came first."""
    former = running.developer.signers["targets"][0].public_key
    running.developer.next_root()
    running.developer.replace_key("targets")
    running.developer.root.add_key(former, "targets")
    running.developer.next_version()
    running.upload(running.developer.signed(), "targets.json")
    running.clock.pass_time(timedelta(seconds=1))
    running.upload(running.developer.signed("root"), "root.json")
    assert [receipt.status for receipt in running.drain()] == ["published", "waiting"]
    running.clock.pass_time(OVERLAP)
    assert [receipt.status for receipt in running.drain()] == ["published"]


def test_a_root_that_lists_online_keys_of_others_is_refused(running: World) -> None:
    running.developer.next_root()
    running.developer.root.revoke_key(running.online.public_key.keyid, "timestamp")
    running.developer.root.add_key(running.stranger().signers["root"][0].public_key, "timestamp")
    running.refuse(running.developer.signed("root"), "E_ONLINE", "root.json")


def test_a_first_root_that_lists_online_keys_of_others_is_refused(world: World) -> None:
    world.developer.root.revoke_key(world.online.public_key.keyid, "snapshot")
    world.developer.root.add_key(world.stranger().signers["root"][0].public_key, "snapshot")
    world.refuse(world.developer.bundle("root", "targets"), "E_ONLINE", "root.json")


def test_a_root_whose_targets_key_is_an_online_key_is_refused(world: World) -> None:
    """Whoever steals the online keys must not be able to decide what clients install."""
    world.developer.root.add_key(world.developer.signers["targets"][0].public_key, "snapshot")
    world.refuse(world.developer.bundle("root", "targets"), "E_ROOT", "root.json")


@pytest.mark.parametrize("life", [timedelta(minutes=30), timedelta(days=4000)])
def test_a_root_that_expires_too_soon_or_too_late_is_refused(running: World, life: timedelta) -> None:
    running.developer.next_root().expires = running.clock.now() + life
    running.refuse(running.developer.signed("root"), "E_EXPIRY", "root.json")


def test_root_and_targets_uploaded_apart_do_not_wait_for_each_other(running: World) -> None:
    running.developer.next_root()
    running.upload(running.developer.signed("root"), "root.json")
    running.developer.next_version()
    running.upload(running.developer.signed(), "targets.json")
    assert [receipt.status for receipt in running.drain()] == ["published", "published"]
    assert running.published("timestamp.json")["version"] == 2


def test_a_container_that_was_away_follows_several_roots(running: World) -> None:
    elsewhere = running.new_publisher()
    for _ in range(3):
        running.developer.next_root()
        running.developer.replace_key("root")
        running.publish(running.developer.signed("root"), "root.json")
    running.publisher, away = elsewhere, running.publisher
    running.publish_files(HELLO)
    running.publisher = away
    running.publish_files(HELLO)
