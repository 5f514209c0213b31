"""Whatever is uploaded: parsed to what python-tuf parses it to, or refused with its code. Nothing else ever happens."""

import copy
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import Metadata
from tuf.api.metadata import Root as TufRoot
from tuf.api.metadata import Targets as TufTargets

from tests.builders import (
    EXPIRES,
    PORTABLE_SPELLING,
    JsonObject,
    compact,
    delegated,
    delegations,
    ed25519_signer,
    envelope,
    keyid_of,
    p256_signer,
    pretty,
    respelled,
    root,
    rsa_signer,
    snapshot,
    succinct,
    target_file,
    targets,
    timestamp,
    tuf_key,
)
from tests.poison import POISON, Poison
from trustpress.core import parse
from trustpress.core.metadata import Document, Policy, Root, Targets
from trustpress.core.parse import (
    MAX_COMMAS_IN_TARGETS,
    MAX_LENGTH,
    MAX_PARSED_LENGTH,
    MAX_ROLES_IN_BUNDLE,
    MAX_SIGNATURES,
    MAX_TARGETS_LENGTH,
    MAX_VALUES,
    parse_root,
    parse_snapshot,
    parse_targets,
    parse_timestamp,
    parse_upload,
    parse_uploadable,
)
from trustpress.core.trust import verify_signatures
from trustpress.errors import BadKey, BadSignature, Invalid, MisplacedRoot, NotPortable, NotStrictJson, SchemaViolation, TooLarge

ROOT, TARGETS, OTHER = ed25519_signer("root"), ed25519_signer("targets"), p256_signer("other")
SPELLINGS = pytest.mark.parametrize("write", [compact, pretty], ids=["compact", "pretty"])
Write = Callable[[Any], bytes]

GOOD = targets({"file.txt": b"content", "dir/other.txt": b"other"}, version=3)


def trusted_root() -> TufRoot:
    return TufRoot.from_dict(root())


def verify_targets(document: Document[Any]) -> None:
    """As the publisher does: signed by what root lists for targets."""
    verify_signatures("targets", document, parse_root(compact(envelope(root(), ROOT))).signed.roles["targets"])


# Poison


@pytest.mark.parametrize("poison", [pytest.param(poison, id=poison.name) for poison in POISON])
def test_poison_ends_in_its_code(poison: Poison) -> None:
    with pytest.raises(Invalid) as refusal:
        verify_targets(parse_upload("targets.json", poison.build(GOOD, TARGETS))["targets"])
    assert refusal.value.code == poison.code
    assert refusal.value.hint
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize("poison", [pytest.param(poison, id=poison.name) for poison in POISON])
def test_poison_spelled_otherwise_or_in_a_bundle_is_refused_too(poison: Poison) -> None:
    for body in other_spellings(poison.build(GOOD, TARGETS)):
        with pytest.raises(Invalid) as refusal:
            verify_targets(parse_upload("targets.json", body)["targets"])
        # Numbers are checked with the rest of the JSON where they are not read in pieces.
        assert refusal.value.code in {poison.code, "E_JSON"}


def other_spellings(body: bytes) -> list[bytes]:
    """The same value written otherwise, where the poison is in the value and not in how it is written."""
    try:
        value = json.loads(body.decode())
        is_in_the_value = len(body) < 1_000_000 and compact(value) == body
    except (ValueError, RecursionError):
        return []
    return [pretty(value), compact({"targets": value}), pretty({"targets": value})] if is_in_the_value else []


def test_what_the_poison_was_made_from_is_good() -> None:
    verify_targets(parse_upload("3.targets.json", compact(envelope(GOOD, TARGETS)))["targets"])


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:0 \\utrefnaslgid', max_size=40).map(str.encode))
def test_no_bytes_end_in_anything_but_a_rejection(body: bytes) -> None:
    for read in (parse_root, parse_targets, parse_snapshot, parse_timestamp, lambda body: parse_upload("a.json", body)):
        with pytest.raises(Invalid):
            read(body)


@given(st.data())
def test_one_changed_byte_is_refused_or_breaks_the_signature_or_changes_nothing(data: st.DataObject) -> None:
    body = compact(envelope(GOOD, TARGETS))
    position = data.draw(st.integers(0, len(body) - 1))
    changed = body[:position] + data.draw(st.binary(max_size=2)) + body[position + 1 :]
    try:
        document = parse_upload("targets.json", changed)["targets"]
        verify_targets(document)
    except Invalid:
        return
    assert document.body == body


