"""The next root: who may sign what. Pure: the `signed` member of one version in, that of the next version out.

Every member that is not edited stays as it is, known here or not (specification 4.1).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from trustpress.core.delegations import RoleKeys
from trustpress.core.instants import write_instant
from trustpress.core.keys import PublicKey, parse_key
from trustpress.core.release import SPEC_VERSION
from trustpress_uploader.errors import NotPossible

Signed = dict[str, Any]

_AT_ONCE = "x-trustpress-at-once"


def compose_root(roles: Mapping[str, RoleKeys], expires: datetime, *, external_targets: bool) -> Signed:
    """Version 1 of root (specification 4.3). `roles` says who signs root, targets, snapshot and timestamp."""
    root: Signed = {
        "_type": "root",
        "consistent_snapshot": True,
        "expires": write_instant(expires),
        "keys": {keyid: key.as_json() for role in roles.values() for keyid, key in role.keys.items()},
        "roles": {name: {"keyids": list(role.keys), "threshold": role.threshold} for name, role in roles.items()},
        "spec_version": SPEC_VERSION,
        "version": 1,
    }
    if external_targets:
        root["x-trustpress"] = {"targets": "external"}
    return root


def next_root(current: Signed, expires: datetime) -> Signed:
    """The next version with nothing else changed; its life is never made shorter."""
    kept = {name: value for name, value in current.items() if name != _AT_ONCE}
    return kept | {"version": current["version"] + 1, "expires": max(current["expires"], write_instant(expires))}


def at_once(root: Signed) -> Signed:
    """A root that may be published with targets that its predecessors do not verify: it says so of its very version."""
    return root | {_AT_ONCE: root["version"]}


def add_key(root: Signed, rolename: str, key: PublicKey) -> Signed:
    """Raises NotPossible if the role lists the key already, in whatever spelling."""
    role = root["roles"][rolename]
    if key.material in {parse_key(keyid, root["keys"][keyid]).material for keyid in role["keyids"]}:
        raise NotPossible(f"{rolename} lists the key {key.keyid} already", "`trustpress inspect` shows the keys of every role.")
    return _with_role(root | {"keys": root["keys"] | {key.keyid: key.as_json()}}, rolename, [*role["keyids"], key.keyid], role["threshold"])


def remove_key(root: Signed, rolename: str, keyid: str) -> Signed:
    """Raises NotPossible if the role does not list the key, or needs it for its threshold."""
    role = root["roles"][rolename]
    kept = [other for other in role["keyids"] if other != keyid]
    if len(kept) == len(role["keyids"]):
        raise NotPossible(f"{rolename} lists no key {keyid}", "`trustpress inspect` shows the keys of every role.")
    if len(kept) < role["threshold"]:
        raise NotPossible(
            f"{rolename} asks for {role['threshold']} signatures, and {len(kept)} keys would be left",
            "Add another key first, or lower the threshold with set-threshold.",
        )
    return _with_role(root, rolename, kept, role["threshold"])


def set_threshold(root: Signed, rolename: str, threshold: int) -> Signed:
    """Raises NotPossible if the role has fewer keys."""
    keyids = root["roles"][rolename]["keyids"]
    if not 1 <= threshold <= len(keyids):
        raise NotPossible(f"expected a threshold from 1 to {len(keyids)}, the number of {rolename} keys", "Add the other keys first.")
    return _with_role(root, rolename, keyids, threshold)


def replace_keys(root: Signed, rolename: str, keys: Iterable[PublicKey]) -> Signed:
    """Have exactly these keys sign a role."""
    listed = {key.keyid: key.as_json() for key in keys}
    threshold = min(root["roles"][rolename]["threshold"], len(listed))
    return _with_role(root | {"keys": root["keys"] | listed}, rolename, list(listed), threshold)


def _with_role(root: Signed, rolename: str, keyids: list[str], threshold: int) -> Signed:
    """The role changed, and no key left that no role lists."""
    roles = root["roles"] | {rolename: root["roles"][rolename] | {"keyids": keyids, "threshold": threshold}}
    used = {keyid for role in roles.values() for keyid in role["keyids"]}
    return root | {"roles": roles, "keys": {keyid: key for keyid, key in root["keys"].items() if keyid in used}}
