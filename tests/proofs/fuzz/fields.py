"""Changes to the fields that TUF knows: to what they must not be, and to what is unusual and allowed."""

import copy
from collections.abc import Callable
from random import Random
from typing import Any

from tests.builders import JsonObject, keyid_of, target_file
from tests.proofs.fuzz import hostile
from tests.proofs.fuzz.keys import Ed25519, key_json
from tests.proofs.fuzz.uploads import Upload

Change = Callable[[Random, Upload, JsonObject], None]


def change(rng: Random, upload: Upload, signed: JsonObject) -> None:
    """Change one field of a role, as far as earlier changes have left it in shape."""
    changes = _OF_ROOT if "roles" in signed else _OF_TARGETS
    try:
        rng.choice(changes)(rng, upload, signed)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        signed["x-out-of-shape"] = 0


def _version(rng: Random, upload: Upload, signed: JsonObject) -> None:
    version = signed["version"]
    signed["version"] = rng.choice([version + 1, version - 1, version + 2, version + 1000, version + 1001, hostile.number(rng, upload)])


def _expires(rng: Random, upload: Upload, signed: JsonObject) -> None:
    signed["expires"] = rng.choice(hostile.EXPIRES)


def _spec_version(rng: Random, upload: Upload, signed: JsonObject) -> None:
    signed["spec_version"] = rng.choice(hostile.SPEC_VERSIONS)


def _type(rng: Random, upload: Upload, signed: JsonObject) -> None:
    signed["_type"] = rng.choice(["root", "targets", "snapshot", "timestamp", "mirrors", "Targets", "", None, 0, "targets\0"])


def _member_of_our_own(rng: Random, upload: Upload, signed: JsonObject) -> None:
    signed[rng.choice(["x-note", "x-trustpress-role", "x-trustpress", "x-", "x-\u00e9", "x-targets", "x-__proto__"])] = hostile.harmless(
        rng
    )


def _keys(rng: Random, upload: Upload, holder: JsonObject) -> None:
    """List a key, mostly under its right keyid, and have a role use it, perhaps."""
    key = copy.deepcopy(rng.choice(hostile.KEYS)) if rng.random() < 0.7 else _bent_pem(rng)
    keyid = keyid_of(key) if rng.random() < 0.9 else rng.choice(["0" * 64, "", "A" * 64, "x" * 100_000, *holder["keys"]])
    holder["keys"][keyid] = key
    role = _any_role(rng, holder)
    if role and rng.random() < 0.7:
        role["keyids"].append(keyid)
        role["threshold"] = rng.choice([role["threshold"], role["threshold"] + 1, len(role["keyids"])])


def _bent_pem(rng: Random) -> JsonObject:
    """A PEM with some of its base64 changed."""
    key = copy.deepcopy(rng.choice(hostile.KEYS[:2]))
    text = list(key["keyval"]["public"])
    for _ in range(rng.randrange(1, 4)):
        text[rng.randrange(26, len(text) - 26)] = rng.choice("ABCDwxyz0189+/=\n")
    key["keyval"]["public"] = "".join(text)
    return key


def _threshold(rng: Random, upload: Upload, holder: JsonObject) -> None:
    _a_role(rng, holder)["threshold"] = hostile.number(rng, upload)


def _keyids(rng: Random, upload: Upload, holder: JsonObject) -> None:
    role = _a_role(rng, holder)
    keyids = role["keyids"]
    known = list(holder["keys"])
    role["keyids"] = rng.choice(
        [
            keyids * 2, keyids[::-1], keyids[:-1], [*keyids, rng.choice(known)], [rng.choice(known)], known, [*keyids, "0" * 64],
            [*keyids, 0], ["x" * 100_000], {}, None,
        ]
    )  # fmt: skip


def _same_key_elsewhere(rng: Random, upload: Upload, root: JsonObject) -> None:
    """One role's keys for another as well: root's for timestamp, say."""
    roles = root["roles"]
    one, other = rng.choice(list(roles)), rng.choice(list(roles))
    roles[other]["keyids"] = [*roles[other]["keyids"], *(keyid for keyid in roles[one]["keyids"] if keyid not in roles[other]["keyids"])]


def _any_role(rng: Random, holder: JsonObject) -> Any:
    roles = holder["roles"] if "roles" in holder else [holder["succinct_roles"]]
    found = list(roles.values()) if isinstance(roles, dict) else roles
    return rng.choice(found) if found else None


