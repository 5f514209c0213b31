"""Publishing from day to day: one upload, many uploads, uploads again."""

import json
from datetime import timedelta

import pytest

from tests.publish.world import HELLO, World
from trustpress.ports import Caching
from trustpress.publish import inbox


def test_a_new_version_of_targets_is_published(running: World) -> None:
    receipt = running.publish_files(HELLO)
    assert receipt.release == {"root": 1, "snapshot": 2, "timestamp": 2}
    assert running.download("dir/hello.txt") == b"hello"


def test_the_bytes_that_were_signed_are_the_bytes_published(running: World) -> None:
    running.developer.next_version(files=HELLO)
    body = running.developer.signed()
    running.publish(body, files=HELLO)
    assert running.public.body("acme/api/metadata/2.targets.json") == body


def test_white_space_in_an_upload_costs_clients_nothing(running: World) -> None:
    """Signatures cover the canonical form, so an indented upload is published compact."""
    running.developer.next_version()
    body = running.developer.signed()
    running.publish(json.dumps(json.loads(body), indent=2).encode())
    assert running.public.body("acme/api/metadata/2.targets.json") == body


def test_a_hundred_uploads_become_one_snapshot_and_one_timestamp(running: World) -> None:
    running.upload_files({f"{number}.txt": b"%d" % number for number in range(100)})
    for number in range(100):
        running.developer.next_version(files={f"{number}.txt": b"%d" % number})
        running.upload(running.developer.signed(), f"{number + 2}.targets.json")
    receipts = running.drain()
    assert {receipt.status for receipt in receipts} == {"published"}
    assert len(receipts) == 100
    assert running.published("timestamp.json")["version"] == 2
    assert running.published("2.snapshot.json")["meta"]["targets.json"]["version"] == 101
    assert "acme/api/metadata/3.snapshot.json" not in running.public.objects
    assert running.download("57.txt") == b"57"
    assert running.inbox() == []


def test_versions_uploaded_in_any_order_build_on_each_other(running: World) -> None:
    bodies = []
    for _ in range(3):
        running.developer.next_version()
        bodies.append(running.developer.signed())
    for name, body in zip("abc", reversed(bodies), strict=True):
        running.upload(body, f"{ord(name)}.targets.json")
    assert {receipt.status for receipt in running.drain()} == {"published"}
    assert running.published("2.snapshot.json")["meta"]["targets.json"]["version"] == 4


def test_an_event_that_comes_twice_changes_nothing(running: World) -> None:
    running.publish_files(HELLO)
    before = dict(running.public.objects)
    assert running.drain() == []
    assert running.public.objects == before


def test_the_same_upload_again_is_published_already(running: World) -> None:
    running.developer.next_version()
    body = running.developer.signed()
    running.publish(body)
    running.public.calls.clear()
    receipt = running.publish(body)
    assert receipt.release == {"root": 1, "snapshot": 2, "timestamp": 2}
    assert running.public.calls["PUT"] == 0


def test_the_same_upload_twice_in_one_inbox_is_published_once(running: World) -> None:
    running.developer.next_version()
    body = running.developer.signed()
    running.upload(body, "targets.json")
    running.upload(body, "2.targets.json")
    assert [receipt.status for receipt in running.drain()] == ["published", "published"]
    assert running.published("timestamp.json")["version"] == 2


def test_both_versions_of_one_object_are_read(running: World) -> None:
    """S3 keeps both when a developer writes the same key twice before anybody looked."""
    for _ in range(2):
        running.developer.next_version()
        running.upload(running.developer.signed())
    assert [receipt.status for receipt in running.drain()] == ["published", "published"]
    assert running.published("2.snapshot.json")["meta"]["targets.json"]["version"] == 3


def test_an_upload_that_is_withdrawn_is_not_published(running: World) -> None:
    running.developer.next_version(files=HELLO)
    running.wait(running.developer.signed(), "E_TARGET")
    running.staging.objects.pop("inbox/acme/api/metadata/targets.json")
    running.upload_files(HELLO)
    assert running.drain() == []
    assert running.published("timestamp.json")["version"] == 1


