"""The rules of trust, one function each, in the specification's words (TUF 1.0.34).

They are the client's rules of section 5, turned around: what a client would refuse is refused here, before anybody sees
it, and so is what clients should refuse but do not.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from trustpress.core.delegations import Delegations, RoleKeys
from trustpress.core.instants import write_instant
from trustpress.core.metadata import Document, MetaFile, Root, Signed, Snapshot, Targets, Timestamp, changed_roles
from trustpress.core.portable import check_delegated_targetpath
from trustpress.errors import (
    BadDelegation,
    BadExpiry,
    BadRoot,
    BadSignature,
    ForeignRepository,
    MisnamedRole,
    NotAuthorized,
    OldVersion,
    SchemaViolation,
    VersionJump,
)

MIN_LIFE = timedelta(hours=1)
MAX_LIFE = timedelta(days=3660)

# A gap that uploads still on their way could close; anything wider is a mistake or an attack.
MAX_GAP = 1000


def verify_signatures(rolename: str, document: Document[Signed], role_keys: RoleKeys) -> None:
    """Every signature is by a key listed for the role, once, and valid; at least `threshold` of them (spec 5.3.4, 5.4.2 ...).

    Stricter than clients, who pass over what they do not know: a publisher has no reason to carry signatures that nobody
    can check. Raises BadSignature.
    """
    signed_by = set()
    message = document.message
    for signature in document.signatures:
        key = role_keys.keys.get(signature.keyid)
        if key is None:
            raise BadSignature(rolename, f"no key listed for this role has the keyid {signature.keyid}")
        if key.material in signed_by:
            raise BadSignature(rolename, f"more than one signature by the key {signature.keyid}")
        if not key.verifies(signature.sig, message):
            raise BadSignature(rolename, f"the signature by {signature.keyid} does not verify")
        signed_by.add(key.material)
    if len(signed_by) < role_keys.threshold:
        raise BadSignature(rolename, f"expected signatures by {role_keys.threshold} keys, found {len(signed_by)}")


def is_signed_by(document: Document[Signed], role_keys: RoleKeys) -> bool:
    """Whether a client that trusts `role_keys` accepts the signatures, passing over keyids it does not know."""
    message = document.message
    valid = {
        key.material
        for signature in document.signatures
        if (key := role_keys.keys.get(signature.keyid)) and key.verifies(signature.sig, message)
    }
    return len(valid) >= role_keys.threshold


def verify_signed(rolename: str, document: Document[Signed], role_keys: RoleKeys) -> None:
    """What a client asks of signatures. Raises BadSignature."""
    if not is_signed_by(document, role_keys):
        raise BadSignature(rolename, "the threshold of keys did not sign it")


def verify_first_root(root: Document[Root]) -> None:
    """Version 1, signed by a threshold of its own root keys. Raises Invalid."""
    if root.signed.version != 1:
        raise VersionJump("root", 1, root.signed.version)
    verify_signatures("root", root, root.signed.roles["root"])
    verify_root_keys_apart(root.signed)


def verify_next_root(current: Root, root: Document[Root]) -> None:
    """Spec 5.3.4, 5.3.5: signed by a threshold of the current root's keys and of its own, version exactly one higher.

    Raises Invalid.
    """
    verify_next_version("root", current.version, root.signed.version)
    old, new = current.roles["root"], root.signed.roles["root"]
    verify_signatures("root", root, RoleKeys({**old.keys, **new.keys}, 1))
    for name, role_keys in (("current", old), ("new", new)):
        if not is_signed_by(root, role_keys):
            raise BadSignature("root", f"expected signatures by {role_keys.threshold} of the {name} root's keys")
    verify_root_keys_apart(root.signed)


def verify_root_keys_apart(root: Root) -> None:
    """An online key decides nothing about what clients install: it is never a root or targets key. Raises BadRoot."""
    online = {key.material for name in ("snapshot", "timestamp") for key in root.roles[name].keys.values()}
    offline = {key.material for name in ("root", "targets") for key in root.roles[name].keys.values()}
    if online & offline:
        raise BadRoot("a root or targets key is also a snapshot or timestamp key", "Give the offline roles keys of their own.")


def verify_next_version(rolename: str, published: int, version: int) -> None:
    """Exactly one higher. ">" would let one upload of version 2^31-1 brick a repository (Cure53, TUF-01-002).

    Raises OldVersion or VersionJump. A version that equals the published one is the caller's to compare byte by byte.
    """
    expected = published + 1
    if version < expected:
        raise OldVersion(rolename, expected, version)
    if version > expected:
        raise VersionJump(rolename, expected, version)


def check_expiry(rolename: str, expires: datetime, now: datetime) -> None:
    """Neither expired nor nearly so, nor so far ahead that the date means nothing (spec 5.3.10, 5.6.6). Raises BadExpiry."""
    if expires < now + MIN_LIFE:
        raise BadExpiry(rolename, f"expected an expiry at least an hour from {write_instant(now)}, found {write_instant(expires)}")
    if expires > now + MAX_LIFE:
        raise BadExpiry(rolename, f"expected an expiry within ten years, found {write_instant(expires)}")


def verify_meta_file(name: str, document: Document[Signed], listed: MetaFile) -> None:
    """Spec 5.5.2, 5.5.4, 5.6.2, 5.6.4: version, length and hashes are those the parent lists. Raises SchemaViolation."""
    actual = document.meta_file
    for member in ("version", "length", "hashes"):
        if member in listed and listed[member] != actual[member]:
            raise SchemaViolation(name, f"expected {member} {listed[member]!r}, found {actual[member]!r}")


def verify_rolename(rolename: str, targets: Targets, *, is_bin: bool) -> None:
    """A signed `x-trustpress-role` names the role, and an empty bin has to have one from version 2 on.

    Targets metadata does not say which role it is. Bins share their keys, and an empty one fits all of them: without its name,
    anybody could upload one bin's metadata as another's, and empty it. Raises MisnamedRole.
    """
    if targets.rolename not in {None, rolename}:
        raise MisnamedRole(rolename, targets.rolename)
    is_empty = next(targets.targets.targetpaths(), None) is None
    if is_bin and is_empty and targets.version > 1 and targets.rolename is None:
        raise MisnamedRole(rolename, None)


def verify_repository(rolename: str, signed: Root | Targets, repository: str) -> None:
    """A signed `x-trustpress-repository` names the repository: repositories that share keys have nothing replayed between them.

    Other tools leave it out. Raises ForeignRepository.
    """
    if signed.repository not in {None, repository}:
        raise ForeignRepository(rolename, repository, str(signed.repository))


def verify_authority(rolename: str, targets: Targets, chain: Sequence[tuple[str, Delegations]]) -> None:
    """Spec 5.6.7: each target lies in the paths of every role on the way from targets to this one.

    `chain` holds each delegating role's name and delegations, outermost first; it is empty for targets itself. A role's own
    delegations stay within its paths too. Raises NotAuthorized or NotPortable.
    """
    names = [name for name, _ in chain[1:]] + [rolename]
    for (delegator, delegations), name in zip(chain, names, strict=False):
        if delegations.succinct is not None:
            _verify_bin(name, targets, delegations, delegator)
            continue
        patterns = delegations.roles[name].patterns
        for targetpath in targets.targets.targetpaths():
            check_delegated_targetpath(targetpath)
            if not patterns.match(targetpath):
                raise NotAuthorized(rolename, targetpath, delegator)
        for role in targets.delegations.roles.values():
            for pattern in role.patterns.patterns:
                if not patterns.cover(pattern):
                    raise NotAuthorized(rolename, pattern, delegator)


def _verify_bin(name: str, targets: Targets, delegations: Delegations, delegator: str) -> None:
    assert delegations.succinct is not None
    if targets.delegations:
        raise BadDelegation(name, "a bin delegates further", "Put the targets into the bins, or use path patterns instead of bins.")
    for targetpath in targets.targets.targetpaths():
        if delegations.succinct.bin_of(targetpath) != name:
            raise NotAuthorized(name, targetpath, delegator)


def verify_successor(
    old: tuple[Timestamp, Snapshot] | None, timestamp: Document[Timestamp], snapshot: Document[Snapshot], root: Root
) -> None:
    """What a client that holds the `old` release does with the new one (spec 5.4, 5.5): anything it refuses raises Invalid.

    The last look before the commit: signatures, version numbers, and that no role is lost or goes back. A snapshot that is
    the old one itself has had that look.
    """
    old_timestamp, old_snapshot = old or (None, None)
    verify_signed("timestamp", timestamp, root.roles["timestamp"])
    verify_meta_file("snapshot", snapshot, timestamp.signed.snapshot)
    if old_timestamp and timestamp.signed.version <= old_timestamp.version:
        raise OldVersion("timestamp", old_timestamp.version + 1, timestamp.signed.version)
    if snapshot.signed is old_snapshot:
        return
    verify_signed("snapshot", snapshot, root.roles["snapshot"])
    if old_snapshot is None:
        return
    if snapshot.signed.version < old_snapshot.version:
        raise OldVersion("snapshot", old_snapshot.version, snapshot.signed.version)
    for rolename in changed_roles(old_snapshot, snapshot.signed):
        listed, found = old_snapshot.meta[rolename], snapshot.signed.meta.get(rolename)
        if found is None or found["version"] < listed["version"]:
            raise OldVersion(rolename, listed["version"], found["version"] if found else 0)
