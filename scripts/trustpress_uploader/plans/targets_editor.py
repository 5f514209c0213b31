"""Targets metadata: composed, edited, signed. Pure: the `signed` member of a role in, that of its next version out.

Every member that is not edited stays as it is, known here or not (specification 4.1).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trustpress.core.delegations import RoleKeys
from trustpress.core.entries import TargetFile
from trustpress.core.instants import write_instant
from trustpress.core.paths import SuccinctRoles
from trustpress.core.portable import check_new_targetpath
from trustpress.core.release import SPEC_VERSION
from trustpress_uploader.errors import NoSuchTarget, NotPossible

Signed = dict[str, Any]

# A change to one role that can be applied to whatever version of it is the newest.
Edit = Callable[[Signed], Signed]


@dataclass(frozen=True, slots=True)
class TargetsEdit:
    """Targets added and removed."""

    added: Mapping[str, TargetFile] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()

    def __call__(self, signed: Signed) -> Signed:
        """With the change made; equal to what it was if nothing is left to do.

        An entry that names the same file stays as it is, with the custom data and further hashes it may have, unless the new
        one brings custom data of its own. Raises NotPortable for another at a path that not every client can fetch.
        """
        listed = signed["targets"]
        new = {name: entry for name, entry in self.added.items() if not _says_the_same(listed.get(name), entry)}
        for name in new:
            check_new_targetpath(name)
        return signed | {"targets": {name: entry for name, entry in listed.items() if name not in self.removed} | new}


def compose_targets(expires: datetime, rolename: str = "targets") -> Signed:
    """Version 1 of a targets role, which lists nothing yet (specification 4.5). A delegated role says who it is."""
    name = {} if rolename == "targets" else {"x-trustpress-role": rolename}
    return {"_type": "targets", "expires": write_instant(expires), "spec_version": SPEC_VERSION, "targets": {}, "version": 1} | name


def next_version(edited: Signed, expires: datetime, rolename: str = "targets") -> Signed:
    """The next version of a role that has been edited; its life is never made shorter."""
    name = {} if rolename == "targets" else {"x-trustpress-role": rolename}
    return edited | {"version": edited["version"] + 1, "expires": max(edited["expires"], write_instant(expires))} | name


def delegate(name: str, role_keys: RoleKeys, paths: Iterable[str], *, terminating: bool = False) -> Edit:
    """Delegate paths to a role; nothing is left to do if that is so already.

    Raises NotPossible if the delegator has bins, or delegates otherwise to such a role.
    """

    def edit(signed: Signed) -> Signed:
        delegations = _delegations(signed)
        entry = {
            "name": name,
            "keyids": list(role_keys.keys),
            "threshold": role_keys.threshold,
            "terminating": terminating,
            "paths": list(paths),
        }
        if entry in delegations["roles"]:
            return signed
        if any(role["name"].lower() == name.lower() for role in delegations["roles"]):
            raise NotPossible(
                f"{signed.get('x-trustpress-role', 'targets')} delegates to {name} already, with other keys or paths",
                "`trustpress signer list` shows to whom; `signer rotate` changes keys, `signer remove` ends it.",
            )
        return signed | {"delegations": _with_roles(delegations, [*delegations["roles"], entry], role_keys)}

    return edit


def delegate_to_keys(name: str, role_keys: RoleKeys) -> Edit:
    """Have these keys sign a role that is delegated already. Raises NotPossible if it is not."""

    def edit(signed: Signed) -> Signed:
        delegations = _delegations(signed)
        _check_delegated(delegations, name)
        changed = {"keyids": list(role_keys.keys), "threshold": role_keys.threshold}
        roles = [role | changed if role["name"] == name else role for role in delegations["roles"]]
        return signed | {"delegations": _with_roles(delegations, roles, role_keys)}

    return edit


def undelegate(name: str) -> Edit:
    """Take a delegation back. Raises NotPossible if there is none."""

    def edit(signed: Signed) -> Signed:
        delegations = _delegations(signed)
        _check_delegated(delegations, name)
        return signed | {"delegations": _with_roles(delegations, [role for role in delegations["roles"] if role["name"] != name])}

    return edit


def delegate_to_bins(succinct: SuccinctRoles, role_keys: RoleKeys) -> Edit:
    """Delegate everything to succinct roles (TAP 15), and list nothing any more. Raises NotPossible where others are delegated to."""

    def edit(signed: Signed) -> Signed:
        if signed.get("delegations", {}).get("roles") or "succinct_roles" in signed.get("delegations", {}):
            raise NotPossible("targets delegates already", "Bins take over everything: remove the other delegations first.")
        bins = {
            "keyids": list(role_keys.keys),
            "threshold": role_keys.threshold,
            "bit_length": succinct.bit_length,
            "name_prefix": succinct.prefix,
        }
        keys = {keyid: key.as_json() for keyid, key in role_keys.keys.items()}
        return signed | {"targets": {}, "delegations": {"keys": keys, "succinct_roles": bins}}

    return edit


def check_names(listed: Iterable[str], names: Iterable[str]) -> None:
    """Raises NoSuchTarget if one of them is not listed."""
    from difflib import get_close_matches

    known = set(listed)
    missing = sorted(set(names) - known)
    if missing:
        raise NoSuchTarget(missing, get_close_matches(missing[0], known))


def _says_the_same(listed: Any, entry: TargetFile) -> bool:
    if listed is None or listed["length"] != entry["length"] or not entry["hashes"].items() <= listed["hashes"].items():
        return False
    return "custom" not in entry or listed.get("custom") == entry["custom"]


def _delegations(signed: Signed) -> Signed:
    delegations: Signed = signed.get("delegations", {"keys": {}, "roles": []})
    if "succinct_roles" in delegations:
        raise NotPossible("targets delegates everything to bins", "A repository has bins or named signers, not both.")
    return delegations


def _check_delegated(delegations: Signed, name: str) -> None:
    known = [role["name"] for role in delegations["roles"]]
    if name not in known:
        raise NotPossible(f"nobody delegates to {name}", f"Known signers: {', '.join(known) or 'none yet'}.")


def _with_roles(delegations: Signed, roles: list[Any], new: RoleKeys | None = None) -> Signed:
    """The roles, and exactly the keys that they use."""
    keys = delegations["keys"] | ({keyid: key.as_json() for keyid, key in new.keys.items()} if new else {})
    used = {keyid for role in roles for keyid in role["keyids"]}
    return delegations | {"roles": roles, "keys": {keyid: key for keyid, key in keys.items() if keyid in used}}
