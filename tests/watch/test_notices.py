"""Notices before offline roles expire: at 30, 14, 7, 3 and 1 days, each of them once, whatever happens to a run."""

import json
from datetime import timedelta

import pytest

from tests.fakes import START
from tests.publish.troubles import Crash, crash
from tests.publish.world import World
from tests.tour import command_tree
from tests.watch.canary import DAY, HOUR, Canary
from trustpress.errors import Unavailable
from trustpress.watch.notices import Notice

QUARTER = timedelta(minutes=15)
MEMORY = "watch/acme%2Fapi.json"


@pytest.fixture
def world(world: World) -> World:
    """All of it is published, but root and targets expire in 33 days."""
    world.developer.expire_at(world.clock.now() + 33 * DAY)
    world.developer.next_root()
    world.developer.next_version()
    world.publish(world.developer.bundle("root", "targets"), "shorter.root.json")
    return world


def pass_days(canary: Canary, days: float, every: timedelta = HOUR) -> None:
    """Let time pass, with the schedules running."""
    for _ in range(days * DAY // every):
        canary.world.clock.pass_time(every)
        canary.world.refresher.refresh_all(canary.world.clock)
        canary.look()


def of(canary: Canary, rolename: str) -> list[str]:
    """How much was left in each notice about a role."""
    told = (subject.removeprefix("Trustpress: ").partition(": ") for subject in canary.subjects())
    return [left for left, _, what in told if what == f"{rolename} of acme/api"]


def test_each_threshold_is_told_once_for_each_role(canary: Canary) -> None:
    pass_days(canary, 36)
    told = [f"{left} left" for left in ("30 days", "14 days", "7 days", "3 days", "24 hours")]
    assert of(canary, "root") == of(canary, "targets") == told
    assert len(canary.notifier.messages) == 10


def test_nothing_is_told_while_there_is_time(canary: Canary) -> None:
    pass_days(canary, 2)
    assert canary.subjects() == []


def test_a_notice_says_what_expires_when_and_what_to_run(canary: Canary) -> None:
    pass_days(canary, 4)
    targets, root = sorted((text for _, text in canary.notifier.messages), key=lambda text: "root" in text)
    assert targets == (
        "Repository: acme/api\n"
        "Role: targets\n"
        "Expires: 2026-12-26T12:00:00Z (30 days left)\n\n"
        "From then on clients refuse the whole repository. Whoever holds the key runs:\n\n"
        "  trustpress renew targets --repository acme/api\n\n"
        "docs/keys.md and `trustpress renew --help` say more.\n"
    )
    assert "\n  trustpress root renew --repository acme/api\n" in root
    assert "`trustpress root renew --help`" in root
    for line in (line for text in (targets, root) for line in text.splitlines() if line.startswith("  trustpress ")):
        (words,) = command_tree.calls(line)
        assert command_tree.parse(words)[-1] == "renew"


@pytest.mark.parametrize(
    ("left", "says"),
    [
        (timedelta(days=3), "3 days left"),
        (timedelta(days=2), "2 days left"),
        (timedelta(days=2, seconds=-1), "47 hours left"),
        (timedelta(seconds=1), "0 hours left"),
        (timedelta(), "expired"),
        (timedelta(seconds=-1), "expired"),
    ],
)
def test_a_notice_says_how_much_is_left_at_that_instant(left: timedelta, says: str) -> None:
    assert Notice("acme/api", ("root",), START + left, 3).subject(START) == f"Trustpress: {says}: root of acme/api"


def test_runs_that_were_missed_are_made_up_for_by_one_notice(canary: Canary) -> None:
    pass_days(canary, 1)
    pass_days(canary, 27, every=27 * DAY)
    assert of(canary, "root") == ["5 days left"]
    pass_days(canary, 2)
    assert of(canary, "root") == ["5 days left", "3 days left"]


def test_what_has_expired_unheard_is_told_all_the_same(canary: Canary) -> None:
    pass_days(canary, 40, every=40 * DAY)
    assert of(canary, "root") == ["expired"]


def test_a_doubled_run_tells_nothing_twice(canary: Canary) -> None:
    another = Canary(canary.world)
    for _ in range(36):
        canary.world.clock.pass_time(DAY)
        canary.world.refresher.refresh_all(canary.world.clock)
        for run in (canary, another, canary):
            run.start_anew()
            run.look()
    assert (len(canary.notifier.messages), another.notifier.messages) == (10, [])


def test_a_crash_behind_a_notice_repeats_it_and_loses_none(canary: Canary) -> None:
    pass_days(canary, 2)
    canary.world.clock.pass_time(DAY)
    canary.world.refresher.refresh_all(canary.world.clock)
    canary.notifier.after = crash
    with pytest.raises(Crash):
        canary.look()
    canary.notifier.after = lambda: None
    canary.world.staging.before = lambda operation, _key: crash() if operation == "PUT" else None
    canary.start_anew()
    with pytest.raises(Crash):
        canary.look()
    canary.world.staging.before = lambda _operation, _key: None
    canary.start_anew()
    canary.look()
    pass_days(canary, 1)
    assert set(of(canary, "root")) == set(of(canary, "targets")) == {"30 days left"}
    assert len(canary.notifier.messages) > 2


def test_a_notice_that_could_not_be_sent_is_sent_by_the_next_run(canary: Canary) -> None:
    pass_days(canary, 2)
    calls: list[None] = []

    def fail_the_second() -> None:
        calls.append(None)
        if len(calls) == 2:
            raise Unavailable("sns")

    canary.notifier.before = fail_the_second
    canary.world.clock.pass_time(DAY)
    canary.world.refresher.refresh_all(canary.world.clock)
    assert canary.look().error is None
    assert list(canary.failures) == ["acme/api"]
    assert len(canary.notifier.messages) == 1
    canary.world.clock.pass_time(QUARTER)
    canary.expect_success()
    assert (len(of(canary, "root")), len(of(canary, "targets"))) == (1, 1)


def test_a_role_that_was_renewed_has_all_its_notices_before_it_again(canary: Canary) -> None:
    pass_days(canary, 20)
    canary.world.developer.expire_at(canary.world.clock.now() + 33 * DAY)
    canary.world.developer.next_version()
    canary.world.publish(canary.world.developer.signed())
    canary.notifier.messages.clear()
    pass_days(canary, 4)
    assert of(canary, "targets") == ["30 days left"]


def test_a_renewed_root_is_noticed_at_once(canary: Canary) -> None:
    pass_days(canary, 20)
    canary.world.developer.expire_at(canary.world.clock.now() + 300 * DAY)
    canary.world.developer.next_root()
    canary.world.publish(canary.world.developer.signed("root"), "root.json")
    assert canary.expect_success().figures["RootDaysToExpiry"] == 300


def test_roles_that_expire_together_are_told_together(canary: Canary) -> None:
    world = canary.world
    world.developer.next_version()
    bins = world.developer.delegate_bins(5, "bin")
    world.publish(world.developer.bundle("targets", *bins), "bins.json")
    pass_days(canary, 4)
    subjects = canary.subjects()
    assert sorted(subjects) == ["Trustpress: 30 days left: bin-00 and 32 more of acme/api", "Trustpress: 30 days left: root of acme/api"]
    text = next(text for subject, text in canary.notifier.messages if "more" in subject)
    assert "Role: bin-00, bin-01" in text
    assert " and 13 more\n" in text
    assert "\n  trustpress renew --repository acme/api\n" in text


def test_a_role_that_is_gone_is_forgotten(canary: Canary) -> None:
    developer = canary.world.developer
    developer.next_version()
    developer.delegate("alice", "alice/*")
    developer.roles["alice"].expires = canary.world.clock.now() + 10 * DAY
    canary.world.publish(developer.bundle("targets", "alice"), "bundle.json")
    canary.look()
    assert set(json.loads(canary.world.staging.body(MEMORY))["told"]) == {"alice"}
    developer.next_version().delegations = None
    canary.world.publish(developer.signed())
    canary.look()
    assert json.loads(canary.world.staging.body(MEMORY))["told"] == {}


def test_a_delegated_role_is_told_for_itself(canary: Canary) -> None:
    developer = canary.world.developer
    developer.next_version()
    developer.delegate("alice", "alice/*")
    developer.roles["alice"].expires = canary.world.clock.now() + 10 * DAY
    canary.world.publish(developer.bundle("targets", "alice"), "bundle.json")
    canary.look()
    ((subject, text),) = canary.notifier.messages
    assert subject == "Trustpress: 10 days left: alice of acme/api"
    assert "clients refuse what it signs" in text
    assert "\n  trustpress renew alice --repository acme/api\n" in text


def test_without_a_topic_nothing_is_told_and_all_is_measured(canary: Canary) -> None:
    canary.topic = None
    canary.start_anew()
    pass_days(canary, 20)
    assert canary.notifier.messages == []
    assert canary.expect_success().figures["DaysToExpiry"] == 13
    canary.topic = canary.notifier
    canary.start_anew()
    pass_days(canary, 1)
    assert of(canary, "root") == ["12 days left"]


@pytest.mark.parametrize(
    "memory", [b"", b"[]", b"{}", b"\xff", b'{"release":[1,1],"read_all_at":"today","look_again":"now","expiries":{},"told":{}}']
)
def test_a_memory_that_is_not_readable_is_made_anew(canary: Canary, memory: bytes) -> None:
    canary.world.staging.upload(MEMORY, memory)
    canary.expect_success()
    assert json.loads(canary.world.staging.body(MEMORY))["release"] == [2, 2]