def _a_role(rng: Random, holder: JsonObject) -> Any:
    return _any_role(rng, holder) or {}


def _roles_of_root(rng: Random, upload: Upload, root: JsonObject) -> None:
    name = rng.choice([*root["roles"], "mirrors", "docs"])
    if name in root["roles"] and rng.random() < 0.5:
        del root["roles"][name]
    else:
        root["roles"][name] = rng.choice([{"keyids": [], "threshold": 1}, None, copy.deepcopy(root["roles"]["root"])])


def _consistent_snapshot(rng: Random, upload: Upload, root: JsonObject) -> None:
    root["consistent_snapshot"] = rng.choice([False, 1, "true", None, True])


def _policy(rng: Random, upload: Upload, root: JsonObject) -> None:
    seconds = rng.choice([3600, 3599, 31_536_000, 31_536_001, 0, -1, True, "3600", upload.raw(b"1e5", b"100000")])
    root["x-trustpress"] = rng.choice(
        [
            {"targets": "external"},
            {"targets": "present"},
            {"targets": 0},
            {},
            None,
            [],
            {"timestamp_seconds": seconds},
            {"snapshot_seconds": seconds},
        ]
    )


def _target(rng: Random, upload: Upload, signed: JsonObject) -> None:
    """A target more, at a path that some clients might not like."""
    signed["targets"][hostile.targetpath(rng)] = target_file(
        b"%d" % rng.randrange(3), *rng.choice([["sha256"], ["sha256", "sha512"], ["sha512"], ["md5"]])
    )


def _authorized_target(rng: Random, upload: Upload, signed: JsonObject) -> None:
    """Next to one that is there, so that patterns may well match."""
    targetpath = rng.choice(list(signed["targets"]))
    directory, slash, _ = targetpath.rpartition("/")
    signed["targets"][f"{directory}{slash}{hostile.targetpath(rng)}"] = target_file(b"0")


def _many_targets(rng: Random, upload: Upload, signed: JsonObject) -> None:
    entry = rng.choice(list(signed["targets"].values()))
    signed["targets"] |= {f"docs/{number}": entry for number in range(rng.choice([10, 100, 400]))}


def _entry(rng: Random, upload: Upload, signed: JsonObject) -> None:
    entry = signed["targets"][rng.choice(list(signed["targets"]))]
    member = rng.choice(["length", "hashes", "custom", "custom", "custom", "extra"])
    values: dict[str, Callable[[], Any]] = {
        "length": lambda: hostile.number(rng, upload),
        "hashes": lambda: _hashes(rng),
        "custom": lambda: _custom(rng, upload),
        "extra": lambda: hostile.anything(rng, upload),
    }
    entry[member] = values[member]()


def _custom(rng: Random, upload: Upload) -> Any:
    if rng.random() < 0.3:
        return hostile.anything(rng, upload)
    return {"a": hostile.harmless(rng), rng.choice(hostile.TEXTS): hostile.harmless(rng)}


