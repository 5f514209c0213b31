"""What the editors compose is accepted by our own parser and, independently, by python-tuf."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Root, Targets

from trustpress.core.delegations import RoleKeys
from trustpress.core.entries import TargetFile
from trustpress.core.parse import parse_root, parse_targets, parse_upload
from trustpress_uploader.changes.change import Authority, Draft, bundle, compose_change, compose_draft
from trustpress_uploader.changes.words import describe
from trustpress_uploader.errors import NoSuchTarget, NotPossible
from trustpress_uploader.keys.private_keys import PrivateKey
from trustpress_uploader.plans import root_editor, targets_editor
from trustpress_uploader.plans.targets_editor import TargetsEdit

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=90)
OFFLINE, TAGGING, ONLINE, ALICE = (PrivateKey.from_seed(bytes(31) + bytes([number])) for number in (1, 2, 3, 4))
HELLO: TargetFile = {"length": 5, "hashes": {"sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}}


def listing(*keys: PrivateKey, threshold: int = 1) -> RoleKeys:
    return RoleKeys({key.public_key.keyid: key.public_key for key in keys}, threshold)


def compose(*, external_targets: bool = False) -> dict[str, Any]:
    roles = {"root": listing(OFFLINE), "targets": listing(TAGGING), "snapshot": listing(ONLINE), "timestamp": listing(ONLINE)}
    return root_editor.compose_root(roles, NOW + timedelta(days=365), external_targets=external_targets)


def sign(rolename: str, signed: Mapping[str, Any], key: PrivateKey) -> bytes:
    return compose_draft(rolename, signed).sign(key).envelope()


def root(*, external_targets: bool = False) -> bytes:
    return sign("root", compose(external_targets=external_targets), OFFLINE)


def edited(*edits: targets_editor.Edit) -> dict[str, Any]:
    signed = targets_editor.compose_targets(LATER)
    for edit in edits:
        signed = targets_editor.next_version(edit(signed), LATER)
    return signed


def targets(*edits: targets_editor.Edit) -> bytes:
    return sign("targets", edited(*edits), TAGGING)


def test_a_first_publish_is_one_upload_that_the_publisher_parses() -> None:
    change = compose_change({"root": compose(), "targets": targets_editor.compose_targets(LATER)})
    signed = change.sign(Authority(None), lambda rolename, _: [OFFLINE] if rolename == "root" else [TAGGING])
    upload = parse_upload("1.root.json", bundle(signed.steps[0]))
    assert {name: document.signed.version for name, document in upload.items()} == {"root": 1, "targets": 1}
    assert not any(need.lacking for need in signed.needs(Authority(None)))


@pytest.mark.parametrize(("rolename", "name"), [("targets", None), ("alice", "alice")])
def test_a_delegated_role_says_who_it_is_from_its_first_version_on(rolename: str, name: str | None) -> None:
    first = targets_editor.compose_targets(LATER, rolename)
    for signed in (first, targets_editor.next_version(first, LATER, rolename)):
        assert signed.get("x-trustpress-role") == name


def test_a_change_of_an_existing_repository_begins_none_whatever_its_steps_are() -> None:
    first, second = compose(), root_editor.next_root(compose(), LATER)
    assert compose_change({"root": first}, {"root": second}).first_root is not None
    assert compose_change({"root": second}, {"root": first}).first_root is None


def test_python_tuf_verifies_root_and_targets() -> None:
    trusted = Metadata[Root].from_bytes(root())
    trusted.verify_delegate("root", trusted)
    added = TargetsEdit(added={"dir/hello.txt": HELLO})
    first, second = (Metadata[Targets].from_bytes(body) for body in (targets(), targets(added)))
    for version in (first, second):
        trusted.verify_delegate("targets", version)
    assert trusted.signed.consistent_snapshot
    assert (first.signed.version, second.signed.version) == (1, 2)
    assert second.signed.targets["dir/hello.txt"].length == 5
    assert second.signed.expires == LATER


def test_what_is_kept_elsewhere_is_declared_in_root_and_only_when_asked() -> None:
    assert parse_root(root(external_targets=True)).signed.policy.external_targets
    assert "x-trustpress" not in json.loads(root())["signed"]


def test_names_that_json_escapes_are_signed_in_their_canonical_form() -> None:
    awkward = TargetsEdit(added={"a": HELLO | {"custom": {'with"quote': "tab\tand\nline, ü"}}})
    trusted = Metadata[Root].from_bytes(root())
    trusted.verify_delegate("targets", Metadata[Targets].from_bytes(targets(awkward)))


def test_an_edit_adds_replaces_and_removes() -> None:
    other: TargetFile = {"length": 6, "hashes": HELLO["hashes"]}
    first = TargetsEdit(added={"a": HELLO, "b": HELLO})
    second = TargetsEdit(added={"a": other}, removed=frozenset({"b"}))
    assert dict(parse_targets(targets(first, second)).signed.targets.items()) == {"a": other}


def test_an_edit_knows_when_nothing_is_left_to_do() -> None:
    published = {"targets": {"a": HELLO, "b": HELLO}}
    assert TargetsEdit(added={"a": HELLO})(published) == published
    assert TargetsEdit(removed=frozenset({"c"}))(published) == published
    assert TargetsEdit(added={"c": HELLO})(published) != published
    assert TargetsEdit(removed=frozenset({"a"}))(published) != published


def test_an_entry_of_the_same_file_keeps_what_others_said_of_it() -> None:
    others = {"length": 5, "hashes": {**HELLO["hashes"], "sha512": "0" * 128}, "custom": {"build": 7}}
    published = {"targets": {"a": others}}
    assert TargetsEdit(added={"a": HELLO})(published) == published
    assert TargetsEdit(added={"a": HELLO | {"custom": {"build": "8"}}})(published)["targets"]["a"]["custom"] == {"build": "8"}
    assert TargetsEdit(added={"a": HELLO})({"targets": {"a": {**others, "length": 6}}})["targets"] == {"a": HELLO}


def test_members_that_nobody_knows_stay() -> None:
    signed = targets_editor.compose_targets(LATER) | {"x-owner": {"team": "api"}, "delegations": {"keys": {}, "roles": []}}
    kept = targets_editor.next_version(TargetsEdit(added={"a": HELLO})(signed), LATER)
    assert (kept["x-owner"], kept["delegations"]) == ({"team": "api"}, {"keys": {}, "roles": []})
    assert root_editor.set_threshold(compose() | {"x-owner": 1}, "root", 1)["x-owner"] == 1


def test_nothing_ever_shortens_a_life() -> None:
    signed = targets_editor.compose_targets(NOW + timedelta(days=400))
    assert targets_editor.next_version(signed, LATER)["expires"] == signed["expires"]
    assert root_editor.next_root(compose(), NOW)["expires"] == compose()["expires"]


def test_a_name_that_is_not_listed_brings_up_a_similar_one() -> None:
    with pytest.raises(NoSuchTarget) as caught:
        targets_editor.check_names(["hello.txt"], ["helo.txt"])
    assert "hello.txt" in caught.value.hint


def test_python_tuf_follows_a_delegation_and_its_new_keys() -> None:
    first = edited(targets_editor.delegate("alice", listing(ALICE), ["releases/*"], terminating=True))
    second = edited(lambda _: first, targets_editor.delegate_to_keys("alice", listing(ONLINE, ALICE, threshold=2)))
    role = targets_editor.compose_targets(LATER, "alice")
    for signed, keys in ((first, [ALICE]), (second, [ALICE, ONLINE])):
        delegator = Metadata[Targets].from_bytes(sign("targets", signed, TAGGING))
        draft = compose_draft("alice", role)
        for key in keys:
            draft = draft.sign(key)
        delegator.signed.verify_delegate("alice", Metadata[Targets].from_bytes(draft.envelope()).signed_bytes, _signatures(draft))
    assert [found["name"] for found in second["delegations"]["roles"]] == ["alice"]


def _signatures(draft: Draft) -> Any:
    return Metadata[Targets].from_bytes(draft.envelope()).signatures


def test_a_delegation_taken_back_leaves_no_key_behind() -> None:
    alice, bob = targets_editor.delegate("alice", listing(ALICE), ["a/*"]), targets_editor.delegate("bob", listing(ONLINE), ["b/*"])
    signed = edited(alice, bob, targets_editor.undelegate("alice"))
    assert list(signed["delegations"]["keys"]) == [ONLINE.public_key.keyid]
    assert [found["name"] for found in signed["delegations"]["roles"]] == ["bob"]


def test_delegations_that_make_no_sense_are_refused() -> None:
    with pytest.raises(NotPossible, match="already"):
        edited(targets_editor.delegate("alice", listing(ALICE), ["a/*"]), targets_editor.delegate("Alice", listing(ALICE), ["b/*"]))
    for edit in (targets_editor.undelegate("bob"), targets_editor.delegate_to_keys("bob", listing(ALICE))):
        with pytest.raises(NotPossible, match="nobody delegates to bob"):
            edited(edit)


class TestRoot:
    def test_keys_come_and_go_and_none_is_left_that_nobody_lists(self) -> None:
        both = root_editor.add_key(compose(), "root", ALICE.public_key)
        assert ALICE.public_key.keyid in both["keys"]
        alone = root_editor.remove_key(both, "root", OFFLINE.public_key.keyid)
        assert OFFLINE.public_key.keyid not in alone["keys"]
        assert alone["roles"]["root"]["keyids"] == [ALICE.public_key.keyid]
        assert TAGGING.public_key.keyid in alone["keys"]

    def test_what_could_never_be_signed_is_refused(self) -> None:
        with pytest.raises(NotPossible, match="0 keys would be left"):
            root_editor.remove_key(compose(), "root", OFFLINE.public_key.keyid)
        with pytest.raises(NotPossible, match="lists no key"):
            root_editor.remove_key(compose(), "root", ALICE.public_key.keyid)
        with pytest.raises(NotPossible, match="already"):
            root_editor.add_key(compose(), "root", OFFLINE.public_key)
        with pytest.raises(NotPossible, match="from 1 to 1"):
            root_editor.set_threshold(compose(), "root", 2)


def test_what_is_no_longer_said_of_a_target_is_shown() -> None:
    before = {"expires": "2030-01-01T00:00:00Z", "version": 1}
    custom = {"custom": {"channel": "stable", "size": "small"}}
    old = before | {"targets": {"a": HELLO | custom | {"hashes": {**HELLO["hashes"], "sha512": "0" * 128}}}}
    (line,) = describe("targets", old, before | {"targets": {"a": HELLO}, "version": 2})[1:]
    assert line.endswith(", no longer channel, size, sha512")
    (line,) = describe("targets", old, before | {"targets": {"a": HELLO | {"custom": {"channel": "beta"}}}, "version": 2})[1:]
    assert line.endswith(" channel=beta, no longer size, sha512")
