"""Status: what is staged, what waits for what, and what runs out; and with which code every command ends."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.uploader.desk import Desk
from tests.uploader.test_push import gate_after
from tests.uploader.test_trouble import eventually
from trustpress.core import layout
from trustpress_uploader.staging.uploads import Staging


def copy_of_reader(desk: Desk, tmp_path: Path) -> Desk:
    """A machine that only reads, and has no credentials."""
    reader = Desk(tmp_path / "reader", desk.deployment, desk.repository)
    reader.environment |= dict.fromkeys(desk.deployment.environment)
    place = ["-r", desk.repository, "--url", desk.deployment.url]
    reader.run("inspect", *place, "--root", str(desk.known().folder / "root.json"))
    return reader


def waiting_in(desk: Desk) -> dict[str, Any]:
    value = desk.run_json("status")
    return {name: value[name] for name in ("inbox", "files", "pending", "begun", "unseen")}


NOTHING_WAITS: dict[str, Any] = {"inbox": [], "files": [], "pending": [], "begun": None, "unseen": None}
NO_CREDENTIALS = dict.fromkeys(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) | dict.fromkeys(
    ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"], "/none"
)


class TestStaged:
    def test_a_desk_with_nothing_to_do(self, quiet_desk: Desk) -> None:
        assert waiting_in(quiet_desk) == NOTHING_WAITS
        shown = quiet_desk.run("status").stdout
        assert "Nothing is staged, nothing waits." in shown
        assert all(rolename in shown for rolename in ("root", "targets", "snapshot", "timestamp"))

    @pytest.mark.on_seaweedfs_too
    def test_what_nobody_has_looked_at_yet(self, desk: Desk) -> None:
        with desk.deployment.asleep():
            desk.run("push", desk.write("app", "application"), "--timeout", "0.1", exit_code=3)
            seen = waiting_in(desk)
            (upload,) = seen["inbox"]
            assert (upload["key"], upload["status"]) == (layout.inbox_metadata(desk.repository, "2.targets.json"), "new")
            assert seen["files"] == [layout.inbox_target(desk.repository, "app")]
            assert "2.targets.json, new" in desk.run("status").stdout
        eventually(lambda: waiting_in(desk) == NOTHING_WAITS)

    def test_what_waits_says_for_what(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        file = desk.write("app", "application")
        with monkeypatch.context() as patch:
            patch.setattr(Staging, "put_artifact", lambda *arguments: None)
            desk.run("push", file, "--timeout", "0.1", exit_code=3)
        eventually(lambda: [upload["status"] for upload in waiting_in(desk)["inbox"]] == ["waiting"])
        (upload,) = waiting_in(desk)["inbox"]
        assert (upload["code"], upload["message"]) == ("E_TARGET", "app: the file has not arrived")
        shown = desk.run("status").stdout
        assert all(word in shown for word in ("Waiting:", "E_TARGET", "app: the file has not arrived"))
        assert desk.run_json("push", file)["versions"]["targets"] == 2
        eventually(lambda: waiting_in(desk) == NOTHING_WAITS)

    def test_a_change_that_was_begun_here_and_how_it_goes_on(self, desk: Desk) -> None:
        with desk.deployment.asleep():
            desk.run("root", "renew", "--yes", "--timeout", "0.1", exit_code=3)
            begun = waiting_in(desk)["begun"]
            assert begun
            shown = desk.run("status").stdout
            assert begun[:8] in shown
            assert "trustpress change sign" in shown
        assert desk.run_json("change", "sign", "--yes")["versions"]["root"] == 2
        assert waiting_in(desk)["begun"] is None

    def test_a_change_that_waits_for_others(self, desk: Desk) -> None:
        public = public_key_of_somebody_else(desk)
        waiting = desk.run_json("signer", "add", "alice", "--key", public, "--paths", "alice/*", exit_code=4)
        seen = waiting_in(desk)
        assert waiting["change"] in {*seen["pending"], seen["begun"]}
        assert waiting["change"][:8] in desk.run("status").stdout


def public_key_of_somebody_else(desk: Desk) -> str:
    """Its private half is nowhere on this machine."""
    path, elsewhere = str(desk.folder / "alice.pub"), {"TRUSTPRESS_HOME": str(desk.folder / "elsewhere")}
    desk.run("key", "generate", "-o", path, environment={"TRUSTPRESS_KEY_PASSPHRASE": "hers and hers alone", **elsewhere})
    return path


class TestUnseen:
    def test_without_permission_to_list_it_says_so_and_shows_the_rest(self, quiet_desk: Desk) -> None:
        with gate_after(0, quiet_desk, may_list=False):
            value, shown = quiet_desk.run_json("status"), quiet_desk.run("status").stdout
            assert quiet_desk.run_json("log", exit_code=1)["error"]["code"] == "E_STORAGE"
        assert value["inbox"] is value["files"] is value["pending"] is None
        assert "AccessDenied" in value["unseen"]
        assert "DeveloperPolicyArn" in value["unseen"]
        assert value["roles"]["targets"]["days_left"] == 89
        assert "The inbox cannot be seen" in shown

    @pytest.mark.parametrize(
        ("environment", "said"),
        [
            (NO_CREDENTIALS, "no AWS credentials"),
            ({"AWS_PROFILE": "nobody"}, "nobody"),
            ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ],
    )
    @pytest.mark.on_seaweedfs_too
    def test_without_credentials_that_hold_it_tells_what_clients_see(
        self, quiet_desk: Desk, environment: dict[str, str | None], said: str
    ) -> None:
        value = quiet_desk.run_json("status", environment=environment)
        assert said in value["unseen"]
        assert (value["inbox"], value["roles"]["root"]["version"]) == (None, 1)

    def test_a_machine_that_only_reads_sees_what_is_published(self, quiet_desk: Desk, tmp_path: Path) -> None:
        reader = copy_of_reader(quiet_desk, tmp_path)
        value = reader.run_json("status")
        assert (value["inbox"], "no staging bucket" in value["unseen"]) == (None, True)
        assert list(value["roles"]) == ["root", "targets", "snapshot", "timestamp"]


class TestFailWithin:
    """https://github.com/fleetdm/fleet/issues/13314: a nightly job is to fail before clients do."""

    @pytest.mark.parametrize(("days", "soon"), [(0, []), (89, []), (90, ["targets"]), (365, ["root", "targets"])])
    def test_it_fails_for_the_roles_that_people_renew(self, quiet_desk: Desk, tmp_path: Path, days: int, soon: list[str]) -> None:
        reader = copy_of_reader(quiet_desk, tmp_path)
        value = reader.run_json("status", "--fail-within", str(days), exit_code=1 if soon else 0)
        assert value["expires_soon"] == soon
        assert reader.run_json("status")["expires_soon"] == []

    def test_people_are_told_which(self, quiet_desk: Desk) -> None:
        said = quiet_desk.run("status", "--fail-within", "90", exit_code=1)
        assert "Within 90 days: targets" in said.stderr
        assert "root" in said.stdout
        quiet_desk.run("status", "--fail-within", "-1", exit_code=2)


