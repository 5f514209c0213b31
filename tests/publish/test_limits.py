"""What one inbox, one window and one look may hold, and that what is beyond stands in nobody's way."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.fakes import FakeClock
from tests.publish.world import HELLO, World
from trustpress.core import tree
from trustpress.core.parse import parse_upload
from trustpress.core.tree import MAX_DELEGATION_DEPTH
from trustpress.errors import Unavailable
from trustpress.publish import backlog, draft, inbox
from trustpress.publish.publisher import SECONDS_FOR_A_WINDOW, Outcome
from trustpress.store.receipts import Receipt


def upload_unknown_roles(world: World, count: int, first: int = 0) -> list[str]:
    """Whatever is said under the name of a role that nobody delegates to has to wait."""
    uploaded = []
    for number in range(first, first + count):
        uploaded.append(world.upload(world.developer.signed().replace(b":1", b":%d" % (number + 2)), f"unknown-{number:03}.json"))
        world.clock.pass_time(timedelta(seconds=1))
    return uploaded


def upload_waiting_versions(world: World, count: int) -> list[str]:
    """Signed, and waiting for the version between the published one and them."""
    uploaded = []
    world.developer.next_version()
    for _ in range(count):
        version = world.developer.next_version().version
        uploaded.append(world.upload(world.developer.signed(), f"{version}.targets.json"))
        world.clock.pass_time(timedelta(seconds=1))
    return uploaded


def upload_good(world: World) -> str:
    """Version 2 of targets."""
    role = world.developer.next_version(files=HELLO)
    role.version = 2
    world.upload_files(HELLO)
    return world.upload(world.developer.signed())


def outcomes(world: World, uploaded: list[str]) -> list[tuple[str, str]]:
    return [(receipt["status"], receipt["code"]) for receipt in map(world.receipt, uploaded)]


def drain_within(world: World, seconds: float) -> Outcome:
    outcome = world.publisher.drain(world.name, world.clock, seconds)
    world.see_as_clients_do()
    return outcome


def test_the_newest_are_turned_away_when_too_many_wait(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_WAITING", 3)
    uploaded = upload_waiting_versions(running, 5)
    running.drain()
    assert outcomes(running, uploaded) == [("waiting", "E_JUMP")] * 3 + [("rejected", "E_FULL")] * 2
    assert "at most 3 uploads may wait" in running.receipt(uploaded[-1])["message"]
    assert len(running.inbox()) == 3


@pytest.mark.parametrize("warm", [True, False], ids=["a container that knows them", "a container that does not"])
def test_whoever_waits_keeps_the_place(running: World, monkeypatch: pytest.MonkeyPatch, warm: bool) -> None:
    monkeypatch.setattr(backlog, "MAX_WAITING", 3)
    monkeypatch.setattr(inbox, "MAX_UPLOADS", 2)
    first = upload_waiting_versions(running, 3)
    running.drain()
    if not warm:
        running.start()
    second = upload_waiting_versions(running, 3)
    running.drain()
    assert outcomes(running, first) == [("waiting", "E_JUMP")] * 3
    assert outcomes(running, second) == [("rejected", "E_FULL")] * 3


def test_a_place_is_free_when_somebody_left_it(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_WAITING", 1)
    upload_waiting_versions(running, 1)
    running.drain()
    running.staging.objects.pop(running.inbox()[0])
    next_one = upload_waiting_versions(running, 1)
    running.drain()
    assert outcomes(running, next_one) == [("waiting", "E_JUMP")]


def test_whoever_has_waited_for_too_long_keeps_nobody_from_a_place(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_WAITING", 1)
    overdue = upload_waiting_versions(running, 1)
    running.drain()
    running.start()
    running.clock.pass_time(timedelta(days=1))
    running.refresher.refresh(running.name, running.clock)
    fresh = upload_waiting_versions(running, 1)
    running.drain()
    assert outcomes(running, overdue + fresh) == [("rejected", "E_JUMP"), ("waiting", "E_JUMP")]


def test_what_nobody_signed_has_few_places_and_takes_none_from_what_is_signed(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_UNVERIFIED", 2)
    unsigned, signed = upload_unknown_roles(running, 4), upload_waiting_versions(running, 3)
    running.drain()
    assert outcomes(running, unsigned) == [("waiting", "E_DELEG")] * 2 + [("rejected", "E_FULL")] * 2
    assert outcomes(running, signed) == [("waiting", "E_JUMP")] * 3
    assert "vouches for" in running.receipt(unsigned[-1])["message"]
    assert "bundle" in running.receipt(unsigned[-1])["hint"]


def test_roots_that_nobody_can_check_yet_have_few_places(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys that sign root 3 are in root 2: anybody can make one that waits for it."""
    monkeypatch.setattr(backlog, "MAX_UNVERIFIED", 1)
    stranger = running.stranger()
    stranger.next_root()
    for _ in range(3):
        version = stranger.next_root().version
        running.upload(stranger.signed("root"), f"{version}.root.json")
    assert [receipt.status for receipt in running.drain()] == ["waiting", "rejected", "rejected"]


