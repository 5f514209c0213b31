"""Several holders, each with a key of their own on a machine of their own, sign one change; the last of them publishes."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.uploader.deployment import Deployment
from tests.uploader.desk import TAGGING_PASSPHRASE, Desk
from tests.uploader.holders import (
    WAITS,
    another_desk,
    answer,
    board,
    first_root_hash,
    forbid_network,
    give_key,
    hand_over,
    is_published,
    keyid,
    open_key,
    pending,
    place,
    read_pending,
    roles,
    signed_by,
    write_pending,
    write_public,
)
from trustpress.core.parse import parse_root
from trustpress_uploader.changes.change import Step, compose_change, compose_draft
from trustpress_uploader.changes.pending import PendingChanges
from trustpress_uploader.errors import SupersededWrite, UploadRejected
from trustpress_uploader.keys.private_keys import PrivateKey
from trustpress_uploader.plans import targets_editor
from trustpress_uploader.pushing import desk as pushing_desk
from trustpress_uploader.staging.receipts import Receipt
from trustpress_uploader.staging.uploads import Staging

NAMES = ("ann", "bob", "carl")


def candidates(ann: Desk) -> tuple[Desk, Desk, list[str]]:
    """Two other people with a key of their own, and the options by which the first lists all three root keys."""
    bob, carl = another_desk(ann, "bob"), another_desk(ann, "carl")
    publics = [give_key(desk, name) for desk, name in zip((ann, bob, carl), NAMES, strict=True)]
    return bob, carl, [option for public in publics for option in ("--root-key", public)]


class TestFirstRoot:
    def test_of_three_holders_on_three_machines_the_second_publishes_what_two_have_to_sign(self, new_desk: Desk) -> None:
        ann, (bob, carl, keys) = new_desk, candidates(new_desk)
        begun = answer(ann.start("init", *place(ann), "--root-threshold", "2", *keys), WAITS)
        assert begun["place"] == f"pending/{ann.repository}/{begun['change']}.json"
        assert (pending(ann), signed_by(begun)) == ([begun["change"]], [[keyid("ann")]])
        assert not is_published(ann, "1.root.json")

        shown = bob.run("root", "sign", *place(bob), exit_code=1)
        assert f"{ann.repository}:\nroot 1, new" in shown.stderr
        assert all(f"+ root key {keyid(name)}" in shown.stderr for name in NAMES)
        assert "root asks for 2 of 3 signatures" in shown.stderr
        assert "E_DECLINED" in shown.stderr
        assert len(read_pending(ann, begun["change"])["steps"][0]["root"]["signatures"]) == 1

        published = answer(bob.start("root", "sign", *place(bob), "--yes"))
        assert published["versions"] == {"root": 1, "targets": 1, "snapshot": 1, "timestamp": 1}
        assert pending(ann) == []

        assert ann.known().is_pin_incomplete
        assert ann.run_json("inspect")["roles"]["root"]["threshold"] == 2
        assert not ann.known().is_pin_incomplete
        assert {entry.keyid for entry in parse_root(ann.known().pinned_root()).signatures} == {keyid("ann"), keyid("bob")}
        assert ann.push("hello.txt", "hello")["versions"]["targets"] == 2
        read = answer(carl.start("list", *place(carl)[:4], "--root-hash", first_root_hash(ann)))
        assert list(read["targets"]) == ["hello.txt"]

    @pytest.mark.parametrize("served", ["another's", "signed by too few", "unreadable"])
    def test_a_pin_is_completed_by_nothing_but_the_root_that_was_pinned(self, new_desk: Desk, quiet_board: list[Desk], served: str) -> None:
        """The server shows another root, whose own keys have signed it; or this one, before the others have signed."""
        _, _, keys = candidates(new_desk)
        new_desk.run("init", *place(new_desk), "--root-threshold", "2", *keys, exit_code=WAITS)
        pinned = new_desk.known().pinned_root()
        body = {"another's": quiet_board[0].known().pinned_root(), "signed by too few": pinned, "unreadable": b"<html>"}[served]
        remembered, key = new_desk.deployment.edge.remembered, f"{new_desk.repository}/metadata/1.root.json"
        remembered[key] = body
        try:
            assert f"{key}: " in new_desk.refuse("E_VERIFY", "inspect")
        finally:
            del remembered[key]
        assert new_desk.known().is_pin_incomplete
        assert new_desk.known().pinned_root() == pinned

    def test_a_file_travels_from_holder_to_holder_and_the_last_of_three_publishes(self, new_desk: Desk) -> None:
        ann, (bob, carl, keys) = new_desk, candidates(new_desk)
        file = str(ann.folder / "change.json")
        begun = ann.run_json("init", *place(ann), "--root-threshold", "3", *keys, "--file", file, exit_code=WAITS)
        assert begun["place"] == file
        file = hand_over(file, bob)
        signed = bob.run_json("root", "sign", file, *place(bob), "--yes", exit_code=WAITS)
        assert [sorted(found) for found in signed_by(signed)] == [sorted([keyid("ann"), keyid("bob")])]
        assert pending(ann) == []
        assert carl.run_json("root", "sign", hand_over(file, carl), *place(carl), "--yes")["versions"]["root"] == 1
        assert pending(ann) == []
        assert roles(ann)["root"]["threshold"] == 3
        assert "others have published this change already" in ann.run("root", "sign", "--yes").stderr
        ann.refuse("E_IMPOSSIBLE", "root", "sign", "--yes")

    def test_a_holder_without_any_network_signs_a_file(self, new_desk: Desk, tmp_path: Path) -> None:
        ann, (bob, _, keys) = new_desk, candidates(new_desk)
        file = str(ann.folder / "change.json")
        ann.run("init", *place(ann), "--root-threshold", "2", *keys, "--file", file, exit_code=WAITS)
        carried = hand_over(file, bob)
        forbid_network(bob, tmp_path / "offline")
        assert answer(bob.start("list", *place(bob)[:4], "--trust-on-first-use"), 1) is None
        signed = answer(bob.start("root", "sign", carried, "--offline", "-r", bob.repository, "--yes"))
        assert len(signed["signed_by"]) == 1
        assert not (bob.home / "repositories").exists()
        assert not is_published(ann, "1.root.json")
        assert ann.run_json("root", "sign", carried, "--yes")["versions"]["root"] == 1
        assert roles(ann)["root"]["threshold"] == 2

    def test_more_signatures_than_keys_are_refused_and_leave_nothing_behind(self, new_desk: Desk) -> None:
        _, _, keys = candidates(new_desk)
        assert "3 are given" in new_desk.refuse("E_IMPOSSIBLE", "init", *place(new_desk), "--root-threshold", "4", *keys)
        new_desk.refuse("E_IMPOSSIBLE", "init", *place(new_desk), "--root-threshold", "2", *keys[:2], *keys[:2])
        assert [path.stem for path in new_desk.key_files()] == [keyid("ann")]
        assert not (new_desk.home / "repositories").exists()

    def test_somebody_without_a_root_key_can_neither_begin_nor_adopt_it(self, new_desk: Desk) -> None:
        _, _, keys = candidates(new_desk)
        dora = another_desk(new_desk, "dora")
        assert "root" in dora.refuse("E_NOKEY", "init", *place(dora), *keys)
        new_desk.run("init", *place(new_desk), "--root-threshold", "2", *keys, exit_code=WAITS)
        assert "root" in dora.refuse("E_NOKEY", "root", "sign", "--yes", *place(dora))
        assert "knows no repository" in dora.refuse("E_REPOSITORY", "inspect")

    def test_init_goes_on_waiting_and_can_be_dropped_and_begun_anew(self, new_desk: Desk) -> None:
        bob, _, keys = candidates(new_desk)
        options = [*place(new_desk), "--root-threshold", "2", *keys, "--tagging-key", "missing"]
        give_key(new_desk, "tagging", TAGGING_PASSPHRASE)
        options[-1] = keyid("tagging", TAGGING_PASSPHRASE)
        first = new_desk.run_json("init", *options, exit_code=WAITS)
        assert new_desk.run_json("init", *options, exit_code=WAITS)["change"] == first["change"]
        new_desk.run("change", "discard", "--yes")
        assert pending(new_desk) == []
        bob.refuse("E_IMPOSSIBLE", "root", "sign", "--yes", *place(bob))
        new_desk.run_json("init", *options, exit_code=WAITS)
        assert bob.run_json("root", "sign", "--yes", *place(bob))["versions"]["root"] == 1


@pytest.fixture(scope="module")
def shared_board(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Desk]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trustpress_uploader.keys.envelope._COST", 32768)
        yield board(Desk(tmp_path_factory.mktemp("board") / "ann", deployment, f"acme/{uuid4().hex}"), *NAMES)


@pytest.fixture
def quiet_board(shared_board: list[Desk]) -> list[Desk]:
    """Three holders, two of whom sign root; for the stories in which nothing is published."""
    for desk in shared_board:
        desk.known().change_file.unlink(missing_ok=True)
    for change in pending(shared_board[0]):
        shared_board[0].run("change", "discard", change, "--yes")
    return shared_board


@pytest.fixture
def file(quiet_board: list[Desk], tmp_path: Path) -> str:
    """A change that Ann has signed."""
    path = str(tmp_path / "change.json")
    quiet_board[0].run("root", "renew", "--yes", "--file", path, exit_code=WAITS)
    return path


def read_root_envelope(file: str) -> Any:
    return json.loads(Path(file).read_text())["steps"][0]["root"]


def write_root_envelope(file: str, envelope: Any) -> None:
    Path(file).write_text(json.dumps({"steps": [{"root": envelope}]}))


def signers(envelope: Any) -> list[str]:
    return [entry["keyid"] for entry in envelope["signatures"]]


class TestWhoCounts:
    def test_a_key_that_signs_on_two_machines_counts_once(self, quiet_board: list[Desk], file: str) -> None:
        twin = another_desk(quiet_board[0], "twin", knows=True)
        give_key(twin, "ann")
        signed = twin.run_json("root", "sign", hand_over(file, twin), "--yes", exit_code=WAITS)
        assert signed_by(signed) == [[keyid("ann")], [keyid("ann")]]

    @pytest.mark.parametrize("forgery", ["a copy", "junk", "too short", "a stranger's"])
    def test_a_signature_that_is_none_is_dropped(self, quiet_board: list[Desk], file: str, forgery: str) -> None:
        envelope = read_root_envelope(file)
        (ann,) = envelope["signatures"]
        strange = PrivateKey.from_seed(bytes(32))
        envelope["signatures"] += {
            "a copy": [ann | {"keyid": keyid("bob")}],
            "junk": [{"keyid": keyid("bob"), "sig": "00" * 64}, {"keyid": "0" * 64, "sig": "ab" * 4}],
            "too short": [{"keyid": keyid("bob"), "sig": ann["sig"][:-2]}],
            "a stranger's": list(compose_draft("root", envelope["signed"]).sign(strange)._signatures()),
        }[forgery]
        write_root_envelope(file, envelope)
        signed = quiet_board[0].run_json("root", "sign", file, "--yes", exit_code=WAITS)
        assert signed_by(signed) == [[keyid("ann")], [keyid("ann")]]
        assert signers(read_root_envelope(file)) == [keyid("ann")]

    def test_who_has_signed_something_else_has_not_signed_this(self, quiet_board: list[Desk], file: str) -> None:
        _, bob, _ = quiet_board
        envelope = read_root_envelope(file)
        envelope["signed"]["expires"] = "2035-01-01T00:00:00Z"
        write_root_envelope(file, envelope)
        signed = bob.run_json("root", "sign", file, "--yes", exit_code=WAITS)
        assert signed_by(signed) == [[keyid("bob")], [keyid("bob")]]

    def test_what_hides_in_a_change_is_shown_before_it_is_signed(self, quiet_board: list[Desk], file: str) -> None:
        _, bob, _ = quiet_board
        envelope = read_root_envelope(file)
        envelope["signed"]["roles"]["targets"]["x-note"] = "nobody\nlooks here"
        write_root_envelope(file, envelope)
        shown = bob.run("root", "sign", file, exit_code=1).stderr
        assert 'roles.targets.x-note: "nobody\\nlooks here"' in shown
        assert "E_DECLINED" in shown
        assert signers(read_root_envelope(file)) == [keyid("ann")]

    def test_one_key_in_two_spellings_is_one_key(self, new_desk: Desk) -> None:
        key = PrivateKey.generate("ecdsa").public_key
        spellings = [
            write_public(new_desk, "spelled-one-way", key),
            new_desk.write("spelled-another-way.pub", json.dumps(key.as_json() | {"keytype": "ecdsa-sha2-nistp256"})),
        ]
        keys = [option for spelling in spellings for option in ("--root-key", spelling)]
        assert "two spellings" in new_desk.refuse("E_IMPOSSIBLE", "init", *place(new_desk), "--root-threshold", "2", *keys)
        assert not (new_desk.home / "keys").exists()

    def test_somebody_without_a_key_adds_nothing(self, quiet_board: list[Desk], file: str) -> None:
        dora = another_desk(quiet_board[0], "dora", knows=True)
        carried = hand_over(file, dora)
        for options in ([], ["--offline"]):
            assert "no key that may sign root" in dora.refuse("E_NOKEY", "root", "sign", carried, "--yes", *options)
        assert signers(read_root_envelope(carried)) == [keyid("ann")]


def without_steps(_: Any) -> Any:
    return {}


def with_a_role_that_nobody_signs(envelope: Any) -> Any:
    return {"steps": [{"timestamp": envelope}]}


def with_one_signature_twice(envelope: Any) -> Any:
    return {"steps": [{"root": envelope | {"signatures": envelope["signatures"] * 2}}]}


def with_more_than_signatures(envelope: Any) -> Any:
    return {"steps": [{"root": envelope | {"note": "sign this"}}]}


def with_another_version_of_the_rules(envelope: Any) -> Any:
    return {"steps": [{"root": envelope | {"signed": envelope["signed"] | {"consistent_snapshot": False}}}]}


class TestNoChange:
    @pytest.mark.parametrize(
        "spoil",
        [
            without_steps,
            with_a_role_that_nobody_signs,
            with_one_signature_twice,
            with_more_than_signatures,
            with_another_version_of_the_rules,
        ],
    )
    def test_a_file_that_is_no_change_is_named_and_not_signed(
        self, quiet_board: list[Desk], file: str, spoil: Callable[[Any], Any]
    ) -> None:
        spoilt = json.dumps(spoil(read_root_envelope(file)))
        Path(file).write_text(spoilt)
        for options in ([], ["--offline"]):
            assert file in quiet_board[1].refuse("E_FILE", "root", "sign", file, "--yes", *options)
        assert Path(file).read_text() == spoilt

    def test_one_in_the_bucket_is_named_and_can_be_dropped(self, quiet_board: list[Desk]) -> None:
        ann, bob, _ = quiet_board
        write_pending(ann, "0" * 32, b"no change")
        assert "0" * 32 in bob.refuse("E_FILE", "change", "sign", "--yes")
        bob.run("change", "discard", "--yes")
        assert pending(ann) == []

    def test_one_that_lies_under_the_name_of_another_is_not_taken_for_it(self, quiet_board: list[Desk]) -> None:
        ann, bob, _ = quiet_board
        begun = ann.run_json("root", "renew", "--yes", exit_code=WAITS)["change"]
        other = read_pending(ann, begun)
        other["steps"][0]["root"]["signed"]["expires"] = "2035-01-01T00:00:00Z"
        write_pending(ann, begun, other)
        for desk in (ann, bob):
            assert "another change than its name says" in desk.refuse("E_FILE", "change", "sign", "--yes")

    def test_targets_for_a_repository_that_is_unknown_offline_are_refused(self, quiet_board: list[Desk], file: str) -> None:
        targets = compose_change({"targets": targets_editor.compose_targets(datetime.now(UTC) + timedelta(days=9))})
        Path(file).write_bytes(targets.encode())
        fresh = another_desk(quiet_board[0], "fresh")
        fresh.refuse("E_JSON", "root", "sign", file, "--offline", "--yes", "-r", fresh.repository)

    def test_a_role_whose_keys_only_the_repository_knows_is_refused_offline(self, quiet_board: list[Desk], file: str) -> None:
        role = compose_change({"alice": targets_editor.compose_targets(datetime.now(UTC) + timedelta(days=9), "alice")})
        Path(file).write_bytes(role.encode())
        assert "who may sign alice" in quiet_board[1].refuse("E_IMPOSSIBLE", "root", "sign", file, "--offline", "--yes")
        quiet_board[1].refuse("E_JSON", "root", "sign", file, "--yes")


class TestWaitingChanges:
    def test_they_are_listed_shown_and_dropped_by_name(self, quiet_board: list[Desk]) -> None:
        ann, bob, carl = quiet_board
        renewal = ann.run_json("root", "renew", "--yes", exit_code=WAITS)["change"]
        lower = bob.run_json("root", "set-threshold", "1", "--yes", exit_code=WAITS)["change"]
        listed = carl.run_json("change", "list")
        assert (listed["begun"], sorted(listed["pending"])) == (None, sorted([renewal, lower]))
        assert bob.run_json("change", "list")["begun"] == lower
        assert "several changes wait" in carl.refuse("E_IMPOSSIBLE", "change", "sign", "--yes")
        carl.refuse("E_IMPOSSIBLE", "change", "sign", "zzz", "--yes")
        shown = carl.run_json("change", "show", lower[:8])
        assert "  root asks for 1 of 3 signatures, was 2" in shown["changes"]
        assert shown["needs"] == [
            {"role": "root", "by": "root 1", "signed_by": [keyid("bob")], "threshold": 2},
            {"role": "root", "by": "root 2 itself", "signed_by": [keyid("bob")], "threshold": 1},
        ]
        assert "E_DECLINED" in carl.run("change", "discard", lower, exit_code=1).stderr
        carl.run("change", "discard", lower, "--yes")
        assert pending(ann) == [renewal]
        bob.run("change", "discard", "--yes")
        assert bob.run("change", "list").stdout.splitlines() == [f"{renewal}  waits in the staging bucket"]
        carl.run("change", "discard", "--yes")
        assert "No change waits" in carl.run("change", "list").stdout

    def test_without_an_id_nothing_is_dropped_that_is_published_already(self, new_desk: Desk) -> None:
        ann, bob, _ = board(new_desk, "ann", "bob", "carl")
        ann.run("root", "renew", "--yes", exit_code=WAITS)
        bob.run("root", "sign", "--yes")
        assert "no change of this repository waits" in ann.refuse("E_IMPOSSIBLE", "change", "discard", "--yes")
        waiting = bob.run_json("root", "renew", "--yes", exit_code=WAITS)["change"]
        assert ann.run_json("change", "discard", "--yes")["change"] == waiting
        assert pending(ann) == []

    def test_one_that_is_dropped_before_it_is_read_is_said_to_be_gone(
        self, quiet_board: list[Desk], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann, bob, _ = quiet_board
        begun = ann.run_json("root", "renew", "--yes", exit_code=WAITS)["change"]
        find_ids, staging = PendingChanges.ids, ann.deployment.staging

        def find_and_drop(changes: PendingChanges) -> list[str]:
            found = find_ids(changes)
            for version in list(staging.list_versions(f"pending/{ann.repository}/")):
                staging.delete_version(version)
            return found

        monkeypatch.setattr(PendingChanges, "ids", find_and_drop)
        assert f"the change {begun} is gone" in bob.refuse("E_IMPOSSIBLE", "change", "sign", "--yes")

    def test_a_second_change_is_refused_while_one_is_unfinished(self, quiet_board: list[Desk]) -> None:
        ann, bob, _ = quiet_board
        begun = ann.run_json("root", "renew", "--yes", exit_code=WAITS)["change"]
        for command in (["root", "renew"], ["tagging", "rotate"], ["recover"]):
            assert begun[:8] in ann.refuse("E_IMPOSSIBLE", *command, "--yes")
        bob.run("root", "set-threshold", "1", "--yes", exit_code=WAITS)

    def test_writers_who_are_always_faster_are_not_waited_for_for_ever(
        self, quiet_board: list[Desk], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def lose(_: Staging, change: str, *__: Any) -> None:
            raise SupersededWrite(change)

        monkeypatch.setattr(Staging, "swap_pending", lose)
        quiet_board[0].refuse("E_CONFLICT", "root", "renew", "--yes")

    def test_a_holder_who_is_new_to_the_repository_signs_with_the_hash_of_its_first_root(self, new_desk: Desk) -> None:
        ann, *_ = board(new_desk, *NAMES)
        ann.run("root", "renew", "--yes", exit_code=WAITS)
        bob = another_desk(ann, "another-bob")
        give_key(bob, "bob")
        assert "not its first root" in bob.refuse("E_REPOSITORY", "change", "sign", "--yes", *place(ann))
        published = bob.run_json("change", "sign", "--yes", *place(ann), "--root-hash", first_root_hash(ann))
        assert published["versions"]["root"] == 2
        assert ann.known().change_file.exists()
        assert "others have published" in ann.run("root", "sign", "--yes").stderr
        assert not ann.known().change_file.exists()

    def test_signing_for_somebody_else_does_not_forget_what_was_begun_here(self, new_desk: Desk, tmp_path: Path) -> None:
        ann, bob, _ = board(new_desk, *NAMES)
        begun = ann.run_json("root", "renew", "--yes", "--file", str(tmp_path / "renewal.json"), exit_code=WAITS)["change"]
        lower = bob.run_json("root", "set-threshold", "1", "--yes", exit_code=WAITS)["change"]
        assert ann.run_json("change", "sign", lower, "--yes")["versions"]["root"] == 2
        assert ann.run_json("change", "list")["begun"] == begun
        assert "version 3 would be next: others were first" in ann.refuse("E_STALE", "change", "sign", "--yes")
        ann.run("change", "discard", "--yes")
        assert ann.run_json("root", "renew", "--yes")["versions"]["root"] == 3

    def test_a_repository_that_is_gone_is_not_taken_for_one_that_this_change_begins(self, new_desk: Desk) -> None:
        ann, *_ = board(new_desk, *NAMES)
        ann.run("root", "renew", "--yes", exit_code=WAITS)
        for version in list(ann.deployment.public.list_versions(f"{ann.repository}/metadata/timestamp.json")):
            ann.deployment.public.delete_version(version)
        for command in (["change", "list"], ["root", "renew", "--yes"]):
            ann.refuse("E_MISSING", *command)

    def test_a_role_whose_version_skips_one_is_not_signed(self, quiet_board: list[Desk], tmp_path: Path) -> None:
        ann = quiet_board[0]
        targets = targets_editor.compose_targets(datetime.now(UTC) + timedelta(days=9)) | {"version": 3}
        file = tmp_path / "change.json"
        file.write_bytes(compose_change({"targets": targets}).encode())
        assert "brings version 3 of targets, and version 2 would be next" in ann.refuse(
            "E_STALE", "root", "sign", str(file), "--yes", "--timeout", "1"
        )
        assert ann.staged() == []

    def test_what_others_have_overtaken_does_not_stand_in_the_way(self, new_desk: Desk) -> None:
        ann, bob, _ = board(new_desk, *NAMES)
        ann.run("root", "renew", "--yes", exit_code=WAITS)
        first, second = (bob.run_json("root", "set-threshold", "1", "--yes", exit_code=WAITS)["change"], pending(ann)[0])
        assert {first, second} <= set(pending(ann))
        Path(ann.known().change_file).rename(ann.folder / "begun.json")
        ann.run("change", "sign", first, "--yes")
        (ann.folder / "begun.json").rename(ann.known().change_file)
        assert ann.run_json("root", "renew", "--yes")["versions"]["root"] == 3
        assert pending(ann) == []


class TestSameInstant:
    @pytest.mark.on_seaweedfs_too
    def test_two_who_sign_at_once_lose_no_signature(self, new_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """Carl signs between Bob's look at the change and his write."""
        ann, bob, carl = board(new_desk, *NAMES, threshold=3)
        ann.run("root", "renew", "--yes", exit_code=WAITS)
        swap, answers = Staging.swap_pending, list[Any]()

        def swap_too_late(staging: Staging, *arguments: Any) -> None:
            if not answers:
                answers.append(answer(carl.start("root", "sign", "--yes"), WAITS))
            swap(staging, *arguments)

        monkeypatch.setattr(Staging, "swap_pending", swap_too_late)
        assert bob.run_json("root", "sign", "--yes")["versions"]["root"] == 2
        assert [sorted(found) for found in signed_by(answers[0])] == [sorted([keyid("ann"), keyid("carl")])] * 2
        assert roles(ann)["root"]["version"] == 2

    @pytest.mark.on_seaweedfs_too
    def test_two_who_complete_it_at_once_both_succeed(self, new_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """Carl publishes it with his signature right before Bob does with his."""
        ann, bob, carl = board(new_desk, *NAMES)
        ann.run("root", "renew", "--yes", exit_code=WAITS)
        upload, answers = pushing_desk.Desk.upload, list[Any]()

        def upload_too_late(desk: pushing_desk.Desk, step: Step) -> Receipt:
            if not answers:
                answers.append(answer(carl.start("root", "sign", "--yes")))
            return upload(desk, step)

        monkeypatch.setattr(pushing_desk.Desk, "upload", upload_too_late)
        assert bob.run_json("root", "sign", "--yes")["versions"] == answers[0]["versions"]
        assert pending(ann) == []

    @pytest.mark.parametrize(("code", "refusals", "uploads"), [("E_EQUIVOCATION", 1, 2), ("E_OLD", 1, 2), ("E_OLD", 2, 2), ("E_SIG", 1, 1)])
    def test_a_step_that_was_refused_because_somebody_was_first_is_uploaded_once_more(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch, code: str, refusals: int, uploads: int
    ) -> None:
        """Perhaps it was the same step with others' signatures; what is refused for what it says is not tried again."""
        upload, uploaded = pushing_desk.Desk.upload, list[Step]()

        def refuse_first(desk: pushing_desk.Desk, step: Step) -> Receipt:
            uploaded.append(step)
            if len(uploaded) <= refusals:
                raise UploadRejected(code, "refused", "a hint")
            return upload(desk, step)

        monkeypatch.setattr(pushing_desk.Desk, "upload", refuse_first)
        if uploads > refusals:
            assert desk.run_json("root", "renew", "--yes")["versions"]["root"] == 2
        else:
            desk.refuse(code, "root", "renew", "--yes")
        assert len(uploaded) == uploads

    def test_junk_beside_the_last_signature_stops_nobody(self, new_desk: Desk) -> None:
        ann, *_ = board(new_desk, *NAMES)
        begun = ann.run_json("root", "renew", "--yes", exit_code=WAITS)["change"]
        value = read_pending(ann, begun)
        envelope = value["steps"][0]["root"]
        (bobs,) = compose_draft("root", envelope["signed"]).sign(open_key("bob"))._signatures()
        envelope["signatures"] += [bobs, {"keyid": keyid("carl"), "sig": "00" * 64}]
        write_pending(ann, begun, value)
        assert ann.run_json("change", "sign", "--yes")["versions"]["root"] == 2


class TestOffline:
    def test_signatures_that_cannot_be_judged_offline_are_kept(self, new_desk: Desk, tmp_path: Path) -> None:
        """Dora's machine knows nothing of the root that Ann's key is about to leave."""
        ann, bob, _ = board(new_desk, *NAMES)
        dora = another_desk(ann, "dora")
        public, file = give_key(dora, "dora"), str(tmp_path / "change.json")
        ann.run("root", "rotate", "--drop", keyid("ann"), "--key", public, "--yes", "--file", file, exit_code=WAITS)
        assert dora.run_json("root", "sign", file, "--offline", "-r", ann.repository, "--yes")["signed_by"] != []
        assert sorted(signers(read_root_envelope(file))) == sorted([keyid("ann"), keyid("dora")])
        assert bob.run_json("root", "sign", file, "--yes")["versions"]["root"] == 2
        assert set(roles(ann)["root"]["keyids"]) == {keyid(name) for name in ("bob", "carl", "dora")}

    def test_offline_needs_a_file(self, quiet_board: list[Desk]) -> None:
        assert "signs a FILE" in quiet_board[0].run("root", "sign", "--offline", exit_code=2).stderr