# Differential: all that is portable is accepted, and python-tuf reads it the same way


PATHS = st.sampled_from(["a", "b/c.txt", 'q"}],', "x" * 90, "<" * 80, "targets", "d/version"])
TEXTS = st.text(max_size=6)
MEMBER_NAMES = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=6)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS, lambda values: st.lists(values) | st.dictionaries(MEMBER_NAMES, values), max_leaves=6
)
HASHES = st.sampled_from([{"sha256": "0a" * 32}, {"sha256": "00" * 32, "sha512": "0f" * 64}])
TARGET_FILES = st.fixed_dictionaries(
    {"length": st.integers(0, 2**53 - 1), "hashes": HASHES}, optional={"custom": st.dictionaries(MEMBER_NAMES, VALUES)}
)
KEYS = {signer.public_key.keyid: tuf_key(signer) for signer in (OTHER, ed25519_signer("delegate"), rsa_signer("delegate"))}
DELEGATED: st.SearchStrategy[JsonObject] = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["a", "b", "rel-1", "C.json"]),
        "keyids": st.lists(st.sampled_from(list(KEYS)), min_size=2, unique=True),
        "threshold": st.integers(1, 2),
        "terminating": st.booleans(),
        "paths": st.lists(st.sampled_from(["*", "a/?", "b*/c"]), min_size=1, max_size=2),
    }
)
BINS = st.fixed_dictionaries(
    {
        "keyids": st.just(list(KEYS)),
        "threshold": st.just(2),
        "bit_length": st.integers(1, 8),
        "name_prefix": st.sampled_from(["bin", "a-0"]),
    }
)
DELEGATED_ROLES = st.lists(DELEGATED, max_size=3, unique_by=lambda role: str(role["name"]))
DELEGATIONS = st.fixed_dictionaries({"keys": st.just(KEYS), "roles": DELEGATED_ROLES}) | st.fixed_dictionaries(
    {"keys": st.just(KEYS), "succinct_roles": BINS}
)
SIGNED = st.fixed_dictionaries(
    {
        "_type": st.just("targets"),
        "spec_version": st.sampled_from(["1.0.34", "1.0.0"]),
        "version": st.integers(1, 2**31 - 1),
        "expires": st.sampled_from(["2031-01-01T00:00:00Z", "2032-02-29T23:59:59Z"]),
        "targets": st.dictionaries(PATHS, TARGET_FILES, max_size=4),
    },
    optional={"delegations": DELEGATIONS, "x-note": NUMBERS | TEXTS | st.lists(NUMBERS | TEXTS)},
)


@given(SIGNED, st.booleans(), st.sampled_from([None, 0, 1]), st.booleans())
def test_what_is_portable_is_read_and_verified_as_python_tuf_does(
    signed: JsonObject, is_sorted: bool, indent: int | None, is_ascii: bool
) -> None:
    body = json.dumps(envelope(signed, TARGETS), sort_keys=is_sorted, indent=indent, ensure_ascii=is_ascii).encode()
    document = parse_upload("targets.json", body)["targets"]
    verify_targets(document)
    assert isinstance(document.signed, Targets)
    assert document.body == compact(json.loads(body))
    # Both what was uploaded and what is published.
    for published in (body, document.body):
        theirs: Metadata[TufTargets] = Metadata.from_bytes(published)
        trusted_root().verify_delegate("targets", theirs.signed_bytes, theirs.signatures)
        assert document.message == theirs.signed_bytes
        assert_same_targets(document.signed, theirs.signed)


def assert_same_targets(ours: Targets, theirs: TufTargets) -> None:
    assert (ours.version, ours.expires) == (theirs.version, theirs.expires)
    assert dict(ours.targets.items()) == {path: entry.to_dict() for path, entry in theirs.targets.items()}
    delegations = theirs.delegations
    if delegations is None:
        assert not ours.delegations
    elif delegations.succinct_roles:
        assert list(ours.delegations.rolenames()) == list(delegations.succinct_roles.get_roles())
    else:
        assert [
            (role.name, set(role.role_keys.keys), role.role_keys.threshold, list(role.patterns.patterns))
            for role in ours.delegations.roles.values()
        ] == [(role.name, set(role.keyids), role.threshold, role.paths) for role in (delegations.roles or {}).values()]


CUSTOM = {"é": ["\n", {"\\": None}]}
TWO_OF_TWO = delegations([OTHER, TARGETS], delegated("a", [OTHER, TARGETS], "a/*", threshold=2))


