"""Races, lost answers and crashes: before the timestamp is swapped nothing is published, afterwards everything is."""

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.fakes import FakeClock, KeysOf
from tests.publish.troubles import Crash, GarblingSigner, at_call, at_first, at_write, calm, crash, no_answer
from tests.publish.world import HELLO, World
from trustpress.errors import BrokenRepository, Conflict, NotStrictJson, OutOfTime, Unavailable, UnknownOutcome
from trustpress.publish import commit
from trustpress.publish.publisher import Publisher
from trustpress.store import receipts

DOCS = {"docs/manual.txt": b"read me"}


@pytest.fixture
def waiting(running: World) -> World:
    """targets version 2, with a file and a new delegated role, waits in the inbox: every kind of write is to come."""
    running.developer.next_version(files=HELLO)
    running.developer.delegate("docs", "docs/*")
    running.upload_files(HELLO)
    running.upload(running.developer.bundle("targets", "docs"))
    return running


def rival_publishes(world: World) -> Callable[[], None]:
    """Another container publishes docs version 2 while ours is about to commit."""

    def publish() -> None:
        world.public.before = calm
        world.developer.next_version("docs", DOCS)
        world.upload_files(DOCS)
        world.upload(world.developer.signed("docs"), "docs.json")
        world.new_publisher().drain(world.name, world.clock)

    return publish


def test_whoever_loses_the_race_builds_on_what_the_winner_published(running: World) -> None:
    running.developer.next_version()
    running.developer.delegate("docs", "docs/*")
    running.publish(running.developer.bundle("targets", "docs"))
    running.developer.next_version(files=HELLO)
    ours = running.developer.signed()
    running.upload_files(HELLO)
    running.upload(ours)
    running.public.before = at_first("timestamp.json", lose_to_a_refresh(running))
    outcome = running.publisher.drain(running.name, running.clock)
    running.see_as_clients_do()
    assert outcome.attempts == 2
    assert [receipt.status for receipt in outcome.receipts] == ["published"]
    assert running.published("timestamp.json")["version"] == 4
    assert running.download("dir/hello.txt") == b"hello"


def lose_to_a_refresh(world: World) -> Callable[[], None]:
    """Somebody swaps the timestamp between our reading and our writing it."""

    def refresh() -> None:
        world.public.before = calm
        rival = world.new_publisher()
        loaded = rival._repositories.load(world.name)
        rival._committer.renew_timestamp(loaded, world.clock.now())

    return refresh


def test_of_two_publishers_with_the_same_uploads_both_succeed_and_nothing_is_published_twice(waiting: World) -> None:
    def rival() -> None:
        waiting.public.before = calm
        waiting.new_publisher().drain(waiting.name, waiting.clock)

    waiting.public.before = at_first("timestamp.json", rival)
    waiting.drain()
    assert waiting.published("timestamp.json")["version"] == 2
    assert waiting.download("dir/hello.txt") == b"hello"
    assert waiting.inbox() == []


def test_an_upload_does_not_wait_for_a_file_that_a_rival_has_just_published(running: World) -> None:
    """The rival took the staged file away when we had seen that it was not public: no event is to come that would help."""
    running.developer.next_version()
    running.developer.delegate("docs", "docs/*")
    running.publish(running.developer.bundle("targets", "docs"))
    running.developer.next_version(files=DOCS)
    running.developer.next_version("docs", DOCS)
    running.upload_files(DOCS)
    running.upload(running.developer.signed("docs"), "docs.json")
    running.staging.before = at_call("HEAD", rival_publishes_unseen(running, running.developer.signed(), "targets.json"))
    assert [receipt.status for receipt in running.drain()] == ["published"]
    assert running.published("4.snapshot.json")["meta"]["docs.json"]["version"] == 2


