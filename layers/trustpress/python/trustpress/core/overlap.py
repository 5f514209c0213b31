"""Which keys must go on verifying, and for how long, so that no client fails while keys change."""

from datetime import timedelta

from trustpress.core import trust
from trustpress.core.delegations import RoleKeys
from trustpress.core.metadata import Document, Root, Snapshot, Timestamp

# Longer than any cache may serve a timestamp (it asks for 5 s, the distribution allows 60), counted from the start of a run
# that may take two minutes to commit, with room for clocks that differ. As long, a new root may be remembered as missing.
OVERLAP = timedelta(seconds=200)


def is_signed_for(root: Root, timestamp: Document[Timestamp], snapshot: Document[Snapshot]) -> bool:
    """Whether a client that trusts `root` accepts the signatures of this release."""
    return trust.is_signed_by(timestamp, root.roles["timestamp"]) and trust.is_signed_by(snapshot, root.roles["snapshot"])


def keeps_verifiable(old: RoleKeys | None, new: RoleKeys) -> bool:
    """Whether all that was signed for `old` is sure to verify under `new`: no key dropped, no higher threshold."""
    return old is not None and old.keys.keys() <= new.keys.keys() and new.threshold <= old.threshold


def drops_keys(old: Root, new: Root, *rolenames: str) -> bool:
    """Whether something that was signed for these roles under `old` may not verify under `new`."""
    return not all(keeps_verifiable(old.roles[name], new.roles[name]) for name in rolenames)