@SPELLINGS
@pytest.mark.parametrize(
    "signed",
    [
        pytest.param(targets(), id="empty"),
        pytest.param(GOOD, id="two files"),
        pytest.param({**targets(), "targets": {"a": {**target_file(b"a", "sha256", "sha512"), "custom": CUSTOM}}}, id="custom, two hashes"),
        pytest.param(targets(delegations=TWO_OF_TWO), id="delegated role"),
        pytest.param(targets(delegations=succinct(OTHER, 8, "bin")), id="bins"),
        pytest.param({**GOOD, "x-note": {"a": {}, "version": 2}}, id="a member behind version that looks like the end"),
        pytest.param({**GOOD, "x-note": [{"a": {}, "version": n} for n in range(7)]}, id="seven that look like the end"),
        pytest.param({**GOOD, "x-note": "},\"version\":3"}, id="text that looks like the end"),
        pytest.param({**targets(version=2**31 - 1), "spec_version": "1.0.0"}, id="highest version"),
    ],
)  # fmt: skip
def test_good_targets_are_read_as_python_tuf_reads_them(write: Write, signed: JsonObject) -> None:
    document = parse_targets(write(envelope(signed, TARGETS)))
    verify_targets(document)
    assert json.loads(document.body) == envelope(signed, TARGETS)
    assert_same_targets(document.signed, TufTargets.from_dict(copy.deepcopy(signed)))


def test_nobody_can_forge_the_place_the_entries_were_cut_out_of() -> None:
    """What marks the cut, written by an uploader in a member that looks like targets, would hide the real ones."""
    key = {**tuf_key(OTHER), "x-note": {"a": 0, "targets": {}, "version": 1}}
    signed = {**targets(), "targets": {"\0targets\0": 0}, "delegations": {"keys": {keyid_of(tuf_key(OTHER)): key}, "roles": []}}
    with pytest.raises(NotPortable, match="a name that Trustpress keeps for itself"):
        parse_targets(compact(envelope(signed, TARGETS)))


def test_too_many_members_that_look_like_the_end_are_refused() -> None:
    """Each costs a parse of everything but the entries."""
    with pytest.raises(SchemaViolation):
        parse_targets(compact(envelope({**GOOD, "x-note": [{"a": {}, "version": n} for n in range(50)]}, TARGETS)))


@pytest.mark.parametrize("count", [1, 5000])
def test_bytes_are_sacred(count: int) -> None:
    """A compact upload is kept as it is, byte for byte."""
    body = compact(envelope({**targets(), "targets": {f"{number:05}": target_file(b"%d" % number) for number in range(count)}}, TARGETS))
    document = parse_targets(body)
    assert document.body is body
    assert sum(1 for _ in document.signed.targets.items()) == count


# Root


@SPELLINGS
def test_root_is_read_as_python_tuf_writes_it(write: Write) -> None:
    signers = {"root": [ROOT, OTHER, rsa_signer("root")], "targets": [TARGETS], "snapshot": [OTHER]}
    signed = root(2, signers=signers, thresholds={"root": 2})
    document = parse_root(write(envelope(signed, ROOT, OTHER)))
    theirs = TufRoot.from_dict(copy.deepcopy(signed))
    assert (document.signed.version, document.signed.expires) == (2, EXPIRES)
    assert {name: (set(keys.keys), keys.threshold) for name, keys in document.signed.roles.items()} == {
        name: (set(role.keyids), role.threshold) for name, role in theirs.roles.items()
    }
    assert {keyid: key.as_json() for keys in document.signed.roles.values() for keyid, key in keys.keys.items()} == {
        keyid: key.to_dict() for keyid, key in theirs.keys.items()
    }
    theirs.verify_delegate("root", document.message, {entry.keyid: _signature(entry) for entry in document.signatures})


def _signature(entry: Any) -> Any:
    from securesystemslib.signer import Signature

    return Signature(entry.keyid, entry.sig.hex())


def test_root_says_what_clients_may_rely_on() -> None:
    policy = {"targets": "external", "timestamp_seconds": 3600, "snapshot_seconds": 31536000}
    assert parse_root(signed_root(**{"x-trustpress": policy})).signed.policy == Policy(
        timedelta(hours=1), timedelta(days=365), external_targets=True
    )
    assert parse_root(signed_root(**{"x-trustpress": {"targets": "present"}})).signed.policy == Policy()
    assert parse_root(signed_root()).signed.policy == Policy(timedelta(days=1), timedelta(days=7), external_targets=False)


def signed_root(**members: Any) -> bytes:
    return compact(envelope({**root(), **members}, ROOT))


