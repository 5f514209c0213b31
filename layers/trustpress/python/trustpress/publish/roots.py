"""Roots, verified once more by whoever alone may write them: nothing that publish says of an upload is believed.

Publish holds everything that a commit needs, so whoever breaks into it can write whatever that may. A root that does not verify
stops every client; so a function of its own reads the upload, the root before it and the timestamp, and writes the next root.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from trustpress.core import layout, trust
from trustpress.core.metadata import Document, Root, Targets
from trustpress.core.overlap import OVERLAP, drops_keys
from trustpress.core.parse import MAX_LENGTH, MAX_TARGETS_LENGTH, parse_timestamp, parse_upload
from trustpress.errors import BadKey, BadRoot, Conflict, Invalid, Misconfigured
from trustpress.ports import ObjectStore, OnlineKeys
from trustpress.store.receipts import read_receipt, waiting_since
from trustpress.store.repository import read_root
from trustpress.store.writes import put_immutable
from trustpress.verdicts import AwaitingOverlap

_HINT = "Publish and the function that writes roots judge alike if both are of one version: deploy it with scripts/deploy."


class Roots:
    """Writes roots, each verified by the one before it, which nobody else can have written."""

    def __init__(self, staging: ObjectStore, public: ObjectStore, keys: OnlineKeys, overlap: timedelta = OVERLAP) -> None:
        self._staging, self._public, self._keys, self._overlap = staging, public, keys, overlap

    def write(self, repository: str, key: str, version_id: str, now: datetime) -> bool:
        """Make the root of an upload visible: True if it is now, False if other bytes have taken its version.

        Raises Conflict where the upload is gone, Unavailable, and Misconfigured where it is no root to be published: whoever asks
        has judged it, by these rules and more.
        """
        found = self._staging.get(key, MAX_TARGETS_LENGTH, version_id)
        if found is None:
            raise Conflict(key)
        try:
            upload = _Upload.of(repository, key, found.body)
            self._verify(repository, upload, now)
        except Invalid as error:
            raise Misconfigured(f"{repository}: {key} is no root to be published: {error}") from error
        return put_immutable(self._public, layout.metadata(repository, "root", upload.root.signed.version), upload.root.body)

    def _verify(self, repository: str, upload: "_Upload", now: datetime) -> None:
        """Specification 5.3.3 to 5.3.5, and what a publisher owes its clients besides. Raises Invalid."""
        root = upload.root
        if root.signed.version == 1:
            trust.verify_first_root(root)
        else:
            former, _ = read_root(self._public, repository, root.signed.version - 1)
            trust.verify_next_root(former.signed, root)
            self._verify_overlap(repository, former.signed, upload, now)
        trust.verify_repository("root", root.signed, repository)
        trust.check_expiry("root", root.signed.expires, now)
        self._keys.verify_own(repository, root.signed)

    def _verify_overlap(self, repository: str, former: Root, upload: "_Upload", now: datetime) -> None:
        """What is published verifies under it, and where it drops keys, caches had time to forget what does not. Raises Invalid."""
        found = self._public.get(layout.timestamp(repository), MAX_LENGTH["timestamp"])
        if found is None:
            return
        root = upload.root.signed
        if not trust.is_signed_by(parse_timestamp(found.body), root.roles["timestamp"]):
            raise BadRoot("the published timestamp would not verify under it", _HINT)
        if upload.targets:
            # What follows verifies under it, be it only that the owner says so: a key that was stolen is dropped at once.
            trust.verify_signatures("targets", upload.targets, root.roles["targets"])
        overlapping = ["snapshot", "timestamp", *([] if upload.targets and root.is_at_once else ["targets"])]
        if drops_keys(former, root, *overlapping) and not self._has_waited(repository, upload, now):
            raise BadRoot("it drops keys that caches may still need", _HINT)

    def _has_waited(self, repository: str, upload: "_Upload", now: datetime) -> bool:
        since = waiting_since(read_receipt(self._staging, repository, upload.sha256), AwaitingOverlap.code)
        return since is not None and now >= since + self._overlap


@dataclass(frozen=True)
class _Upload:
    """An upload with a root, and the targets that become visible with it."""

    sha256: str
    root: Document[Root]
    targets: Document[Targets] | None

    @classmethod
    def of(cls, repository: str, key: str, body: bytes) -> Self:
        """Raises Invalid."""
        place = layout.parse_inbox_key(key)
        if (place.repository, place.area) != (repository, "metadata"):
            raise BadKey(key, f"not metadata in the inbox of {repository}")
        bundle: Any = parse_upload(place.path, body)
        if "root" not in bundle:
            raise BadKey(key, "it holds no root")
        return cls(hashlib.sha256(body).hexdigest(), bundle["root"], bundle.get("targets"))
