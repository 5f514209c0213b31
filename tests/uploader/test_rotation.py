"""Keys come and go, and clients go on: one that starts from the first root, and one that was there all the time."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.s3 import SystemClock
from tests.uploader.deployment import Deployment
from tests.uploader.desk import TAGGING_PASSPHRASE, Desk
from tests.uploader.holders import (
    WAITS,
    another_desk,
    answer,
    board,
    eventually,
    give_key,
    is_published,
    key_file,
    keyid,
    pending,
    place,
    read_pending,
    roles,
    signed_by,
    stranger,
    write_public,
)
from tests.uploader.test_trouble import let_clients_live_in_the_future
from trustpress.core.parse import parse_root, parse_targets
from trustpress_uploader.changes.change import Change, compose_change
from trustpress_uploader.commands import options
from trustpress_uploader.commands.vouching import Vouching
from trustpress_uploader.errors import Declined
from trustpress_uploader.pushing.ceremony import Ceremony
from trustpress_uploader.terminal import door

NAMES = ("ann", "bob", "carl")


def tagging_keyid(name: str = "tagging") -> str:
    return keyid(name, TAGGING_PASSPHRASE)


def solo(desk: Desk) -> Desk:
    """One person with both keys, who has published a file."""
    board(desk, "ann", threshold=1)
    desk.push("hello.txt", "hello")
    return desk


def listed(desk: Desk, version: int, rolename: str) -> list[str]:
    keyids: list[str] = desk.deployment.published(f"{desk.repository}/metadata/{version}.root.json")["roles"][rolename]["keyids"]
    return keyids


def signers_of_targets(desk: Desk, version: int) -> set[str]:
    found = desk.deployment.public.get(f"{desk.repository}/metadata/{version}.targets.json", 1_000_000)
    assert found is not None
    return {entry["keyid"] for entry in json.loads(found.body)["signatures"]}


def pulling(client: Desk, process: "subprocess.Popen[str]") -> Any:
    """What the process answers, beside which a client pulls all the time and never fails."""
    pulled = 0
    while process.poll() is None:
        assert client.pull("hello.txt") == "hello"
        pulled += 1
    assert pulled > 3
    return answer(process)


class TestRoot:
    def test_a_second_holder_comes_and_a_third_takes_the_place_of_the_second(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        warm = stranger(ann)
        bob, carl = another_desk(ann, "bob", knows=True), another_desk(ann, "carl", knows=True)
        bobs, carls = give_key(bob, "bob"), give_key(carl, "carl")

        assert ann.run_json("root", "add-key", bobs, "--yes")["versions"]["root"] == 2
        assert warm.run_json("inspect")["roles"]["root"]["keyids"] == [keyid("ann"), keyid("bob")]

        waiting = ann.run_json("root", "set-threshold", "2", "--yes", exit_code=WAITS)
        assert (signed_by(waiting), waiting["needs"][0]["by"]) == ([[keyid("ann")]], "root 3 itself")
        assert bob.run_json("root", "sign", "--yes")["versions"]["root"] == 3
        assert warm.run_json("inspect")["roles"]["root"]["threshold"] == 2
        assert "1 keys would be left" in ann.refuse("E_IMPOSSIBLE", "root", "remove-key", keyid("bob")[:8], "--yes")

        ann.run("root", "rotate", "--drop", keyid("bob")[:8], "--key", carls, "--yes", exit_code=WAITS)
        bob.run("root", "sign", "--yes", exit_code=WAITS)
        assert carl.run_json("root", "sign", "--yes")["versions"]["root"] == 4
        assert warm.run_json("inspect")["roles"]["root"]["keyids"] == [keyid("ann"), keyid("carl")]

        ann.run("root", "set-threshold", "1", "--yes", exit_code=WAITS)
        assert carl.run_json("root", "sign", "--yes")["versions"]["root"] == 5
        assert carl.run_json("root", "remove-key", keyid("ann")[:8], "--yes")["versions"]["root"] == 6
        assert roles(ann)["root"]["keyids"] == [keyid("carl")]
        assert warm.pull("hello.txt") == stranger(ann).pull("hello.txt") == "hello"
        assert "root" in ann.refuse("E_NOKEY", "root", "renew", "--yes")

    def test_a_key_that_was_rotated_away_signs_no_root_any_more(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        before = set(ann.key_files())
        assert ann.run_json("root", "rotate", "--yes")["versions"]["root"] == 2
        (made,) = set(ann.key_files()) - before
        assert roles(ann)["root"]["keyids"] == [made.stem]
        made.rename(ann.folder / "elsewhere.json")
        assert made.stem in ann.refuse("E_NOKEY", "root", "renew", "--yes")
        assert ann.run_json("root", "renew", "--yes", "--signer", f"file:{ann.folder / 'elsewhere.json'}")["versions"]["root"] == 3

    def test_an_expired_root_is_renewed_and_then_the_rest(
        self, new_desk: Desk, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann = solo(new_desk)
        warm = stranger(ann)
        later = timedelta(days=400)
        let_clients_live_in_the_future(monkeypatch, later)
        monkeypatch.setattr(options, "clock", lambda: datetime.now(UTC) + later)
        monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + later)
        warm.refuse("E_EXPIRED", "pull", "hello.txt")
        assert ann.run_json("root", "renew", "--yes")["versions"]["root"] == 2
        assert ann.run_json("renew")["versions"]["targets"] == 3
        assert warm.pull("hello.txt") == stranger(ann).pull("hello.txt") == "hello"

    @pytest.mark.parametrize("group", ["root", "tagging"])
    @pytest.mark.parametrize(
        ("code", "arguments"),
        [
            ("E_IMPOSSIBLE", ["set-threshold", "2"]),
            ("E_IMPOSSIBLE", ["remove-key", "THE ONLY ONE"]),
            ("E_IMPOSSIBLE", ["add-key", "THE ONLY ONE"]),
            ("E_IMPOSSIBLE", ["rotate", "--key", "THE ONLY ONE"]),
            ("E_KEYID", ["remove-key", "0123456789"]),
            ("E_KEYID", ["add-key", "missing.pub"]),
            ("E_KEYID", ["rotate", "--drop", "0123456789"]),
            ("E_DECLINED", ["rotate"]),
        ],
    )
    def test_what_cannot_be_is_refused_and_leaves_nothing_behind(
        self, quiet_desk: Desk, group: str, code: str, arguments: list[str]
    ) -> None:
        before = quiet_desk.key_files()
        (only,) = parse_root(quiet_desk.known().pinned_root()).signed.roles["root" if group == "root" else "targets"].keys
        quiet_desk.refuse(code, group, *(only if argument == "THE ONLY ONE" else argument for argument in arguments))
        assert quiet_desk.key_files() == before
        assert not quiet_desk.known().change_file.exists()
        assert quiet_desk.staged() == []


class TestTagging:
    def test_rotate_lets_both_keys_sign_before_the_old_one_goes(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        warm, before = stranger(ann), set(ann.key_files())
        rotated = pulling(warm, ann.start("tagging", "rotate", "--yes"))
        assert (rotated["versions"]["root"], rotated["versions"]["targets"]) == (3, 3)
        (made,) = set(ann.key_files()) - before
        assert listed(ann, 2, "targets") == [tagging_keyid(), made.stem]
        assert signers_of_targets(ann, 3) == {tagging_keyid(), made.stem}
        assert listed(ann, 3, "targets") == [made.stem]
        ann.push("more.txt", "more")
        assert signers_of_targets(ann, 4) == {made.stem}
        assert warm.pull("more.txt") == stranger(ann).pull("more.txt") == "more"

    def test_a_rotation_that_got_no_receipt_is_finished_without_a_second_key(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        with ann.deployment.asleep():
            ann.run("tagging", "rotate", "--yes", "--timeout", "0.3", exit_code=3)
            keys = ann.key_files()
            assert "not finished" in ann.refuse("E_IMPOSSIBLE", "tagging", "rotate", "--yes")
        assert ann.run_json("change", "sign", "--yes")["versions"]["root"] == 3
        assert ann.key_files() == keys
        assert len(roles(ann)["targets"]["keyids"]) == 1
        ann.refuse("E_IMPOSSIBLE", "change", "sign", "--yes")

    def test_a_rotation_whose_process_was_killed_half_way_is_finished_without_a_second_key(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        process = ann.start("tagging", "rotate", "--yes")
        eventually(lambda: is_published(ann, "2.root.json"))
        process.kill()
        process.communicate()
        assert not is_published(ann, "3.root.json")
        keys = ann.key_files()
        assert stranger(ann).pull("hello.txt") == "hello"
        assert ann.run_json("change", "sign", "--yes")["versions"]["root"] == 3
        assert ann.key_files() == keys
        assert tagging_keyid() not in roles(ann)["targets"]["keyids"]

    def test_holders_of_root_rotate_it_for_the_one_who_has_the_tagging_key(self, new_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """Bob publishes the first step; the second waits for targets; Carl ends it, though Bob has signed what is published."""
        ann, bob, carl = board(new_desk, *NAMES)
        begun = ann.run_json("tagging", "rotate", "--yes", exit_code=WAITS)
        assert len(begun["needs"]) == 4
        said = bob.run("root", "sign", "--yes", exit_code=WAITS)
        assert "targets has to be signed first" in said.stderr
        assert "trustpress renew" in said.stderr
        assert "published so far: root 2" in said.stdout
        assert is_published(ann, "2.root.json")
        assert {len(step["root"]["signatures"]) for step in read_pending(ann, begun["change"])["steps"]} == {2}
        assert ann.run_json("renew", "targets")["versions"]["targets"] == 2
        assert carl.run_json("root", "sign", "--yes")["versions"]["root"] == 3
        assert pending(ann) == []
        assert tagging_keyid() not in roles(ann)["targets"]["keyids"]
        assert "others have published" in ann.run("root", "sign", "--yes").stderr

    @pytest.mark.parametrize("command", [["tagging", "rotate"], ["recover"]])
    def test_the_second_of_two_holders_waits_and_the_first_who_has_the_keys_ends_it(self, new_desk: Desk, command: list[str]) -> None:
        ann, bob = board(new_desk, "ann", "bob")
        ann.push("hello.txt", "hello")
        ann.run(*command, "--yes", exit_code=WAITS)
        (need,) = bob.run_json("root", "sign", "--yes", exit_code=WAITS)["needs"]
        assert (need["role"], need["by"]) == ("targets", "root 3")
        assert ann.run_json("change", "sign", "--yes")["versions"]["root"] == 3
        assert tagging_keyid() not in roles(ann)["targets"]["keyids"]
        assert pending(ann) == []

    def test_a_key_that_alone_has_signed_targets_goes_when_another_has_signed_them(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        bob = another_desk(ann, "bob", knows=True)
        ann.run("tagging", "add-key", give_key(bob, "bobs", TAGGING_PASSPHRASE), "--yes")
        (ann.home / "keys" / f"{tagging_keyid()}.json").unlink()
        refused = ann.run("tagging", "remove-key", tagging_keyid()[:8], "--yes", exit_code=WAITS).stderr
        assert f"targets has to be signed first by keys that root 3 lists: {tagging_keyid('bobs')}" in refused
        assert bob.run_json("renew", "targets")["versions"]["targets"] == 3
        assert ann.run_json("change", "sign", "--yes")["versions"]["root"] == 3
        assert pending(ann) == []
        assert roles(ann)["targets"]["keyids"] == [tagging_keyid("bobs")]
        assert stranger(ann).pull("hello.txt") == "hello"

    def test_of_two_tagging_keys_both_sign_every_push(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        bob, warm = another_desk(ann, "bob", knows=True), stranger(ann)
        ann.run("tagging", "add-key", give_key(bob, "bobs", TAGGING_PASSPHRASE), "--yes")
        waiting = ann.run_json("tagging", "set-threshold", "2", "--yes", exit_code=WAITS)
        assert [(need["role"], need["by"], need["signed_by"]) for need in waiting["needs"]] == [("targets", "root 3", [tagging_keyid()])]
        raised = bob.run_json("tagging", "sign", "--yes")
        assert (raised["versions"]["root"], raised["versions"]["targets"]) == (3, 3)
        assert warm.pull("hello.txt") == "hello"

        pushed = ann.run_json("push", ann.write("more.txt", "more"), exit_code=WAITS)
        assert signed_by(pushed) == [[tagging_keyid()]]
        staged = f"inbox/{ann.repository}/targets/more.txt"
        eventually(lambda: ann.staged() == [staged])
        (only,) = ann.deployment.staging.list_versions(staged)
        warm.refuse("E_NAME", "pull", "more.txt")
        shown = bob.run("change", "sign", exit_code=1).stderr
        assert "+ more.txt (4 bytes, sha256" in shown
        assert list(ann.deployment.staging.list_versions(staged)) == [only]
        assert bob.run_json("change", "sign", "--yes")["versions"]["targets"] == 4
        assert warm.pull("more.txt") == stranger(ann).pull("more.txt") == "more"
        assert signers_of_targets(ann, 4) == {tagging_keyid(), tagging_keyid("bobs")}
        eventually(lambda: ann.staged() == [])

        bob.run("remove", "more.txt", exit_code=WAITS)
        assert ann.run_json("change", "sign", "--yes")["versions"]["targets"] == 5
        warm.refuse("E_NAME", "pull", "more.txt")
        assert "1 keys would be left" in ann.refuse("E_IMPOSSIBLE", "tagging", "remove-key", tagging_keyid("bobs"), "--yes")
        assert ann.run_json("tagging", "set-threshold", "1", "--yes")["versions"]["root"] == 4
        assert ann.push("alone.txt", "alone")["versions"]["targets"] == 6
        assert warm.pull("alone.txt") == "alone"

    @pytest.mark.on_seaweedfs_too
    def test_a_push_between_the_steps_of_a_change_stops_nobody(self, new_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """Targets were signed by both keys for the root that is to ask for it; then come others, and receipts are forgotten."""
        ann = solo(new_desk)
        ann.run("tagging", "add-key", give_key(ann, "bobs", TAGGING_PASSPHRASE), "--yes")
        with monkeypatch.context() as patch:
            patch.setattr(Ceremony, "_see", interrupt)
            ann.run("tagging", "set-threshold", "2", "--yes", exit_code=130)
        assert ann.push("more.txt", "more")["versions"]["targets"] == 4
        staging = ann.deployment.staging
        for receipt in list(staging.list_versions(f"receipts/{ann.repository}/")):
            staging.delete_version(receipt)
        assert ann.run_json("change", "sign", "--yes")["versions"]["root"] == 3
        assert stranger(ann).pull("more.txt") == "more"

    def test_targets_that_have_to_be_signed_again_on_the_way_are_shown_first(self, new_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """Somebody has pushed between the steps: the second key, too, has to sign what its holder has never seen."""
        ann = solo(new_desk)
        ann.run("tagging", "add-key", give_key(ann, "bobs", TAGGING_PASSPHRASE), "--yes")
        with monkeypatch.context() as patch:
            patch.setattr(Ceremony, "_see", interrupt)
            ann.run("tagging", "set-threshold", "2", "--yes", exit_code=130)
        bobs = ann.home / "keys" / f"{tagging_keyid('bobs')}.json"
        bobs.rename(ann.folder / bobs.name)
        assert ann.push("more.txt", "more")["versions"]["targets"] == 4
        (ann.folder / bobs.name).rename(bobs)
        asked: list[str] = []

        def answer_the_first(question: str) -> bool:
            asked.append(question)
            return len(asked) == 1

        monkeypatch.setattr(door, "can_ask", lambda: True)
        monkeypatch.setattr(door, "ask", answer_the_first)
        declined = ann.run("change", "sign", exit_code=1).stderr
        assert asked == ["Sign this?", "Sign this?"]
        assert "E_DECLINED" in declined
        assert "targets 4 -> 5" in declined
        assert "  = more.txt (4 bytes, sha256" in declined
        assert not is_published(ann, "5.targets.json")

        shown: list[Change] = []
        monkeypatch.setattr(Vouching, "__call__", lambda _self, found: shown.append(found))
        assert ann.run_json("change", "sign", "--yes")["versions"]["root"] == 3
        _, seen = shown
        found = ann.deployment.public.get(f"{ann.repository}/metadata/5.targets.json", 100_000)
        assert found is not None
        assert parse_targets(found.body).message == seen.steps[0]["targets"].message
        assert signers_of_targets(ann, 5) == {tagging_keyid(), tagging_keyid("bobs")}

    def test_nothing_is_signed_on_the_way_where_nobody_is_there_to_be_shown_it(self) -> None:
        with pytest.raises(Declined):
            Ceremony.vouch(compose_change({"targets": {}}))


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


class TestRecovery:
    def test_a_lost_tagging_key_is_replaced_and_no_target_and_no_client_is_lost(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        warm = stranger(ann)
        (ann.home / "keys" / f"{tagging_keyid()}.json").unlink()
        assert tagging_keyid() in ann.refuse("E_NOKEY", "push", ann.write("a", "a"))
        recovered = pulling(warm, ann.start("recover", "--yes"))
        assert recovered["versions"]["root"] == 3
        assert tagging_keyid() in listed(ann, 2, "targets")
        assert tagging_keyid() not in listed(ann, 3, "targets")
        assert tagging_keyid() not in signers_of_targets(ann, 3)
        assert ann.targets() == ["hello.txt"]
        assert warm.pull("hello.txt") == stranger(ann).pull("hello.txt") == "hello"
        assert ann.push("more.txt", "more")["versions"]["targets"] == 4

    def test_a_stolen_one_is_worthless_in_one_step_and_people_are_told_what_that_costs(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        warm, thief = stranger(ann), another_desk(ann, "thief", knows=True)
        give_key(thief, "tagging", TAGGING_PASSPHRASE)
        (ann.home / "keys" / f"{tagging_keyid()}.json").unlink()
        said = ann.run("recover", "--stolen", "--yes")
        assert "root 2, targets 3" in said.stdout
        assert "fail until caches expire" in said.stderr
        assert tagging_keyid() not in listed(ann, 2, "targets")
        assert "targets" in thief.refuse("E_NOKEY", "push", thief.write("evil.txt", "evil"))
        assert warm.pull("hello.txt") == stranger(ann).pull("hello.txt") == "hello"

    def test_a_machine_that_has_seen_no_snapshot_since_root_expired_replaces_it(
        self, new_desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (ann,) = board(new_desk, "ann", threshold=1)
        fresh = another_desk(ann, "fresh")
        give_key(fresh, "ann")
        root, later = str(ann.known().folder / "root.json"), timedelta(days=400)
        let_clients_live_in_the_future(monkeypatch, later)
        monkeypatch.setattr(options, "clock", lambda: datetime.now(UTC) + later)
        monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + later)
        versions = fresh.run_json("recover", "--stolen", "--yes", *place(ann), "--root", root)["versions"]
        assert (versions["root"], versions["targets"]) == (2, 2)
        assert tagging_keyid() not in listed(ann, 2, "targets")

    def test_which_of_several_is_lost_has_to_be_said(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        ann.run("tagging", "add-key", write_public(ann, "bobs", key_file("bobs", TAGGING_PASSPHRASE)[0]), "--yes")
        (ann.home / "keys" / f"{tagging_keyid()}.json").unlink()
        assert "of which 0 are at hand" in ann.refuse("E_IMPOSSIBLE", "recover", "--yes")
        assert ann.run_json("recover", "--stolen", "--drop", tagging_keyid()[:8], "--yes")["versions"]["root"] == 3
        found = roles(ann)["targets"]["keyids"]
        assert tagging_keyid("bobs") in found
        assert tagging_keyid() not in found


class TestOnlineKey:
    def test_it_is_replaced_by_the_next_one_and_clients_go_on(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        (old,) = listed(ann, 1, "timestamp")
        warm = stranger(ann)
        assert pulling(warm, ann.start("online-key", "rotate", "--yes"))["versions"]["root"] == 2
        (new,) = listed(ann, 2, "timestamp")
        assert new != old
        assert listed(ann, 2, "snapshot") == [new]
        ann.push("more.txt", "more")
        assert warm.pull("more.txt") == stranger(ann).pull("more.txt") == "more"

    def test_each_rotation_asks_for_the_one_after(self, new_desk: Desk) -> None:
        ann = solo(new_desk)
        for version in (2, 3):
            ann.run("online-key", "rotate", "--yes")
            ann.push("hello.txt", f"hello {version}")
        assert len({*(keyid for version in (1, 2, 3) for keyid in listed(ann, version, "timestamp"))}) == 3

    def test_where_nobody_answers_the_command_says_so(self, quiet_desk: Desk) -> None:
        with quiet_desk.deployment.asleep():
            message = quiet_desk.run("online-key", "rotate", "--yes", "--timeout", "1", exit_code=3).stderr
        assert "no online key that root does not list already shows within 1 s" in message