def changed_root(change: Callable[[JsonObject], object]) -> bytes:
    signed = root()
    change(signed)
    return compact(envelope(signed, ROOT))


def without(member: str) -> bytes:
    return changed_root(lambda signed: signed.pop(member))


def without_role(rolename: str) -> bytes:
    return changed_root(lambda signed: signed["roles"].pop(rolename))


def in_role(**members: Any) -> bytes:
    return changed_root(lambda signed: signed["roles"]["root"].update(members))


def with_key(key: JsonObject) -> bytes:
    return changed_root(lambda signed: signed["keys"].update({keyid_of(key): key}))


KEYID = ROOT.public_key.keyid


@pytest.mark.parametrize(
    ("body", "where"),
    [
        *((without(name), "root: expected required") for name in root()),
        (signed_root(_type="targets"), "root._type: expected const root"),
        (signed_root(spec_version="2.0.0"), "root.spec_version: expected pattern"),
        (signed_root(spec_version="1.0.34\n"), "root.spec_version: expected pattern"),
        (signed_root(version=0), "root.version: expected minimum 1"),
        (signed_root(version=2**31), "root.version: expected maximum 2147483647"),
        (signed_root(version=True), "root.version: expected type integer"),
        (signed_root(expires="2031-01-01T00:00:00+00:00"), "root.expires: expected pattern"),
        (signed_root(expires="2031-01-01T00:00:00Z\n"), "root.expires: expected pattern"),
        (signed_root(expires="2031-02-29T00:00:00Z"), "root.expires: expected YYYY-MM-DDTHH:MM:SSZ"),
        (signed_root(consistent_snapshot=False), "root.consistent_snapshot: expected const True"),
        (signed_root(consistent_snapshot=1), "root.consistent_snapshot: expected const True"),
        (signed_root(consistent_snapshot=None), "root.consistent_snapshot: expected const True"),
        (signed_root(extra=0), "root: expected additionalProperties False"),
        (signed_root(keys=[]), "root.keys: expected type object"),
        (signed_root(keys={f"{n:064x}": tuf_key(ROOT) for n in range(257)}), "root.keys: expected maxProperties 256"),
        (signed_root(roles=[]), "root.roles: expected type object"),
        *((without_role(name), "root.roles: expected required") for name in root()["roles"]),
        (changed_root(lambda signed: signed["roles"].update(mirrors=signed["roles"]["root"])), "root.roles: expected additionalProperties"),
        (in_role(threshold=0), "root.roles.root.threshold: expected minimum 1"),
        (in_role(threshold=65), "root.roles.root.threshold: expected maximum 64"),
        (in_role(threshold=True), "root.roles.root.threshold: expected type integer"),
        (in_role(threshold=2), "root.threshold: expected at most 1, the number of keys"),
        (in_role(keyids=[]), "root.roles.root.keyids: expected minItems 1"),
        (in_role(keyids=[f"{n:064x}" for n in range(65)]), "root.roles.root.keyids: expected maxItems 64"),
        (in_role(keyids=[KEYID, KEYID]), "root.roles.root.keyids: expected uniqueItems"),
        (in_role(keyids=[KEYID.upper()]), "root.roles.root.keyids.0: expected pattern"),
        (in_role(keyids=[KEYID + "\n"]), "root.roles.root.keyids.0: expected pattern"),
        (in_role(keyids=["0" * 64]), "root.keyids: no key has the keyid 0000"),
        (in_role(keyids={KEYID: 0}), "root.roles.root.keyids: expected type array"),
        (in_role(extra=0), "root.roles.root: expected additionalProperties"),
        (changed_root(lambda signed: signed["keys"].update({"0" * 64: tuf_key(OTHER)})), "keys.0000"),
        (changed_root(lambda signed: signed["keys"].update({"A" * 64: tuf_key(OTHER)})), "root.keys: expected pattern"),
        (with_key({**tuf_key(OTHER), "extra": 0}), "root.keys."),
        (with_key({**tuf_key(OTHER), "keyval": {"public": "", "private": ""}}), "root.keys."),
        (with_key({**tuf_key(OTHER), "keyval": {"public": "0" * 4097}}), "root.keys."),
        (with_key({**tuf_key(OTHER), "keyval": {}}), "root.keys."),
        (with_key({**tuf_key(OTHER), "scheme": 0}), "root.keys."),
        (signed_root(**{"x-trustpress": {"targets": "elsewhere"}}), "root.x-trustpress.targets: expected enum"),
        (signed_root(**{"x-trustpress": {"timestamp_seconds": 3599}}), "root.x-trustpress.timestamp_seconds: expected minimum 3600"),
        (signed_root(**{"x-trustpress": {"snapshot_seconds": 31536001}}), "root.x-trustpress.snapshot_seconds: expected maximum 31536000"),
        (signed_root(**{"x-trustpress": {"timestamp_seconds": True}}), "root.x-trustpress.timestamp_seconds: expected type integer"),
        (signed_root(**{"x-trustpress": {"extra": 0}}), "root.x-trustpress: expected additionalProperties"),
        (signed_root(**{"x-trustpress": []}), "root.x-trustpress: expected type object"),
    ],
)  # fmt: skip
def test_root_of_another_shape_is_refused(body: bytes, where: str) -> None:
    with pytest.raises(SchemaViolation) as refusal:
        parse_root(body)
    assert str(refusal.value).startswith(where)