class TestExitCodes:
    def test_every_code_that_is_documented_is_real(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        (documented,) = re.findall(r"Exit codes: (.*?)\.\n", desk.run("--help").stdout.replace("\n  ", " "), re.DOTALL)
        assert [int(code) for code in re.findall(r"\d+", documented)] == [0, 1, 2, 3, 4, 130]
        file = desk.write("app", "application")
        desk.run("status", exit_code=0)
        desk.run("resolve", "app", exit_code=1)
        desk.run("push", exit_code=2)
        with desk.deployment.asleep():
            desk.run("push", file, "--timeout", "0.1", exit_code=3)
        desk.run("push", file)
        desk.run("signer", "add", "alice", "--key", public_key_of_somebody_else(desk), "--paths", "alice/*", exit_code=4)

        def interrupt(*arguments: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Staging, "put_artifact", interrupt)
        said = desk.run("push", desk.write("app", "application 2"), exit_code=130)
        assert "Nothing is half published" in said.stderr
        assert desk.run_json("resolve", "app")["length"] == len("application")

    @pytest.mark.parametrize(
        "command",
        [
            ["no-such-command"],
            ["push", "--no-such-option"],
            ["list", "a", "b"],
            ["init"],
            ["diff", "one"],
            ["inspect", "--root", "no-such-file"],
            ["key", "restore", "/"],
        ],
    )
    def test_wrong_usage_is_two_and_prints_nothing_on_stdout(self, quiet_desk: Desk, command: list[str]) -> None:
        said = quiet_desk.run(*command, exit_code=2)
        assert (said.stdout, "Usage:" in said.stderr) == ("", True)
