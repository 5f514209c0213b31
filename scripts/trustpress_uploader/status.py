"""How a repository stands: published, staged, waiting, pending, and what expires when, as one JSON value."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from trustpress.core import layout
from trustpress_uploader.changes.pending import PendingChanges
from trustpress_uploader.errors import StaleChange, StorageRefused, Unreachable, UnreadableReceipt
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.pushing.ceremony import Published
from trustpress_uploader.reading.published import Trusted, refresh
from trustpress_uploader.reading.report import describe_roles, describe_signers
from trustpress_uploader.reading.roles import Roles
from trustpress_uploader.staging.uploads import Staging

_ADVICE = {
    "root": "`trustpress root renew`, with the offline key",
    "targets": "`trustpress renew`",
    "snapshot": "the deployment's refresh function, see RefreshErrors and RefreshMissed in docs/operations.md",
    "timestamp": "the deployment's refresh function, see RefreshErrors and RefreshMissed in docs/operations.md",
}


def describe_standing(repository: KnownRepository, open_staging: Callable[[], Staging] | None, now: datetime) -> dict[str, Any]:
    """What clients see is verified; what lies in the staging bucket is told as it is, or why it cannot be seen."""
    trusted = refresh(repository)
    newest = Roles(repository, trusted)
    roles = dict(describe_roles(trusted, now)) | describe_signers(newest, now)
    value: dict[str, Any] = {
        "repository": repository.name,
        "url": repository.base_url,
        "expired": trusted.expired,
        "roles": roles,
        "todo": list(_todo(roles)),
    }
    begun = _begun(repository, trusted)
    seen = _staged(open_staging, repository) if open_staging else {"unseen": "no staging bucket is known on this machine"}
    return value | {"begun": begun, "inbox": None, "files": None, "pending": None, "unseen": None} | seen


def _begun(repository: KnownRepository, trusted: Trusted) -> str | None:
    """The id of the change that was begun here and that clients do not see yet."""
    begun = PendingChanges(repository).begun()
    if begun is None:
        return None
    try:
        return None if Published(repository, trusted).shows(begun) else begun.id
    except StaleChange:
        return begun.id


def _todo(roles: dict[str, dict[str, Any]]) -> Iterator[str]:
    for rolename, role in roles.items():
        days = role["days_left"]
        if days < 0 or (role["is_offline"] and days < role["soon"]):
            when = "has expired" if days < 0 else f"expires in {days} days"
            yield f"{rolename} {when}: renew it by {_ADVICE.get(rolename, f'`trustpress renew {rolename}`, with its key')}"


def _staged(open_staging: Callable[[], Staging], repository: KnownRepository) -> dict[str, Any]:
    try:
        staging = open_staging()
        metadata = layout.inbox_metadata(repository.name)
        staged = list(staging.staged())
        uploads = [found for found in staged if found.key.startswith(metadata)]
        return {
            "inbox": [{"key": found.key, "length": found.length, **_verdict(staging, found)} for found in uploads],
            "files": [found.key for found in staged if found not in uploads],
            "pending": staging.pending(),
        }
    except (StorageRefused, Unreachable, UnreadableReceipt) as error:
        return {"unseen": f"{error}. {error.hint}"}


def _verdict(staging: Staging, upload: Any) -> dict[str, Any]:
    receipt = staging.receipt_of(upload)
    if receipt is None:
        return {"status": "new", "code": "", "message": "", "until": ""}
    return {"status": receipt.status, "code": receipt.code, "message": receipt.message, "until": receipt.until}