def test_an_upload_that_another_drain_took_meanwhile_is_passed_over(running: World) -> None:
    running.developer.next_version()
    running.upload(running.developer.signed())

    def take(operation: str, key: str) -> None:
        if operation == "GET" and key.startswith("inbox/"):
            running.staging.before = lambda operation, key: None
            running.new_publisher().drain(running.name, running.clock)

    running.staging.before = take
    assert running.drain() == []
    assert running.published("timestamp.json")["version"] == 2


def test_other_repositories_are_left_alone(running: World) -> None:
    """acme is a repository beside acme/api and acme/api/v1: no prefix of one may take in another."""
    for name in ("acme", "acme/api/v1"):
        other = running.neighbour(name)
        other.upload(other.developer.bundle("root", "targets"), "first.root.json")
    running.publish_files(HELLO)
    assert running.inbox() == ["inbox/acme/api/v1/metadata/first.root.json", "inbox/acme/metadata/first.root.json"]
    assert not any(key.startswith(("acme/metadata", "acme/api/v1")) for key in running.public.objects)


@pytest.mark.parametrize("obstacle", ["poison", "waiting"])
def test_no_number_of_useless_uploads_blocks_a_good_one(running: World, monkeypatch: pytest.MonkeyPatch, obstacle: str) -> None:
    monkeypatch.setattr(inbox, "MAX_UPLOADS", 3)
    for number in range(1, 11):
        running.developer.next_version(files={f"{number}.txt": b"never comes"})
        running.upload(b"poison" if obstacle == "poison" else running.developer.signed(), f"{number}.targets.json")
    running.clock.pass_time(timedelta(minutes=1))
    good = running.developer.next_version(files=HELLO)
    good.version, good.targets = 2, {"dir/hello.txt": good.targets["dir/hello.txt"]}
    running.upload_files(HELLO)
    sha256 = running.upload(running.developer.signed(), "targets.json")
    receipts = {receipt.sha256: receipt.status for receipt in running.drain()}
    assert receipts[sha256] == "published"
    assert running.download("dir/hello.txt") == b"hello"


@pytest.mark.parametrize("limit", ["MAX_UPLOADS", "MAX_BYTES"])
def test_uploads_that_do_not_fit_into_memory_together_are_published_in_turn(
    running: World, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    for number in range(5):
        running.developer.next_version()
        running.upload(running.developer.signed(), f"{number + 2}.targets.json")
        running.clock.pass_time(timedelta(seconds=1))
    monkeypatch.setattr(inbox, limit, 2 if limit == "MAX_UPLOADS" else 2 * len(running.developer.signed()) + 10)
    assert [receipt.status for receipt in running.drain()] == ["published"] * 5
    assert running.published("timestamp.json")["version"] == 4


def test_the_oldest_uploads_come_first_whatever_they_are_called(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_UPLOADS", 1)
    running.developer.next_version()
    running.upload(running.developer.signed(), "targets.json")
    running.clock.pass_time(timedelta(seconds=1))
    running.developer.roles["targets"].unrecognized_fields["x-other"] = "bytes"
    running.upload(running.developer.signed(), "2.targets.json")
    statuses = {receipt.upload.rpartition("/")[2]: receipt.status for receipt in running.drain()}
    assert statuses == {"targets.json": "published", "2.targets.json": "rejected"}


def test_caches_keep_the_timestamp_for_seconds_and_everything_else_for_ever(running: World) -> None:
    """A timestamp that is kept longer freezes clients; a role file that is not costs each of them a request."""
    running.publish_files(HELLO)
    running.clock.pass_time(timedelta(hours=13))
    running.refresher.refresh(running.name, running.clock)
    kept = {key: {version.caching for version in versions} for key, versions in running.public.objects.items()}
    assert kept.pop("acme/api/metadata/timestamp.json") == {Caching.COMMIT}
    assert set().union(*kept.values()) == {Caching.IMMUTABLE}
