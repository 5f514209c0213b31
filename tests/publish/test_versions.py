"""Versions go up by one, and one version is one set of bytes for ever."""

from tests.publish.world import HELLO, World
from trustpress.core import trust


def test_an_older_version_is_refused(running: World) -> None:
    running.publish_files(HELLO)
    older = running.developer.signed()
    running.publish_files(HELLO)
    running.refuse(older, "E_OLD")


def test_other_bytes_under_the_published_version_are_refused(running: World) -> None:
    running.publish_files(HELLO)
    running.developer.roles["targets"].targets.clear()
    running.refuse(running.developer.signed(), "E_EQUIVOCATION")


def test_of_two_uploads_of_one_version_one_is_published(running: World) -> None:
    running.developer.next_version()
    running.upload(running.developer.signed(), "targets.json")
    running.developer.roles["targets"].unrecognized_fields["x-other"] = "bytes"
    running.upload(running.developer.signed(), "2.targets.json")
    assert sorted(receipt.status for receipt in running.drain()) == ["published", "rejected"]


def test_a_version_ahead_of_its_turn_waits_for_those_between(running: World) -> None:
    second = running.developer.signed() if running.developer.next_version() else b""
    running.developer.next_version()
    receipt = running.wait(running.developer.signed(), "E_JUMP", "3.targets.json")
    assert str(receipt.error) == "targets: version 3 is here before version 2"
    running.upload(second, "2.targets.json")
    assert [receipt.status for receipt in running.drain()] == ["published", "published"]


def test_a_gap_that_uploads_on_their_way_may_close_has_an_end(running: World) -> None:
    """Of 1,000 versions: the last that waits, and the first that does not."""
    targets = running.developer.next_version()
    targets.version = 2 + trust.MAX_GAP
    running.wait(running.developer.signed(), "E_JUMP", f"{targets.version}.targets.json")
    targets.version += 1
    running.refuse(running.developer.signed(), "E_JUMP", f"{targets.version}.targets.json")


def test_a_version_that_locks_the_numbers_below_it_is_refused(running: World) -> None:
    running.developer.next_version().version = 2**31 - 1
    running.refuse(running.developer.signed(), "E_JUMP")
    running.developer.roles["targets"].version = 1
    running.publish_files(HELLO)


def test_a_role_file_that_nobody_lists_but_with_other_bytes_keeps_its_number(running: World) -> None:
    """The orphan of a crashed publisher: clients may have seen nothing of it, yet it is never overwritten."""
    orphan = running.developer.next_version(files=HELLO)
    running.public.upload("acme/api/metadata/2.targets.json", running.developer.signed())
    orphan.targets.clear()
    before = dict(running.public.objects)
    running.refuse(running.developer.signed(), "E_EQUIVOCATION")
    assert running.public.objects == before


def test_an_orphan_with_the_same_bytes_is_adopted(running: World) -> None:
    running.developer.next_version(files=HELLO)
    body = running.developer.signed()
    running.public.upload("acme/api/metadata/2.targets.json", body)
    running.publish(body, files=HELLO)
    assert running.download("dir/hello.txt") == b"hello"


def test_a_number_that_a_crashed_publish_has_taken_is_stepped_over(running: World) -> None:
    """Its upload is gone: could nobody step over it, the role could never move again."""
    running.developer.next_version()
    running.public.upload("acme/api/metadata/2.targets.json", running.developer.signed())
    running.developer.next_version(files=HELLO)
    running.publish(running.developer.signed(), "3.targets.json", HELLO)
    assert running.published("2.snapshot.json")["meta"]["targets.json"]["version"] == 3
    running.publish_files({"more.txt": b"more"})


def test_only_numbers_that_are_taken_are_stepped_over(running: World) -> None:
    running.developer.next_version()
    running.public.upload("acme/api/metadata/2.targets.json", running.developer.signed())
    running.developer.next_version()
    running.developer.next_version()
    running.wait(running.developer.signed(), "E_JUMP", "4.targets.json")


def test_an_upload_behind_an_equivocating_one_is_judged_without_it(running: World) -> None:
    """A crashed publish has taken version 3 with other bytes: ours is refused, the next one steps over both."""
    running.developer.delegate("docs", "docs/*")
    running.developer.next_version()
    running.publish(running.developer.bundle("targets", "docs"), "targets.json")
    running.developer.next_version()
    running.public.upload("acme/api/metadata/3.targets.json", running.developer.signed())
    running.developer.roles["targets"].unrecognized_fields["x-other"] = "bytes"
    running.upload(running.developer.signed(), "3.targets.json")
    running.developer.next_version()
    running.upload(running.developer.signed(), "4.targets.json")
    running.developer.next_version("docs")
    running.upload(running.developer.signed("docs"), "docs.json")
    statuses = {receipt.upload.rpartition("/")[2]: receipt.status for receipt in running.drain()}
    assert statuses == {"3.targets.json": "rejected", "4.targets.json": "published", "docs.json": "published"}


def test_expiry_too_near_or_too_far_is_refused(running: World) -> None:
    role = running.developer.next_version()
    expires = role.expires
    for year in (2026, 2037):
        role.expires = expires.replace(year=year, month=11, day=23, hour=12, minute=30)
        running.refuse(running.developer.signed(), "E_EXPIRY")
