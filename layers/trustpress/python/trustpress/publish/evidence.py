"""What judging has to know of the world, besides the uploads and what is published."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from trustpress.core import layout
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, Root, Targets
from trustpress.ports import ObjectStore, OnlineKeys
from trustpress.publish.inbox import Upload
from trustpress.store.receipts import read_receipt, waiting_since
from trustpress.store.repository import Repository
from trustpress.store.reservations import read_reservation
from trustpress.store.target_files import Copy, plan_copies
from trustpress.store.writes import holds
from trustpress.verdicts import AwaitingOverlap
from trustpress.workers import Workers


@dataclass
class Evidence:
    """The instant, the online keys, how long every cache takes to forget, and what the buckets tell.

    Each look at a bucket is made when a rule asks for it, and none before: what no key has signed causes none of the looks for
    target files (decision 30). Every method raises Unavailable.
    """

    repository: Repository
    staging: ObjectStore
    workers: Workers
    now: datetime
    overlap: timedelta
    keys: OnlineKeys
    uploads: Sequence[Upload] = ()
    _taken: dict[tuple[str, int], bool] = field(default_factory=dict)

    def plan_copies(self, entries: Iterable[tuple[str, TargetFile]]) -> list[Copy]:
        """How these target files are brought to where clients ask for them. Raises AwaitingTargetFile or BadTargetFile."""
        name, public = self.repository.name, self.repository.public
        plans = self.workers.map(lambda item: plan_copies(self.staging, public, name, *item), entries)
        return [copy for plan in plans for copy in plan]

    def is_taken(self, rolename: str, version: int) -> bool:
        """Whether a file of this version exists."""
        if (rolename, version) not in self._taken:
            found = self.repository.public.head(layout.metadata(self.repository.name, rolename, version))
            self._taken[rolename, version] = found is not None
        return self._taken[rolename, version]

    def reserved_first_root(self) -> str | None:
        """The hash of the first root that an operator has reserved this name for; asked for at the first publish alone."""
        return read_reservation(self.staging, self.repository.name)

    def find_public(self, roles: Sequence[tuple[str, Document[Root] | Document[Targets]]]) -> set[str]:
        """Those of these roles of which the very bytes are public."""
        name, public = self.repository.name, self.repository.public
        keys = [(layout.metadata(name, rolename, document.signed.version), document.body) for rolename, document in roles]
        found = self.workers.map(lambda key: holds(public, *key), keys)
        return {rolename for (rolename, _), is_public in zip(roles, found, strict=True) if is_public}

    def waiting_since(self, root: Root) -> datetime | None:
        """Since when this root has been waiting, verifying every release; None if it has not."""
        upload = next(upload for upload in self.uploads if "root" in upload.bundle and upload.bundle["root"].signed is root)
        return waiting_since(read_receipt(self.staging, self.repository.name, upload.sha256), AwaitingOverlap.code)

    @cached_property
    def former_roots(self) -> list[tuple[Root, datetime]]:
        """The published roots that were replaced within the overlap, newest first, each with when that was."""
        return list(self.repository.former_roots(self.now - self.overlap))
