"""Root and targets metadata: composed, edited, signed. Pure: values in, values and bytes out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from trustpress.core import trust
from trustpress.core.canonical import canonical_from_compact, encode_compact
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, RoleKeys, Root, Targets
from trustpress.core.parse import parse_root, parse_targets
from trustpress.core.release import SPEC_VERSION, write_expires
from trustpress_uploader.errors import NoSuchTarget
from trustpress_uploader.keystore import PrivateKey

Signed = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to the targets of a role, which can be applied to whatever version is the newest."""

    added: Mapping[str, TargetFile] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()

    def apply(self, targets: Mapping[str, Any]) -> dict[str, Any]:
        """The targets with the change made; equal to what they were if nothing is left to do.

        An entry that names the same file stays as it is, with the custom data and further hashes it may have.
        """
        new = {name: entry for name, entry in self.added.items() if not _is_same_file(targets.get(name), entry)}
        return {name: entry for name, entry in targets.items() if name not in self.removed} | new


def compose_root(roles: Mapping[str, RoleKeys], expires: datetime, *, external_targets: bool) -> Signed:
    """Version 1 of root (specification 4.3). `roles` says who signs root, targets, snapshot and timestamp."""
    root: Signed = {
        "_type": "root",
        "consistent_snapshot": True,
        "expires": write_expires(expires),
        "keys": {keyid: key.as_json() for role in roles.values() for keyid, key in role.keys.items()},
        "roles": {name: {"keyids": list(role.keys), "threshold": role.threshold} for name, role in roles.items()},
        "spec_version": SPEC_VERSION,
        "version": 1,
    }
    if external_targets:
        root["x-trustpress"] = {"targets": "external"}
    return root


def compose_targets(expires: datetime) -> Signed:
    """Version 1 of targets, which lists nothing yet (specification 4.5)."""
    return {"_type": "targets", "expires": write_expires(expires), "spec_version": SPEC_VERSION, "targets": {}, "version": 1}


def read_signed(document: Document[Targets]) -> Signed:
    """The `signed` member to be edited, with every member it has, known here or not."""
    signed: Signed = orjson.loads(document.body)["signed"]
    return signed


def next_targets(current: Signed, edit: Edit, expires: datetime) -> Signed:
    """The next version, with the edit applied; its life is never made shorter."""
    later = max(current["expires"], write_expires(expires))
    return current | {"version": current["version"] + 1, "expires": later, "targets": edit.apply(current["targets"])}


def check_names(current: Signed, names: Iterable[str]) -> None:
    """Raises NoSuchTarget if one of them is not listed."""
    from difflib import get_close_matches

    missing = sorted(set(names) - current["targets"].keys())
    if missing:
        raise NoSuchTarget(missing, get_close_matches(missing[0], current["targets"]))


def sign(signed: Signed, keys: Iterable[PrivateKey]) -> bytes:
    """The compact envelope: signatures over the canonical form of `signed`."""
    compact = encode_compact(signed)
    message = canonical_from_compact(compact)
    signatures = [{"keyid": key.public_key.keyid, "sig": key.sign(message).hex()} for key in keys]
    return b'{"signatures":%b,"signed":%b}' % (encode_compact(signatures), compact)


def bundle(envelopes: Mapping[str, bytes]) -> bytes:
    """Several roles that are published together or not at all."""
    return b"{%b}" % b",".join(b'"%b":%b' % (rolename.encode(), envelope) for rolename, envelope in sorted(envelopes.items()))


def verify_first(root_envelope: bytes, targets_envelope: bytes, now: datetime) -> None:
    """What the publisher will check of a first publish. Raises Rejected: it is not worth uploading then."""
    root = parse_root(root_envelope)
    trust.verify_first_root(root)
    trust.check_expiry("root", root.signed.expires, now)
    verify_next_targets(targets_envelope, root.signed, 1, now)


def verify_next_targets(envelope: bytes, root: Root, version: int, now: datetime) -> Document[Targets]:
    """What the publisher will check of a new targets version. Raises Rejected."""
    targets = parse_targets(envelope)
    trust.verify_signatures("targets", targets, root.roles["targets"])
    trust.check_next_version("targets", version - 1, targets.signed.version)
    trust.check_expiry("targets", targets.signed.expires, now)
    return targets


def _is_same_file(listed: Any, entry: TargetFile) -> bool:
    return listed is not None and listed["length"] == entry["length"] and entry["hashes"].items() <= listed["hashes"].items()
