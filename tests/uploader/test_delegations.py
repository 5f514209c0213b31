"""Signers: people with keys and paths of their own. Where their pushes go, who else may not make them, and how they come and go."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.uploader.desk import TAGGING_PASSPHRASE, Desk
from tests.uploader.holders import (
    DELEGATION_PASSPHRASE,
    WAITS,
    another_desk,
    board,
    eventually,
    first_root_hash,
    give_key,
    key_file,
    keyid,
    open_key,
    pending,
    place,
    signed_by,
    stranger,
    write_public,
)
from trustpress.core.delegations import RoleKeys
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, Targets
from trustpress.core.parse import parse_targets
from trustpress.ports import Caching
from trustpress.publish import draft
from trustpress_uploader.changes.change import compose_draft
from trustpress_uploader.plans import signers, targets_editor
from trustpress_uploader.plans.targets_editor import TargetsEdit
from trustpress_uploader.reading.published import refresh
from trustpress_uploader.reading.roles import Roles


def signer_keyid(name: str) -> str:
    return keyid(name, DELEGATION_PASSPHRASE)


def owner(desk: Desk) -> Desk:
    """Somebody with root and tagging key."""
    board(desk, "ann", threshold=1)
    desk.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = DELEGATION_PASSPHRASE
    return desk


def signer(ann: Desk, name: str) -> Desk:
    """A signer's machine, with the signer's key alone."""
    desk = another_desk(ann, name, knows=True)
    give_key(desk, name, DELEGATION_PASSPHRASE)
    return desk


def add(ann: Desk, name: str, *patterns: str, options: tuple[str, ...] = ()) -> Any:
    """Ann has the key while the role begins, and never again."""
    public = give_key(ann, name, DELEGATION_PASSPHRASE)
    paths = [option for pattern in patterns for option in ("--paths", pattern)]
    added = ann.run_json("signer", "add", name, "--key", public, *paths, *options)
    (ann.home / "keys" / f"{signer_keyid(name)}.json").unlink()
    return added


def published(desk: Desk, version: int, rolename: str) -> list[str]:
    return sorted(desk.deployment.published(f"{desk.repository}/metadata/{version}.{rolename}.json")["targets"])


def push(desk: Desk, name: str, text: str = "text") -> Any:
    return desk.run_json("push", desk.write(name, text), "--as", name)


def refuse_push(desk: Desk, name: str) -> str:
    return desk.refuse("E_NOKEY", "push", desk.write(name, "other"), "--as", name)


class TestAdding:
    def test_with_the_key_at_hand_it_is_one_command(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        versions = add(ann, "alice", "releases/*", "nightly/*")["versions"]
        assert versions == {"targets": 2, "alice": 1, "root": 1, "snapshot": 2, "timestamp": 2}
        (alice,) = stranger(ann).run_json("signer", "list")["signers"].values()
        assert (alice["keyids"], alice["threshold"], alice["paths"]) == ([signer_keyid("alice")], 1, ["releases/*", "nightly/*"])
        assert "alice  releases/* nightly/*  1 of" in ann.run("signer", "list").stdout

    def test_a_public_key_is_enough_and_its_holder_says_yes(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        public = write_public(ann, "alice", key_file("alice", DELEGATION_PASSPHRASE)[0])
        waiting = ann.run_json("signer", "add", "alice", "--key", public, "--paths", "releases/*", exit_code=WAITS)
        assert [(need["role"], need["by"], need["signed_by"]) for need in waiting["needs"]] == [("alice", "its delegation", [])]
        assert ann.run_json("signer", "list")["signers"] == {}
        alice = another_desk(ann, "alice")
        options = [*place(ann), "--root-hash", first_root_hash(ann)]
        assert "no key that may sign alice" in alice.refuse("E_NOKEY", "change", "sign", "--yes", *options)
        give_key(alice, "alice", DELEGATION_PASSPHRASE)
        shown = alice.run("change", "sign", *options, exit_code=1).stderr
        assert "+ delegates releases/* to alice" in shown
        assert f"+ alice key {signer_keyid('alice')} (ed25519)" in shown
        assert alice.run_json("change", "sign", "--yes")["versions"]["alice"] == 1
        assert pending(ann) == []
        assert push(alice, "releases/app")["versions"]["alice"] == 2
        assert stranger(ann).pull("releases/app") == "text"

    def test_a_push_in_between_makes_it_stale(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        alice = signer(ann, "alice")
        public = write_public(ann, "alice", key_file("alice", DELEGATION_PASSPHRASE)[0])
        options = ["signer", "add", "alice", "--key", public, "--paths", "releases/*"]
        ann.run(*options, exit_code=WAITS)
        push(ann, "hello.txt")
        assert "version 3 would be next: others were first" in alice.refuse("E_STALE", "change", "sign", "--yes")
        alice.run("change", "discard", "--yes")
        ann.run(*options, exit_code=WAITS)
        assert alice.run_json("change", "sign", "--yes")["versions"]["targets"] == 3

    def test_what_the_same_key_has_signed_for_another_role_is_not_built_on(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        public = give_key(ann, "alice", DELEGATION_PASSPHRASE)
        for name in ("alice", "bob"):
            ann.run("signer", "add", name, "--key", public, "--paths", f"{name}/*")
        push(ann, "alice/app")
        metadata = f"{ann.repository}/metadata"
        alice = ann.deployment.public.get(f"{metadata}/2.alice.json", 100_000)
        assert alice
        ann.deployment.edge.remembered[f"{metadata}/2.bob.json"] = alice.body
        assert "expected bob, found alice" in ann.refuse("E_VERIFY", "renew", "bob")

    def test_a_signers_key_is_made_no_key_of_root(self, new_desk: Desk) -> None:
        """Before anything is signed, by whoever begins the change and by whoever is to sign it."""
        ann = owner(new_desk)
        public = give_key(ann, "alice", DELEGATION_PASSPHRASE)
        ann.run("signer", "add", "alice", "--key", public, "--paths", "alice/*")
        for command in (["root", "add-key", public], ["tagging", "add-key", public], ["tagging", "rotate", "--key", public]):
            assert "is a key of alice" in ann.refuse("E_ROOT", *command, "--yes")
        assert pending(ann) == []
        assert not (ann.home / "repositories" / ann.repository.replace("/", "%2F") / "change.json").exists()

    def test_a_role_whose_files_would_pass_as_roots_is_not_added_and_one_of_before_is_not_published(
        self, new_desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ann = owner(new_desk)
        options = ["--key", give_key(ann, "x", DELEGATION_PASSPHRASE), "--paths", "x/*"]
        assert "ends in .root" in ann.refuse("E_PORTABLE", "signer", "add", "x.root", *options)
        with monkeypatch.context() as before:
            for place in (draft, signers):
                before.setattr(place, "check_new_rolename", lambda _: None)
            ann.run("signer", "add", "x.root", *options)
        assert "a role with another name" in ann.refuse("E_PORTABLE", "push", ann.write("app", "app"), "--as", "x/app")
        ann.run("signer", "add", "x", *options)
        ann.run("signer", "remove", "x.root")
        assert push(ann, "x/app")["versions"]["x"] == 2

    def test_what_is_no_role_is_not_renewed(self, quiet_desk: Desk) -> None:
        for arguments in (["renew", "alcie"], ["renew", "alcie", "--version", "9"]):
            assert "nobody delegates to alcie" in quiet_desk.refuse("E_IMPOSSIBLE", *arguments)

    def test_of_two_keys_that_both_have_to_sign_both_do(self, new_desk: Desk, tmp_path: Path) -> None:
        """The role begins by a file that travels; pushes wait in the staging bucket."""
        ann = owner(new_desk)
        one, two = signer(ann, "one"), signer(ann, "two")
        publics = [write_public(ann, name, key_file(name, DELEGATION_PASSPHRASE)[0]) for name in ("one", "two")]
        keys = [option for public in publics for option in ("--key", public)]
        file = str(tmp_path / "team.json")
        ann.run("signer", "add", "team", *keys, "--threshold", "2", "--paths", "team/*", "--file", file, exit_code=WAITS)
        assert signed_by(one.run_json("change", "sign", file, "--yes", exit_code=WAITS)) == [[signer_keyid("one")]]
        assert pending(ann) == []
        assert two.run_json("change", "sign", file, "--yes")["versions"]["team"] == 1
        one.run("push", one.write("app", "text"), "--as", "team/app", exit_code=WAITS)
        assert two.run_json("change", "sign", "--yes")["versions"]["team"] == 2
        assert stranger(ann).pull("team/app") == "text"

    @pytest.mark.parametrize(
        ("code", "name", "options"),
        [
            ("E_PORTABLE", "root", ["--paths", "a/*"]),
            ("E_PORTABLE", "a/b", ["--paths", "a/*"]),
            ("E_PORTABLE", "alice", ["--paths", "../*"]),
            ("E_PORTABLE", "alice", ["--paths", "a/[bc]"]),
            ("E_IMPOSSIBLE", "alice", ["--paths", "a/*", "--threshold", "2"]),
        ],
    )
    def test_what_cannot_be_delegated_is_refused(self, quiet_desk: Desk, code: str, name: str, options: list[str]) -> None:
        public = write_public(quiet_desk, "alice", key_file("alice", DELEGATION_PASSPHRASE)[0])
        quiet_desk.refuse(code, "signer", "add", name, "--key", public, *options)
        assert quiet_desk.staged() == []

    def test_only_with_the_tagging_key(self, quiet_desk: Desk) -> None:
        public = write_public(quiet_desk, "alice", key_file("alice", DELEGATION_PASSPHRASE)[0])
        dora = another_desk(quiet_desk, "dora", knows=True)
        assert "may sign targets" in dora.refuse("E_NOKEY", "signer", "add", "alice", "--key", public, "--paths", "a/*")

    @pytest.mark.parametrize("command", [["remove", "alice"], ["rotate", "alice", "--key", "KEY"]])
    def test_whom_nobody_knows_cannot_be_changed(self, quiet_desk: Desk, command: list[str]) -> None:
        public = write_public(quiet_desk, "alice", key_file("alice", DELEGATION_PASSPHRASE)[0])
        arguments = [public if part == "KEY" else part for part in command]
        assert "nobody delegates to alice" in quiet_desk.refuse("E_IMPOSSIBLE", "signer", *arguments)
        assert "No signers" in quiet_desk.run("signer", "list").stdout


class TestPushing:
    def test_a_signer_needs_no_tagging_key_within_the_paths_and_can_do_nothing_outside_them(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        push(ann, "releases/old")
        add(ann, "alice", "releases/*", "releases/*/*")
        alice = signer(ann, "alice")
        assert push(alice, "releases/app")["versions"]["alice"] == 2
        dist = Path(alice.write("dist/1.2/app", "one two")).parent.parent
        alice.write("dist/latest", "latest")
        assert alice.run_json("push", str(dist), "--as", "releases")["versions"]["alice"] == 3
        assert published(ann, 3, "alice") == ["releases/1.2/app", "releases/app", "releases/latest"]
        for elsewhere in ("hello.txt", "releases/1.2/deeper/app", "releases-not"):
            assert "may sign targets" in refuse_push(alice, elsewhere)
        assert "may sign targets" in refuse_push(alice, "releases/old")
        assert "may sign alice" in refuse_push(ann, "releases/new")
        assert push(ann, "releases/old", "newer")["versions"]["targets"] == 4
        assert published(ann, 4, "targets") == ["releases/old"]
        client = stranger(ann)
        assert [client.pull(name) for name in ("releases/app", "releases/1.2/app", "releases/old")] == ["text", "one two", "newer"]
        assert ann.staged() == []

    def test_one_push_into_several_roles_is_one_release(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        add(ann, "alice", "releases/*")
        give_key(ann, "alice", DELEGATION_PASSPHRASE)
        dist = Path(ann.write("dist/releases/app", "app")).parent.parent
        ann.write("dist/readme", "read me")
        pushed = ann.run_json("push", f"{dist}/*")
        assert {name: pushed["versions"][name] for name in ("targets", "alice", "snapshot")} == {"targets": 3, "alice": 2, "snapshot": 3}

    def test_who_shares_a_path_signs_for_themselves_and_not_for_each_other(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        for name in ("alice", "bob"):
            add(ann, name, "shared/*")
        alice, bob, dora = signer(ann, "alice"), signer(ann, "bob"), another_desk(ann, "dora", knows=True)
        assert push(bob, "shared/b")["versions"]["bob"] == 2
        assert push(alice, "shared/a")["versions"]["alice"] == 2
        assert "may sign bob" in refuse_push(alice, "shared/b")
        assert "may sign alice" in refuse_push(bob, "shared/a")
        assert "may sign alice" in refuse_push(dora, "shared/c")
        give_key(bob, "alice", DELEGATION_PASSPHRASE)
        assert push(bob, "shared/c")["versions"]["alice"] == 3
        assert [stranger(ann).pull(name) for name in ("shared/a", "shared/b", "shared/c")] == ["text"] * 3

    def test_behind_a_terminating_signer_nobody_signs_what_clients_would_not_find(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        add(ann, "alice", "shared/*", options=("--terminating",))
        add(ann, "bob", "shared/*", "bob/*")
        bob = signer(ann, "bob")
        assert "may sign alice" in refuse_push(bob, "shared/b")
        push(bob, "bob/b")
        hide(bob, "shared/hidden")
        assert stranger(ann).run_json("list")["targets"].keys() == {"bob/b"}
        give_key(ann, "alice", DELEGATION_PASSPHRASE)
        give_key(ann, "bob", DELEGATION_PASSPHRASE)
        ann.run("revoke", "--all", "--yes")
        assert published(ann, 4, "bob") == []


class TestSearching:
    def test_a_terminating_role_deep_down_ends_the_search_everywhere(self, quiet_desk: Desk) -> None:
        """Nobody delegates like this from the command line, but other tools do: targets -> alice -> carl, and targets -> bob."""
        roles = Roles(quiet_desk.known(), refresh(quiet_desk.known()))
        key = open_key("alice", DELEGATION_PASSPHRASE)
        keys = RoleKeys({key.public_key.keyid: key.public_key}, 1)

        def role(*edits: targets_editor.Edit) -> Document[Targets]:
            signed = targets_editor.compose_targets(datetime.now(UTC))
            for edit in edits:
                signed = edit(signed)
            return parse_targets(compose_draft("targets", signed).sign(key).envelope())

        roles._newest = {
            "targets": role(targets_editor.delegate("alice", keys, ["a/*"]), targets_editor.delegate("bob", keys, ["*/*"])),
            "alice": role(targets_editor.delegate("carl", keys, ["a/?"], terminating=True), targets_editor.delegate("dora", keys, ["a/*"])),
            **{name: role(TargetsEdit(added={"a/x": entry, "a/xx": entry})) for name in ("bob", "carl", "dora")},
        }
        assert (roles.owners("a/x"), roles.listing("a/x"), roles.holding("a/x")) == (["carl"], ["carl"], ["carl", "dora", "bob"])
        assert (roles.owners("a/xx"), roles.listing("a/xx")) == (["dora", "bob"], ["dora", "bob"])
        assert (roles.owners("b/x"), roles.owners("x")) == (["bob"], ["targets"])


entry: TargetFile = {"length": 1, "hashes": {"sha256": "0" * 64}}


def hide(bob: Desk, name: str) -> None:
    """Another tool lists a target in bob's role, where no client looks for it: alice's ends the search."""
    body = b"hidden"
    signed = targets_editor.compose_targets(datetime.now(UTC) + timedelta(days=9), "bob") | {"version": 3}
    signed["targets"] = {name: {"length": len(body), "hashes": {"sha256": hashlib.sha256(body).hexdigest()}}}
    signed["targets"] |= bob.deployment.published(f"{bob.repository}/metadata/2.bob.json")["targets"]
    envelope = compose_draft("bob", signed).sign(open_key("bob", DELEGATION_PASSPHRASE)).envelope()
    staging = bob.deployment.staging
    staging.put(f"inbox/{bob.repository}/targets/{name}", body, Caching.PRIVATE)
    staging.put(f"inbox/{bob.repository}/metadata/3.bob.json", envelope, Caching.PRIVATE)
    eventually(lambda: "bob.json" in meta(bob) and meta(bob)["bob.json"]["version"] == 3)


def meta(desk: Desk) -> Any:
    timestamp = desk.deployment.published(f"{desk.repository}/metadata/timestamp.json")
    version = timestamp["meta"]["snapshot.json"]["version"]
    return desk.deployment.published(f"{desk.repository}/metadata/{version}.snapshot.json")["meta"]


class TestComingAndGoing:
    def test_other_keys_sign_and_the_old_ones_no_more(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        add(ann, "alice", "releases/*")
        alice = signer(ann, "alice")
        push(alice, "releases/app")
        warm = stranger(ann)
        public = give_key(ann, "alices-next", DELEGATION_PASSPHRASE)
        rotated = ann.run_json("signer", "rotate", "alice", "--key", public, "--yes")
        assert (rotated["versions"]["targets"], rotated["versions"]["alice"]) == (3, 3)
        assert warm.pull("releases/app") == stranger(ann).pull("releases/app") == "text"
        assert "may sign alice" in refuse_push(alice, "releases/app")

        other = write_public(ann, "third", key_file("alices-third", DELEGATION_PASSPHRASE)[0])
        waiting = ann.run_json("signer", "rotate", "alice", "--key", other, "--yes", exit_code=WAITS)
        assert signed_by(waiting) == [[]]
        third = another_desk(ann, "third", knows=True)
        give_key(third, "alices-third", DELEGATION_PASSPHRASE)
        assert third.run_json("change", "sign", "--yes")["versions"]["alice"] == 4
        assert push(third, "releases/app", "newer")["versions"]["alice"] == 5
        assert warm.pull("releases/app") == "newer"

    def test_what_only_a_removed_signer_has_signed_is_gone_and_a_new_beginning_goes_on_counting(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        add(ann, "alice", "releases/*")
        alice = signer(ann, "alice")
        push(alice, "releases/app")
        warm = stranger(ann)
        ann.run("signer", "remove", "alice")
        for client in (warm, stranger(ann)):
            client.refuse("E_NAME", "pull", "releases/app")
        assert ann.run_json("signer", "list")["signers"] == {}
        assert "may sign targets" in refuse_push(alice, "releases/app")
        assert add(ann, "alice", "releases/*")["versions"]["alice"] == 3
        warm.refuse("E_NAME", "pull", "releases/app")
        assert push(alice, "releases/app", "again")["versions"]["alice"] == 4
        assert warm.pull("releases/app") == stranger(ann).pull("releases/app") == "again"

    def test_a_signer_is_not_added_twice_with_other_keys_or_paths(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        add(ann, "alice", "releases/*")
        bobs = give_key(ann, "bob", DELEGATION_PASSPHRASE)
        for name in ("alice", "ALICE"):
            assert "already" in ann.refuse("E_IMPOSSIBLE", "signer", "add", name, "--key", bobs, "--paths", "b/*")
        tagging = write_public(ann, "tagging", key_file("tagging", TAGGING_PASSPHRASE)[0])
        ann.refuse("E_DELEG", "signer", "add", "bob", "--key", tagging, "--paths", "b/*")


class TestRemoving:
    def test_a_target_is_removed_by_whoever_signs_for_it_and_by_nobody_else(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        push(ann, "hello.txt")
        add(ann, "alice", "releases/*")
        alice = signer(ann, "alice")
        for name in ("releases/a", "releases/b", "releases/c"):
            push(alice, name)
        client = stranger(ann)
        assert "may sign alice" in ann.refuse("E_NOKEY", "remove", "releases/a")
        assert "may sign targets" in alice.refuse("E_NOKEY", "remove", "hello.txt")
        assert "may sign alice" in ann.refuse("E_NOKEY", "remove", "hello.txt", "releases/a")
        assert alice.run_json("remove", "releases/a")["versions"]["alice"] == 5
        client.refuse("E_NAME", "pull", "releases/a")
        assert alice.run_json("revoke", "releases/b", "--yes")["versions"]["alice"] == 6
        alice.refuse("E_NAME", "remove", "releases/a")
        assert sorted(client.run_json("list")["targets"]) == ["hello.txt", "releases/c"]
        assert "E_DECLINED" in ann.run("revoke", "--all", exit_code=1).stderr
        assert "may sign alice" in ann.refuse("E_NOKEY", "revoke", "--all", "--yes")
        give_key(ann, "alice", DELEGATION_PASSPHRASE)
        revoked = ann.run_json("revoke", "--all", "--yes")
        assert revoked["removed"] == ["hello.txt", "releases/c"]
        assert (revoked["versions"]["targets"], revoked["versions"]["alice"]) == (4, 7)
        for name in ("hello.txt", "releases/c"):
            client.refuse("E_NAME", "pull", name)
