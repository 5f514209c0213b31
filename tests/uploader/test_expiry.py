"""What a command signs is good for as long as it may be, counted from that command on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.uploader.desk import TAGGING_PASSPHRASE, Desk
from tests.uploader.holders import DELEGATION_PASSPHRASE, board, give_key, keyid
from trustpress.core.instants import parse_instant
from trustpress_uploader.commands import options

DAY, TARGETS_DAYS, ROOT_DAYS = timedelta(days=1), 90, 365


class Calendar:
    """One person with every key, who gives each command on a day of its own."""

    def __init__(self, ann: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ann, self.today = ann, datetime.now(UTC).replace(microsecond=0)
        monkeypatch.setattr(options, "clock", lambda: self.today)

    def run(self, *command: str) -> Any:
        """The versions that are published then."""
        self.today += DAY
        return self._ann.run_json(*command)["versions"]

    def days_left(self, rolename: str, version: int) -> float:
        signed = self._ann.deployment.published(f"{self._ann.repository}/metadata/{version}.{rolename}.json")
        return (parse_instant(signed["expires"]) - self.today) / DAY


@pytest.fixture
def ann(new_desk: Desk) -> Desk:
    new_desk.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = DELEGATION_PASSPHRASE
    return new_desk


@pytest.fixture
def calendar(ann: Desk, monkeypatch: pytest.MonkeyPatch) -> Calendar:
    calendar = Calendar(ann, monkeypatch)
    board(ann, "ann", threshold=1)
    assert (calendar.days_left("root", 1), calendar.days_left("targets", 1)) == (ROOT_DAYS, TARGETS_DAYS)
    return calendar


def test_every_command_about_targets_moves_the_expiry_of_what_it_signs(ann: Desk, calendar: Calendar) -> None:
    alices, bobs, carls = (give_key(ann, name, DELEGATION_PASSPHRASE) for name in ("alice", "bob", "carl"))
    files = [ann.write("app", "application"), ann.write("readme", "read me")]
    for signed, command in [
        (["targets"], ["push", *files]),
        (["targets"], ["remove", "app"]),
        (["targets"], ["revoke", "readme", "--yes"]),
        (["targets", "alice"], ["signer", "add", "alice", "--key", alices, "--paths", "alice/*"]),
        (["targets", "alice"], ["renew"]),
        (["alice"], ["renew", "alice"]),
        (["targets", "alice"], ["signer", "rotate", "alice", "--key", bobs, "--yes"]),
        (["targets"], ["signer", "remove", "alice"]),
        (["targets", "bin-0", "bin-1"], ["bins", "init", "--bits", "1", "--key", carls, "--yes"]),
    ]:
        versions = {"bin-0": 1, "bin-1": 1, **calendar.run(*command)}
        left = {rolename: calendar.days_left(rolename, versions[rolename]) for rolename in signed}
        assert left == dict.fromkeys(signed, TARGETS_DAYS), command


def test_so_does_every_command_about_root(ann: Desk, calendar: Calendar) -> None:
    ann.push("hello.txt", "hello")
    second, third = (give_key(ann, name, TAGGING_PASSPHRASE) for name in ("second", "third"))
    first = keyid("tagging", TAGGING_PASSPHRASE)
    for signed, command in [
        ({"root": ROOT_DAYS}, ["root", "renew"]),
        ({"root": ROOT_DAYS}, ["root", "rotate"]),
        ({"root": ROOT_DAYS}, ["tagging", "add-key", second]),
        ({"root": ROOT_DAYS, "targets": TARGETS_DAYS}, ["tagging", "set-threshold", "2"]),
        ({"root": ROOT_DAYS}, ["tagging", "set-threshold", "1"]),
        ({"root": ROOT_DAYS}, ["tagging", "remove-key", first]),
        ({"root": ROOT_DAYS, "targets": TARGETS_DAYS}, ["tagging", "rotate", "--key", third]),
        ({"root": ROOT_DAYS, "targets": TARGETS_DAYS}, ["recover", "--stolen"]),
        ({"root": ROOT_DAYS}, ["online-key", "rotate"]),
    ]:
        versions = calendar.run(*command, "--yes")
        assert {rolename: calendar.days_left(rolename, versions[rolename]) for rolename in signed} == signed, command
