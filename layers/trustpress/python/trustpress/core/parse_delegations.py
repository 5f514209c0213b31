"""The `delegations` member, parsed by hand: a JSON Schema would take 45 ms for a thousand delegations."""

import re
from collections.abc import Mapping
from typing import Any

from trustpress.core.delegations import DelegatedRole, Delegations, RoleKeys
from trustpress.core.keys import PublicKey, parse_key
from trustpress.core.paths import PathPatterns, SuccinctRoles
from trustpress.core.portable import check_pattern, check_rolename
from trustpress.errors import KeyListedTwice, NotPortable, SchemaViolation, TooLarge

# TAP 15 allows 32 bits; every client fetches a snapshot that lists all bins, half a megabyte for 2^14 of them.
MAX_BITS = 14
MAX_KEYS = 4_096
MAX_ROLES = 20_000
MAX_PATTERNS = 1_000
MAX_PEM_LENGTH = 4096

_KEYID = re.compile(r"[0-9a-f]{64}")


def parse_delegations(value: Mapping[str, Any]) -> Delegations:
    """Parse the `delegations` member. Raises SchemaViolation, NotPortable or KeyListedTwice."""
    _check_members("delegations", value, {"keys"}, {"roles", "succinct_roles"})
    if ("roles" in value) == ("succinct_roles" in value):
        raise SchemaViolation("delegations", "expected either roles or succinct_roles")
    if not isinstance(value["keys"], dict):
        raise SchemaViolation("delegations.keys", "expected an object")
    if len(value["keys"]) > MAX_KEYS:
        raise TooLarge("delegations.keys", MAX_KEYS, "keys")
    keys = {keyid: _parse_key(keyid, key) for keyid, key in value["keys"].items()}
    if "succinct_roles" in value:
        return _parse_succinct(keys, value["succinct_roles"])
    if not isinstance(value["roles"], list):
        raise SchemaViolation("delegations.roles", "expected a list")
    if len(value["roles"]) > MAX_ROLES:
        raise TooLarge("delegations.roles", MAX_ROLES, "roles")
    roles: dict[str, DelegatedRole] = {}
    spellings = set()
    for entry in value["roles"]:
        role = _parse_role(keys, entry)
        if role.name.lower() in spellings:
            raise NotPortable(f"delegations.roles.{role.name}", "role names are unique, whatever their case")
        spellings.add(role.name.lower())
        roles[role.name] = role
    return Delegations(roles)


def parse_role_keys(where: str, keys: Mapping[str, PublicKey], role: Mapping[str, Any]) -> RoleKeys:
    """The keys of one role: all of them listed, each once by material, enough for the threshold.

    One key under two keyids would count twice in several clients (CVE-2020-6174). Raises SchemaViolation or KeyListedTwice.
    """
    missing = [keyid for keyid in role["keyids"] if keyid not in keys]
    if missing:
        raise SchemaViolation(f"{where}.keyids", f"no key has the keyid {missing[0]}")
    chosen = {keyid: keys[keyid] for keyid in role["keyids"]}
    if len({key.material for key in chosen.values()}) != len(role["keyids"]):
        raise KeyListedTwice(where, "one key is listed twice")
    if role["threshold"] > len(chosen):
        raise SchemaViolation(f"{where}.threshold", f"expected at most {len(chosen)}, the number of keys")
    return RoleKeys(chosen, role["threshold"])


def _parse_role(keys: Mapping[str, PublicKey], role: Any) -> DelegatedRole:
    _check_members("delegations.roles", role, {"name", "keyids", "threshold", "paths", "terminating"}, set())
    name, paths = role["name"], role["paths"]
    if not isinstance(name, str):
        raise SchemaViolation("delegations.roles.name", "expected a string")
    check_rolename(name)
    if not isinstance(role["terminating"], bool):
        raise SchemaViolation(f"delegations.roles.{name}.terminating", "expected true or false")
    if not isinstance(paths, list) or not paths or not all(isinstance(pattern, str) for pattern in paths):
        raise SchemaViolation(f"delegations.roles.{name}.paths", "expected a list of path patterns")
    if len(paths) > MAX_PATTERNS:
        raise TooLarge(f"delegations.roles.{name}.paths", MAX_PATTERNS, "patterns")
    for pattern in paths:
        check_pattern(pattern)
    _check_keyids(f"delegations.roles.{name}", role)
    return DelegatedRole(name, parse_role_keys(name, keys, role), PathPatterns(tuple(paths)), role["terminating"])


def _parse_succinct(keys: Mapping[str, PublicKey], value: Any) -> Delegations:
    where = "delegations.succinct_roles"
    _check_members(where, value, {"keyids", "threshold", "bit_length", "name_prefix"}, set())
    bit_length, prefix = value["bit_length"], value["name_prefix"]
    if type(bit_length) is not int or not 1 <= bit_length <= MAX_BITS:
        raise SchemaViolation(f"{where}.bit_length", f"expected an integer from 1 to {MAX_BITS}")
    if not isinstance(prefix, str):
        raise SchemaViolation(f"{where}.name_prefix", "expected a string")
    succinct = SuccinctRoles(bit_length, prefix)
    check_rolename(next(succinct.rolenames()))
    _check_keyids(where, value)
    return Delegations({}, succinct, parse_role_keys(prefix, keys, value))


def _parse_key(keyid: str, key: Any) -> PublicKey:
    where = f"delegations.keys.{keyid[:64]}"
    _check_members(where, key, {"keytype", "scheme", "keyval"}, set())
    keyval = key["keyval"]
    _check_members(f"{where}.keyval", keyval, {"public"}, set())
    if len(keyval) > 1:  # tuf-js wants each of them to be a string
        raise SchemaViolation(f"{where}.keyval", "expected no member of one's own here")
    texts = (key["keytype"], key["scheme"], keyval["public"])
    if not all(isinstance(text, str) and len(text) <= MAX_PEM_LENGTH for text in texts):
        raise SchemaViolation(where, "expected keytype, scheme and public as short strings")
    return parse_key(keyid, key)


def _check_keyids(where: str, role: Mapping[str, Any]) -> None:
    keyids, threshold = role["keyids"], role["threshold"]
    if type(threshold) is not int or threshold < 1:
        raise SchemaViolation(f"{where}.threshold", "expected an integer of at least 1")
    if not isinstance(keyids, list) or not keyids or not all(isinstance(keyid, str) and _KEYID.fullmatch(keyid) for keyid in keyids):
        raise SchemaViolation(f"{where}.keyids", "expected a list of keyids, 64 lower-case hexadecimal digits each")
    if len(set(keyids)) != len(keyids):
        raise KeyListedTwice(where, "one keyid is listed twice")


def _check_members(where: str, value: Any, required: set[str], optional: set[str]) -> None:
    """Exactly these members, and any that begin with `x-`."""
    if not isinstance(value, dict):
        raise SchemaViolation(where, "expected an object")
    if missing := required - value.keys():
        raise SchemaViolation(where, f"expected {min(missing)}")
    if unknown := [name for name in value.keys() - required - optional if not name.startswith("x-")]:
        if min(unknown) == "path_hash_prefixes":
            raise NotPortable(where, "path_hash_prefixes is broken or unknown in several clients: use paths or succinct_roles")
        raise SchemaViolation(where, f"unknown member {min(unknown)[:100]!r}")
