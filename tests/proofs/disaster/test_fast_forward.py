"""Somebody has the online key and signs numbers that nobody can follow: the owner replaces the key, and the numbers go back."""

from datetime import timedelta

import pytest

from tests.proofs.disaster.story import EVERYTHING, Story
from trustpress.core.portable import MAX_VERSION
from trustpress.errors import BrokenRepository, Unrecoverable

FAR = [(1_000_000, 1_000_000), (MAX_VERSION, MAX_VERSION), (8, MAX_VERSION), (MAX_VERSION, 8)]


@pytest.fixture
def followed(story: Story) -> Story:
    story.go_on()
    story.everybody_refreshes(EVERYTHING)
    return story


def replace_the_online_key(story: Story) -> None:
    """The deployment holds the new key alone, and so does the root that its owner puts into the inbox."""
    key = story.world.add_online_key()
    story.world.signers.pop(story.world.online.public_key.keyid)
    story.world.start()
    story.world.developer.next_root()
    story.world.developer.list_online_keys([key])
    story.world.upload(story.world.developer.signed("root"), "root.json")


@pytest.mark.parametrize("clients_saw_it", [True, False], ids=["seen by clients", "unseen"])
@pytest.mark.parametrize(("timestamp", "snapshot"), FAR)
def test_after_the_online_key_is_replaced_everybody_goes_on(followed: Story, timestamp: int, snapshot: int, clients_saw_it: bool) -> None:
    before = followed.seen
    followed.steal_the_online_key(timestamp, snapshot)
    if clients_saw_it:
        followed.warm_refresh()
    followed.publishers_refuse()
    replace_the_online_key(followed)
    followed.publishers_refuse()
    recovered = followed.recover()
    assert recovered.to_sign == []
    assert recovered.brought_back == ["acme/api/metadata/4.root.json"]
    assert max(recovered.release.values()) < 200_000
    followed.seen = before
    followed.everybody_refreshes(EVERYTHING)
    followed.world.developer.next_version()
    followed.publish_works("targets")
    followed.everybody_refreshes(EVERYTHING)


def test_numbers_that_leave_room_are_passed_without_another_key(followed: Story) -> None:
    followed.steal_the_online_key(1_000_000, 2_000_000)
    followed.warm_refresh()
    followed.publishers_refuse()
    recovered = followed.recover()
    assert (recovered.release["timestamp"], recovered.release["snapshot"]) == (1_100_001, 2_100_001)
    followed.everybody_refreshes(EVERYTHING)


@pytest.mark.parametrize(("timestamp", "snapshot"), FAR[1:])
def test_without_another_key_the_highest_number_cannot_be_passed(followed: Story, timestamp: int, snapshot: int) -> None:
    followed.steal_the_online_key(timestamp, snapshot)
    before = followed.backup()
    with pytest.raises(Unrecoverable, match="no version numbers are left") as refused:
        followed.recover()
    assert "Sign root version 4" in refused.value.hint
    assert followed.backup() == before


def test_a_deployment_without_the_keys_that_root_lists_says_what_it_needs(followed: Story) -> None:
    followed.world.add_online_key()
    followed.world.signers.pop(followed.world.online.public_key.keyid)
    with pytest.raises(Unrecoverable, match="holds too few of the timestamp keys"):
        followed.recover()


def test_a_root_that_waits_for_something_else_is_not_published_by_a_recovery(followed: Story) -> None:
    """It would skip the overlap of an online key with the next."""
    key = followed.world.add_online_key()
    followed.world.developer.next_root()
    followed.world.developer.list_online_keys([key])
    followed.world.upload(followed.world.developer.signed("root"), "root.json")
    assert followed.recover().release["root"] == 3
    followed.everybody_refreshes(EVERYTHING)


def test_a_root_that_drops_the_tagging_key_too_is_not_taken(followed: Story) -> None:
    """What is published would not verify under it."""
    followed.steal_the_online_key(MAX_VERSION, MAX_VERSION)
    followed.world.developer.replace_key("targets")
    replace_the_online_key(followed)
    with pytest.raises(Unrecoverable):
        followed.recover()


def test_a_root_that_the_current_one_does_not_sign_is_not_taken(followed: Story) -> None:
    """Whoever can upload could hand it in."""
    followed.steal_the_online_key(MAX_VERSION, MAX_VERSION)
    replace_the_online_key(followed)
    forged = followed.world.developer.signed("root").replace(b'"expires":"20', b'"expires":"21')
    followed.world.upload(forged, "root.json")
    followed.world.staging.objects["inbox/acme/api/metadata/root.json"][:-1] = []
    with pytest.raises(Unrecoverable):
        followed.recover()


def test_a_root_that_has_expired_is_not_taken(followed: Story) -> None:
    followed.steal_the_online_key(MAX_VERSION, MAX_VERSION)
    followed.world.developer.root.expires = followed.world.clock.now().replace(microsecond=0) + timedelta(minutes=30)
    replace_the_online_key(followed)
    with pytest.raises(Unrecoverable):
        followed.recover()


def test_a_snapshot_of_the_thief_is_not_believed(followed: Story) -> None:
    """It drops a role, and lists another under a number that its owner could never follow."""
    genuine = followed.published_snapshot()["meta"]
    followed.steal_the_online_key(MAX_VERSION, MAX_VERSION, {"targets.json": MAX_VERSION})
    replace_the_online_key(followed)
    assert followed.recover().to_sign == []
    assert followed.published_snapshot()["meta"] == genuine
    followed.everybody_refreshes(EVERYTHING)


@pytest.mark.parametrize("rolename", ["targets", "docs", "unheard-of"])
def test_a_role_number_that_nobody_committed_is_never_taken_over(followed: Story, rolename: str) -> None:
    followed.steal_the_online_key(10, 10, {"targets.json": 3, "docs.json": 3} | {f"{rolename}.json": 5_000})
    followed.publishers_refuse()


def test_a_few_commits_that_no_register_shows_are_no_attack(followed: Story) -> None:
    followed.steal_the_online_key(10, 10)
    assert followed.world.drain() == []
    followed.everybody_refreshes(EVERYTHING)


def test_without_roles_in_the_register_the_last_number_stops_publishers(followed: Story) -> None:
    """A register from before there were any has not counted refreshes: what is far above it may be ours."""
    followed.forget_roles()
    followed.steal_the_online_key(MAX_VERSION, 10)
    followed.world.developer.next_version()
    followed.world.upload(followed.world.developer.signed())
    with pytest.raises(BrokenRepository, match="no version number is left"):
        followed.world.publisher.drain(followed.world.name, followed.world.clock)
    assert followed.world.published("timestamp.json")["version"] == MAX_VERSION
