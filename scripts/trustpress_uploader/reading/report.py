"""What commands say about a repository, as JSON values."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from trustpress.core.delegations import RoleKeys
from trustpress.core.instants import write_instant
from trustpress.core.metadata import Document, Root
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.reading.published import Trusted
from trustpress_uploader.reading.roles import Roles

# So many days before it expires, whoever signs a role is told to renew it.
ROOT_SOON, SOON = 30, 14


def describe(repository: KnownRepository, trusted: Trusted, now: datetime) -> dict[str, Any]:
    """What is published, verified."""
    targets = trusted.targets.signed
    return {
        "repository": repository.name,
        "url": repository.base_url,
        "external_targets": trusted.root.signed.policy.external_targets,
        "expired": trusted.expired,
        "roles": dict(describe_roles(trusted, now)),
        "delegations": list(targets.delegations.rolenames()),
        "targets": dict(targets.targets.items()),
    }


def describe_roles(trusted: Trusted, now: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    """The top-level roles."""
    documents: dict[str, Document[Any]] = {
        "root": trusted.root,
        "targets": trusted.targets,
        "snapshot": trusted.snapshot,
        "timestamp": trusted.timestamp,
    }
    for rolename, document in documents.items():
        yield rolename, _role(document, trusted.root.signed.roles[rolename], now, is_offline=rolename in {"root", "targets"})


def describe_signers(roles: Roles, now: datetime) -> dict[str, dict[str, Any]]:
    """The delegated roles, but for bins."""
    signers = {}
    for rolename in roles.named():
        role_keys, delegator = roles.role_keys(rolename), roles.delegator(rolename)
        assert role_keys is not None
        assert delegator is not None
        paths = roles.newest(delegator).signed.delegations.roles[rolename].patterns.patterns
        signers[rolename] = _role(roles.newest(rolename), role_keys, now, is_offline=True) | {"paths": list(paths), "delegator": delegator}
    return signers


def _role(document: Document[Any], role_keys: RoleKeys, now: datetime, *, is_offline: bool) -> dict[str, Any]:
    return {
        "version": document.signed.version,
        "expires": write_instant(document.signed.expires),
        "days_left": (document.signed.expires - now).days,
        "hours_left": (document.signed.expires - now) // timedelta(hours=1),
        "keyids": list(role_keys.keys),
        "threshold": role_keys.threshold,
        "is_offline": is_offline,
        "soon": ROOT_SOON if isinstance(document.signed, Root) else SOON,
    }