@pytest.mark.parametrize(
    ("limit", "upload"), [("MAX_WAITING_BYTES", upload_waiting_versions), ("MAX_UNVERIFIED_BYTES", upload_unknown_roles)]
)
def test_what_waits_is_counted_in_bytes_too(
    running: World, monkeypatch: pytest.MonkeyPatch, limit: str, upload: Callable[[World, int], list[str]]
) -> None:
    monkeypatch.setattr(backlog, limit, 1500)
    uploaded = upload(running, 8)
    running.drain()
    waiting = [status for status, _ in outcomes(running, uploaded)].count("waiting")
    assert 0 < waiting < 8
    assert "1,500 bytes may wait" in running.receipt(uploaded[-1])["message"]


def test_the_last_byte_of_the_room_is_taken_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_WAITING_BYTES", 1500)
    room = backlog.WaitingRoom()
    room.keep_place(600, is_verified=True)
    assert room.turn_away(900, is_verified=True) is None
    assert room.turn_away(1, is_verified=True)


def test_the_largest_upload_finds_room_where_nobody_else_waits(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MAX_UNVERIFIED_BYTES", 1)
    uploaded = upload_unknown_roles(running, 1)
    running.drain()
    assert outcomes(running, uploaded) == [("waiting", "E_DELEG")]


def test_what_waits_cannot_take_the_time_for_what_is_new(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every upload takes longer to read than a look has. What waits is met once, and then comes last."""
    waiting, good = upload_waiting_versions(running, 2), upload_good(running)
    monkeypatch.setattr(inbox, "parse_upload", slowly(running.clock, SECONDS_FOR_A_WINDOW + 1))
    running.clock.spend(-1000)
    looked_at = [[receipt.sha256 for receipt in drain_within(running, 1).receipts] for _ in range(4)]
    assert looked_at[:3] == [[waiting[0]], [waiting[1]], [good]]
    assert running.receipt(good)["status"] == "published"
    fresh = upload_unknown_roles(running, 1)
    assert [receipt.sha256 for receipt in drain_within(running, 1).receipts] == fresh


def slowly(clock: FakeClock, seconds: float) -> Callable[[str, bytes], object]:
    def parse(filename: str, body: bytes) -> object:
        clock.spend(seconds)
        return parse_upload(filename, body)

    return parse


def test_a_window_ends_when_its_time_is_over(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that uploads which are slow to read do not keep those in front of them from being published."""
    for _ in range(4):
        running.developer.next_version()
        running.upload(running.developer.signed(), f"{running.developer.roles['targets'].version}.targets.json")
        running.clock.pass_time(timedelta(seconds=1))
    running.clock.spend(-1000)
    monkeypatch.setattr(inbox, "parse_upload", slowly(running.clock, SECONDS_FOR_A_WINDOW / 2 + 1))
    assert len(running.drain()) == 4
    assert running.published("timestamp.json")["version"] == 3


def test_one_upload_is_looked_at_however_slow_every_read_is(running: World) -> None:
    """Or an inbox behind a slow store would be listed for ever, and nothing of it published."""
    running.start(workers=1)
    good = upload_good(running)
    running.clock.spend(-1000)

    def read(operation: str, key: str) -> None:
        if operation == "GET":
            running.clock.spend(SECONDS_FOR_A_WINDOW + 2)

    running.staging.before = running.public.before = read
    drain_within(running, 1)
    assert running.receipt(good)["status"] == "published"


def test_judging_ends_when_its_time_is_over_and_leaves_the_rest(running: World) -> None:
    for _ in range(3):
        running.developer.next_version()
        running.upload(running.developer.signed(), f"{running.developer.roles['targets'].version}.targets.json")
    running.developer.next_version(files={"slow.txt": b"slow"})
    running.upload(running.developer.signed(), "5.targets.json")
    running.developer.next_version()
    running.upload(running.developer.signed(), "6.targets.json")
    running.clock.spend(-1000)

    def look(operation: str, key: str) -> None:
        if operation == "HEAD":
            running.clock.spend(SECONDS_FOR_A_WINDOW + 1)

    running.public.before = look
    outcome = drain_within(running, 1)
    assert [receipt.status for receipt in outcome.receipts] == ["published"] * 3 + ["waiting"]
    assert outcome.has_more
    assert len(running.inbox()) == 2


def test_a_look_begins_no_window_when_its_time_is_over(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_UPLOADS", 1)
    upload_unknown_roles(running, 3)
    outcome = drain_within(running, 0)
    assert (len(outcome.receipts), outcome.has_more) == (1, True)
    outcome = drain_within(running, 60)
    assert (len(outcome.receipts), outcome.has_more) == (3, False)


def test_a_window_holds_no_more_than_fits_into_memory_once_parsed(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_PARSED_BYTES", 15_000)
    for number in range(4):
        running.developer.next_version()
        running.upload(running.developer.signed(), f"{number + 2}.targets.json")
        running.clock.pass_time(timedelta(seconds=1))
    running.developer.next_version()
    for number in range(20):
        running.developer.delegate(f"team-{number}", f"{number}/*")
    running.upload(running.developer.bundle("targets", *(f"team-{number}" for number in range(20))), "6.targets.json")
    assert [receipt.status for receipt in running.drain()] == ["published"] * 5
    assert running.published("timestamp.json")["version"] == 3


def test_an_inbox_too_full_to_be_listed_is_looked_at_in_parts(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_LISTED", 2)
    for number in range(3):
        running.upload(b"poison", f"{number + 1}.targets.json")
    good = upload_good(running)
    assert drain_within(running, 60).has_more
    assert not drain_within(running, 60).has_more
    assert running.receipt(good)["status"] == "published"


def test_uploads_that_wait_for_each_other_meet_though_windows_lie_between(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MAX_UPLOADS", 4)
    developer = running.developer
    developer.next_version()
    developer.delegate("docs", "docs/*")
    running.upload(developer.signed(), "targets.json")
    running.clock.pass_time(timedelta(seconds=1))
    for number in range(6):
        running.upload(b"poison", f"{number + 1}.junk.json")
        running.clock.pass_time(timedelta(seconds=1))
    running.upload(developer.signed("docs"), "docs.json")
    last = last_receipts(running.drain())
    assert (last["targets.json"], last["docs.json"]) == ("published", "published")


def test_versions_that_lie_in_the_wrong_order_over_several_windows_are_all_published(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_UPLOADS", 2)
    bodies = []
    for _ in range(6):
        running.developer.next_version()
        bodies.append((f"{running.developer.roles['targets'].version}.targets.json", running.developer.signed()))
    for filename, body in reversed(bodies):
        running.upload(body, filename)
        running.clock.pass_time(timedelta(seconds=1))
    assert set(last_receipts(running.drain()).values()) == {"published"}
    assert running.inbox() == []


def last_receipts(receipts: list[Receipt]) -> dict[str, str]:
    return {receipt.upload.rpartition("/")[2]: receipt.status for receipt in receipts}


def test_one_upload_that_the_store_fails_to_give_stands_in_nobodys_way(running: World) -> None:
    running.upload(b"{}", "failing.json")
    good = upload_good(running)
    running.staging.before = failing("failing.json")
    outcome = drain_within(running, 60)
    assert isinstance(outcome.unread, Unavailable)
    assert running.receipt(good)["status"] == "published"
    assert running.inbox() == ["inbox/acme/api/metadata/failing.json"]


def test_a_store_that_gives_nothing_fails_the_drain(running: World) -> None:
    upload_good(running)
    running.upload(b"{}", "other.json")
    running.staging.before = failing(".json")
    with pytest.raises(Unavailable):
        running.drain()


def failing(key_ends: str) -> Callable[[str, str], None]:
    def fail(operation: str, key: str) -> None:
        if operation == "GET" and key.startswith("inbox/") and key.endswith(key_ends):
            raise Unavailable("storage is away")

    return fail


def test_a_receipt_that_says_nothing_new_is_not_written_again(running: World) -> None:
    [upload] = upload_unknown_roles(running, 1)
    running.drain()
    before = running.receipt(upload)
    running.clock.pass_time(timedelta(minutes=5))
    running.staging.calls.clear()
    assert [receipt.status for receipt in running.drain()] == ["waiting"]
    assert running.staging.calls["PUT"] == 0
    assert running.receipt(upload) == before


def test_versions_that_wait_cost_one_look_at_the_version_they_wait_for(running: World) -> None:
    upload_waiting_versions(running, 20)
    running.public.calls.clear()
    running.drain()
    assert running.public.calls["HEAD"] == 1


def test_an_error_that_is_kept_keeps_nothing_else(running: World) -> None:
    """Its frames and causes hold whatever was parsed: two hundred of them would not fit into memory."""
    upload_unknown_roles(running, 1)
    running.upload(b"poison", "1.targets.json")
    running.upload(running.developer.signed().replace(b'"sig":"', b'"sig":"00'), "2.targets.json")
    errors = [receipt.error for receipt in running.drain()]
    assert len(errors) == 3
    for error in errors:
        assert error is not None
        assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)


@pytest.fixture
def deep(running: World) -> World:
    """As many delegated roles, one below the other, as clients visit."""
    developer = running.developer
    developer.next_version()
    delegate_deeper(running, range(1, MAX_DELEGATION_DEPTH + 1))
    running.publish(developer.bundle("targets", *(f"level-{depth}" for depth in range(1, MAX_DELEGATION_DEPTH + 1))))
    return running


def delegate_deeper(world: World, levels: range) -> None:
    for depth in levels:
        world.developer.delegate(f"level-{depth}", "deep/*", delegator="targets" if depth == 1 else f"level-{depth - 1}")


def test_the_deepest_role_that_clients_visit_is_published_and_found(deep: World) -> None:
    deepest, files = f"level-{MAX_DELEGATION_DEPTH}", {"deep/file.txt": b"found"}
    deep.developer.next_version(deepest, files)
    deep.publish(deep.developer.signed(deepest), f"{deepest}.json", files)
    assert deep.download("deep/file.txt") == b"found"


def test_a_role_deeper_than_clients_visit_is_refused(deep: World) -> None:
    delegator, beyond = f"level-{MAX_DELEGATION_DEPTH}", f"level-{MAX_DELEGATION_DEPTH + 1}"
    deep.developer.next_version(delegator)
    deep.developer.delegate(beyond, "deep/*", delegator=delegator)
    receipt = deep.refuse(deep.developer.bundle(delegator, beyond), "E_DELEG", f"{delegator}.json")
    assert "clients visit 32 roles" in str(receipt.error)


def test_that_role_would_not_be_found_by_clients(deep: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the rule is for: without it the file is published, and python-tuf does not find it."""
    monkeypatch.setattr(tree, "MAX_DELEGATION_DEPTH", 100)
    delegator, beyond = f"level-{MAX_DELEGATION_DEPTH}", f"level-{MAX_DELEGATION_DEPTH + 1}"
    deep.developer.next_version(delegator)
    deep.developer.delegate(beyond, "deep/*", delegator=delegator)
    deep.developer.next_version(beyond, {"deep/file.txt": b"lost"}).version = 1
    deep.publish(deep.developer.bundle(delegator, beyond), f"{delegator}.json", {"deep/file.txt": b"lost"})
    assert deep.download("deep/file.txt") is None


@pytest.fixture
def wide(running: World) -> World:
    """Twenty delegated roles next to each other, of which a new container knows nothing."""
    names = [f"team-{number}" for number in range(20)]
    running.developer.next_version()
    for name in names:
        running.developer.delegate(name, f"{name}/*")
    running.publish(running.developer.bundle("targets", *names))
    running.start()
    running.public.calls.clear()
    return running


def test_a_name_that_nobody_delegates_does_not_have_every_role_read(wide: World) -> None:
    upload_unknown_roles(wide, 3)
    wide.upload(json.dumps({f"none-{number}": json.loads(wide.developer.signed("team-0")) for number in range(50)}).encode(), "x.json")
    wide.publisher.drain(wide.name, wide.clock)
    assert wide.public.calls["GET"] < 10


def test_a_bundle_that_is_not_what_was_published_is_read_no_further(wide: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known names, published versions, other bytes: each would be looked up."""
    monkeypatch.setattr(draft, "_ROLES_READ_TOGETHER", 2)
    junk = json.loads(wide.developer.signed("team-0").replace(b'"sig":"', b'"sig":"00'))
    wide.upload(json.dumps({f"team-{number}": junk for number in range(20)}).encode(), "junk.json")
    outcome = wide.publisher.drain(wide.name, wide.clock)
    assert [receipt.status for receipt in outcome.receipts] == ["rejected"]
    assert wide.public.calls["GET"] < 10


def test_a_bundle_that_was_published_is_done_in_parts(wide: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draft, "_ROLES_READ_TOGETHER", 2)
    wide.publish(wide.developer.bundle(*(f"team-{number}" for number in range(20))), "again.json")