def test_an_upload_is_not_refused_for_a_key_that_a_rival_has_just_published(running: World) -> None:
    running.developer.next_version()
    running.developer.delegate("docs", "docs/*")
    running.publish(running.developer.bundle("targets", "docs"))
    running.developer.next_version()
    running.developer.replace_delegated_key("docs")
    running.developer.next_version("docs")
    replaced = running.developer.bundle("targets", "docs")
    running.developer.next_version("docs")
    running.upload(running.developer.signed("docs"), "docs.json")
    running.staging.before = at_call("LIST", rival_publishes_unseen(running, replaced, "replaced.json"))
    assert [receipt.status for receipt in running.drain()] == ["published"]
    assert running.published("4.snapshot.json")["meta"]["docs.json"]["version"] == 3


def rival_publishes_unseen(world: World, body: bytes, filename: str) -> Callable[[], None]:
    """Another container publishes an upload; it has listed the inbox before anything came that is there now."""

    def publish() -> None:
        world.staging.before = calm
        unseen = {key: world.staging.objects.pop(key) for key in world.inbox() if "/metadata/" in key}
        world.upload(body, filename)
        world.new_publisher().drain(world.name, world.clock)
        world.staging.objects |= unseen

    return publish


def test_a_look_ends_when_rivals_have_published_what_it_found(running: World) -> None:
    """What came later has a look of its own to come: a crowd cannot keep one look busy for ever."""

    def upload_another() -> None:
        running.developer.next_version()
        running.upload(running.developer.signed())

    def lose_to_a_crowd(operation: str, key: str) -> None:
        if operation == "PUT" and key.endswith("timestamp.json"):
            running.public.before = calm
            for _ in range(2):
                running.new_publisher().drain(running.name, running.clock)
                upload_another()
            running.public.before = lose_to_a_crowd

    upload_another()
    running.public.before = lose_to_a_crowd
    outcome = running.publisher.drain(running.name, running.clock)
    assert (outcome.receipts, outcome.attempts) == ([], 2)
    running.public.before = calm
    assert [receipt.status for receipt in running.drain()] == ["published"]


def test_a_rival_that_publishes_another_role_is_not_undone(running: World) -> None:
    running.developer.next_version()
    running.developer.delegate("docs", "docs/*")
    running.publish(running.developer.bundle("targets", "docs"))
    running.developer.next_version(files=HELLO)
    running.upload_files(HELLO)
    running.upload(running.developer.signed())
    running.public.before = at_first("timestamp.json", rival_publishes(running))
    running.drain()
    assert running.download("dir/hello.txt") == b"hello"
    assert running.download("docs/manual.txt") == b"read me"


def test_a_container_that_was_away_judges_by_what_others_published_meanwhile(running: World) -> None:
    running.publish_files(HELLO)
    away, running.publisher = running.publisher, running.new_publisher()
    running.developer.next_version()
    running.developer.delegate("docs", "docs/*")
    running.publish(running.developer.bundle("targets", "docs"))
    running.publisher = away
    running.developer.next_version("docs", DOCS)
    running.publish(running.developer.signed("docs"), "docs.json", DOCS)
    assert running.download("docs/manual.txt") == b"read me"


def test_a_publisher_that_always_loses_leaves_its_uploads_to_the_next_run(waiting: World) -> None:
    def lose(operation: str, key: str) -> None:
        if operation == "PUT" and key.endswith("timestamp.json"):
            raise Conflict(key)

    waiting.public.before = lose
    with pytest.raises(Conflict):
        waiting.drain()
    waiting.see_as_clients_do()
    waiting.public.before = calm
    assert [receipt.status for receipt in waiting.drain()] == ["published"]


def test_a_commit_that_happened_without_an_answer_is_recognised_as_ours(waiting: World) -> None:
    waiting.public.after = at_first("timestamp.json", no_answer)
    outcome = waiting.publisher.drain(waiting.name, waiting.clock)
    assert outcome.attempts == 1
    assert waiting.published("timestamp.json")["version"] == 2
    waiting.see_as_clients_do()


