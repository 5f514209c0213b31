"""List, inspect, diff, log: what is published, said to people and to programs, whether it has expired or not."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.uploader.deployment import Deployment
from tests.uploader.desk import Desk
from tests.uploader.test_trouble import eventually, let_clients_live_in_the_future
from trustpress.ports import Caching
from trustpress_uploader.changes.change import compose_draft
from trustpress_uploader.commands import options
from trustpress_uploader.keys.private_keys import PrivateKey

DELEGATION_PASSPHRASE = "of the delegated role"


@pytest.fixture(scope="module")
def published(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Four versions of targets, two of alice's role, three roots; shared by the stories that publish nothing."""
    desk = Desk(tmp_path_factory.mktemp("published"), deployment, f"acme/{uuid4().hex}")
    desk.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = DELEGATION_PASSPHRASE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trustpress_uploader.keys.envelope._COST", 32768)
        desk.init()
        key = desk.run_json("key", "generate", environment={"TRUSTPRESS_KEY_PASSPHRASE": DELEGATION_PASSPHRASE})["keyid"]
    desk.push("app", "application")
    desk.run("push", desk.write("app", "application 2"), desk.write("readme", "read me"), "--custom", "commit=9f3c1e2")
    desk.run("signer", "add", "alice", "--key", key, "--paths", "alice/*")
    desk.push("alice/app", "hers")
    for _ in range(2):
        desk.run("root", "renew", "--yes")
    eventually(lambda: desk.staged() == [])
    return desk


@pytest.fixture
def stranger(published: Desk, tmp_path: Path) -> Desk:
    """A machine that has verified nothing yet; told the first root by its environment, and without credentials."""
    desk = Desk(tmp_path / "stranger", published.deployment, published.repository)
    desk.environment |= dict.fromkeys(published.deployment.environment)
    root_hash = hashlib.sha256(published.known().pinned_root()).hexdigest()
    place = {"REPOSITORY": published.repository, "URL": published.deployment.url, "ROOT_HASH": root_hash}
    desk.environment |= {f"TRUSTPRESS_{name}": value for name, value in place.items()}
    return desk


def length_and_hash(text: str) -> dict[str, Any]:
    return {"length": len(text), "hashes": {"sha256": hashlib.sha256(text.encode()).hexdigest()}}


class TestList:
    def test_it_shows_the_targets_of_every_role_with_the_role(self, published: Desk) -> None:
        custom = {"custom": {"commit": "9f3c1e2"}}
        assert published.run_json("list")["targets"] == {
            "alice/app": {"role": "alice", **length_and_hash("hers")},
            "app": {"role": "targets", **length_and_hash("application 2"), **custom},
            "readme": {"role": "targets", **length_and_hash("read me"), **custom},
        }

    @pytest.mark.parametrize(
        ("pattern", "found"), [("app", ["app"]), ("*app", ["alice/app", "app"]), ("[ar]*", ["alice/app", "app", "readme"]), ("APP", [])]
    )
    def test_a_pattern_chooses(self, published: Desk, pattern: str, found: list[str]) -> None:
        assert list(published.run_json("list", pattern)["targets"]) == found

    def test_people_see_a_table_or_that_there_is_nothing(self, published: Desk) -> None:
        shown = published.run("list").stdout.splitlines()
        assert shown[0].split() == ["target", "length", "sha256", "role"]
        assert [line.split()[0] for line in shown[1:]] == ["alice/app", "app", "readme"]
        assert published.run("list", "nothing").stdout == "No targets.\n"


class TestInspect:
    def test_it_prints_the_hash_that_a_root_has_as_it_is_published(self, published: Desk, tmp_path: Path) -> None:
        """Of a file that is spelled otherwise, on a machine that knows no repository: for whoever reserves a name."""
        body = published.deployment.public.get(f"{published.repository}/metadata/1.root.json", 100_000)
        assert body
        (tmp_path / "root.json").write_text(json.dumps(json.loads(body.body), indent=2))
        nobody = Desk(tmp_path / "nobody", published.deployment, published.repository)
        seen = nobody.run_json("inspect", "--root", str(tmp_path / "root.json"))
        assert (seen["version"], seen["sha256"]) == (1, hashlib.sha256(body.body).hexdigest())

    def test_a_stranger_without_credentials_sees_roles_keys_and_targets(self, stranger: Desk, published: Desk) -> None:
        seen = stranger.run_json("inspect")
        versions = {rolename: role["version"] for rolename, role in seen["roles"].items()}
        assert versions == {"root": 3, "targets": 4, "snapshot": 7, "timestamp": 7}
        root = published.deployment.published(f"{published.repository}/metadata/3.root.json")
        assert {name: role["keyids"] for name, role in seen["roles"].items()} == {
            name: role["keyids"] for name, role in root["roles"].items()
        }
        assert (list(seen["targets"]), seen["delegations"], seen["expired"]) == (["app", "readme"], ["alice"], None)