@pytest.mark.parametrize(
    "other",
    [{**tuf_key(OTHER), "keytype": "ecdsa-sha2-nistp256"}, respelled(tuf_key(OTHER))[PORTABLE_SPELLING]],
    ids=["keytype", "spelling"],
)
def test_one_key_under_two_keyids_is_refused_in_root(other: JsonObject) -> None:
    signed = root(signers={"root": [OTHER]})
    signed["keys"][keyid_of(other)] = other
    signed["roles"]["root"].update(keyids=[OTHER.public_key.keyid, keyid_of(other)], threshold=2)
    with pytest.raises(BadSignature, match="root: one key is listed twice"):
        parse_root(compact(envelope(signed, OTHER)))


def test_a_key_of_an_unknown_type_is_refused_in_root() -> None:
    with pytest.raises(NotPortable, match="expected ed25519, ECDSA P-256 or RSA-PSS"):
        parse_root(with_key({**tuf_key(OTHER), "scheme": "ecdsa-sha2-nistp384"}))


def test_members_of_our_own_pass_in_root() -> None:
    body = changed_root(
        lambda signed: (
            signed["roles"]["root"].update({"x-note": 0}),
            signed["keys"][KEYID].update({"x-note": 0}),
            signed.update({"x-note": 0}),
        )
    )
    assert parse_root(body).body == body


# Envelope


@pytest.mark.parametrize("read", [parse_root, parse_targets, parse_snapshot, parse_timestamp])
@pytest.mark.parametrize(
    ("body", "error", "reason"),
    [
        (b'{"signed":{}}', NotStrictJson, "expected exactly the members signed and signatures"),
        (b'{"signatures":[],"signed":{},"extra":0}', NotStrictJson, "expected exactly the members signed and signatures"),
        (b"[]", NotStrictJson, "expected an object"),
        (b"0", NotStrictJson, "expected an object"),
        (b'"signed signatures"', NotStrictJson, "expected an object"),
        (b'{"signatures":[],"signed":{},"signed":{}}', NotStrictJson, "two members of one object have the same name"),
        (b'{"signatures":[],"signed":{"a":{"b":0,"b":0}}}', NotStrictJson, "two members of one object have the same name"),
        (b'{"signatures":[],"signed":{"Version":0}}', NotStrictJson, "'Version' differs from 'version' only by case"),
        (b'{"signatures":[],"signed":{"x":0.5}}', NotStrictJson, "a float"),
    ],
)  # fmt: skip
def test_another_envelope_is_refused_whatever_the_role(
    read: Callable[[bytes], object], body: bytes, error: type[Exception], reason: str
) -> None:
    if read is parse_targets and b"Version" in body:
        body = compact(envelope({**GOOD, "Version": 0}, TARGETS))
    with pytest.raises(error, match=reason):
        read(body)


@pytest.mark.parametrize("count", [MAX_SIGNATURES, MAX_SIGNATURES + 1])
def test_there_is_room_for_a_signature_of_each_key(count: int) -> None:
    body = compact({"signatures": [{"keyid": f"{n:064x}", "sig": "00"} for n in range(count)], "signed": GOOD})
    if count <= MAX_SIGNATURES:
        assert len(parse_targets(body).signatures) == count
    else:
        with pytest.raises(SchemaViolation, match="signatures: at most 64 are accepted"):
            parse_targets(body)


# Snapshot and timestamp: what was published is read back as strictly


def signed_snapshot(**members: Any) -> bytes:
    return compact(envelope({**snapshot({"targets": 1, "a": 2}, version=7), **members}, OTHER))