def test_a_commit_that_did_not_happen_is_tried_again(waiting: World) -> None:
    waiting.public.before = at_first("timestamp.json", no_answer)
    assert [receipt.status for receipt in waiting.drain()] == ["published"]
    assert waiting.published("timestamp.json")["version"] == 2


@pytest.mark.parametrize("orphan", [b"{}", b"x" * 100_000], ids=["short", "long"])
def test_an_orphan_snapshot_is_stepped_over(waiting: World, orphan: bytes) -> None:
    """Somebody crashed between snapshot and timestamp; ECDSA would never make the same bytes again."""
    waiting.public.upload("acme/api/metadata/2.snapshot.json", orphan)
    assert waiting.drain()[0].release == {"root": 1, "snapshot": 3, "timestamp": 2}
    waiting.publish_files({"more.txt": b"more"})


def test_several_orphan_snapshots_are_stepped_over(waiting: World) -> None:
    for number in range(2, 7):
        waiting.public.upload(f"acme/api/metadata/{number}.snapshot.json", b"{}")
    assert waiting.drain()[0].release == {"root": 1, "snapshot": 7, "timestamp": 2}


def test_a_file_that_two_publishers_copy_at_once_is_copied_once(waiting: World) -> None:
    def rival() -> None:
        waiting.public.before = calm
        waiting.new_publisher().drain(waiting.name, waiting.clock)

    waiting.public.before = at_first("hello.txt", rival)
    assert waiting.publisher.drain(waiting.name, waiting.clock).attempts <= 2
    waiting.see_as_clients_do()
    assert waiting.download("dir/hello.txt") == b"hello"


def test_a_copy_that_somebody_made_just_before_is_as_good(waiting: World) -> None:
    digest = hashlib.sha256(b"hello").hexdigest()
    key = f"acme/api/targets/dir/{digest}.hello.txt"
    waiting.public.before = at_first("hello.txt", lambda: waiting.public.upload(key, b"hello"))
    assert waiting.publisher.drain(waiting.name, waiting.clock).attempts == 1
    waiting.see_as_clients_do()


def test_a_public_file_that_is_not_what_its_name_says_is_never_committed(waiting: World) -> None:
    digest = hashlib.sha256(b"hello").hexdigest()
    waiting.public.upload(f"acme/api/targets/dir/{digest}.hello.txt", b"something else")
    with pytest.raises(Conflict):
        waiting.publisher.drain(waiting.name, waiting.clock)
    waiting.see_as_clients_do()
    assert waiting.published("timestamp.json")["version"] == 1


def test_a_release_that_does_not_verify_is_not_committed(waiting: World) -> None:
    """What the key service answers is looked at as a client would; the upload is not to blame, and waits."""
    keyid, signer = waiting.online.public_key.keyid, waiting.online
    waiting.signers[keyid] = GarblingSigner(signer)
    waiting.start()
    with pytest.raises(Unavailable, match="acme/api: the release signed just now does not verify: timestamp: "):
        waiting.publisher.drain(waiting.name, waiting.clock)
    waiting.see_as_clients_do()
    assert waiting.published("timestamp.json")["version"] == 1
    waiting.signers[keyid] = signer
    waiting.start()
    assert [receipt.status for receipt in waiting.drain()] == ["published"]


def test_without_time_left_no_commit_is_started(waiting: World) -> None:
    before = dict(waiting.public.objects)
    with pytest.raises(OutOfTime):
        waiting.publisher.drain(waiting.name, FakeClock(seconds_left=14))
    assert waiting.public.objects == before
    assert [receipt.status for receipt in waiting.drain()] == ["published"]


def test_when_time_runs_out_over_many_files_no_commit_is_started(waiting: World) -> None:
    clock = FakeClock()
    waiting.public.after = at_first("hello.txt", lambda: clock.spend(50))
    with pytest.raises(OutOfTime):
        waiting.publisher.drain(waiting.name, clock)
    waiting.see_as_clients_do()
    assert waiting.published("timestamp.json")["version"] == 1
    assert [receipt.status for receipt in waiting.drain()] == ["published"]


