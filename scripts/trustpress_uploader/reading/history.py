"""Earlier versions of a role: they stay where they were published, unless an administrator has them expire."""

from typing import Any

from trustpress.core import trust
from trustpress.core.delegations import RoleKeys
from trustpress.core.metadata import Document, Root, Targets
from trustpress.core.parse import MAX_TARGETS_LENGTH, parse_targets
from trustpress_uploader.errors import NotPublished, NotVerified
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.reading.published import Trusted, root_chain
from trustpress_uploader.reading.roles import Roles
from trustpress_uploader.reading.web import require, verifying


def two_versions(
    repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str, *, older: int | None, newer: int | None
) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The `signed` members of two versions of a role, by default of the newest and the one before it; None before the first.

    Raises NotPublished or NotVerified.
    """
    newest = trusted.root if rolename == "root" else roles.newest(rolename)
    after = newer or newest.signed.version
    before = older or after - 1
    if max(before, after) > newest.signed.version:
        raise NotPublished(repository.metadata_url(rolename, max(before, after)))
    documents = {
        version: newest if version == newest.signed.version else _verified(repository, trusted, roles, rolename, version)
        for version in (before, after)
        if version
    }
    return documents[before].members() if before else None, documents[after].members()


def _verified(
    repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str, version: int
) -> Document[Root] | Document[Targets]:
    """A version as it was published, signed by the keys of a root or delegation that this machine has verified."""
    if rolename == "root":
        chain = root_chain(repository, trusted.root)
        if version not in chain:
            raise NotVerified(f"root {version} is older than the one that this machine has pinned")
        return chain[version]
    url = repository.metadata_url(rolename, version)
    with verifying(url):
        document = parse_targets(require(url, MAX_TARGETS_LENGTH))
        trust.verify_repository(rolename, document.signed, repository.name)
    if document.signed.version != version:
        raise NotVerified(f"{url}: expected version {version}, found {document.signed.version}")
    if not any(trust.is_signed_by(document, keys) for keys in _signers(repository, trusted, roles, rolename)):
        raise NotVerified(f"{url}: not signed by keys that this machine knows for {rolename}")
    return document


def _signers(repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str) -> list[RoleKeys]:
    """Those who sign a role now; for targets, everybody whom a root ever listed."""
    if rolename == "targets":
        return [root.signed.roles["targets"] for root in root_chain(repository, trusted.root).values()]
    found = roles.role_keys(rolename)
    return [found] if found else []