def signed_timestamp(**members: Any) -> bytes:
    return compact(envelope({**timestamp(7, version=9), **members}, OTHER))


@SPELLINGS
def test_snapshot_and_timestamp_are_read_as_python_tuf_writes_them(write: Write) -> None:
    parsed = parse_snapshot(write(envelope(snapshot({"targets": 1, "bin-Version": 2}, version=7), OTHER))).signed
    assert (parsed.version, parsed.expires) == (7, EXPIRES)
    assert parsed.meta == {"targets": {"version": 1}, "bin-Version": {"version": 2}}
    newer = parse_timestamp(write(envelope(timestamp(7, version=9), OTHER))).signed
    assert (newer.version, newer.expires, newer.snapshot) == (9, EXPIRES, {"version": 7})


def test_metapaths_are_names_and_no_fields() -> None:
    """A role may be called what only differs from a field by its case."""
    meta = {"targets.json": {"version": 1}, "Version.json": {"version": 1}}
    assert parse_snapshot(signed_snapshot(meta=meta)).signed.meta.keys() == {"targets", "Version"}


@pytest.mark.parametrize("name", ["a", "a.jso", ".JSON", "json", ""])
def test_a_metapath_is_the_name_of_a_role_with_its_ending(name: str) -> None:
    with pytest.raises(SchemaViolation, match=r"expected ROLE\.json"):
        parse_snapshot(signed_snapshot(meta={"targets.json": {"version": 1}, name: {"version": 1}}))


@pytest.mark.parametrize(
    "entry",
    [
        None, [], 0, {}, {"version": 0}, {"version": True}, {"version": "1"}, {"version": 2**31},
        {"version": 1, "length": 0}, {"version": 1, "length": True}, {"version": 1, "length": None}, {"version": 1, "length": "1"},
        {"version": 1, "hashes": []}, {"version": 1, "hashes": None}, {"version": 1, "hashes": {"sha256": 0}},
    ],
)  # fmt: skip
def test_what_snapshot_lists_is_checked(entry: Any) -> None:
    with pytest.raises(SchemaViolation, match=r"^meta.a.json"):
        parse_snapshot(signed_snapshot(meta={"targets.json": {"version": 1}, "a.json": entry}))


def test_lengths_that_snapshot_lists_are_integers_all_clients_read_alike() -> None:
    entry = {"version": 2**31 - 1, "length": 2**53 - 1, "hashes": {"sha256": "00"}}
    assert parse_snapshot(signed_snapshot(meta={"targets.json": entry})).signed.meta["targets"] == entry
    with pytest.raises(NotStrictJson):
        parse_snapshot(signed_snapshot(meta={"targets.json": {"version": 1, "length": 2**53}}))


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (signed_snapshot(meta={"a.json": {"version": 1}}), "snapshot.meta: expected targets.json"),
        (signed_snapshot(meta=[]), "snapshot.meta: expected type object"),
        (signed_snapshot(version=0), "snapshot.version: expected minimum"),
        (signed_snapshot(version=2**31), "snapshot.version: expected maximum"),
        (signed_snapshot(_type="timestamp"), "snapshot._type: expected const"),
        (signed_snapshot(spec_version="1.1.0"), "snapshot.spec_version: expected pattern"),
        (signed_snapshot(expires="soon"), "snapshot.expires: expected pattern"),
        (signed_snapshot(expires="2031-13-01T00:00:00Z"), "snapshot.expires: expected YYYY"),
        (signed_snapshot(extra=0), "snapshot: expected additionalProperties"),
    ],
)  # fmt: skip
def test_snapshot_of_another_shape_is_refused(body: bytes, where: str) -> None:
    with pytest.raises(SchemaViolation) as refusal:
        parse_snapshot(body)
    assert str(refusal.value).startswith(where)


