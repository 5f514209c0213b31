"""The bucket was restored from an older copy: publishers refuse, a recovery passes every number, and clients go on."""

import hashlib
from datetime import timedelta

import pytest

from tests.fakes import KeysOf, RecordingInvalidator
from tests.proofs.disaster.story import EVERYTHING, MANUAL, NEWS, Story, to_sign
from tests.publish.world import HELLO
from trustpress.errors import Unrecoverable
from trustpress.recover.recovery import Recovery
from trustpress.store.register import Register, write_register


def test_what_delete_markers_hide_comes_back(story: Story) -> None:
    backup = story.backup()
    story.go_on()
    story.everybody_refreshes(EVERYTHING)
    story.restore_by_deleting(backup)
    story.publishers_refuse()
    story.warm_clients_refuse()
    recovered = story.recover()
    assert recovered.to_sign == []
    assert recovered.note == ""
    names = {key.removeprefix("acme/api/metadata/") for key in recovered.brought_back if "/metadata/" in key}
    assert names == {"3.root.json", "3.targets.json", "3.docs.json"}
    assert any("/targets/" in key and key.endswith("news.txt") for key in recovered.brought_back)
    seen = story.everybody_refreshes(EVERYTHING)
    assert recovered.release == {"root": seen.root, "timestamp": seen.timestamp, "snapshot": seen.snapshot}
    story.world.developer.next_version()
    story.publish_works("targets")
    story.everybody_refreshes(EVERYTHING)


def test_a_timestamp_written_over_alone_is_as_bad(story: Story) -> None:
    backup = story.backup()
    story.go_on()
    story.everybody_refreshes(EVERYTHING)
    timestamp = "acme/api/metadata/timestamp.json"
    story.world.public.upload(timestamp, backup[timestamp])
    story.publishers_refuse()
    story.warm_clients_refuse()
    assert story.recover().brought_back == []
    story.everybody_refreshes(EVERYTHING)


def test_a_new_bucket_from_a_backup_says_what_owners_have_to_sign(story: Story) -> None:
    backup = story.backup()
    story.go_on()
    story.everybody_refreshes(EVERYTHING)
    developer, root = story.world.developer, story.world.public.body("acme/api/metadata/3.root.json")
    story.restore_into_a_new_bucket(backup)
    story.publishers_refuse()
    story.world.upload(root, "3.root.json")
    recovered = story.recover()
    assert recovered.to_sign == [to_sign("targets", 3, 2), to_sign("docs", 3, 2)]
    assert recovered.note == "Clients that knew this repository before go on when targets version 4 and 1 more are published."
    story.cold_refresh(HELLO | MANUAL | {"news.txt": None})
    story.warm_clients_refuse()
    developer.next_version()
    developer.next_version("docs")
    story.publish_works("targets", "docs", files=NEWS)
    story.everybody_refreshes(EVERYTHING)
    story.restore_into_a_new_bucket(backup | {"acme/api/metadata/3.root.json": root})
    story.publishers_refuse()


def test_what_was_lost_and_signed_again_is_lost_no_more(story: Story) -> None:
    """The register excuses a loss until the role is back, and not a day longer."""
    backup = story.backup()
    story.go_on()
    root = story.world.public.body("acme/api/metadata/3.root.json")
    story.restore_into_a_new_bucket(backup | {"acme/api/metadata/3.root.json": root})
    story.recover()
    assert story.register()["lost"] == {"targets": 2, "docs": 2}
    story.world.developer.next_version("docs")
    story.publish_works("docs")
    assert story.register()["lost"] == {"targets": 2}
    story.world.developer.next_version()
    story.publish_works("targets", files=NEWS)
    assert story.register()["lost"] == {}
    assert story.recover().to_sign == []
    story.everybody_refreshes(EVERYTHING)


def test_an_owner_who_kept_a_copy_hands_it_in(story: Story) -> None:
    backup = story.backup()
    story.go_on()
    story.everybody_refreshes(EVERYTHING)
    for filename in ("3.root.json", "3.targets.json", "3.docs.json"):
        story.world.upload(story.world.public.body(f"acme/api/metadata/{filename}"), filename)
    story.restore_into_a_new_bucket(backup)
    recovered = story.recover()
    assert recovered.to_sign == []
    assert recovered.missing_files == ["news.txt"]
    assert "news.txt" in recovered.note
    assert "inbox/acme/api/targets/" in recovered.note
    story.warm_refresh()
    story.world.upload_files(NEWS)
    assert story.recover().note == ""
    story.everybody_refreshes(EVERYTHING)
    assert {receipt.status for receipt in story.world.drain()} == {"published"}
    story.everybody_refreshes(EVERYTHING)


def test_without_a_root_that_was_committed_there_is_no_recovery(story: Story) -> None:
    backup = story.backup()
    story.go_on()
    story.restore_into_a_new_bucket(backup)
    with pytest.raises(Unrecoverable, match=r"3\.root\.json is gone") as refused:
        story.recover()
    assert "inbox/acme/api/metadata/3.root.json" in refused.value.hint
    stranger = story.world.stranger()
    stranger.root.version = 3
    story.world.upload(stranger.signed("root"), "3.root.json")
    with pytest.raises(Unrecoverable):
        story.recover()


def test_a_container_whose_register_is_older_than_the_loss_hears_what_is_lost(story: Story) -> None:
    """What the owner signed once more under a number that clients have seen would be new to it."""
    backup, former = story.backup(), story.world.publisher
    story.world.start()
    story.go_on()
    root = story.world.public.body("acme/api/metadata/3.root.json")
    story.restore_into_a_new_bucket({**backup, "acme/api/metadata/3.root.json": root})
    assert story.recover().to_sign == [to_sign("targets", 3, 2), to_sign("docs", 3, 2)]
    story.world.publisher = former
    story.world.upload_files(NEWS)
    story.world.upload(story.world.developer.signed())
    [receipt] = former.drain(story.world.name, story.world.clock).receipts
    assert receipt.error is not None
    assert str(receipt.error).startswith("targets: expected version 4, found 3")
    story.world.developer.next_version()
    story.publish_works("targets", files=NEWS)


