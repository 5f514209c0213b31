"""What the editor composes is accepted by our own parser and, independently, by python-tuf."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tuf.api.metadata import Metadata, Root, Targets

from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, RoleKeys
from trustpress.core.metadata import Targets as ParsedTargets
from trustpress.core.parse import parse_root, parse_targets, parse_upload
from trustpress.errors import BadExpiry, BadSignature, OldVersion
from trustpress_uploader import editor
from trustpress_uploader.editor import Edit
from trustpress_uploader.errors import NoSuchTarget
from trustpress_uploader.keystore import PrivateKey

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=90)
OFFLINE, TAGGING, ONLINE = (PrivateKey(bytes(31) + bytes([number])) for number in (1, 2, 3))
HELLO: TargetFile = {"length": 5, "hashes": {"sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}}


def listing(key: PrivateKey) -> RoleKeys:
    return RoleKeys({key.public_key.keyid: key.public_key}, 1)


def root(*, external_targets: bool = False) -> bytes:
    roles = {"root": listing(OFFLINE), "targets": listing(TAGGING), "snapshot": listing(ONLINE), "timestamp": listing(ONLINE)}
    return editor.sign(editor.compose_root(roles, NOW + timedelta(days=365), external_targets=external_targets), [OFFLINE])


def targets(*edits: Edit) -> bytes:
    signed = editor.compose_targets(LATER)
    for edit in edits:
        signed = editor.next_targets(signed, edit, LATER)
    return editor.sign(signed, [TAGGING])


def parsed(*edits: Edit) -> Document[ParsedTargets]:
    return parse_targets(targets(*edits))


def test_a_first_publish_is_one_upload_that_the_publisher_parses() -> None:
    bundle = editor.bundle({"root": root(), "targets": targets()})
    assert {name: document.signed.version for name, document in parse_upload("1.root.json", bundle).items()} == {"root": 1, "targets": 1}
    editor.verify_first(root(), targets(), NOW)


def test_python_tuf_verifies_root_and_targets() -> None:
    trusted = Metadata[Root].from_bytes(root())
    trusted.verify_delegate("root", trusted)
    first, second = (Metadata[Targets].from_bytes(body) for body in (targets(), targets(Edit(added={"dir/hello.txt": HELLO}))))
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
    awkward = Edit(added={'with"quote': HELLO | {"custom": {"note": "tab\tand\nline, ü"}}})
    trusted = Metadata[Root].from_bytes(root())
    trusted.verify_delegate("targets", Metadata[Targets].from_bytes(targets(awkward)))
    editor.verify_next_targets(targets(awkward), parse_root(root()).signed, 2, NOW)


def test_an_edit_adds_replaces_and_removes() -> None:
    other: TargetFile = {"length": 6, "hashes": HELLO["hashes"]}
    first = Edit(added={"a": HELLO, "b": HELLO})
    second = Edit(added={"a": other}, removed=frozenset({"b"}))
    assert dict(parsed(first, second).signed.targets.items()) == {"a": other}


def test_an_edit_knows_when_nothing_is_left_to_do() -> None:
    published = {"a": HELLO, "b": HELLO}
    assert Edit(added={"a": HELLO}).apply(published) == published
    assert Edit(removed=frozenset({"c"})).apply(published) == published
    assert Edit(added={"c": HELLO}).apply(published) != published
    assert Edit(removed=frozenset({"a"})).apply(published) != published


def test_an_entry_of_the_same_file_keeps_what_others_said_of_it() -> None:
    others = {"length": 5, "hashes": {**HELLO["hashes"], "sha512": "0" * 128}, "custom": {"build": 7}}
    assert Edit(added={"a": HELLO}).apply({"a": others}) == {"a": others}
    assert Edit(added={"a": HELLO}).apply({"a": {**others, "length": 6}}) == {"a": HELLO}


def test_members_that_nobody_knows_stay() -> None:
    signed = editor.compose_targets(LATER) | {"x-owner": {"team": "api"}}
    delegations: dict[str, object] = {"keys": {}, "roles": []}
    kept = editor.next_targets(signed | {"delegations": delegations}, Edit(added={"a": HELLO}), LATER)
    assert (kept["x-owner"], kept["delegations"]) == ({"team": "api"}, delegations)


def test_a_push_never_shortens_the_life_of_targets() -> None:
    signed = editor.compose_targets(NOW + timedelta(days=400))
    assert editor.next_targets(signed, Edit(), LATER)["expires"] == signed["expires"]


def test_what_the_publisher_would_refuse_is_not_worth_uploading() -> None:
    trusted = parse_root(root()).signed
    with pytest.raises(BadSignature):
        editor.verify_next_targets(editor.sign(editor.compose_targets(LATER), [OFFLINE]), trusted, 1, NOW)
    with pytest.raises(OldVersion):
        editor.verify_next_targets(targets(), trusted, 2, NOW)
    with pytest.raises(BadExpiry):
        editor.verify_next_targets(targets(), trusted, 1, LATER)


def test_a_name_that_is_not_listed_brings_up_a_similar_one() -> None:
    signed = editor.compose_targets(LATER) | {"targets": {"hello.txt": HELLO}}
    with pytest.raises(NoSuchTarget) as caught:
        editor.check_names(signed, ["helo.txt"])
    assert "hello.txt" in caught.value.hint