def of_snapshot(**members: Any) -> bytes:
    return signed_timestamp(meta={"snapshot.json": {"version": 1, **members}})


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (signed_timestamp(meta={}), "timestamp.meta: expected required"),
        (signed_timestamp(meta={"snapshot.json": {"version": 1}, "a.json": {}}), "timestamp.meta: expected additionalProperties"),
        (signed_timestamp(meta={"snapshot.json": {}}), "timestamp.meta.snapshot.json: expected required"),
        (of_snapshot(version=0), "timestamp.meta.snapshot.json.version: expected minimum"),
        (of_snapshot(version=2**31), "timestamp.meta.snapshot.json.version: expected maximum"),
        (of_snapshot(length=0), "timestamp.meta.snapshot.json.length: expected minimum"),
        (of_snapshot(hashes={}), "timestamp.meta.snapshot.json.hashes: expected required"),
        (of_snapshot(hashes={"sha256": "0" * 64 + "\n"}), "timestamp.meta.snapshot.json.hashes.sha256: expected pattern"),
        (of_snapshot(hashes={"sha256": "0" * 64, "sha512": "0" * 64}), "timestamp.meta.snapshot.json.hashes.sha512: expected pattern"),
        (of_snapshot(extra=0), "timestamp.meta.snapshot.json: expected additionalProperties"),
        (signed_timestamp(version=0), "timestamp.version: expected minimum"),
        (signed_timestamp(_type="snapshot"), "timestamp._type: expected const"),
        (signed_timestamp(expires="2031-00-01T00:00:00Z"), "timestamp.expires: expected YYYY"),
        (signed_timestamp(extra=0), "timestamp: expected additionalProperties"),
    ],
)  # fmt: skip
def test_timestamp_of_another_shape_is_refused(body: bytes, where: str) -> None:
    with pytest.raises(SchemaViolation) as refusal:
        parse_timestamp(body)
    assert str(refusal.value).startswith(where)


# Caps: refused before anything is parsed


@pytest.mark.parametrize(
    ("read", "limit"),
    [(parse_root, MAX_LENGTH["root"]), (parse_timestamp, MAX_LENGTH["timestamp"]), (parse_snapshot, MAX_LENGTH["snapshot"])],
)
def test_each_role_has_its_size(read: Callable[[bytes], object], limit: int) -> None:
    padding = b" " * limit
    with pytest.raises(NotStrictJson):
        read(padding)
    with pytest.raises(TooLarge, match=f"at most {limit:,} bytes"):
        read(padding + b" ")


def test_an_upload_has_a_size_whatever_it_is() -> None:
    too_large = b'{"signatures":' + b" " * MAX_TARGETS_LENGTH
    for read in (parse_targets, lambda body: parse_upload("targets.json", body)):
        with pytest.raises(TooLarge, match=r"targets.*: at most 64,000,000 bytes"):
            read(too_large)