class TestDiff:
    def test_without_numbers_the_newest_change(self, published: Desk) -> None:
        said = published.run_json("diff")["changes"]
        assert said[0].strip() == "+ delegates alice/* to alice"
        assert not any("app" in line for line in said)

    def test_two_versions_are_compared_in_words(self, published: Desk) -> None:
        sha256 = {text: length_and_hash(text)["hashes"]["sha256"] for text in ("application", "application 2", "read me")}
        lines = [line.strip() for line in published.run_json("diff", "2", "3")["changes"]]
        assert lines[:2] == [
            f"~ app (13 bytes, sha256 {sha256['application 2']}) commit=9f3c1e2",
            f"+ readme (7 bytes, sha256 {sha256['read me']}) commit=9f3c1e2",
        ]
        backwards = [line.strip() for line in published.run_json("diff", "3", "2")["changes"]]
        assert backwards[:2] == [f"~ app (11 bytes, sha256 {sha256['application']}), no longer commit", "- readme"]

    def test_one_number_means_since_then(self, published: Desk) -> None:
        assert published.run_json("diff", "1")["changes"] == published.run_json("diff", "1", "4")["changes"]
        assert len([line for line in published.run_json("diff", "1")["changes"] if line.strip().startswith("+ ")]) == 4
        assert published.run("diff", "4").stdout == "Nothing changed.\n"

    @pytest.mark.parametrize(("rolename", "said"), [("root", "expires"), ("alice", "+ alice/app")])
    def test_any_role_has_a_history(self, published: Desk, rolename: str, said: str) -> None:
        assert said in published.run("diff", "1", "--role", rolename).stdout

    @pytest.mark.parametrize(("arguments", "code"), [(["1", "5"], "E_MISSING"), (["5"], "E_MISSING"), (["--role", "bob"], "E_IMPOSSIBLE")])
    def test_what_was_never_published_has_none(self, published: Desk, arguments: list[str], code: str) -> None:
        published.refuse(code, "diff", *arguments)
        published.run("diff", "0", exit_code=2)

    @pytest.mark.parametrize("rolename", ["root", "targets"])
    def test_an_earlier_version_that_others_have_signed_is_not_believed(self, published: Desk, rolename: str) -> None:
        key, thief = f"{published.repository}/metadata/2.{rolename}.json", PrivateKey.generate()
        signed = published.deployment.published(key)
        if rolename == "root":
            signed["keys"] = {thief.public_key.keyid: thief.public_key.as_json()}
            signed["roles"] = {name: {"keyids": [thief.public_key.keyid], "threshold": 1} for name in signed["roles"]}
        edge = published.deployment.edge
        edge.remembered[key] = compose_draft(rolename, signed).sign(thief).envelope()
        try:
            published.refuse("E_VERIFY", "diff", "2", "3", "--role", rolename)
        finally:
            del edge.remembered[key]

    def test_one_version_in_the_place_of_another_is_not_believed(self, published: Desk) -> None:
        edge, folder = published.deployment.edge, f"{published.repository}/metadata"
        found = published.deployment.public.get(f"{folder}/1.targets.json", 10_000)
        assert found is not None
        edge.remembered[f"{folder}/3.targets.json"] = found.body
        try:
            assert "expected version 3" in published.refuse("E_VERIFY", "diff", "2", "3")
        finally:
            del edge.remembered[f"{folder}/3.targets.json"]


class TestLog:
    def test_the_newest_receipts_come_first(self, published: Desk) -> None:
        receipts = published.run_json("log")["receipts"]
        assert [receipt["status"] for receipt in receipts] == ["published"] * 7
        moments = [receipt["at"] for receipt in receipts]
        assert moments == sorted(moments, reverse=True)
        assert published.run_json("log", "-n", "2")["receipts"] == receipts[:2]
        assert "root 3" in published.run("log", "-n", "1").stdout

    def test_a_rejection_says_why_and_what_to_do(self, quiet_desk: Desk) -> None:
        quiet_desk.deployment.staging.put_new(f"inbox/{quiet_desk.repository}/metadata/targets.json", b"no metadata", Caching.IMMUTABLE)
        eventually(lambda: quiet_desk.staged() == [])
        receipt = quiet_desk.run_json("log", "-n", "1")["receipts"][0]
        assert (receipt["status"], receipt["code"]) == ("rejected", "E_JSON")
        shown = quiet_desk.run("log", "-n", "1").stdout
        assert all(receipt[name] in shown for name in ("code", "message", "hint"))

    def test_a_machine_that_only_reads_is_told_what_is_missing(self, stranger: Desk) -> None:
        assert "--staging is missing" in stranger.run("log", exit_code=2).stderr


