"""Target files: they may come before or after the metadata that names them, and must be what it says."""

from datetime import timedelta

import pytest
from tuf.api.metadata import TargetFile

from tests.fakes import START
from tests.publish.world import HELLO, World
from trustpress.publish import draft
from trustpress.store import target_files


def test_an_artifact_that_arrives_after_its_metadata_is_published_when_it_arrives(running: World) -> None:
    running.developer.next_version(files=HELLO)
    receipt = running.wait(running.developer.signed(), "E_TARGET")
    assert "dir/hello.txt" in str(receipt.error)
    running.upload_files(HELLO)
    assert [receipt.status for receipt in running.drain()] == ["published"]
    assert running.download("dir/hello.txt") == b"hello"


def test_a_published_artifact_leaves_the_inbox(running: World) -> None:
    running.publish_files(HELLO)
    assert running.inbox() == []


def test_an_artifact_that_no_metadata_names_waits_in_the_inbox(running: World) -> None:
    running.upload_files(HELLO)
    assert running.drain() == []
    assert running.inbox() == ["inbox/acme/api/targets/dir/hello.txt"]


@pytest.mark.parametrize("wrong", [b"hell0", b"hello, world", b""])
@pytest.mark.parametrize("with_checksum", [True, False])
def test_a_wrong_artifact_is_not_published(running: World, wrong: bytes, with_checksum: bool) -> None:
    running.developer.next_version(files=HELLO)
    running.upload_files({"dir/hello.txt": wrong}, with_checksum)
    running.wait(running.developer.signed(), "E_TARGET")
    assert not any("/targets/" in key for key in running.public.objects)
    running.upload_files(HELLO)
    assert [receipt.status for receipt in running.drain()] == ["published"]


def test_an_artifact_without_checksum_is_read_and_hashed(running: World) -> None:
    running.developer.next_version(files=HELLO)
    running.upload_files(HELLO, with_checksum=False)
    running.publish(running.developer.signed())
    assert running.download("dir/hello.txt") == b"hello"


def test_an_artifact_too_large_to_be_hashed_needs_a_checksum(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_files, "MAX_READ_THROUGH", 4)
    running.developer.next_version(files=HELLO)
    running.upload_files(HELLO, with_checksum=False)
    running.refuse(running.developer.signed(), "E_TARGET")
    running.upload_files(HELLO)
    running.publish(running.developer.signed())


def test_a_copy_lies_under_every_listed_hash(running: World) -> None:
    """go-tuf picks one of them at random."""
    role = running.developer.next_version()
    role.targets["dir/hello.txt"] = TargetFile.from_data("dir/hello.txt", b"hello", ["sha256", "sha512"])
    running.publish(running.developer.signed(), files=HELLO)
    names = [key for key in running.public.objects if "/targets/" in key]
    assert sorted(len(name) for name in names) == [len("acme/api/targets/dir/.hello.txt") + length for length in (64, 128)]


def test_a_sha512_that_is_wrong_is_found(running: World) -> None:
    role = running.developer.next_version()
    role.targets["dir/hello.txt"] = TargetFile.from_data("dir/hello.txt", b"hello", ["sha256", "sha512"])
    role.targets["dir/hello.txt"].hashes["sha512"] = "0" * 128
    running.upload_files(HELLO)
    running.wait(running.developer.signed(), "E_TARGET")


@pytest.mark.parametrize("length", [4, 6])
def test_a_length_that_is_wrong_is_found_although_the_hash_is_right(running: World, length: int) -> None:
    running.upload_files(HELLO)
    running.developer.next_version(files=HELLO).targets["dir/hello.txt"].length = length
    running.wait(running.developer.signed(), "E_TARGET")


def test_an_artifact_that_is_published_already_need_not_come_again(running: World) -> None:
    running.publish_files(HELLO)
    del running.developer.next_version().targets["dir/hello.txt"]
    running.publish(running.developer.signed())
    assert running.download("dir/hello.txt") is None
    running.developer.next_version(files=HELLO)
    running.publish(running.developer.signed())
    assert running.download("dir/hello.txt") == b"hello"


def test_a_new_artifact_under_a_known_path_leaves_the_old_one_to_clients_on_their_way(running: World) -> None:
    running.publish_files(HELLO)
    running.publish_files({"dir/hello.txt": b"hello again"})
    assert len([key for key in running.public.objects if "/targets/" in key]) == 2
    assert running.download("dir/hello.txt") == b"hello again"


def test_more_new_artifacts_than_a_run_has_time_for_are_refused(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "MAX_NEW_TARGET_FILES", 3)
    many = {f"{number}.txt": b"%d" % number for number in range(4)}
    running.developer.next_version(files=many)
    running.upload_files(many)
    running.refuse(running.developer.signed(), "E_SIZE")
    running.developer.roles["targets"].version = 1
    del running.developer.roles["targets"].targets["3.txt"]
    running.publish_files({})
    running.publish_files({"3.txt": b"3"})


def test_external_targets_are_published_without_files(world: World) -> None:
    external = World(world.onlookers.state / "external", policy={"targets": "external"})
    external.publish_first()
    external.developer.next_version(files={"image": b"lives in a registry"})
    external.publish(external.developer.signed())
    assert not any("/targets/" in key for key in external.public.objects)


def test_an_upload_that_waits_for_more_than_a_day_is_rejected(running: World) -> None:
    running.developer.next_version(files=HELLO)
    body = running.developer.signed()
    running.wait(body, "E_TARGET")
    running.clock.pass_time(timedelta(hours=13))
    running.refresher.refresh(running.name, running.clock)
    assert [receipt.status for receipt in running.drain()] == ["waiting"]
    running.clock.pass_time(timedelta(hours=11, seconds=1))
    receipts = running.drain()
    assert [(receipt.status, receipt.error and receipt.error.code) for receipt in receipts] == [("rejected", "E_TARGET")]
    assert running.inbox() == []
    assert running.clock.now() - START > timedelta(days=1)


def test_a_receipt_says_since_when_an_upload_waits(running: World) -> None:
    running.developer.next_version(files=HELLO)
    body = running.developer.signed()
    first = running.wait(body, "E_TARGET")
    running.clock.pass_time(timedelta(minutes=5))
    [second] = running.drain()
    assert first.since == second.since == START
    assert second.at == START + timedelta(minutes=5)


def test_what_it_waits_for_starts_the_time_anew(running: World) -> None:
    running.developer.next_version()
    second = running.developer.signed()
    running.developer.next_version(files=HELLO)
    running.wait(running.developer.signed(), "E_JUMP", "3.targets.json")
    running.clock.pass_time(timedelta(minutes=5))
    running.upload(second, "2.targets.json")
    waiting = next(receipt for receipt in running.drain() if receipt.status == "waiting")
    assert waiting.error is not None
    assert (waiting.error.code, waiting.since) == ("E_TARGET", START + timedelta(minutes=5))


def test_what_was_rejected_for_waiting_too_long_may_be_uploaded_again(running: World) -> None:
    running.developer.next_version(files=HELLO)
    body = running.developer.signed()
    running.wait(body, "E_TARGET")
    running.clock.pass_time(timedelta(hours=25))
    running.refresher.refresh(running.name, running.clock)
    assert [receipt.status for receipt in running.drain()] == ["rejected"]
    receipt = running.wait(body, "E_TARGET")
    assert receipt.since == running.clock.now()
    running.upload_files(HELLO)
    assert [receipt.status for receipt in running.drain()] == ["published"]