def test_what_another_run_has_just_published_is_no_reason_to_refuse_what_builds_on_it(running: World) -> None:
    """Targets by a new key arrive when the root that lists it was published, but after a slow run has loaded the root before."""

    def root_is_published_and_targets_arrives() -> None:
        running.staging.before = calm
        former = running.developer.signers["targets"][-1].public_key
        running.developer.next_root()
        running.developer.replace_key("targets")
        running.developer.root.add_key(former, "targets")
        running.upload(running.developer.signed("root"), "root.json")
        running.new_publisher().drain(running.name, running.clock)
        running.developer.next_version()
        running.upload(running.developer.signed())

    running.staging.before = at_call("LIST", root_is_published_and_targets_arrives)
    [receipt] = running.drain()
    assert (receipt.status, receipt.error and receipt.error.code) == ("waiting", "E_ROOT")


def test_an_upload_is_not_refused_for_a_key_of_a_root_whose_publisher_died_before_its_commit(running: World) -> None:
    """The root shows, its upload came after the inbox was listed, and the timestamp is still the one that was loaded."""

    def root_is_written() -> None:
        running.staging.before = calm
        unseen = running.staging.objects.pop("inbox/acme/api/metadata/targets.json")
        running.upload(root, "root.json")
        running.public.after = at_first("2.root.json", crash)
        with pytest.raises(Crash):
            running.new_publisher().drain(running.name, running.clock)
        running.staging.objects = {"inbox/acme/api/metadata/targets.json": unseen} | {
            key: versions for key, versions in running.staging.objects.items() if not key.endswith("root.json")
        }

    former = running.developer.signers["targets"][0].public_key
    running.developer.next_root()
    running.developer.replace_key("targets")
    running.developer.root.add_key(former, "targets")
    root = running.developer.signed("root")
    running.developer.next_version()
    sha256 = running.upload(running.developer.signed())
    running.staging.before = at_call("LIST", root_is_written)
    running.drain()
    assert running.receipt(sha256)["code"] == "E_ROOT"
    assert running.receipt(sha256)["status"] == "waiting"


def test_a_slow_run_does_not_take_back_what_a_faster_one_has_published(running: World) -> None:
    """It has found version 3 to wait for version 2, and both are published before it says so."""

    def both_are_published() -> None:
        running.staging.before = calm
        running.upload(second, "2.targets.json")
        running.new_publisher().drain(running.name, running.clock)

    running.developer.next_version()
    second = running.developer.signed()
    running.developer.next_version()
    sha256 = running.upload(running.developer.signed(), "3.targets.json")
    running.staging.before = at_first(f"{sha256}.json", both_are_published)
    assert [receipt.status for receipt in running.drain()] == ["published"]
    assert running.receipt(sha256)["status"] == "published"


def test_a_refusal_is_final_for_the_upload_it_speaks_of_and_for_no_other(running: World) -> None:
    """The run that refused it has crashed before it was out of the inbox; then the same bytes are uploaded again."""
    running.developer.next_version(files=HELLO)
    sha256 = running.upload(running.developer.signed())
    running.clock.pass_time(timedelta(days=1, seconds=1))
    running.staging.before = at_call("DELETE", crash)
    with pytest.raises(Crash):
        running.drain()
    running.staging.before = calm
    assert running.receipt(sha256)["status"] == "rejected"
    running.clock.pass_time(timedelta(days=-1))
    running.start()
    assert [receipt.status for receipt in running.drain()] == ["rejected"]
    running.upload(running.developer.signed())
    assert [receipt.status for receipt in running.drain()] == ["waiting"]


