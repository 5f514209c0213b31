"""Poison: targets uploads that must never be published, each with the reason code it must end in.

Every row breaks a *good* next version of targets in one way, so that nothing else can be the reason it is refused. A good
version is the `signed` member of targets with the right version and expiry, and the signer that root lists for it.
Most rows are signed correctly: what a key holder signed by accident or in bad faith is the harder half.
"""

import copy
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from securesystemslib.signer import Signer

from tests.builders import (
    PORTABLE_SPELLING,
    JsonObject,
    compact,
    ed25519_signer,
    envelope,
    key_object,
    keyid_of,
    p256_signer,
    p384_public_key,
    pem_of,
    respelled,
    rsa_public_key,
    target_file,
    tuf_key,
)

Build = Callable[[JsonObject, Signer], bytes]

_FILE = "poison/file.txt"
_PLACEHOLDER = "@literal@"
_DIGEST = "0" * 64

_ED25519 = tuf_key(ed25519_signer("poison"))
_P256 = tuf_key(p256_signer("poison"))
_P384 = key_object("ecdsa", "ecdsa-sha2-nistp384", pem_of(p384_public_key()))
_RSA = key_object("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(2048)))
_RSA_1024 = key_object("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(1024)))


@dataclass(frozen=True)
class Poison:
    """`build` takes a good `signed` member, which it leaves alone, and its signer."""

    name: str
    code: str
    build: Build


def signed_with(*where: str, value: Any) -> Build:
    """A member changed or added, then signed."""
    return lambda good, signer: compact(envelope(_changed(good, where, value), signer))


def signed_without(member: str) -> Build:
    return lambda good, signer: compact(envelope({name: value for name, value in good.items() if name != member}, signer))


def literal(*where: str, text: str) -> Build:
    """JSON text that no encoder would write in place of a member; nobody can sign that."""

    def build(good: JsonObject, signer: Signer) -> bytes:
        body = compact(envelope(_changed(good, where, _PLACEHOLDER), signer))
        return body.replace(f'"{_PLACEHOLDER}"'.encode(), text.encode("utf-8", "surrogatepass"))

    return build


def bytes_of(change: Callable[[bytes], bytes]) -> Build:
    """The good upload, its bytes changed."""
    return lambda good, signer: change(compact(envelope(good, signer)))


def with_signatures(change: Callable[[JsonObject], Any]) -> Build:
    """The good upload with other signatures, made from the right one."""

    def build(good: JsonObject, signer: Signer) -> bytes:
        signed = envelope(good, signer)
        return compact({**signed, "signatures": change(signed["signatures"][0])})

    return build


def target_at(path: str) -> Build:
    return signed_with("targets", path, value=target_file(b"poison"))


def delegating(*roles: Any) -> Build:
    """Delegations to these roles, with the key that `role` gives them."""
    return signed_with("delegations", value={"keys": {keyid_of(_ED25519): _ED25519}, "roles": list(roles)})


def role(**members: Any) -> JsonObject:
    """A good delegated role, some of its members replaced."""
    good = {"name": "poison", "keyids": [keyid_of(_ED25519)], "threshold": 1, "terminating": False, "paths": ["poison/*"]}
    return {**good, **members}


def delegating_to_bins(**members: Any) -> Build:
    """Succinct roles, some of their members replaced."""
    bins = {"keyids": [keyid_of(_ED25519)], "threshold": 1, "bit_length": 4, "name_prefix": "bin", **members}
    return signed_with("delegations", value={"keys": {keyid_of(_ED25519): _ED25519}, "succinct_roles": bins})


def delegating_to_keys(*keys: Any, threshold: int = 1) -> Build:
    """A delegation to a role with these keys, whose keyids are right."""
    listed = {keyid_of(key): key for key in keys}
    return signed_with("delegations", value={"keys": listed, "roles": [role(keyids=list(listed), threshold=threshold)]})


def listing_key(key: Any) -> Build:
    """Delegations that list a key which no role uses."""
    return signed_with("delegations", value={"keys": {keyid_of(_ED25519): key}, "roles": []})


def one_key_twice(key: JsonObject) -> list[Poison]:
    """One key under two keyids, which would count as threshold 2 in most clients; most second spellings are not portable anyway."""
    return [
        Poison(
            f"one {key['keytype']} key under two keyids: {how}",
            "E_SIG" if how == PORTABLE_SPELLING else "E_PORTABLE",
            delegating_to_keys(key, other, threshold=2),
        )
        for how, other in respelled(key).items()
    ]


def _changed(good: JsonObject, where: tuple[str, ...], value: Any) -> JsonObject:
    changed = copy.deepcopy(good)
    changed.setdefault("targets", {})[_FILE] = target_file(b"poison")
    *parents, member = where
    inner = changed
    for name in parents:
        inner = inner[name]
    inner[member] = value
    return changed


def _twice(body: bytes, member: bytes) -> bytes:
    """The same member again, with another value, in front of itself."""
    assert body.count(member) == 1
    return body.replace(member, member + b'"first",' + member)


def _entry(**members: Any) -> Build:
    return signed_with("targets", _FILE, value={**target_file(b"poison"), **members})


def _nested(depth: int) -> JsonObject:
    value: JsonObject = {}
    for _ in range(depth):
        value = {"a": value}
    return value


BYTES = [
    Poison("nothing at all", "E_JSON", bytes_of(lambda body: b"")),
    Poison("a byte order mark", "E_JSON", bytes_of(lambda body: b"\xef\xbb\xbf" + body)),
    Poison("UTF-16", "E_JSON", bytes_of(lambda body: body.decode().encode("utf-16"))),
    Poison("gzip", "E_JSON", bytes_of(gzip.compress)),
    Poison("a trailing byte", "E_JSON", bytes_of(lambda body: body + b"\0")),
    Poison("two documents", "E_JSON", bytes_of(lambda body: body + body)),
    Poison("cut short", "E_JSON", bytes_of(lambda body: body[:-1])),
    Poison("a list", "E_JSON", bytes_of(lambda body: b"[%b]" % body)),
    Poison("not UTF-8", "E_JSON", literal("x-poison", text='"\ud800"')),
    Poison("64 MB and a byte", "E_SIZE", bytes_of(lambda body: body + b" " * (64_000_001 - len(body)))),
    Poison("two million values", "E_SIZE", literal("x-poison", text="[" + "0," * 2_000_000 + "0]")),
    Poison("100,000 lists deep, nothing else", "E_JSON", bytes_of(lambda body: b"[" * 100_000)),
    Poison("100,000 objects deep in signed", "E_JSON", literal("x-poison", text='{"a":' * 100_000 + "0" + "}" * 100_000)),
    Poison(
        "100,000 lists deep in custom", "E_JSON", literal("targets", _FILE, "custom", text='{"a":' + "[" * 100_000 + "]" * 100_000 + "}")
    ),
    Poison("33 deep in signed", "E_JSON", signed_with("x-poison", value=_nested(31))),
    Poison("255 deep in custom", "E_JSON", literal("targets", _FILE, "custom", text='{"a":' + "[" * 250 + "]" * 250 + "}")),
    Poison("1,000 deep in custom", "E_JSON", literal("targets", _FILE, "custom", text='{"a":' + "[" * 1_000 + "]" * 1_000 + "}")),
    Poison(
        "1,010 deep in a member that a later one hides", "E_JSON", literal("x-poison", text="[" * 1_010 + "]" * 1_010 + ',"x-poison":0')
    ),
    Poison("40 MB of one text", "E_SIZE", literal("x-poison", text='"' + "x" * 40_000_000 + '"')),
    Poison("33 deep in custom", "E_JSON", _entry(custom=_nested(29))),
    Poison("signed twice", "E_JSON", bytes_of(lambda body: _twice(body, b'"signed":'))),
    Poison("version twice", "E_JSON", bytes_of(lambda body: _twice(body, b'"version":'))),
    Poison("targets twice", "E_JSON", bytes_of(lambda body: body.replace(b'"targets":{', b'"targets":{},"targets":{'))),
    Poison("a target twice", "E_JSON", literal("targets", _FILE, text='{},"poison/file.txt":{}')),
    Poison(
        "a member twice, one of them escaped",
        "E_JSON",
        bytes_of(lambda body: _twice(body, b'"version":').replace(b"version", b"versio\\u006e", 1)),
    ),
    Poison("an unsigned member beside signed", "E_JSON", bytes_of(lambda body: body[:-1] + b',"extra":0}')),
    Poison("signed in another case", "E_JSON", bytes_of(lambda body: body[:-1] + b',"Signed":{}}')),
    Poison("version in another case", "E_JSON", signed_with("Version", value=2)),
    Poison("a delegation's field in another case", "E_JSON", delegating(role(Threshold=1))),
    Poison("a lone surrogate in custom", "E_JSON", literal("targets", _FILE, "custom", text='{"a":"\\ud800"}')),
    Poison("a lone surrogate in a target path", "E_JSON", literal("targets", _FILE, text='{},"\\udc00":{}')),
    Poison("an astral member name", "E_PORTABLE", signed_with("x-\U0001f511", value=0)),
    Poison("an astral member name in custom", "E_PORTABLE", _entry(custom={"\U0001f511": 0})),
    Poison("NaN", "E_JSON", literal("x-poison", text="NaN")),
]

NUMBERS = [
    Poison("version 10^4000", "E_JSON", literal("version", text="1" + "0" * 4000)),
    Poison("version of 5,000 digits", "E_JSON", literal("version", text="9" * 5000)),
    Poison("version 1.0", "E_JSON", literal("version", text="1.0")),
    Poison("version 1e0", "E_JSON", literal("version", text="1e0")),
    Poison("version 01", "E_JSON", literal("version", text="01")),
    Poison("version NaN", "E_JSON", literal("version", text="NaN")),
    Poison("version 2^53", "E_JSON", signed_with("version", value=2**53)),
    Poison("version 2^64", "E_JSON", signed_with("version", value=2**64)),
    Poison("version 2^31", "E_SCHEMA", signed_with("version", value=2**31)),
    Poison("version true", "E_SCHEMA", signed_with("version", value=True)),
    Poison("version 0", "E_SCHEMA", signed_with("version", value=0)),
    Poison("version -1", "E_SCHEMA", signed_with("version", value=-1)),
    Poison("version as text", "E_SCHEMA", signed_with("version", value="2")),
    Poison("version null", "E_SCHEMA", signed_with("version", value=None)),
    Poison("length true", "E_SCHEMA", _entry(length=True)),
    Poison("length false", "E_SCHEMA", _entry(length=False)),
    Poison("length null", "E_SCHEMA", _entry(length=None)),
    Poison("length -1", "E_SCHEMA", _entry(length=-1)),
    Poison("length as text", "E_SCHEMA", _entry(length="1")),
    Poison("length 2^53", "E_SCHEMA", _entry(length=2**53)),
    Poison("length of 5,000 digits", "E_JSON", literal("targets", _FILE, "length", text="9" * 5000)),
    Poison("length Infinity", "E_JSON", literal("targets", _FILE, "length", text="Infinity")),
    Poison("length 1.0", "E_SCHEMA", literal("targets", _FILE, "length", text="1.0")),
    Poison("a float in custom", "E_JSON", literal("targets", _FILE, "custom", text='{"a":0.5}')),
    Poison("2^53 in custom", "E_JSON", _entry(custom={"a": 2**53})),
    Poison("-2^53 in custom", "E_JSON", _entry(custom={"a": [-(2**53)]})),
]

SHAPES = [
    *(Poison(f"no {member}", "E_SCHEMA", signed_without(member)) for member in ("_type", "expires", "spec_version", "targets", "version")),
    Poison("signed is a list", "E_SCHEMA", bytes_of(lambda body: b'%b"signed":[]}' % body.partition(b'"signed":')[0])),
    Poison("another role's _type", "E_SCHEMA", signed_with("_type", value="snapshot")),
    Poison("an unknown member of signed", "E_SCHEMA", signed_with("extra", value=0)),
    Poison("targets is a list", "E_SCHEMA", signed_with("targets", value=[])),
    *(
        Poison(f"spec_version {text!r}", "E_SCHEMA", signed_with("spec_version", value=text))
        for text in ("2.0.0", "1.1.0", "1.0.x", "1.0.034", "1.0.34\n", " 1.0.34", "1", "", 1)
    ),
    *(
        Poison(f"expires {text!r}", "E_SCHEMA", signed_with("expires", value=text))
        for text in (
            "2031-01-01", "2031-01-01T00:00:00", "2031-01-01T00:00:00+00:00", "2031-01-01T00:00:00.5Z", "2031-1-1T0:0:0Z",
            "2031-01-01t00:00:00z", "2031-02-29T00:00:00Z", "2031-01-01T24:00:00Z", "2031-01-01T00:00:60Z", "2031-01-01T00:00:00Z\n",
            "\u0662031-01-01T00:00:00Z", 1924992000, None,
        )
    ),
    Poison("a target is null", "E_SCHEMA", signed_with("targets", _FILE, value=None)),
    Poison("a target with an unknown member", "E_SCHEMA", _entry(extra=0)),
    Poison("a target with an unknown member instead of custom", "E_SCHEMA", _entry(Custom={})),
    Poison("a target without length", "E_SCHEMA", signed_with("targets", _FILE, value={"hashes": {"sha256": _DIGEST}})),
    Poison("a target without hashes", "E_SCHEMA", signed_with("targets", _FILE, value={"length": 1})),
    *(
        Poison(f"hashes {name}", "E_SCHEMA", _entry(hashes=hashes))
        for name, hashes in {
            "empty": {},
            "null": None,
            "a list": [_DIGEST],
            "../../etc": {"sha256": "../../etc"},
            "../../etc as algorithm": {"sha256": _DIGEST, "../../etc": _DIGEST},
            "md5": {"md5": "0" * 32},
            "sha512 alone": {"sha512": "0" * 128},
            "in upper case": {"sha256": "A" * 64},
            "a digit short": {"sha256": "0" * 63},
            "a digit long": {"sha256": "0" * 65},
            "with a line feed": {"sha256": _DIGEST + "\n"},
            "a number": {"sha256": 0},
            "sha512 of the wrong length": {"sha256": _DIGEST, "sha512": _DIGEST},
            "sha512 null": {"sha256": _DIGEST, "sha512": None},
            "null beside sha256": {"sha256": _DIGEST, "": None},
        }.items()
    ),
    Poison("custom null", "E_SCHEMA", _entry(custom=None)),
    Poison("custom a list", "E_SCHEMA", _entry(custom=[])),
]  # fmt: skip

PATHS = [
    Poison(f"target path {path[:20]!r}", "E_PORTABLE", target_at(path))
    for path in (
        "", ".", "..", "../../x", "a/../b", "a/./b", "/a", "a/", "a//b", "a\0b", "a\nb", "a\x7f", "a b", "a\\b", "a:b", "a%2fb", "a#b",
        "a?b", "a+b", "\u00e9", "\U0001f511", "a\n", "x" * 241, "\0targets\0", "constructor", "__proto__", "toString",
    )
]  # fmt: skip

SIGNATURES = [
    Poison("no signature", "E_SCHEMA", with_signatures(lambda right: [])),
    Poison("10,000 signatures", "E_SCHEMA", with_signatures(lambda right: [right] * 10_000)),
    Poison(
        "10,000 signatures by others",
        "E_SCHEMA",
        with_signatures(lambda right: [{"keyid": f"{n:064x}", "sig": "00"} for n in range(10_000)]),
    ),
    Poison("the same signature twice", "E_SIG", with_signatures(lambda right: [right, right])),
    Poison("one keyid twice", "E_SIG", with_signatures(lambda right: [right, {**right, "sig": "00" * 64}])),
    Poison("a keyid nobody lists", "E_SIG", with_signatures(lambda right: [right, {"keyid": _DIGEST, "sig": "00" * 64}])),
    Poison("another's signature", "E_SIG", lambda good, signer: compact(envelope(good, ed25519_signer("poison")))),
    Poison("a signature under the right keyid by another key", "E_SIG", with_signatures(lambda right: [{**right, "sig": "00" * 64}])),
    Poison("a signature of one byte", "E_SIG", with_signatures(lambda right: [{**right, "sig": "00"}])),
    Poison("a changed version", "E_SIG", lambda good, signer: compact({**envelope(good, signer), "signed": {**good, "x-added": 0}})),
    Poison("an empty signature", "E_SCHEMA", with_signatures(lambda right: [{**right, "sig": ""}])),
    Poison("a signature in upper case", "E_SCHEMA", with_signatures(lambda right: [{**right, "sig": "AB" + right["sig"][2:]}])),
    Poison("a signature with a line feed", "E_SCHEMA", with_signatures(lambda right: [{**right, "sig": right["sig"] + "\n"}])),
    Poison(
        "a signature with a space", "E_SCHEMA", with_signatures(lambda right: [{**right, "sig": right["sig"][:2] + " " + right["sig"][2:]}])
    ),
    Poison("a keyid with a line feed", "E_SCHEMA", with_signatures(lambda right: [{**right, "keyid": right["keyid"] + "\n"}])),
    Poison("a keyid in upper case", "E_SCHEMA", with_signatures(lambda right: [{**right, "keyid": "A" * 64}])),
    Poison("a signature with a method", "E_SCHEMA", with_signatures(lambda right: [{**right, "method": "none"}])),
    Poison("a signature without keyid", "E_SCHEMA", with_signatures(lambda right: [{"sig": right["sig"]}])),
    Poison("signatures is an object", "E_SCHEMA", with_signatures(lambda right: right)),
]

DELEGATIONS = [
    Poison("delegations null", "E_SCHEMA", signed_with("delegations", value=None)),
    Poison("delegations without keys", "E_SCHEMA", signed_with("delegations", value={"roles": []})),
    Poison("delegations with keys as a list", "E_SCHEMA", signed_with("delegations", value={"keys": [], "roles": []})),
    Poison("delegations without roles", "E_SCHEMA", signed_with("delegations", value={"keys": {}})),
    Poison("delegations with roles as an object", "E_SCHEMA", signed_with("delegations", value={"keys": {}, "roles": {}})),
    Poison("delegations with an unknown member", "E_SCHEMA", signed_with("delegations", value={"keys": {}, "roles": [], "extra": 0})),
    Poison("a delegated role is null", "E_SCHEMA", delegating(None)),
    *(
        Poison(f"a delegated role named {name!r}", "E_PORTABLE", delegating(role(name=name)))
        for name in (
            "root",
            "targets",
            "Snapshot",
            "timestamp",
            "mirrors",
            "__proto__",
            "constructor",
            "1",
            "",
            "a/b",
            "../a",
            "a b",
            "a+b",
            "\u00e9",
            "a\n",
            "x" * 101,
        )
    ),
    Poison("a delegated role named 1", "E_SCHEMA", delegating(role(name=1))),
    Poison("a delegated role with an unknown member", "E_SCHEMA", delegating(role(extra=0))),
    Poison("threshold 0", "E_SCHEMA", delegating(role(threshold=0))),
    Poison("threshold -1", "E_SCHEMA", delegating(role(threshold=-1))),
    Poison("threshold true", "E_SCHEMA", delegating(role(threshold=True))),
    Poison("threshold above the number of keys", "E_SCHEMA", delegating(role(threshold=2))),
    Poison("no keyids", "E_SCHEMA", delegating(role(keyids=[]))),
    Poison("keyids as an object", "E_SCHEMA", delegating(role(keyids={_DIGEST: 0}))),
    Poison("a keyid without a key", "E_SCHEMA", delegating(role(keyids=[_DIGEST]))),
    Poison("a keyid that is not one", "E_SCHEMA", delegating(role(keyids=["../../etc"]))),
    Poison("a keyid that is a number", "E_SCHEMA", delegating(role(keyids=[0]))),
    Poison("one keyid twice in a role", "E_SIG", delegating(role(keyids=[keyid_of(_ED25519)] * 2, threshold=2))),
    Poison("terminating 0", "E_SCHEMA", delegating(role(terminating=0))),
    Poison("no paths", "E_SCHEMA", delegating(role(paths=[]))),
    Poison("paths as text", "E_SCHEMA", delegating(role(paths="poison/*"))),
    Poison("a path that is a number", "E_SCHEMA", delegating(role(paths=[0]))),
    *(
        Poison(f"path pattern {pattern[:20]!r}", "E_PORTABLE", delegating(role(paths=[pattern])))
        for pattern in (
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "../*",
            "a/./b",
            "[a-z]",
            "a]",
            "a b",
            "a\\*",
            "a:b",
            "a%b",
            "\u00e9",
            "a\n",
            "x" * 241,
            "{a,b}",
            "!a",
            "@(a|b)",
        )
    ),
    Poison("path_hash_prefixes beside paths", "E_PORTABLE", delegating(role(path_hash_prefixes=["00"]))),
    Poison("path_hash_prefixes for paths", "E_PORTABLE", delegating({**role(path_hash_prefixes=["00"]), "paths": None})),
    Poison("one role twice", "E_PORTABLE", delegating(role(), role(paths=["other/*"]))),
    Poison("one role twice but for case", "E_PORTABLE", delegating(role(), role(name="Poison"))),
]

SUCCINCT = [
    Poison("succinct roles beside roles", "E_SCHEMA", signed_with("delegations", value={"keys": {}, "roles": [], "succinct_roles": {}})),
    Poison("succinct roles null", "E_SCHEMA", signed_with("delegations", value={"keys": {}, "succinct_roles": None})),
    *(Poison(f"bit_length {bits!r}", "E_SCHEMA", delegating_to_bins(bit_length=bits)) for bits in (0, -1, 17, 33, True, "1")),
    Poison("name_prefix 1", "E_SCHEMA", delegating_to_bins(name_prefix=1)),
    *(Poison(f"name_prefix {prefix[:20]!r}", "E_PORTABLE", delegating_to_bins(name_prefix=prefix)) for prefix in ("../a", "a b", "x" * 99)),
    Poison("succinct threshold 0", "E_SCHEMA", delegating_to_bins(threshold=0)),
    Poison("succinct threshold above the number of keys", "E_SCHEMA", delegating_to_bins(threshold=2)),
    Poison("succinct without keyids", "E_SCHEMA", delegating_to_bins(keyids=[])),
    Poison("succinct with one keyid twice", "E_SIG", delegating_to_bins(keyids=[keyid_of(_ED25519)] * 2)),
]

KEYS = [
    *one_key_twice(_P256),
    *one_key_twice(_RSA),
    Poison(
        "one P-256 key under two keytypes", "E_SIG", delegating_to_keys(_P256, {**_P256, "keytype": "ecdsa-sha2-nistp256"}, threshold=2)
    ),
    Poison("a keyid that is not its key's", "E_SCHEMA", listing_key(_P256)),
    Poison("a key null", "E_SCHEMA", listing_key(None)),
    Poison("a key with an unknown member", "E_SCHEMA", listing_key({**_ED25519, "keyid_hash_algorithms": ["sha256"]})),
    Poison("a key without keyval", "E_SCHEMA", listing_key({"keytype": "ed25519", "scheme": "ed25519"})),
    Poison("a private key in keyval", "E_SCHEMA", listing_key({**_ED25519, "keyval": {**_ED25519["keyval"], "private": "00" * 32}})),
    Poison("a member of one's own in keyval", "E_SCHEMA", listing_key({**_ED25519, "keyval": {**_ED25519["keyval"], "x-a": {}}})),
    Poison("a public key that is a number", "E_SCHEMA", listing_key({**_ED25519, "keyval": {"public": 0}})),
    Poison("a public key of 4,097 characters", "E_SCHEMA", delegating_to_keys(key_object("ed25519", "ed25519", "0" * 4097))),
    *(
        Poison(f"a key: {name}", "E_PORTABLE", delegating_to_keys(key))
        for name, key in {
            "P-384": _P384,
            "P-384 as P-256": {**_P384, "scheme": "ecdsa-sha2-nistp256"},
            "RSA of 1,024 bits": _RSA_1024,
            "RSA PKCS1v15": {**_RSA, "scheme": "rsa-pkcs1v15-sha256"},
            "RSA as ECDSA": {**_RSA, "keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256"},
            "ECDSA as RSA": {**_P256, "keytype": "rsa", "scheme": "rsassa-pss-sha256"},
            "ECDSA in hexadecimal": key_object("ecdsa", "ecdsa-sha2-nistp256", "04" + "00" * 64),
            "Ed25519 in upper case": key_object("ed25519", "ed25519", _ED25519["keyval"]["public"].upper()),
            "Ed25519 with a line feed": key_object("ed25519", "ed25519", _ED25519["keyval"]["public"] + "\n"),
            "Ed25519 a digit short": key_object("ed25519", "ed25519", _ED25519["keyval"]["public"][:-1]),
            "Ed25519 of small order": key_object("ed25519", "ed25519", "01" + "00" * 31),
            "Ed25519 outside the curve": key_object("ed25519", "ed25519", "02" + "00" * 31),
            "an unknown keytype": key_object("sphincs", "sphincs-shake-128s", "00"),
        }.items()
    ),
]

POISON = [*BYTES, *NUMBERS, *SHAPES, *PATHS, *SIGNATURES, *DELEGATIONS, *SUCCINCT, *KEYS]
