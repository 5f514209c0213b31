"""What `inspect` says about a repository, as one JSON value."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from trustpress.core.metadata import Document, Signed
from trustpress.core.release import write_expires
from trustpress_uploader.published import Trusted
from trustpress_uploader.settings import KnownRepository


def describe(repository: KnownRepository, trusted: Trusted, now: datetime) -> dict[str, Any]:
    """Everything a client on this machine has verified. A role that never verified here is not listed."""
    targets = trusted.targets.signed if trusted.targets else None
    return {
        "repository": repository.name,
        "url": repository.base_url,
        "external_targets": trusted.root.signed.policy.external_targets,
        "expired": trusted.expired,
        "roles": dict(_roles(trusted, now)),
        "delegations": list(targets.delegations.rolenames()) if targets else [],
        "targets": dict(targets.targets.items()) if targets else {},
    }


def _roles(trusted: Trusted, now: datetime) -> Iterator[tuple[str, dict[str, Any]]]:
    documents: dict[str, Document[Any] | None] = {
        "root": trusted.root,
        "targets": trusted.targets,
        "snapshot": trusted.snapshot,
        "timestamp": trusted.timestamp,
    }
    for rolename, document in documents.items():
        if document is None:
            continue
        signed: Signed = document.signed
        role_keys = trusted.root.signed.roles[rolename]
        yield (
            rolename,
            {
                "version": signed.version,
                "expires": write_expires(signed.expires),
                "days_left": (signed.expires - now).days,
                "keyids": list(role_keys.keys),
                "threshold": role_keys.threshold,
            },
        )