@pytest.mark.parametrize("limit", ["MAX_TARGETS_LENGTH", "MAX_PARSED_LENGTH"])
def test_an_upload_of_exactly_the_size_is_read(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    body = pretty(envelope(targets(), TARGETS))
    for length, is_read in ((len(body), True), (len(body) - 1, False)):
        monkeypatch.setattr(parse, limit, length)
        for read in (parse_targets, lambda body: parse_upload("targets.json", body)):
            if is_read:
                read(body)
            else:
                with pytest.raises(TooLarge):
                    read(body)


def test_what_is_parsed_at_once_has_a_size() -> None:
    """Only target entries in compact JSON are read in pieces."""
    for too_large in (b" " * MAX_PARSED_LENGTH + b"{}", compact(envelope({**targets(), "x-note": "x" * MAX_PARSED_LENGTH}, TARGETS))):
        with pytest.raises(TooLarge, match="what is not target entries in compact JSON"):
            parse_upload("targets.json", too_large)


@pytest.mark.parametrize("value", [b"0,", b"[],", b"{},", b'"",'])
def test_values_are_counted_before_they_are_parsed(value: bytes) -> None:
    with pytest.raises(TooLarge, match="upload: at most 500,000 JSON values"):
        parse_upload("targets.json", b"[" + value * MAX_VALUES)


def test_values_in_target_entries_are_counted_before_they_are_parsed() -> None:
    entry = compact({**target_file(b"file"), "custom": {"a": [0] * 10_000}})
    entries = b",".join(b'"%03d":%b' % (number, entry) for number in range(MAX_COMMAS_IN_TARGETS // 10_000 + 1))
    body = compact(envelope(targets(), TARGETS)).replace(b'"targets":{}', b'"targets":{%b}' % entries)
    with pytest.raises(TooLarge, match="targets: at most 5,000,000 values"):
        parse_upload("targets.json", body)


def test_as_many_values_as_there_may_be_are_parsed() -> None:
    with pytest.raises(NotStrictJson, match="expected an object"):
        parse_upload("targets.json", b"[" + b"0," * (MAX_VALUES - 1) + b"0]")


def test_many_entries_are_no_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compact entries may hold more values than may be parsed at once."""
    monkeypatch.setattr(parse, "MAX_VALUES", 100)
    body = compact(envelope({**targets(), "targets": {f"{number:03}": target_file(b"") for number in range(200)}}, TARGETS))
    assert parse_targets(body).signed.targets.get("199") == target_file(b"")
    with pytest.raises(TooLarge, match="upload: at most 100 JSON values"):
        parse_targets(pretty(json.loads(body)))


# Uploads and bundles


def test_an_envelope_is_the_role_its_file_is_named_after() -> None:
    assert list(parse_upload("targets.json", compact(envelope(GOOD, TARGETS)))) == ["targets"]
    assert list(parse_upload("12.release.json", pretty(envelope(GOOD, TARGETS)))) == ["release"]
    assert isinstance(parse_upload("1.root.json", compact(envelope(root(), ROOT)))["root"].signed, Root)


@SPELLINGS
def test_a_bundle_is_its_roles(write: Write) -> None:
    roles = {"targets": envelope(GOOD, TARGETS), "root": envelope(root(), ROOT), "release": envelope(targets(), OTHER)}
    bundle = parse_upload("anything.root.json", write(roles))
    assert set(bundle) == set(roles)
    assert {name: document.body for name, document in bundle.items()} == {name: compact(value) for name, value in roles.items()}
    assert isinstance(bundle["root"].signed, Root)
    assert isinstance(bundle["release"].signed, Targets)


@pytest.mark.parametrize("filename", ["first.json", "targets.json", "1.root-json.json", "root.json.json", "xroot.json", "Root.json"])
def test_a_root_comes_in_an_upload_whose_name_says_so(filename: str) -> None:
    body = compact({"targets": envelope(GOOD, TARGETS), "root": envelope(root(), ROOT)})
    with pytest.raises(MisplacedRoot, match=r"expected root.json or NAME.root.json"):
        parse_upload(filename, body)
    for name in ("root.json", "1.root.json", "first.root.json"):
        assert set(parse_upload(name, body)) == {"root", "targets"}


@pytest.mark.parametrize("rolename", ["snapshot", "timestamp", "mirrors", "__proto__", "1", "a b", "", "../a"])
def test_only_root_targets_and_delegated_roles_are_uploaded(rolename: str) -> None:
    for read in (lambda body: parse_uploadable(rolename, body), lambda body: parse_upload("a.json", compact({rolename: json.loads(body)}))):
        with pytest.raises(NotPortable, match="not a role name every client can use"):
            read(compact(envelope(GOOD, TARGETS)))


def test_online_roles_are_not_uploaded() -> None:
    for rolename in ("snapshot", "timestamp"):
        with pytest.raises(NotPortable):
            parse_upload(f"2.{rolename}.json", compact(envelope(GOOD, TARGETS)))


@pytest.mark.parametrize(
    ("body", "error", "reason"),
    [
        (b"{}", NotStrictJson, "expected {signed, signatures}, or a bundle"),
        (b'{"targets":{}}', NotStrictJson, "expected exactly the members signed and signatures"),
        (b'{"targets":0}', NotStrictJson, "expected an object"),
        (b'{"targets":[]}', NotStrictJson, "expected an object"),
        (b'{"a":{},"a":{}}', NotStrictJson, "two members of one object have the same name"),
        (b'{"a":{"b":0,"b":0}}', NotStrictJson, "two members of one object have the same name"),
        (compact({f"a{n}": {} for n in range(MAX_ROLES_IN_BUNDLE + 1)}), TooLarge, "at most 20,000 roles"),
        (compact({f"a{n}": {} for n in range(MAX_ROLES_IN_BUNDLE)}), NotStrictJson, "expected exactly the members"),
    ],
)  # fmt: skip
def test_another_bundle_is_refused(body: bytes, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        parse_upload("bundle.json", body)


def test_one_bad_role_refuses_the_whole_bundle() -> None:
    bundle = {"targets": envelope(GOOD, TARGETS), "release": envelope({**GOOD, "version": 0}, TARGETS)}
    with pytest.raises(SchemaViolation, match=r"targets\.version: expected minimum"):
        parse_upload("bundle.json", compact(bundle))


def test_a_file_name_that_is_no_role_is_refused() -> None:
    with pytest.raises(BadKey, match=r"expected ROLE.json or VERSION.ROLE.json"):
        parse_upload("targets.txt", compact(envelope(GOOD, TARGETS)))


def test_schemas_are_read_once() -> None:
    assert parse._validator("targets") is parse._validator("targets")


def test_expiry_is_in_utc() -> None:
    assert parse_targets(compact(envelope(GOOD, TARGETS))).signed.expires.utcoffset() == timedelta(0)
    assert isinstance(EXPIRES, datetime)
