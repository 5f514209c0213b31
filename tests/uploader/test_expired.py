"""Root or timestamp has expired: the newest versions are those that the signed timestamp and snapshot say, never a guess."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.s3 import SystemClock
from tests.uploader.desk import Desk
from tests.uploader.holders import another_desk, board, give_key, place
from tests.uploader.test_looking import live_in_the_future
from tests.uploader.test_trouble import eventually
from trustpress.core import trust
from trustpress.core.layout import metadata

PUSHES = 4
NEWEST = PUSHES + 1


@pytest.fixture
def ann(new_desk: Desk) -> Desk:
    """Five versions of targets, of which only the newest is left."""
    (ann,) = board(new_desk, "ann", threshold=1)
    for number in range(PUSHES):
        ann.push("app", f"application {number}")
    eventually(lambda: ann.staged() == [])
    return ann


@pytest.fixture(autouse=True)
def nothing_is_gone_for_others(new_desk: Desk) -> Iterator[None]:
    yield
    new_desk.deployment.edge.gone.clear()


def expire_earlier_versions(desk: Desk) -> None:
    """As `trustpress admin expire` leaves it."""
    names = [(rolename, version) for rolename in ("targets", "snapshot") for version in range(1, NEWEST)]
    desk.deployment.edge.gone |= {metadata(desk.repository, rolename, version) for rolename, version in names}


def fresh(desk: Desk) -> list[str]:
    """The options of a machine that has the first root, and nothing else."""
    return [*place(desk), "--root", str(desk.known().folder / "root.json")]


@pytest.mark.parametrize("days", [3, 400])
def test_what_is_newest_shows_though_earlier_versions_are_gone(ann: Desk, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    expire_earlier_versions(ann)
    live_in_the_future(monkeypatch, timedelta(days=days))
    reader = another_desk(ann, "reader")
    reader.environment["TRUSTPRESS_REPOSITORY"] = ann.repository
    seen = reader.run_json("inspect", *fresh(ann)[2:4], *fresh(ann)[-2:])
    assert seen["roles"]["targets"]["version"] == NEWEST
    assert list(reader.run_json("list")["targets"]) == ["app"]
    roles = reader.run_json("status")["roles"]
    assert roles["targets"]["version"] == NEWEST
    assert roles["timestamp"]["days_left"] < 0


def test_an_expired_root_is_renewed_from_the_offline_key_and_the_edge_alone(ann: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    expire_earlier_versions(ann)
    later = timedelta(days=400)
    live_in_the_future(monkeypatch, later)
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + later)
    vault = another_desk(ann, "vault")
    give_key(vault, "ann")
    assert vault.run_json("root", "renew", "--yes", *fresh(ann))["versions"]["root"] == 2
    assert ann.run_json("renew")["versions"]["targets"] == NEWEST + 1


def test_a_machine_that_saw_an_old_version_does_not_count_on_from_it(ann: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its copy is from before the pushes, and more versions lie between than are looked through."""
    monkeypatch.setattr(trust, "MAX_GAP", 2)
    old = another_desk(ann, "old", knows=True)
    old.run("inspect")
    known = tmp_path / "known"
    shutil.copytree(old.home, known)
    for number in range(PUSHES):
        ann.push("app", f"later {number}")
    live_in_the_future(monkeypatch, timedelta(days=3))
    seen = old.run_json("inspect")["roles"]["targets"]["version"]
    assert seen == NEWEST + PUSHES
    assert old.run_json("diff")["changes"]


def test_what_is_older_than_what_this_machine_saw_is_refused(ann: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    timestamp = f"{ann.repository}/timestamp.json"
    key = next((key for key in ann.deployment.public.list_keys(f"{ann.repository}/") if key.endswith("timestamp.json")), timestamp)
    with ann.deployment.edge.remembering(key):
        old = ann.deployment.edge.remembered[key]
    ann.push("app", "newest")
    ann.run("inspect")
    live_in_the_future(monkeypatch, timedelta(days=400))
    monkeypatch.setitem(ann.deployment.edge.remembered, key, old)
    assert "or a later one" in ann.refuse("E_VERIFY", "inspect")


def test_a_timestamp_that_nobody_signed_says_nothing(ann: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    key = next(key for key in ann.deployment.public.list_keys(f"{ann.repository}/") if key.endswith("timestamp.json"))
    with ann.deployment.edge.remembering(key):
        served = ann.deployment.edge.remembered[key]
    live_in_the_future(monkeypatch, timedelta(days=400))
    monkeypatch.setitem(ann.deployment.edge.remembered, key, served.replace(b'"expires":"2', b'"expires":"3', 1))
    ann.refuse("E_VERIFY", "inspect")


def test_diff_says_that_an_earlier_version_is_gone_and_not_that_nothing_is_published(ann: Desk) -> None:
    expire_earlier_versions(ann)
    error = ann.run_json("diff", exit_code=1)["error"]
    assert (error["code"], error["message"]) == ("E_MISSING", f"targets {NEWEST - 1} is not there any more, or never was")
    assert "init" not in error["hint"]
    assert "admin expire" in error["hint"]
