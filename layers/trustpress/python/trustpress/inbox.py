"""The inbox of one repository: uploads read, parsed and put in order."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from trustpress.core import layout
from trustpress.core.parse import MAX_TARGETS_LENGTH, parse_upload
from trustpress.draft import Bundle
from trustpress.errors import AwaitingAccess, Rejected, TooLarge, Unreadable, Waiting
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
    error: Rejected | Waiting | None = None

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
        unread = [version for version in chosen if _place(version) not in self._read]
        # Fetched together, parsed one at a time: the parser may need many times the length of an upload.
        for version, fetched in zip(unread, self._workers.map(self._fetch, unread), strict=True):
            if fetched is not None:
                self._read[_place(version)] = self._parse(version, fetched)
        uploads = [self._read[_place(version)] for version in chosen if _place(version) in self._read]
        return sorted(uploads, key=_building_order)

    def _fetch(self, version: StoredVersion) -> bytes | Rejected | Waiting | None:
        """The bytes, or why there are none; None if another drain took the upload since it was listed."""
        try:
            found = self._staging.get(version.key, MAX_TARGETS_LENGTH, version.version_id)
        except TooLarge as error:
            return error
        except Unreadable as error:
            return AwaitingAccess(version.key, str(error))
        return found.body if found else None

    def _parse(self, version: StoredVersion, fetched: bytes | Rejected | Waiting) -> Upload:
        if not isinstance(fetched, bytes):
            # Never read, so never hashed: its receipt is found under the hash of its version.
            return Upload(version, hashlib.sha256(version.version_id.encode()).hexdigest(), error=fetched)
        sha256 = hashlib.sha256(fetched).hexdigest()
        try:
            return Upload(version, sha256, parse_upload(version.key.removeprefix(self._prefix), fetched))
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
