"""The table of refusals: everything that is refused, by the file it is uploaded as, with the code it ends in.

Poison in targets.json has a page of its own (tests/poison.py). Here is what can be wrong with a root, with a delegated role and
with a bundle, and what is wrong only beside what is published. docs/refusals.md is this table, with the hints of the receipts.
"""

import copy
import gzip
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
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
from tests.poison import POISON, Poison

_DIGEST = "0" * 64

_STRANGER = ed25519_signer("stranger")
_P256 = tuf_key(p256_signer("refusals"))
_RSA = key_object("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(2048)))


@dataclass(frozen=True)
class Kit:
    """What uploads are made from: the good next version of root, targets and docs, and who signs each.

    Targets delegates `poison/*` to docs. All are published at `now` in some version.
    """

    goods: Mapping[str, JsonObject]
    signers: Mapping[str, Signer]
    now: datetime

    def good(self, rolename: str) -> JsonObject:
        """A copy, to be changed."""
        return copy.deepcopy(self.goods[rolename])

    def signed(self, rolename: str, **members: Any) -> JsonObject:
        """The envelope of a good role, some of its members replaced before it is signed."""
        return envelope({**self.good(rolename), **members}, self.signers[rolename])


@dataclass(frozen=True)
class Case:
    """`file` is what is uploaded: its name says the role, or that it is a bundle."""

    name: str
    file: str
    code: str
    build: Callable[[Kit], bytes]


Change = Callable[[JsonObject, Kit], Any]


def _changed(name: str, file: str, code: str, change: Change, *others: Signer) -> Case:
    """A good version that is changed, then signed, by `others` as well."""
    rolename = file.removesuffix(".json")

    def build(kit: Kit) -> bytes:
        signed = kit.good(rolename)
        change(signed, kit)
        return compact(envelope(signed, kit.signers[rolename], *others))

    return Case(name, file, code, build)


def _set(*where: str, value: Any) -> Change:
    def change(signed: JsonObject, kit: Kit) -> None:
        *parents, member = where
        inner = signed
        for parent in parents:
            inner = inner[parent]
        inner[member] = value

    return change


def _without(member: str) -> Change:
    return lambda signed, kit: signed.pop(member)


def _of_the_published_version(signed: JsonObject, kit: Kit) -> None:
    signed |= {"version": signed["version"] - 1, "x-other": "bytes"}


def _expiring(**ahead: int) -> Change:
    def change(signed: JsonObject, kit: Kit) -> None:
        signed["expires"] = f"{kit.now + timedelta(**ahead):%Y-%m-%dT%H:%M:%SZ}"

    return change


def _bytes(name: str, file: str, code: str, change: Callable[[bytes], bytes]) -> Case:
    """A good upload, its bytes changed."""
    return Case(name, file, code, lambda kit: change(compact(kit.signed(file.removesuffix(".json")))))


def _with_signatures(name: str, file: str, code: str, change: Callable[[JsonObject], Any]) -> Case:
    def build(kit: Kit) -> bytes:
        good = kit.signed(file.removesuffix(".json"))
        return compact({**good, "signatures": change(good["signatures"][0])})

    return Case(name, file, code, build)


def _listing(rolename: str, *keys: JsonObject, threshold: int = 1, instead: bool = False) -> Change:
    """A root that lists these keys for a role too, or instead of the present ones."""

    def change(root: JsonObject, kit: Kit) -> None:
        listed = {keyid_of(key): key for key in keys}
        root["keys"] |= listed
        role = root["roles"][rolename]
        role["keyids"] = [*([] if instead else role["keyids"]), *listed]
        role["threshold"] = threshold

    return change


def _key_of_another_role(rolename: str, other: str) -> Change:
    def change(root: JsonObject, kit: Kit) -> None:
        root["roles"][other]["keyids"] += root["roles"][rolename]["keyids"]

    return change


def _one_key_twice_in_root(key: JsonObject) -> Iterable[Case]:
    for how, other in respelled(key).items():
        code = "E_SIG" if how == PORTABLE_SPELLING else "E_PORTABLE"
        name = f"one {key['keytype']} key under two keyids: {how}"
        yield _changed(name, "root.json", code, _listing("targets", key, other, threshold=3))


def _in_any_file(file: str) -> list[Case]:
    """What is refused whatever the role."""
    return [
        _bytes("nothing at all", file, "E_JSON", lambda body: b""),
        _bytes("a byte order mark", file, "E_JSON", lambda body: b"\xef\xbb\xbf" + body),
        _bytes("gzip", file, "E_JSON", gzip.compress),
        _bytes("cut short", file, "E_JSON", lambda body: body[:-1]),
        _bytes("two documents", file, "E_JSON", lambda body: body + body),
        _bytes("signed twice", file, "E_JSON", lambda body: body.replace(b'"signed":', b'"signed":0,"signed":', 1)),
        _bytes("100,000 lists deep", file, "E_JSON", lambda body: body[:-2] + b',"x-a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}"),
        _bytes("a version of 5,000 digits", file, "E_JSON", lambda body: body[:-2].rpartition(b":")[0] + b":" + b"9" * 5000 + b"}}"),
        _changed("a version in another case", file, "E_JSON", _set("Version", value=2)),
        _changed("version true", file, "E_SCHEMA", _set("version", value=True)),
        _changed("version 0", file, "E_SCHEMA", _set("version", value=0)),
        _changed("version 2^31", file, "E_SCHEMA", _set("version", value=2**31)),
        _changed("version 2^31-1, which would be the last", file, "E_JUMP", _set("version", value=2**31 - 1)),
        _changed("the published version, other bytes", file, "E_EQUIVOCATION", _of_the_published_version),
        _changed("another role's _type", file, "E_SCHEMA", _set("_type", value="snapshot")),
        _changed("spec_version 2.0.0", file, "E_SCHEMA", _set("spec_version", value="2.0.0")),
        _changed("an unknown member", file, "E_SCHEMA", _set("extra", value=0)),
        _changed("expires without Z", file, "E_SCHEMA", _set("expires", value="2031-01-01T00:00:00")),
        _changed("expired yesterday", file, "E_EXPIRY", _expiring(days=-1)),
        _changed("expires in half an hour", file, "E_EXPIRY", _expiring(minutes=30)),
        _changed("expires in eleven years", file, "E_EXPIRY", _expiring(days=4018)),
        _with_signatures("no signature", file, "E_SCHEMA", lambda right: []),
        _with_signatures("1,000 signatures", file, "E_SCHEMA", lambda right: [right] * 1_000),
        _with_signatures("the same signature twice", file, "E_SIG", lambda right: [right, right]),
        _with_signatures("one keyid twice", file, "E_SIG", lambda right: [right, {**right, "sig": "00" * 64}]),
        _with_signatures("a signature of one byte", file, "E_SIG", lambda right: [{**right, "sig": "00"}]),
        _with_signatures("a signature that names its scheme", file, "E_SCHEMA", lambda right: [{**right, "scheme": "none"}]),
        Case("signed by a stranger", file, "E_SIG", lambda kit: compact(envelope(kit.good(file.removesuffix(".json")), _STRANGER))),
        Case("signed by a stranger as well", file, "E_SIG", lambda kit: _signed_as_well(kit, file)),
    ]


def _signed_as_well(kit: Kit, file: str) -> bytes:
    rolename = file.removesuffix(".json")
    return compact(envelope(kit.good(rolename), kit.signers[rolename], _STRANGER))


def _by_the_new_key_alone(kit: Kit) -> bytes:
    root = kit.good("root")
    _listing("root", tuf_key(_STRANGER), instead=True)(root, kit)
    return compact(envelope(root, _STRANGER))


ROOT = [
    *_in_any_file("root.json"),
    *_one_key_twice_in_root(_P256),
    *_one_key_twice_in_root(_RSA),
    _changed(
        "one P-256 key under two keytypes",
        "root.json",
        "E_SIG",
        _listing("targets", _P256, {**_P256, "keytype": "ecdsa-sha2-nistp256"}, threshold=3),
    ),
    _changed(
        "one keyid twice in a role",
        "root.json",
        "E_SCHEMA",
        lambda root, kit: root["roles"]["root"].update(keyids=root["roles"]["root"]["keyids"] * 2, threshold=2),
    ),
    _changed("the root key is a timestamp key too", "root.json", "E_ROOT", _key_of_another_role("root", "timestamp")),
    _changed("the root key is a snapshot key too", "root.json", "E_ROOT", _key_of_another_role("root", "snapshot")),
    _changed("the targets key is a timestamp key too", "root.json", "E_ROOT", _key_of_another_role("targets", "timestamp")),
    _changed("an online key is a root key too", "root.json", "E_ROOT", _key_of_another_role("timestamp", "root")),
    _changed("an online key is a targets key too", "root.json", "E_ROOT", _key_of_another_role("timestamp", "targets")),
    _changed("threshold 0", "root.json", "E_SCHEMA", _set("roles", "root", "threshold", value=0)),
    _changed("threshold -1", "root.json", "E_SCHEMA", _set("roles", "targets", "threshold", value=-1)),
    _changed("threshold true", "root.json", "E_SCHEMA", _set("roles", "targets", "threshold", value=True)),
    _changed("threshold above the number of keys", "root.json", "E_SCHEMA", _set("roles", "targets", "threshold", value=2)),
    _changed("no keyids", "root.json", "E_SCHEMA", _set("roles", "targets", "keyids", value=[])),
    _changed("a keyid without a key", "root.json", "E_SCHEMA", _set("roles", "targets", "keyids", value=[_DIGEST])),
    _changed("a keyid that is not its key's", "root.json", "E_SCHEMA", _set("keys", _DIGEST, value=_P256)),
    _changed(
        "a private key in keyval", "root.json", "E_SCHEMA", _listing("targets", {**_P256, "keyval": {**_P256["keyval"], "private": "x"}})
    ),
    _changed(
        "a key with keyid_hash_algorithms", "root.json", "E_SCHEMA", _listing("targets", {**_P256, "keyid_hash_algorithms": ["sha256"]})
    ),
    *(
        _changed(f"a key: {name}", "root.json", "E_PORTABLE", _listing("targets", key))
        for name, key in {
            "P-384": key_object("ecdsa", "ecdsa-sha2-nistp384", pem_of(p384_public_key())),
            "RSA of 1,024 bits": key_object("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(1024))),
            "RSA PKCS1v15": {**_RSA, "scheme": "rsa-pkcs1v15-sha256"},
            "Ed25519 of small order": key_object("ed25519", "ed25519", "01" + "00" * 31),
            "an unknown keytype": key_object("sphincs", "sphincs-shake-128s", "00"),
        }.items()
    ),
    _changed("no timestamp role", "root.json", "E_SCHEMA", lambda root, kit: root["roles"].pop("timestamp")),
    _changed("a fifth role", "root.json", "E_SCHEMA", lambda root, kit: root["roles"].update(mirrors=root["roles"]["root"])),
    _changed("delegations", "root.json", "E_SCHEMA", _set("delegations", value={"keys": {}, "roles": []})),
    _changed("consistent_snapshot false", "root.json", "E_SCHEMA", _set("consistent_snapshot", value=False)),
    _changed("no consistent_snapshot", "root.json", "E_SCHEMA", _without("consistent_snapshot")),
    _changed("a policy that is none", "root.json", "E_SCHEMA", _set("x-trustpress", value={"targets": "sometimes"})),
    _changed("a timestamp that lives a minute", "root.json", "E_SCHEMA", _set("x-trustpress", value={"timestamp_seconds": 60})),
    _changed("a misspelled policy", "root.json", "E_SCHEMA", _set("x-trustpress", value={"timestamp_second": 3600})),
    _changed("a repository that is no text", "root.json", "E_SCHEMA", _set("x-trustpress-repository", value=["acme/api"])),
    _changed("another repository's x-trustpress-repository", "root.json", "E_FOREIGN", _set("x-trustpress-repository", value="acme/web")),
    _changed("another targets key instead of the one that signed targets", "root.json", "E_ROOT", _listing("targets", _P256, instead=True)),
    _changed("a threshold that targets does not meet", "root.json", "E_ROOT", _listing("targets", _P256, threshold=2)),
    _changed("online keys of another deployment", "root.json", "E_ONLINE", _listing("timestamp", _P256, instead=True)),
    _changed("another root key, which did not sign", "root.json", "E_SIG", _listing("root", _P256, instead=True)),
    _changed("a root threshold that it does not meet itself", "root.json", "E_SIG", _listing("root", _P256, threshold=2)),
    Case("another root key, signed by that alone", "root.json", "E_SIG", _by_the_new_key_alone),
    _bytes("over 512,000 bytes", "root.json", "E_SIZE", lambda body: body + b" " * 512_000),
    Case("targets metadata", "root.json", "E_SCHEMA", lambda kit: compact(kit.signed("targets"))),
]


def _delegating(*keys: JsonObject, name: str = "deeper", paths: Sequence[str] = ("poison/deep-*",)) -> Change:
    def change(signed: JsonObject, kit: Kit) -> None:
        role = {"name": name, "keyids": [keyid_of(key) for key in keys], "threshold": 1, "terminating": False, "paths": list(paths)}
        signed["delegations"] = {"keys": {keyid_of(key): key for key in keys}, "roles": [role]}

    return change


def _with_target(targetpath: str) -> Change:
    return lambda signed, kit: signed["targets"].update({targetpath: target_file(b"poison")})


DELEGATED = [
    *_in_any_file("docs.json"),
    Case("signed by the targets key", "docs.json", "E_SIG", lambda kit: compact(envelope(kit.good("docs"), kit.signers["targets"]))),
    Case("targets metadata under its name", "docs.json", "E_SIG", lambda kit: compact(kit.signed("targets"))),
    Case("root metadata under its name", "docs.json", "E_SCHEMA", lambda kit: compact(kit.signed("root"))),
    _changed("a target outside its paths", "docs.json", "E_AUTH", _with_target("elsewhere/file.txt")),
    _changed("a target one folder too deep", "docs.json", "E_AUTH", _with_target("poison/deep/file.txt")),
    _changed("a target that climbs out", "docs.json", "E_PORTABLE", _with_target("poison/../file.txt")),
    _changed("a target whose name begins with a dot", "docs.json", "E_PORTABLE", _with_target("poison/.file")),
    _changed("a target named constructor", "docs.json", "E_PORTABLE", _with_target("constructor")),
    _changed("a new target with brackets, which no URL has as they are", "docs.json", "E_PORTABLE", _with_target("poison/report[1].txt")),
    _changed("a new target that is a device of Windows", "docs.json", "E_PORTABLE", _with_target("poison/aux.txt")),
    _changed("a delegation outside its paths", "docs.json", "E_AUTH", _delegating(_P256, paths=["*"])),
    _changed("a delegation to itself", "docs.json", "E_DELEG", _delegating(_P256, name="docs")),
    _changed("a delegation to targets, a cycle", "docs.json", "E_PORTABLE", _delegating(_P256, name="targets")),
    _changed("a delegation to root", "docs.json", "E_PORTABLE", _delegating(_P256, name="root")),
    _changed("the metadata of another role, by its x-trustpress-role", "docs.json", "E_AUTH", _set("x-trustpress-role", value="other")),
    _changed("another repository's x-trustpress-repository", "docs.json", "E_FOREIGN", _set("x-trustpress-repository", value="acme/web")),
    Case("the targets key for a role of its own", "docs.json", "E_DELEG", lambda kit: _by_key_of(kit, "docs", "targets")),
    Case("the root key for a role of its own", "docs.json", "E_DELEG", lambda kit: _by_key_of(kit, "docs", "root")),
    _changed(
        "a key with an extra member in keyval", "docs.json", "E_SCHEMA", _delegating({**_P256, "keyval": {**_P256["keyval"], "x-a": 0}})
    ),
    *(
        _changed(
            f"path pattern {pattern!r}, which some clients read otherwise", "docs.json", "E_PORTABLE", _delegating(_P256, paths=[pattern])
        )
        for pattern in ("poison/{a,b}", "!poison/*", "poison/@(a)", "poison/[a]")
    ),
]


def _by_key_of(kit: Kit, delegator: str, other: str) -> bytes:
    signed = kit.good(delegator)
    _delegating(tuf_key(kit.signers[other]))(signed, kit)
    return compact(envelope(signed, kit.signers[delegator]))


BESIDE_PUBLISHED = [
    _changed("an older version", "targets.json", "E_OLD", _set("version", value=1)),
    _changed("the published version, other bytes", "targets.json", "E_EQUIVOCATION", _of_the_published_version),
    _changed("version 2^31-1, which would be the last", "targets.json", "E_JUMP", _set("version", value=2**31 - 1)),
    _changed("expired yesterday", "targets.json", "E_EXPIRY", _expiring(days=-1)),
    _changed("expires in half an hour", "targets.json", "E_EXPIRY", _expiring(minutes=30)),
    _changed("expires in eleven years", "targets.json", "E_EXPIRY", _expiring(days=4018)),
    _changed(
        "another repository's x-trustpress-repository", "targets.json", "E_FOREIGN", _set("x-trustpress-repository", value="acme/web")
    ),
    _changed("another role's x-trustpress-role", "targets.json", "E_AUTH", _set("x-trustpress-role", value="docs")),
    _changed("a new target too long for a file's name", "targets.json", "E_PORTABLE", _with_target("d/" * 20 + "x" * 200)),
    Case("its own key for a delegated role", "targets.json", "E_DELEG", lambda kit: _by_key_of(kit, "targets", "targets")),
    Case("the root key for a delegated role", "targets.json", "E_DELEG", lambda kit: _by_key_of(kit, "targets", "root")),
    _changed("a new role whose name ends in .root", "targets.json", "E_PORTABLE", _delegating(_P256, name="x.root", paths=["x/*"])),
    _changed(
        "another key for docs, which docs is not signed by", "targets.json", "E_DELEG", _delegating(_P256, name="docs", paths=["poison/*"])
    ),
    _changed(
        "2,001 new target files",
        "targets.json",
        "E_SIZE",
        lambda signed, kit: signed["targets"].update({f"many/{n}": target_file(b"") for n in range(2001)}),
    ),
    Case("root metadata under its name", "targets.json", "E_SCHEMA", lambda kit: compact(kit.signed("root"))),
]


def _bundle(name: str, code: str, build: Callable[[Kit], Any]) -> Case:
    return Case(name, "bundle.json", code, lambda kit: compact(build(kit)))


def _at_once_in_words_of_another_version(kit: Kit) -> JsonObject:
    """What was carried over from the root before, which did replace a key at once."""
    root = kit.good("root")
    _listing("targets", _P256, instead=True)(root, kit)
    root["x-trustpress-at-once"] = root["version"] - 1
    return {"root": envelope(root, kit.signers["root"]), "targets": envelope(kit.good("targets"), p256_signer("refusals"))}


def _bundle_with_root(name: str, code: str, build: Callable[[Kit], Any]) -> Case:
    return Case(name, "bundle.root.json", code, lambda kit: compact(build(kit)))


def _two(kit: Kit, **others: Any) -> JsonObject:
    """A good bundle of targets and docs, with others in it or instead of them."""
    return {"targets": kit.signed("targets"), "docs": kit.signed("docs"), **others}


def _two_and(name: str) -> Callable[[Kit], Any]:
    return lambda kit: _two(kit, **{name: kit.signed("docs")})


def _docs_counted_twice(other: JsonObject, kit: Kit) -> JsonObject:
    """One key under two keyids, both of which sign: threshold 2 in most clients."""
    signer = p256_signer("refusals")
    targets = kit.good("targets")
    _delegating(_P256, other, name="docs", paths=["poison/*"])(targets, kit)
    targets["delegations"]["roles"][0]["threshold"] = 2
    docs = envelope(kit.good("docs"), signer)
    [signature] = docs["signatures"]
    docs["signatures"] = [{**signature, "keyid": keyid_of(key)} for key in (_P256, other)]
    return {"targets": envelope(targets, kit.signers["targets"]), "docs": docs}


BUNDLES = [
    _bundle("an empty bundle", "E_JSON", lambda kit: {}),
    _bundle("a list of envelopes", "E_JSON", lambda kit: list(_two(kit).values())),
    _bundle("a role that is null", "E_JSON", lambda kit: _two(kit, docs=None)),
    _bundle("a role that is a number", "E_JSON", lambda kit: _two(kit, docs=1)),
    _bundle("a role without its envelope", "E_JSON", lambda kit: _two(kit, docs=kit.good("docs"))),
    _bundle("a bundle in a bundle", "E_JSON", lambda kit: {"bundle": _two(kit)}),
    _bundle("signed beside roles", "E_JSON", lambda kit: _two(kit, signed={})),
    Case("one role twice", "bundle.json", "E_JSON", lambda kit: compact(_two(kit)).replace(b'{"docs":', b'{"docs":0,"docs":', 1)),
    Case("cut short", "bundle.json", "E_JSON", lambda kit: compact(_two(kit))[:-1]),
    Case("gzip", "bundle.json", "E_JSON", lambda kit: gzip.compress(compact(_two(kit)))),
    *(
        _bundle(f"a role named {name!r}", "E_PORTABLE", _two_and(name))
        for name in ("snapshot", "timestamp", "mirrors", "__proto__", "7", "a/b", "../docs", "")
    ),
    _bundle("20,001 roles", "E_SIZE", lambda kit: {f"r{number}": 0 for number in range(20_001)}),
    _bundle("500,001 values", "E_SIZE", lambda kit: {"x": [0] * 500_001}),
    Case("24 MB that are not target entries", "bundle.json", "E_SIZE", lambda kit: json.dumps({"x": "x" * 24_000_000}).encode()),
    _bundle("one role by a stranger", "E_SIG", lambda kit: _two(kit, docs=envelope(kit.good("docs"), _STRANGER))),
    _bundle("roles under each other's names", "E_SIG", lambda kit: {"targets": kit.signed("docs"), "docs": kit.signed("targets")}),
    _bundle_with_root("targets under the name of root", "E_SCHEMA", lambda kit: _two(kit, root=kit.signed("targets"))),
    _bundle_with_root("a root by a stranger inside", "E_SIG", lambda kit: _two(kit, root=envelope(kit.good("root"), _STRANGER))),
    _bundle_with_root("a targets key replaced at once, which root does not say", "E_ROOT", _at_once_in_words_of_another_version),
    _bundle("a root inside, under a name that build systems may write to", "E_PLACE", lambda kit: _two(kit, root=kit.signed("root"))),
    _bundle(
        "one role of the published version, other bytes",
        "E_EQUIVOCATION",
        lambda kit: _two(kit, docs=kit.signed("docs", version=1, targets={}, **{"x-other": "bytes"})),
    ),
    _bundle("one role that jumps", "E_JUMP", lambda kit: _two(kit, docs=kit.signed("docs", version=2**31 - 1))),
    _bundle("one role that has expired", "E_EXPIRY", lambda kit: _two(kit, docs=kit.signed("docs", expires="2020-01-01T00:00:00Z"))),
    _bundle("one role outside its paths", "E_AUTH", lambda kit: _two(kit, docs=kit.signed("docs", targets={"a": target_file(b"")}))),
    *(
        _bundle(
            f"one key under two keyids signs docs twice: {how}",
            "E_SIG" if how == PORTABLE_SPELLING else "E_PORTABLE",
            partial(_docs_counted_twice, other),
        )
        for how, other in respelled(_P256).items()
    ),
    _bundle(
        "one key under two keytypes signs docs twice",
        "E_SIG",
        partial(_docs_counted_twice, {**_P256, "keytype": "ecdsa-sha2-nistp256"}),
    ),
]

NAMES = [
    *(
        Case(f"a name for no role: {file!r}", file, "E_KEY", lambda kit: compact(kit.signed("targets")))
        for file in ("targets", "targets.json.gz", "dir/targets.json", "a b.json", "../targets.json", ".json")
    ),
    *(
        Case("a role that nobody may upload", file, "E_PORTABLE", lambda kit: compact(kit.signed("targets")))
        for file in ("snapshot.json", "timestamp.json", "mirrors.json", "__proto__.json", "7.json")
    ),
]


def _of_targets(poison: Poison) -> Case:
    return Case(poison.name, "targets.json", poison.code, lambda kit: poison.build(kit.good("targets"), kit.signers["targets"]))


CASES = [*map(_of_targets, POISON), *BESIDE_PUBLISHED, *ROOT, *DELEGATED, *BUNDLES, *NAMES]