def _hashes(rng: Random) -> Any:
    digest = rng.choice(["0" * 64, "f" * 64, "F" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n", "../../etc", "", None, 0, "0" * 128])
    return rng.choice(
        [
            {"sha256": digest},
            {"sha256": "0" * 64, "sha512": digest},
            {"sha512": digest},
            {"sha256": "0" * 64, "__proto__": digest},
            {},
            [digest],
            None,
        ]
    )


def _no_targets(rng: Random, upload: Upload, signed: JsonObject) -> None:
    signed["targets"] = rng.choice([{}, {}, [], None])


def _pattern(rng: Random, upload: Upload, signed: JsonObject) -> None:
    """Other patterns, and targets that they match, where the upload has the role as well."""
    role = rng.choice(signed["delegations"]["roles"])
    patterns = [hostile.pattern(rng) for _ in range(rng.choice([1, 1, 2, 5, 50]))]
    role["paths"] = patterns if rng.random() < 0.4 else [*role["paths"], *patterns]
    delegated = upload.roles.get(role["name"])
    if delegated is None:
        return
    for pattern in patterns:
        targetpath = "".join(rng.choice([".", "a", "bc", "-", "*", ""]) if letter in "*?" else letter for letter in pattern)
        delegated.signed["targets"][targetpath] = target_file(b"0")


def _role_member(rng: Random, upload: Upload, signed: JsonObject) -> None:
    role = rng.choice(signed["delegations"]["roles"])
    member = rng.choice(["name", "terminating", "paths", "path_hash_prefixes", "x-note", "extra"])
    values: dict[str, Callable[[], Any]] = {
        "name": lambda: rng.choice(hostile.ROLENAMES),
        "terminating": lambda: rng.choice([True, False, 0, None, "true"]),
        "paths": lambda: hostile.anything(rng, upload),
        "path_hash_prefixes": lambda: rng.choice([[], ["00"], None]),
        "x-note": lambda: hostile.harmless(rng),
        "extra": lambda: hostile.anything(rng, upload),
    }
    role[member] = values[member]()


def _roles(rng: Random, upload: Upload, signed: JsonObject) -> None:
    """Delegated roles in another order, missing, twice, or one more that has no metadata."""
    roles = signed["delegations"]["roles"]
    more = {**copy.deepcopy(rng.choice(roles)), "name": rng.choice(hostile.ROLENAMES)}
    signed["delegations"]["roles"] = rng.choice(
        [roles[::-1], roles[1:], roles[:-1], roles * 2, [], [*roles, more], [more, *roles], None, {}]
    )


def _succinct(rng: Random, upload: Upload, signed: JsonObject) -> None:
    succinct = signed["delegations"]["succinct_roles"]
    member = rng.choice(["bit_length", "name_prefix", "threshold", "x-note", "extra"])
    values: dict[str, Callable[[], Any]] = {
        "bit_length": lambda: rng.choice([1, 2, 3, 0, -1, 14, 15, 32, 33, True, 2.0, "2", None]),
        "name_prefix": lambda: rng.choice(hostile.ROLENAMES),
        "threshold": lambda: hostile.number(rng, upload),
        "x-note": lambda: hostile.harmless(rng),
        "extra": lambda: hostile.anything(rng, upload),
    }
    succinct[member] = values[member]()


def _both_kinds(rng: Random, upload: Upload, signed: JsonObject) -> None:
    signed["delegations"].setdefault("roles", [])
    signed["delegations"].setdefault(
        "succinct_roles", {"keyids": list(signed["delegations"]["keys"]), "threshold": 1, "bit_length": 1, "name_prefix": "b"}
    )


def _no_delegations(rng: Random, upload: Upload, signed: JsonObject) -> None:
    signed["delegations"] = rng.choice([None, {}, [], {"keys": {}, "roles": []}])


def _delegation_of_its_own(rng: Random, upload: Upload, signed: JsonObject) -> None:
    """A role that delegates already does so once more, another begins; in bad faith it may name anybody."""
    key = key_json(Ed25519(rng.choice(["docs", "news", "targets-1", "root-1", "fuzz"])))
    delegations = signed.setdefault("delegations", {"keys": {}, "roles": []})
    delegations["keys"][keyid_of(key)] = key
    role = {
        "name": rng.choice(hostile.ROLENAMES),
        "keyids": [keyid_of(key)],
        "threshold": 1,
        "terminating": rng.random() < 0.5,
        "paths": [hostile.pattern(rng)],
    }
    delegations["roles"].insert(rng.randrange(len(delegations["roles"]) + 1), role)


def _in_delegations(change: Change) -> Change:
    return lambda rng, upload, signed: change(rng, upload, signed["delegations"])


_OF_ANY: list[Change] = [_version, _version, _expires, _spec_version, _type, _member_of_our_own, _member_of_our_own]
_OF_ROOT: list[Change] = [
    *_OF_ANY,
    _keys,
    _keys,
    _keys,
    _threshold,
    _keyids,
    _keyids,
    _same_key_elsewhere,
    _roles_of_root,
    _consistent_snapshot,
    _policy,
]
_OF_TARGETS: list[Change] = [
    *_OF_ANY, _target, _target, _target, _authorized_target, _authorized_target, _many_targets, _entry, _entry, _entry, _no_targets,
    _pattern, _pattern, _role_member, _role_member, _roles, _succinct, _both_kinds, _no_delegations, _delegation_of_its_own,
    *map(_in_delegations, [_keys, _keys, _threshold, _keyids]),
]  # fmt: skip
