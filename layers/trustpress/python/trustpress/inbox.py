"""The inbox of one repository: uploads read, parsed and put in order."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from trustpress.core import layout
from trustpress.core.parse import MAX_TARGETS_LENGTH, parse_upload
from trustpress.draft import Bundle
from trustpress.errors import Rejected, TooLarge
from trustpress.ports import ObjectStore, StoredVersion
from trustpress.workers import Workers

# What one drain holds in memory at once; the next drain takes the rest.
MAX_UPLOADS = 200
MAX_BYTES = 96_000_000


@dataclass(frozen=True, eq=False)
class Upload:
    """One version of one object in the inbox: a bundle of roles, or the reason why it is none."""

    version: StoredVersion
    sha256: str
    bundle: Bundle = field(default_factory=dict, repr=False)
    error: Rejected | None = None

    @property
    def roles(self) -> dict[str, int]:
        return {rolename: document.signed.version for rolename, document in self.bundle.items()}


class Inbox:
    """Reads each upload once, however often it is asked; the bytes in hand are the bytes that are published.

    It shows a window of uploads, as many as fit into memory; `has_more` tells whether others are waiting behind.
    """

    def __init__(self, staging: ObjectStore, repository: str, workers: Workers) -> None:
        self._staging, self._workers = staging, workers
        self._prefix = layout.inbox_metadata(repository)
        self._read: dict[tuple[str, str], Upload] = {}
        self._passed_over: set[tuple[str, str]] = set()
        self.has_more = False

    def pass_over_waiting(self) -> None:
        """Move the window: what has been looked at and is still there waits for something, and may not block the rest."""
        self._passed_over |= self._read.keys()
        self._read.clear()

    def uploads(self) -> list[Upload]:
        """The uploads in the window now, in an order in which they may build on each other."""
        listed = self._staging.list_versions(self._prefix)
        versions = sorted((version for version in listed if _place(version) not in self._passed_over), key=_age)
        chosen = list(_within_limits(versions))
        self.has_more = len(chosen) < len(versions)
        return sorted(filter(None, self._workers.map(self._upload, chosen)), key=_building_order)

    def _upload(self, version: StoredVersion) -> Upload | None:
        place = _place(version)
        if place not in self._read:
            upload = self._parse(version)
            if upload is None:
                return None
            self._read[place] = upload
        return self._read[place]

    def _parse(self, version: StoredVersion) -> Upload | None:
        """None if another drain took the upload since it was listed."""
        filename = version.key.removeprefix(self._prefix)
        try:
            found = self._staging.get(version.key, MAX_TARGETS_LENGTH, version.version_id)
        except TooLarge as error:
            # Never read, so never hashed: its receipt is found under the hash of its version.
            return Upload(version, hashlib.sha256(version.version_id.encode()).hexdigest(), error=error)
        if found is None:
            return None
        sha256 = hashlib.sha256(found.body).hexdigest()
        try:
            return Upload(version, sha256, parse_upload(filename, found.body))
        except Rejected as error:
            return Upload(version, sha256, error=error)


def _place(version: StoredVersion) -> tuple[str, str]:
    return version.key, version.version_id


def _age(version: StoredVersion) -> datetime:
    return version.last_modified


def _within_limits(versions: Iterable[StoredVersion]) -> Iterable[StoredVersion]:
    total = 0
    for count, version in enumerate(versions):
        total += min(version.length, MAX_TARGETS_LENGTH)
        if count and (count >= MAX_UPLOADS or total > MAX_BYTES):
            return
        yield version


def _building_order(upload: Upload) -> tuple[bool, int]:
    """Root first, then low versions: uploads that build on each other come in the order in which they were signed."""
    return "root" not in upload.bundle, min(upload.roles.values(), default=0)
