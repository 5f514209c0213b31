"""Earlier versions of a role: they stay where they were published, unless an administrator has them expire."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trustpress.core import trust
from trustpress.core.delegations import RoleKeys
from trustpress.core.metadata import Document, Root, Snapshot, Targets, published_version
from trustpress.core.parse import MAX_LENGTH, MAX_TARGETS_LENGTH, parse_snapshot, parse_targets
from trustpress_uploader.errors import NotKept, NotShown, NotVerified
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.reading.published import Trusted, root_chain
from trustpress_uploader.reading.roles import Roles
from trustpress_uploader.reading.web import fetch, verifying


def two_versions(
    repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str, *, older: int | None, newer: int | None
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The `signed` members of two versions of a role, by default of the newest and the one before it; None before the first.

    Raises NotShown, NotKept or NotVerified.
    """
    newest = trusted.root if rolename == "root" else roles.newest(rolename)
    after = newer or newest.signed.version
    before = older or after - 1
    if max(before, after) > newest.signed.version:
        raise NotShown(rolename, max(before, after), newest.signed.version)
    documents = {
        version: newest if version == newest.signed.version else _verified(repository, trusted, roles, rolename, version)
        for version in (before, after)
        if version
    }
    return documents[before].members() if before else None, documents[after].members()


@dataclass(frozen=True, slots=True)
class Earlier:
    """A version as it was published, and what speaks for that."""

    document: Document[Targets]
    evidence: str


def earlier_version(repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str, version: int) -> Earlier:
    """An earlier version of a targets role, or the one that clients see. Raises NotShown, NotKept or NotVerified.

    Its keys may be stolen by now: what a thief signs with them is told from what was published by the snapshots, which list every
    version by its hash and are signed by another key.
    """
    listed, url = roles.listed(rolename), repository.metadata_url(rolename, version)
    if version > listed.signed.version:
        raise NotShown(rolename, version, listed.signed.version)
    if version == listed.signed.version:
        return Earlier(listed, f"{rolename} {version} is what clients see now")
    earlier = _verified_targets(repository, trusted, roles, rolename, version)
    snapshot = _find_snapshot(repository, trusted, rolename, version)
    if snapshot and "hashes" in (listing := snapshot.signed.meta[rolename]):
        with verifying(url):
            trust.verify_meta_file(rolename, earlier, listing)
        return Earlier(earlier, f"{rolename} {version} is as it was published: snapshot {snapshot.signed.version} lists it by its hash")
    keyids = ", ".join(signature.keyid for signature in earlier.signatures)
    return Earlier(
        earlier,
        f"No snapshot that listed {rolename} {version} is left: nothing but the signature by {keyids} speaks for it, and whoever has "
        "that key could have made it today. Look through all of it.",
    )


def _find_snapshot(repository: KnownRepository, trusted: Trusted, rolename: str, version: int) -> Document[Snapshot] | None:
    """A snapshot that lists this version of a role, as the online keys have signed it. The oldest may have expired for good."""
    newest = trusted.snapshot.signed.version
    role_keys = [root.signed.roles["snapshot"] for root in root_chain(repository, trusted.root).values()]
    first, last = 1, newest
    while first < last:
        middle = (first + last) // 2
        snapshot = _snapshot(repository, middle, role_keys)
        if snapshot is None or published_version(snapshot.signed, rolename) < version:
            first = middle + 1
        else:
            last = middle
    found = _snapshot(repository, first, role_keys)
    return found if found and published_version(found.signed, rolename) == version else None


def _snapshot(repository: KnownRepository, version: int, role_keys: Sequence[RoleKeys]) -> Document[Snapshot] | None:
    url = repository.metadata_url("snapshot", version)
    body = fetch(url, MAX_LENGTH["snapshot"])
    if body is None:
        return None
    with verifying(url):
        snapshot = parse_snapshot(body)
    is_signed = any(trust.is_signed_by(snapshot, keys) for keys in role_keys)
    return snapshot if is_signed and snapshot.signed.version == version else None


def _verified(
    repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str, version: int
) -> Document[Root] | Document[Targets]:
    """A version as it was published, signed by the keys of a root or delegation that this machine has verified."""
    if rolename != "root":
        return _verified_targets(repository, trusted, roles, rolename, version)
    chain = root_chain(repository, trusted.root)
    if version not in chain:
        raise NotVerified(f"root {version} is older than the one that this machine has pinned")
    return chain[version]


def _verified_targets(repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str, version: int) -> Document[Targets]:
    url = repository.metadata_url(rolename, version)
    body = fetch(url, MAX_TARGETS_LENGTH)
    if body is None:
        raise NotKept(rolename, version)
    with verifying(url):
        document = parse_targets(body)
        trust.verify_repository(rolename, document.signed, repository.name)
    if document.signed.version != version:
        raise NotVerified(f"{url}: expected version {version}, found {document.signed.version}")
    if document.signed.rolename not in {None, rolename}:
        raise NotVerified(f"{url}: expected {rolename}, found {document.signed.rolename}")
    if not any(trust.is_signed_by(document, keys) for keys in _signers(repository, trusted, roles, rolename)):
        raise NotVerified(f"{url}: not signed by keys that this machine knows for {rolename}")
    return document


def _signers(repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str) -> list[RoleKeys]:
    """Those who sign a role now; for targets, everybody whom a root ever listed."""
    if rolename == "targets":
        return [root.signed.roles["targets"] for root in root_chain(repository, trusted.root).values()]
    found = roles.role_keys(rolename)
    return [found] if found else []
