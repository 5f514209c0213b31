"""Delegations: read as python-tuf writes them, in order; anything else ends in its reason."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import Delegations as TufDelegations

from tests.builders import (
    JsonObject,
    delegated,
    delegations,
    ed25519_signer,
    key_object,
    keyid_of,
    p256_signer,
    rsa_signer,
    succinct,
    tuf_key,
)
from trustpress.core import parse_delegations as core_parse
from trustpress.core.keys import parse_key
from trustpress.core.parse_delegations import MAX_KEYS, MAX_PATTERNS, MAX_PEM_LENGTH, MAX_ROLES, parse_delegations, parse_role_keys
from trustpress.core.paths import PathPatterns, SuccinctRoles
from trustpress.errors import BadSignature, NotPortable, SchemaViolation, TooLarge

ALICE, BOB, CAROL = ed25519_signer("alice"), p256_signer("bob"), rsa_signer("carol")
KEYID = ALICE.public_key.keyid


def with_role(**members: Any) -> JsonObject:
    """Delegations to one role, some of its members replaced."""
    role = {"name": "a", "keyids": [KEYID], "threshold": 1, "terminating": False, "paths": ["a/*"], **members}
    return {"keys": {KEYID: tuf_key(ALICE)}, "roles": [role]}


def with_bins(**members: Any) -> JsonObject:
    bins = {"keyids": [KEYID], "threshold": 1, "bit_length": 4, "name_prefix": "bin", **members}
    return {"keys": {KEYID: tuf_key(ALICE)}, "succinct_roles": bins}


def without(value: JsonObject, member: str) -> JsonObject:
    return {name: inner for name, inner in value.items() if name != member}


def test_delegations_are_read_as_python_tuf_writes_them() -> None:
    written = delegations(
        [ALICE, BOB, CAROL],
        delegated("second", [ALICE, BOB], "a/*", "b/?", threshold=2),
        delegated("first", [CAROL], "*", terminating=True),
    )
    parsed = parse_delegations(written.to_dict())
    assert list(parsed.roles) == list(parsed.rolenames()) == ["second", "first"]
    assert parsed.roles["second"].patterns == PathPatterns(("a/*", "b/?"))
    assert {name: (role.name, set(role.role_keys.keys), role.role_keys.threshold) for name, role in parsed.roles.items()} == {
        "second": ("second", {ALICE.public_key.keyid, BOB.public_key.keyid}, 2),
        "first": ("first", {CAROL.public_key.keyid}, 1),
    }
    assert parsed.succinct is None
    assert bool(parsed)


def test_order_is_priority_and_stays() -> None:
    """A map sorted by name lost it elsewhere (CVE-2024-47534)."""
    names = ["z", "a", "m", "B", "10a", "-"]
    written = delegations([ALICE], *(delegated(name, [ALICE], "*") for name in names))
    assert list(parse_delegations(written.to_dict()).rolenames()) == names


def test_succinct_roles_are_read_as_python_tuf_writes_them() -> None:
    parsed = parse_delegations(succinct(ALICE, 4, "bin").to_dict())
    assert parsed.succinct == SuccinctRoles(4, "bin")
    assert list(parsed.rolenames()) == [f"bin-{number:x}" for number in range(16)]
    assert bool(parsed)
    for rolename in ("bin-0", "bin-f"):
        role_keys = parsed.role_keys(rolename)
        assert role_keys is not None
        assert (set(role_keys.keys), role_keys.threshold) == ({KEYID}, 1)
    assert parsed.role_keys("bin-10") is None
    assert parsed.role_keys("a") is None


def test_keys_are_those_of_the_role_asked_for() -> None:
    parsed = parse_delegations(delegations([ALICE, BOB], delegated("a", [ALICE], "a"), delegated("b", [BOB], "b")).to_dict())
    assert [set(role.keys) if (role := parsed.role_keys(name)) else None for name in ("a", "b", "c")] == [
        {ALICE.public_key.keyid}, {BOB.public_key.keyid}, None,
    ]  # fmt: skip


def test_no_delegations_are_falsy() -> None:
    parsed = parse_delegations({"keys": {}, "roles": []})
    assert not parsed
    assert list(parsed.rolenames()) == []


def test_members_of_our_own_are_kept_out_of_the_way() -> None:
    key = {**tuf_key(ALICE), "x-note": "on the key"}
    value = {**with_role(**{"x-note": 0}), "x-note": [], "keys": {KEYID: key}}
    assert list(parse_delegations(value).rolenames()) == ["a"]


NAMES = st.sampled_from(["a", "b", "A", "root", "1", "a b", "é"])
ROLES = st.lists(
    st.fixed_dictionaries(
        {
            "name": NAMES,
            "keyids": st.lists(st.sampled_from([ALICE.public_key.keyid, BOB.public_key.keyid, "0" * 64]), max_size=2),
            "threshold": st.integers(0, 3),
            "terminating": st.booleans(),
            "paths": st.lists(st.sampled_from(["*", "a/*", "[a]", "../a"]), max_size=2),
        }
    ),
    max_size=3,
)


@given(ROLES)
def test_what_is_accepted_python_tuf_reads_the_same_way(roles: list[JsonObject]) -> None:
    value = {"keys": {signer.public_key.keyid: tuf_key(signer) for signer in (ALICE, BOB)}, "roles": roles}
    try:
        parsed = parse_delegations(value)
    except (SchemaViolation, NotPortable, BadSignature):
        return
    theirs = TufDelegations.from_dict(value).roles or {}
    assert [
        (role.name, set(role.role_keys.keys), role.role_keys.threshold, list(role.patterns.patterns)) for role in parsed.roles.values()
    ] == [(role.name, set(role.keyids), role.threshold, role.paths) for role in theirs.values()]


ROLE = with_role()["roles"][0]
REFUSED = [
    ("no keys", without(with_role(), "keys"), SchemaViolation, "delegations: expected keys"),
    ("no roles", without(with_role(), "roles"), SchemaViolation, "delegations: expected either roles or succinct_roles"),
    ("both kinds", {**with_role(), **with_bins()}, SchemaViolation, "delegations: expected either roles or succinct_roles"),
    ("unknown member", {**with_role(), "extra": 0}, SchemaViolation, "delegations: unknown member 'extra'"),
    ("keys a list", {**with_role(), "keys": []}, SchemaViolation, "delegations.keys: expected an object"),
    ("roles an object", {**with_role(), "roles": {}}, SchemaViolation, "delegations.roles: expected a list"),
    ("a role null", {**with_role(), "roles": [None]}, SchemaViolation, "delegations.roles: expected an object"),
    *(
        (f"no {member}", {**with_role(), "roles": [without(ROLE, member)]}, SchemaViolation, f"delegations.roles: expected {member}")
        for member in ("name", "keyids", "threshold", "terminating", "paths")
    ),
    ("unknown member of a role", with_role(extra=0), SchemaViolation, "delegations.roles: unknown member 'extra'"),
    ("path_hash_prefixes", with_role(path_hash_prefixes=["00"]), NotPortable, "path_hash_prefixes is broken"),
    ("name a number", with_role(name=1), SchemaViolation, "delegations.roles.name: expected a string"),
    ("name of a top-level role", with_role(name="root"), NotPortable, "role 'root'"),
    ("name like a path", with_role(name="../a"), NotPortable, "role '../a'"),
    ("terminating a number", with_role(terminating=0), SchemaViolation, "delegations.roles.a.terminating: expected true or false"),
    ("terminating null", with_role(terminating=None), SchemaViolation, "delegations.roles.a.terminating: expected true or false"),
    ("paths empty", with_role(paths=[]), SchemaViolation, "delegations.roles.a.paths: expected a list"),
    ("paths a string", with_role(paths="a/*"), SchemaViolation, "delegations.roles.a.paths: expected a list"),
    ("paths of numbers", with_role(paths=["a", 1]), SchemaViolation, "delegations.roles.a.paths: expected a list"),
    ("a path not portable", with_role(paths=["a", "[a]"]), NotPortable, r"path pattern '\[a\]'"),
    ("threshold 0", with_role(threshold=0), SchemaViolation, "delegations.roles.a.threshold: expected an integer of at least 1"),
    ("threshold true", with_role(threshold=True), SchemaViolation, "delegations.roles.a.threshold: expected an integer of at least 1"),
    ("threshold too high", with_role(threshold=2), SchemaViolation, "a.threshold: expected at most 1, the number of keys"),
    ("keyids empty", with_role(keyids=[]), SchemaViolation, "delegations.roles.a.keyids: expected a list of keyids"),
    ("keyids an object", with_role(keyids={KEYID: 0}), SchemaViolation, "delegations.roles.a.keyids: expected a list of keyids"),
    ("keyids of numbers", with_role(keyids=[0]), SchemaViolation, "delegations.roles.a.keyids: expected a list of keyids"),
    ("keyid in upper case", with_role(keyids=[KEYID.upper()]), SchemaViolation, "delegations.roles.a.keyids: expected a list of keyids"),
    ("keyid with a line feed", with_role(keyids=[KEYID + "\n"]), SchemaViolation, "delegations.roles.a.keyids: expected a list of keyids"),
    ("keyid without key", with_role(keyids=["0" * 64]), SchemaViolation, "a.keyids: no key has the keyid 0000"),
    ("keyid twice", with_role(keyids=[KEYID, KEYID]), BadSignature, "delegations.roles.a: one keyid is listed twice"),
    ("bins null", {**with_bins(), "succinct_roles": None}, SchemaViolation, "delegations.succinct_roles: expected an object"),
    *(
        (f"bins without {member}", {**with_bins(), "succinct_roles": without(with_bins()["succinct_roles"], member)}, SchemaViolation,
         f"delegations.succinct_roles: expected {member}")
        for member in ("keyids", "threshold", "bit_length", "name_prefix")
    ),
    ("unknown member of bins", with_bins(extra=0), SchemaViolation, "delegations.succinct_roles: unknown member 'extra'"),
    *(
        (f"bit_length {bits!r}", with_bins(bit_length=bits), SchemaViolation, "delegations.succinct_roles.bit_length: expected an integer")
        for bits in (0, 15, True, "4", None)
    ),
    ("name_prefix a number", with_bins(name_prefix=1), SchemaViolation, "delegations.succinct_roles.name_prefix: expected a string"),
    ("name_prefix like a path", with_bins(name_prefix="../a"), NotPortable, "role '../a-0'"),
    ("name_prefix too long", with_bins(name_prefix="x" * 99), NotPortable, "not a role name"),
    ("bins with threshold 0", with_bins(threshold=0), SchemaViolation, "delegations.succinct_roles.threshold: expected an integer"),
    ("bins with threshold too high", with_bins(threshold=2), SchemaViolation, "bin.threshold: expected at most 1"),
    ("bins without keyids", with_bins(keyids=[]), SchemaViolation, "delegations.succinct_roles.keyids: expected a list of keyids"),
    ("bins with a keyid twice", with_bins(keyids=[KEYID, KEYID]), BadSignature, "delegations.succinct_roles: one keyid is listed twice"),
    ("bins with a keyid without key", with_bins(keyids=["0" * 64]), SchemaViolation, "bin.keyids: no key has the keyid"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "error", "reason"), [pytest.param(*case[1:], id=case[0]) for case in REFUSED])
def test_other_delegations_are_refused(value: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=f"^{reason}" if error is SchemaViolation else reason):
        parse_delegations(value)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "expected an object"),
        ([], "expected an object"),
        (without(tuf_key(ALICE), "scheme"), "expected scheme"),
        ({**tuf_key(ALICE), "keyid_hash_algorithms": ["sha256"]}, "unknown member 'keyid_hash_algorithms'"),
        ({**tuf_key(ALICE), "keyval": None}, "expected an object"),
        ({**tuf_key(ALICE), "keyval": {}}, "expected public"),
        ({**tuf_key(ALICE), "keyval": {"public": "00", "private": "00"}}, "unknown member 'private'"),
        ({**tuf_key(ALICE), "keyval": {"public": 0}}, "short strings"),
        ({**tuf_key(ALICE), "keytype": 0}, "short strings"),
        ({**tuf_key(ALICE), "scheme": None}, "short strings"),
        ({**tuf_key(ALICE), "keyval": {"public": "0" * (MAX_PEM_LENGTH + 1)}}, "short strings"),
        ({**tuf_key(ALICE), "scheme": "x" * (MAX_PEM_LENGTH + 1)}, "short strings"),
        (tuf_key(BOB), "the keyid is not the SHA-256 of its key"),
    ],
)
def test_a_listed_key_of_another_shape_is_refused_though_no_role_uses_it(key: Any, reason: str) -> None:
    with pytest.raises(SchemaViolation, match=reason):
        parse_delegations({"keys": {KEYID: key}, "roles": []})


def test_a_listed_key_of_an_unknown_type_is_refused_though_no_role_uses_it() -> None:
    key = key_object("ml-dsa-44", "ml-dsa-44", "00")
    with pytest.raises(NotPortable, match="expected ed25519, ECDSA P-256 or RSA-PSS"):
        parse_delegations({"keys": {keyid_of(key): key}, "roles": []})


@pytest.mark.parametrize("names", [("a", "a"), ("a", "A"), ("Rel", "rEL")])
def test_names_are_unique_whatever_their_case(names: tuple[str, str]) -> None:
    """On a file system that ignores case one would overwrite the other."""
    roles = [with_role(name=name)["roles"][0] for name in names]
    with pytest.raises(NotPortable, match="unique, whatever their case"):
        parse_delegations({**with_role(), "roles": roles})


def test_what_nobody_needs_so_many_of_has_a_limit() -> None:
    """The checks are linear, but each key and each pattern costs."""
    patterns = [f"a/{number}" for number in range(MAX_PATTERNS)]
    assert list(parse_delegations(with_role(paths=patterns)).rolenames()) == ["a"]
    for value, what in [
        ({"keys": {f"{number:064x}": None for number in range(MAX_KEYS + 1)}, "roles": []}, "delegations.keys: at most 4,096 keys"),
        ({**with_role(), "roles": [ROLE] * (MAX_ROLES + 1)}, "delegations.roles: at most 20,000 roles"),
        (with_role(paths=[*patterns, "b"]), "delegations.roles.a.paths: at most 1,000 patterns"),
    ]:
        with pytest.raises(TooLarge, match=what):
            parse_delegations(value)


@pytest.mark.parametrize("limit", ["MAX_KEYS", "MAX_ROLES", "MAX_PATTERNS"])
def test_exactly_as_many_as_the_limit_says_are_read(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(core_parse, limit, 1)
    assert list(parse_delegations(with_role()).rolenames()) == ["a"]


@pytest.mark.parametrize("bits", [1, 14])
def test_bins_of_the_limits_pass(bits: int) -> None:
    assert sum(1 for _ in parse_delegations(with_bins(bit_length=bits)).rolenames()) == 2**bits


def test_one_key_under_two_keyids_is_listed_twice() -> None:
    """Most clients would count it as two (CVE-2020-6174)."""
    key = tuf_key(BOB)
    other = {**key, "keytype": "ecdsa-sha2-nistp256"}
    keys = {keyid: parse_key(keyid, value) for value in (key, other) if (keyid := keyid_of(value))}
    with pytest.raises(BadSignature, match="a: one key is listed twice"):
        parse_role_keys("a", keys, {"keyids": list(keys), "threshold": 2})
    for keyid in keys:
        assert set(parse_role_keys("a", keys, {"keyids": [keyid], "threshold": 1}).keys) == {keyid}