def test_a_role_of_which_nothing_is_left_stays_listed_and_can_be_signed_again(story: Story) -> None:
    """Clients that keep it go on, and no publisher trips over what is missing."""
    backup = story.backup()
    story.everybody_refreshes(HELLO | MANUAL)
    story.restore_into_a_new_bucket({key: body for key, body in backup.items() if not key.endswith(".docs.json")})
    assert story.recover().to_sign == [to_sign("docs", 2, 0)]
    assert story.published_snapshot()["meta"]["docs.json"] == {"version": 2}
    story.warm_refresh()
    story.world.start()
    assert story.world.publisher.drain(story.world.name, story.world.clock).receipts == []
    story.world.developer.next_version("docs")
    story.publish_works("docs")
    story.everybody_refreshes(HELLO | MANUAL)


def test_a_role_that_neither_register_nor_snapshot_knows_begins_where_a_first_version_would_be(story: Story) -> None:
    """The register is older than roles in it, the snapshots are gone: targets alone tells that there was one."""
    backup = story.backup()
    story.forget_roles()
    lost = (".docs.json", ".snapshot.json", "/timestamp.json")
    story.restore_into_a_new_bucket({key: body for key, body in backup.items() if not key.endswith(lost)})
    recovered = story.recover()
    assert recovered.to_sign == [to_sign("docs", 1, 0)]
    assert recovered.note == "Clients that knew this repository before go on when docs version 2 is published."
    assert story.published_snapshot()["meta"]["docs.json"] == {"version": 1}
    assert story.register()["roles"] == {"docs": 1, "targets": 2}
    story.publish_works("docs")
    story.cold_refresh(HELLO | MANUAL)


def test_a_role_that_only_a_lost_delegation_names_stays_at_its_number(story: Story) -> None:
    """Were it dropped from snapshot, every client would fail for ever; it is there for the targets that delegates to it again."""
    backup, developer = story.backup(), story.world.developer
    developer.next_version()
    developer.delegate("extra", "extra/*")
    story.world.publish(developer.bundle("targets", "extra"), "bundle.json")
    story.everybody_refreshes(HELLO | MANUAL)
    story.restore_into_a_new_bucket(backup)
    assert story.recover().to_sign == [to_sign("targets", 3, 2), to_sign("extra", 1, 0)]
    story.cold_refresh(HELLO | MANUAL)
    developer.next_version()
    developer.next_version("extra")
    story.publish_works("targets", "extra")
    story.everybody_refreshes(HELLO | MANUAL)


def test_what_a_crashed_publish_left_and_no_snapshot_lists_is_not_brought_back(story: Story) -> None:
    """Its upload may have been withdrawn."""
    story.everybody_refreshes(HELLO | MANUAL)
    story.world.developer.next_version("docs")
    story.world.public.upload("acme/api/metadata/3.docs.json", story.world.developer.signed("docs"))
    story.recover()
    assert story.published_snapshot()["meta"]["docs.json"]["version"] == 2
    story.everybody_refreshes(HELLO | MANUAL)


def test_a_register_from_before_there_were_roles_is_enough(story: Story) -> None:
    backup = story.backup()
    story.go_on()
    story.everybody_refreshes(EVERYTHING)
    story.forget_roles()
    story.restore_by_deleting(backup)
    story.publishers_refuse()
    assert story.recover().to_sign == []
    story.everybody_refreshes(EVERYTHING)


def test_a_register_that_is_gone_too_needs_the_first_root_to_be_named(story: Story) -> None:
    story.everybody_refreshes(HELLO | MANUAL)
    story.world.staging.objects.pop("repositories/acme%2Fapi.json")
    story.publishers_refuse()
    with pytest.raises(Unrecoverable, match="register is gone"):
        story.recover()
    with pytest.raises(Unrecoverable):
        story.recover("0" * 64)
    story.recover(hashlib.sha256(story.first_root).hexdigest())
    story.everybody_refreshes(HELLO | MANUAL)
    with pytest.raises(Unrecoverable, match="another first root"):
        story.recover("0" * 64)


def test_both_buckets_from_one_backup_are_recovered_by_hand(story: Story) -> None:
    """Nobody can notice: a recovery goes past what a day may have brought."""
    backup, register = story.backup(), story.world.staging.body("repositories/acme%2Fapi.json")
    for _ in range(20):
        story.world.clock.pass_time(timedelta(hours=13))
        story.world.refresher.refresh(story.world.name, story.world.clock)
    story.everybody_refreshes(HELLO | MANUAL)
    story.restore_into_a_new_bucket(backup)
    story.world.staging.upload("repositories/acme%2Fapi.json", register)
    story.warm_clients_refuse()
    story.recover()
    story.everybody_refreshes(HELLO | MANUAL)


def test_a_repository_that_was_never_published_is_not_recovered_into_being(story: Story) -> None:
    other = story.world.neighbour("acme/other")
    other.upload(other.developer.signed("root"), "root.json")
    for trouble in ("register is gone", "never published"):
        with pytest.raises(Unrecoverable, match=trouble):
            Recovery(other.staging, other.public, KeysOf(other.signers.values()), RecordingInvalidator()).recover(other.name, other.clock)
        write_register(other.staging, other.name, Register("0" * 64, "0" * 64, 1))
