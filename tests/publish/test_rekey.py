"""After a break-in: a new master, every repository shown its key under it, every owner one root, then the old master ends."""

from datetime import timedelta

import pytest

from tests.attacks.fleet import Fleet
from tests.developer import Developer
from tests.fakes import FakeClock
from trustpress.core.overlap import OVERLAP
from trustpress.errors import StillNeeded
from trustpress.ports import Caching
from trustpress.rekey import Rekeying

NAMES = [f"acme/{number:03}" for number in range(70)]  # more than one batch


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(FakeClock())


@pytest.fixture
def owners(fleet: Fleet) -> dict[str, Developer]:
    owners = {name: fleet.owner(name) for name in NAMES}
    for name, owner in owners.items():
        assert fleet.publish(name, owner.bundle("root", "targets"), filename="root.json").status == "published"
    return owners


@pytest.fixture
def rekeying(fleet: Fleet) -> Rekeying:
    return Rekeying(fleet.staging, fleet.public, fleet.masters, fleet.derived, workers=1)


def move(fleet: Fleet, names: dict[str, Developer]) -> None:
    """Each owner lists the key that is shown, and caches forget."""
    for name, owner in names.items():
        owner.next_root()
        owner.list_online_keys(fleet.shown(name)[-1:])
        assert fleet.publish(name, owner.signed("root"), filename="root.json").status == "waiting"
    fleet.clock.pass_time(OVERLAP)
    for name in names:
        assert [receipt.status for receipt in fleet.publisher.drain(name, fleet.clock).receipts] == ["published"]


def test_nobody_is_behind_the_master_in_use(fleet: Fleet, owners: dict[str, Developer], rekeying: Rekeying) -> None:
    survey = rekeying.survey(fleet.clock)
    assert (survey.master, survey.masters, survey.seen, survey.behind, survey.broken, survey.after) == (1, [1], 70, [], [], "")


def test_a_new_master_shows_everybody_a_key_and_counts_who_has_to_list_it(
    fleet: Fleet, owners: dict[str, Developer], rekeying: Rekeying
) -> None:
    before = {name: fleet.shown(name) for name in NAMES}
    assert rekeying.begin() == 2
    assert rekeying.survey(fleet.clock).behind == NAMES
    assert all(not set(before[name]) & set(fleet.shown(name)) for name in NAMES)
    moved = dict(list(owners.items())[:3])
    move(fleet, moved)
    assert rekeying.survey(fleet.clock).behind == NAMES[3:]


def test_a_rotation_under_the_old_master_is_no_way_back(fleet: Fleet, owners: dict[str, Developer], rekeying: Rekeying) -> None:
    fleet.ask(NAMES[0])
    move(fleet, {NAMES[0]: owners[NAMES[0]]})
    rekeying.begin()
    assert rekeying.survey(fleet.clock).behind == NAMES


def test_the_old_master_is_dropped_when_nobody_needs_it(fleet: Fleet, owners: dict[str, Developer], rekeying: Rekeying) -> None:
    rekeying.begin()
    rekeying.survey(fleet.clock)
    move(fleet, dict(list(owners.items())[1:]))
    with pytest.raises(StillNeeded, match=f"master 1 cannot be dropped: {NAMES[0]} did not move to master 2"):
        rekeying.drop(1, fleet.clock)
    move(fleet, {NAMES[0]: owners[NAMES[0]]})
    assert rekeying.drop(1, fleet.clock).behind == []
    assert fleet.masters.numbers() == [2]
    fleet.pass_time(timedelta(days=1))


def test_a_survey_that_runs_out_of_time_goes_on_where_it_ended(fleet: Fleet, owners: dict[str, Developer], rekeying: Rekeying) -> None:
    rekeying.begin()
    clock = FakeClock(fleet.clock.now(), seconds_left=31)
    get = fleet.public.get

    def spend(*arguments: object, **named: object) -> object:
        clock.spend(0.1)
        return get(*arguments, **named)  # type: ignore[arg-type]

    fleet.public.get = spend  # type: ignore[method-assign,assignment]
    first = rekeying.survey(clock)
    assert (first.seen, first.after) == (64, NAMES[63])
    second = rekeying.survey(fleet.clock, first.after)
    assert (second.seen, second.after, first.behind + second.behind) == (6, "", NAMES)


def test_a_broken_repository_is_named_and_stops_nobody(fleet: Fleet, owners: dict[str, Developer], rekeying: Rekeying) -> None:
    rekeying.begin()
    fleet.public.objects.pop(f"{NAMES[1]}/metadata/1.root.json")
    survey = rekeying.survey(fleet.clock)
    assert (survey.broken, survey.seen, len(survey.behind)) == ([NAMES[1]], 70, 69)
    with pytest.raises(StillNeeded, match="cannot be dropped"):
        rekeying.drop(1, fleet.clock)


def test_a_repository_whose_release_is_forged_is_shown_its_key(fleet: Fleet, owners: dict[str, Developer], rekeying: Rekeying) -> None:
    """After a break-in that is the rule: its owner has to be able to move."""
    rekeying.begin()
    fleet.public.put(f"{NAMES[1]}/metadata/timestamp.json", b"of the thief", Caching.COMMIT)
    before = fleet.shown(NAMES[1])
    survey = rekeying.survey(fleet.clock)
    assert (survey.broken, survey.behind) == ([], NAMES)
    assert not set(before) & set(fleet.shown(NAMES[1]))


def test_at_most_a_thousand_are_named_and_all_are_counted(rekeying: Rekeying, fleet: Fleet) -> None:
    survey = rekeying.survey(fleet.clock)
    many = type(survey)(1, [1], 2_000, [f"acme/{number}" for number in range(1_500)], [])
    assert (len(many.as_json()["behind"]), many.as_json()["behind_count"]) == (1_000, 1_500)