class TestExpired:
    """https://github.com/notaryproject/notary/issues/1662 and 1648: what has expired cannot be seen, and so not repaired."""

    @pytest.mark.parametrize("days", [3, 400])
    def test_everything_can_still_be_seen(self, published: Desk, stranger: Desk, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
        published.run("inspect")
        expected = {command: published.run_json(*command.split()) for command in ("list", "diff 2 3", "diff 1 --role root", "log")}
        let_clients_live_in_the_future(monkeypatch, timedelta(days=days))
        for desk in (published, stranger):
            desk.refuse("E_EXPIRED", "pull", "app")
            assert list(desk.run_json("inspect")["targets"]) == ["app", "readme"]
            assert desk.run_json("inspect")["expired"]
            assert desk.run_json("status")["expired"]
            said = desk.run("list")
            assert "Clients refuse this" in said.stderr
            assert "trustpress status" in said.stderr
        for command, value in expected.items():
            assert {**published.run_json(*command.split()), "expired": None} == {**value, "expired": None}
        assert stranger.run_json("list")["targets"] == expected["list"]["targets"]
        assert stranger.run_json("diff", "2", "3")["changes"] == expected["diff 2 3"]["changes"]

    def test_status_says_how_each_role_is_renewed(self, published: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        live_in_the_future(monkeypatch, timedelta(days=400))
        todo = published.run_json("status")["todo"]
        assert [line.partition(" has expired: renew it by ")[::2] for line in todo[:2]] == [
            ("root", "`trustpress root renew`, with the offline key"),
            ("targets", "`trustpress renew`"),
        ]
        assert todo[-1] == "alice has expired: renew it by `trustpress renew alice`, with its key"
        assert any(line.startswith("timestamp has expired: renew it by the deployment's") for line in todo)

    def test_a_machine_that_never_saw_it_before_is_told_as_well(self, stranger: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as patch:
            live_in_the_future(patch, timedelta(days=3))
            lines = stranger.run_json("status")["todo"]
        assert any(line.startswith("timestamp has expired: renew it by the deployment's refresh function") for line in lines)
        live_in_the_future(monkeypatch, timedelta(days=100))
        assert "targets has expired: renew it by `trustpress renew`" in stranger.run_json("status")["todo"]
        assert list(stranger.run_json("inspect")["targets"]) == ["app", "readme"]

    @pytest.mark.parametrize("rolename", ["root", "targets"])
    def test_renewing_repairs_it(self, new_desk: Desk, monkeypatch: pytest.MonkeyPatch, rolename: str) -> None:
        """The role is good for two hours only, and three hours pass."""
        with monkeypatch.context() as patch:
            life = {"root": "plans.creation.ROOT_LIFE", "targets": "plans.creation.TARGETS_LIFE"}[rolename]
            patch.setattr(f"trustpress_uploader.{life}", timedelta(hours=2))
            new_desk.init()
        live_in_the_future(monkeypatch, timedelta(hours=3))
        error = new_desk.run_json("resolve", "app", exit_code=1)["error"]
        renew = {"root": ["root", "renew", "--yes"], "targets": ["renew"]}[rolename]
        assert (error["code"], f"trustpress {renew[0]}" in error["hint"]) == ("E_EXPIRED", True)
        assert any(line.startswith(f"{rolename} has expired") for line in new_desk.run_json("status")["todo"])
        assert new_desk.run_json(*renew)["versions"][rolename] == 2
        assert new_desk.run_json("status")["todo"] == []
        assert new_desk.push("app", "application")["versions"]["targets"] == (3 if rolename == "targets" else 2)
        assert new_desk.pull("app") == "application"

    def test_a_push_is_possible_and_warns_before_root_expires(self, published: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        for days, words in ((340, "root expires in 24 days"), (400, "root has expired")):
            with monkeypatch.context() as patch:
                live_in_the_future(patch, timedelta(days=days))
                said = published.run("push", published.write("app", "application 2"), "--dry-run")
            assert words in said.stderr
            assert "trustpress root renew" in said.stderr


def live_in_the_future(monkeypatch: pytest.MonkeyPatch, delta: timedelta) -> None:
    """Clients, and the command line's own clock."""
    let_clients_live_in_the_future(monkeypatch, delta)
    monkeypatch.setattr(options, "clock", lambda: datetime.now(UTC) + delta)


@pytest.mark.parametrize("command", ["list", "inspect", "diff", "status", "log", "key list", "change list", "signer list"])
def test_programs_get_one_document_and_people_none(published: Desk, command: str) -> None:
    value = published.run_json(*command.split())
    assert isinstance(value, dict)
    shown = published.run(*command.split()).stdout
    assert shown
    with pytest.raises(json.JSONDecodeError):
        json.loads(shown)