def test_a_crash_between_commit_and_receipts_is_no_reason_to_refuse_what_was_published(running: World) -> None:
    """One commit carried a series of versions: those behind the newest are not old, they are done."""
    running.developer.next_root()
    running.upload(running.developer.signed("root"), "2.root.json")
    running.developer.next_root()
    running.upload(running.developer.signed("root"), "3.root.json")
    for version in (2, 3):
        running.developer.next_version()
        running.upload(running.developer.signed(), f"{version}.targets.json")
    running.staging.before = at_first(".json", crash)
    with pytest.raises(Crash):
        running.drain()
    assert running.published("timestamp.json")["version"] == 2
    running.staging.before = calm
    running.start()
    assert [receipt.status for receipt in running.drain()] == ["published"] * 4


@pytest.mark.parametrize("first", [True, False], ids=["first publish", "later publish"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_write_is_healed_by_the_next_run(world: World, first: bool, when: str) -> None:
    """Clients are looked at after the crash and after the healing, at every write until there are no more."""
    for number in range(100):
        story = World(world.onlookers.state / str(number))
        prepare(story, first)
        trouble = at_write(number, crash)
        for store in (story.staging, story.public):
            setattr(store, when, trouble)
        try:
            story.publisher.drain(story.name, story.clock)
        except Crash:
            pass
        else:
            assert number >= 9
            return
        for store in (story.staging, story.public):
            setattr(store, when, calm)
        story.see_as_clients_do()
        story.start()
        story.drain()
        assert story.download("dir/hello.txt") == b"hello"
        assert not any("/metadata/" in key for key in story.inbox())
    pytest.fail("the publish never came to an end")


def upload_three_targets(world: World) -> None:
    for _ in range(3):
        world.developer.next_version()
        world.upload(world.developer.signed())


def upload_two_roots(world: World) -> None:
    for _ in range(2):
        world.developer.next_root()
        world.developer.replace_key("root")
        world.upload(world.developer.signed("root"), "root.json")


def upload_a_role_whose_key_is_replaced(world: World) -> None:
    upload_a_role(world)
    world.developer.next_version()
    world.developer.replace_delegated_key("docs")
    world.developer.next_version("docs")
    world.upload(world.developer.bundle("targets", "docs"), "replaced.json")


def upload_a_role_that_is_removed(world: World) -> None:
    upload_a_role(world)
    world.developer.next_version().delegations = None
    world.upload(world.developer.signed())


def upload_a_role(world: World) -> None:
    world.developer.next_version()
    world.developer.delegate("docs", "docs/*")
    world.upload(world.developer.bundle("targets", "docs"), "added.json")


@pytest.mark.parametrize(
    "upload", [upload_three_targets, upload_two_roots, upload_a_role_whose_key_is_replaced, upload_a_role_that_is_removed]
)
def test_what_was_published_with_its_successor_is_not_refused_after_a_crash(running: World, upload: Callable[[World], None]) -> None:
    """One commit carries several versions of a role, and its publisher dies before it can say so."""
    upload(running)
    running.staging.before = at_first(".json", crash)
    with pytest.raises(Crash):
        running.publisher.drain(running.name, running.clock)
    running.staging.before = calm
    assert running.published("timestamp.json")["version"] == 2
    running.start()
    assert {receipt.status for receipt in running.drain()} == {"published"}
    assert running.inbox() == []


def test_a_bundle_that_comes_first_does_not_pass_over_what_a_crashed_publish_has_written(running: World) -> None:
    """The new role in it has a low version, so it is judged first, and steps over version 2, which is there already."""
    running.developer.next_version()
    running.upload(running.developer.signed())
    running.public.before = at_first("2.snapshot.json", crash)
    with pytest.raises(Crash):
        running.publisher.drain(running.name, running.clock)
    running.public.before = calm
    upload_a_role(running)
    running.start()
    assert [receipt.status for receipt in running.drain()] == ["published", "published"]
    assert running.inbox() == []


def test_other_bytes_under_a_version_that_was_passed_are_refused(running: World) -> None:
    former = running.developer.roles["targets"]
    running.developer.next_version()
    running.publish(running.developer.signed())
    running.developer.roles["targets"] = former
    running.developer.next_version(files=HELLO).version = 1
    running.refuse(running.developer.signed(), "E_OLD")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_to_any_write_leaves_nothing_half_done(world: World, when: str) -> None:
    """The request did not arrive, or the answer did not: either this run settles it or the next one does."""
    for number in range(100):
        story = World(world.onlookers.state / str(number))
        prepare(story, first=False)
        happened: list[int] = []

        def trouble(happened: list[int] = happened) -> None:
            happened.append(1)
            no_answer()

        interrupt = at_write(number, trouble)
        for store in (story.staging, story.public):
            setattr(store, when, interrupt)
        with suppress(Unavailable, UnknownOutcome, Conflict):
            story.publisher.drain(story.name, story.clock)
        story.see_as_clients_do()
        story.drain()
        assert story.download("dir/hello.txt") == b"hello"
        assert story.published("timestamp.json")["version"] == 2
        assert not any("/metadata/" in key for key in story.inbox())
        if not happened:
            assert number >= 9
            return
    pytest.fail("the publish never came to an end")


def prepare(story: World, first: bool) -> None:
    """Something to publish that needs every kind of write, in an order that is the same each time."""
    story.start(workers=1)
    if not first:
        story.publish_first()
        story.developer.next_version()
    role = story.developer.next_version(files=HELLO)
    role.version = 1 if first else 2
    story.developer.delegate("docs", "docs/*")
    story.upload_files(HELLO)
    story.upload(story.developer.bundle(*(["root"] if first else []), "targets", "docs"), "all.root.json")


def test_the_same_bytes_uploaded_twice_are_refused_twice_whatever_a_slow_run_has_to_say(running: World) -> None:
    """The run finds that they wait for a file; before it says so, another publishes their version otherwise, and refuses both."""
    other = running.developer.next_version().version
    body = running.developer.signed()
    running.developer.next_version(files=HELLO).version = other
    upload = running.developer.signed()
    for filename in ("targets.json", "2.targets.json"):
        sha256 = running.upload(upload, filename)
    receipt_key = f"receipts/{running.name}/{sha256}.json"

    def others_publish() -> None:
        running.staging.before = calm
        running.upload(body, "1.targets.json")
        for _ in range(2):
            running.new_publisher().drain(running.name, running.clock)
        assert running.receipt(sha256)["status"] == "rejected"

    running.staging.before = at_first(receipt_key, others_publish)
    running.drain()
    assert running.receipt(sha256)["status"] == "rejected"
    assert running.inbox() == []


def test_uploads_of_the_same_bytes_do_not_race_for_their_receipt(running: World) -> None:
    threads: set[int] = set()

    def look(_operation: str, key: str) -> None:
        if key == f"receipts/{running.name}/{sha256}.json":
            threads.add(threading.get_ident())

    for number in range(30):
        sha256 = running.upload(b"{", f"{number + 1}.targets.json")
    running.staging.before = look
    assert [receipt.status for receipt in running.drain()] == ["rejected"] * 30
    assert running.inbox() == []
    assert len(threads) == 1


def test_a_slow_refusal_does_not_take_the_receipt_of_the_same_bytes_uploaded_once_more(running: World) -> None:
    """A slow run refuses the first of them when another has refused it already, and has looked at the second, which waits."""
    running.developer.next_version(files=HELLO)
    running.developer.next_version(files=HELLO)
    waits = running.developer.signed()
    first = running.upload(waits)
    [receipt] = running.drain()
    refused = replace(receipt, status="rejected", error=NotStrictJson("never mind"))
    receipts.put_receipt(running.staging, refused)
    running.staging.objects.pop("inbox/acme/api/metadata/targets.json")
    running.upload(waits)
    [receipt] = running.drain()
    assert (receipt.status, list(receipt.refused)) == ("waiting", [refused.version_id])
    settled = receipts.settle_receipt(running.staging, running.name, first, lambda _: refused)
    assert (settled.status, running.receipt(first)["status"]) == ("rejected", "waiting")


def test_more_orphans_than_are_stepped_over_need_a_person(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "_MAX_ORPHANS", 3)
    running.developer.next_version()
    running.upload(running.developer.signed())
    for number in range(2, 5):
        running.public.upload(f"acme/api/metadata/{number}.snapshot.json", b"of a publisher that crashed")
    with pytest.raises(BrokenRepository, match="3 snapshots without a timestamp"):
        running.publisher.drain(running.name, running.clock)
    assert running.published("timestamp.json")["version"] == 1
    assert running.inbox() == ["inbox/acme/api/metadata/targets.json"]


def test_as_many_orphans_as_are_stepped_over_stop_nobody(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "_MAX_ORPHANS", 3)
    for number in range(2, 4):
        running.public.upload(f"acme/api/metadata/{number}.snapshot.json", b"of a publisher that crashed")
    running.publish_files(HELLO)
    assert running.published("timestamp.json")["meta"]["snapshot.json"]["version"] == 4


@pytest.mark.parametrize(("rolename", "left"), [("snapshot", 0), ("snapshot", 1), ("timestamp", 0), ("timestamp", 1)])
def test_the_last_number_that_clients_accept_is_used_and_none_after_it(
    running: World, monkeypatch: pytest.MonkeyPatch, rolename: str, left: int
) -> None:
    """A recovery is the way out: a person has to begin it."""
    if rolename == "timestamp":
        running.clock.pass_time(timedelta(hours=13))
        assert running.refresher.refresh(running.name, running.clock)
    else:
        running.public.upload("acme/api/metadata/2.snapshot.json", b"of a publisher that crashed")
    monkeypatch.setattr(commit, "MAX_VERSION", 2 + left)
    running.developer.next_version()
    running.upload(running.developer.signed())
    if left:
        assert [receipt.status for receipt in running.drain()] == ["published"]
    else:
        with pytest.raises(BrokenRepository, match="no version number is left"):
            running.publisher.drain(running.name, running.clock)


def test_whoever_always_loses_pauses_ever_longer_up_to_two_seconds(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause is drawn between nothing and its longest; here all of them are as long as they can be."""
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    monkeypatch.setattr("random.uniform", lambda shortest, longest: longest + 1000 * shortest)
    running.developer.next_version()
    running.upload(running.developer.signed())

    def lose(operation: str, key: str) -> None:
        if operation == "PUT" and key.endswith("timestamp.json"):
            raise Conflict(key)

    running.public.before = lose
    publisher = Publisher(running.staging, running.public, KeysOf(running.signers.values()), announcer=running.announcer)
    with pytest.raises(Conflict):
        publisher.drain(running.name, running.clock)
    assert pauses == [0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize("rivals", [4, 5])
def test_a_receipt_that_others_always_write_first_is_given_up_and_the_upload_stays(running: World, rivals: int) -> None:
    """What nobody was told is not taken from the inbox."""
    sha256 = running.upload(b"poison")
    lost: list[str] = []

    def lose(operation: str, key: str) -> None:
        if operation == "PUT" and key.startswith("receipts/") and len(lost) < rivals:
            lost.append(key)
            raise Conflict(key)

    running.staging.before = lose
    if rivals < 5:
        assert [receipt.status for receipt in running.drain()] == ["rejected"]
        assert running.receipt(sha256)["status"] == "rejected"
    else:
        with pytest.raises(Unavailable, match="changed 5 times in a row"):
            running.publisher.drain(running.name, running.clock)
        assert running.inbox() == ["inbox/acme/api/metadata/targets.json"]
