"""What can be brought back: the chain of roots, the last release known, and of every role the highest version that verifies."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trustpress.core import client, layout, trust
from trustpress.core.delegations import Delegated, Delegations, RoleKeys
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, MetaFile, Root, Snapshot, Targets
from trustpress.core.overlap import keeps_verifiable
from trustpress.errors import Invalid, Unrecoverable
from trustpress.recover.archive import Archive, Found, TargetFiles
from trustpress.store.register import Register, highest_versions, is_fast_forwarded, listed_versions
from trustpress.workers import Workers


class Roots:
    """Follows the chain of roots from the pinned first one.

    A root that waits in the inbox fills a gap. One behind the newest is taken only while what there is cannot be used.
    """

    def __init__(self, archive: Archive, register: Register, is_usable: Callable[[Root], bool], now: datetime) -> None:
        self._archive, self._register, self._is_usable, self._now = archive, register, is_usable, now

    def salvage(self, name: str) -> list[Found]:
        """The chain, as far as it goes. Raises Unrecoverable where the register knows of more, and Conflict if it grows meanwhile."""
        chain: list[Found] = []
        while found := self._next(chain[-1].document if chain else None):
            chain.append(found)
        # A listing is of no one instant: it may hold a root and not the one before it. As long as nothing new lies behind the chain,
        # nothing beyond is a root of the owner's (tests/proofs/model/hiding.py).
        for number in [*(number for number, found in enumerate(chain, 1) if not found.is_published), len(chain) + 1]:
            self._archive.verify_unchanged(layout.metadata(name, "root", number))
        following = f"{len(chain) + 1}.root.json"
        if len(chain) < self._register.root_version:
            raise Unrecoverable(
                name,
                f"{following} is gone, or is not what it was",
                f"Put a copy of it at {layout.inbox_metadata(name, following)} in the staging bucket, and recover again. If its owner "
                f"never signed it, a thief wrote the register: copy an older version of {layout.register(name)} into place.",
            )
        return chain

    def _next(self, current: Document[Root] | None) -> Found | None:
        number = current.signed.version + 1 if current else 1
        handed_in = number <= self._register.root_version or (current is not None and not self._is_usable(current.signed))
        return next((found for found in self._archive.find("root", number, handed_in=handed_in) if self._follows(current, found)), None)

    def _follows(self, current: Document[Root] | None, found: Found) -> bool:
        """Whether it is the next root; of those that the register names, whether it is exactly that one."""
        root: Document[Root] = found.document
        pinned = {1: self._register.first_root, self._register.root_version: self._register.root}
        if root.sha256 != pinned.get(root.signed.version, root.sha256):
            return False
        try:
            if current is None:
                trust.verify_first_root(root)
            else:
                trust.verify_next_root(current.signed, root)
            trust.verify_repository("root", root.signed, self._archive.name)
        except Invalid:
            return False
        is_news = not found.is_published and root.signed.version > self._register.root_version
        return not is_news or current is None or self._may_follow_now(current.signed, root.signed)

    def _may_follow_now(self, current: Root, root: Root) -> bool:
        """A root that nobody has seen may replace online keys. Whatever targets verifies under it leaves alone."""
        return root.expires >= self._now + trust.MIN_LIFE and keeps_verifiable(current.roles["targets"], root.roles["targets"])


def salvage_snapshot(archive: Archive, register: Register, roots: list[Root]) -> Document[Snapshot] | None:
    """The snapshot of the latest release that is left, None if none is; never one of whoever has stolen an online key."""
    timestamps = [timestamp for timestamp in archive.timestamps if _is_signed_under_any(timestamp, roots, "timestamp")]
    for timestamp in sorted(timestamps, key=lambda document: document.signed.version, reverse=True):
        listed = timestamp.signed.snapshot
        for found in archive.find("snapshot", listed["version"]):
            snapshot = found.document
            is_committed = fits("snapshot", snapshot, listed) and _is_signed_under_any(snapshot, roots, "snapshot")
            if is_committed and not is_fast_forwarded(register, timestamp.signed, snapshot.signed):
                return snapshot
    return None


def highest_numbers(archive: Archive, register: Register, root: Root) -> tuple[int, int]:
    """The highest timestamp and snapshot versions of which a client that trusts `root` may know.

    What `root` does not verify, clients forget when they see it (specification 5.3.11): so ends a fast-forward attack.
    """
    timestamps = [found.signed for found in archive.timestamps if trust.is_signed_by(found, root.roles["timestamp"])]
    return (
        max([register.timestamp, *(timestamp.version for timestamp in timestamps)]),
        max([register.snapshot, *(timestamp.snapshot["version"] for timestamp in timestamps)]),
    )


def _is_signed_under_any(document: Document[Any], roots: list[Root], rolename: str) -> bool:
    return any(trust.is_signed_by(document, root.roles[rolename]) for root in reversed(roots))


def fits(name: str, document: Document[Any], listed: MetaFile) -> bool:
    """Whether a document is what is listed."""
    try:
        trust.verify_meta_file(name, document, listed)
    except Invalid:
        return False
    return True


@dataclass(frozen=True)
class SalvagedRole:
    """One targets role as it will be listed. `version` is 0 where nothing is left that clients could verify.

    `missing` is the document, where clients do not find it; `files` are those of its target files that they do not find;
    `role_keys` are those that its delegator names, None where nobody delegates to it.
    """

    rolename: str
    version: int
    meta_file: MetaFile
    delegations: Delegations = field(default_factory=lambda: Delegations({}))
    missing: Document[Targets] | None = None
    files: tuple[tuple[str, TargetFile], ...] = ()
    role_keys: RoleKeys | None = None

    @property
    def is_delegated(self) -> bool:
        """Whether clients ask for it."""
        return self.role_keys is not None


class Roles:
    """Salvages the targets roles, each verified by the role that delegates to it, from targets down.

    `seen` are the highest versions that clients know, as the register and the last snapshot tell. `files` is None where target
    files are external.
    """

    def __init__(
        self, archive: Archive, register: Register, snapshot: Document[Snapshot] | None, files: TargetFiles | None, workers: Workers
    ) -> None:
        self._archive, self._files, self._workers = archive, files, workers
        self._listed: Mapping[str, MetaFile] = snapshot.signed.meta if snapshot else {}
        self._is_exact = register.is_exact
        self.seen = highest_versions(register.roles, listed_versions(self._listed))

    def salvage(self, root: Root) -> dict[str, SalvagedRole]:
        """By role name: all that clients know, and all that is delegated."""
        found = client.walk(
            root.roles["targets"],
            lambda level: self._workers.map(lambda item: self._salvage(*item), level.items()),
            lambda role: role.delegations,
        )
        undelegated = [rolename for rolename in self.seen if rolename not in found]
        return found | {role.rolename: role for role in self._workers.map(self._salvage_undelegated, undelegated)}

    def _salvage(self, rolename: str, delegated: Delegated) -> SalvagedRole:
        for document, missing in self._candidates(rolename):
            if trust.is_signed_by(document, delegated.role_keys):
                signed, meta_file = document.signed, self._meta_file(rolename, document, is_bin=delegated.is_bin)
                files = self._missing_files(signed)
                return SalvagedRole(rolename, signed.version, meta_file, signed.delegations, missing, files, delegated.role_keys)
        # Listed as clients know it: those that keep it go on, and for the others it is missing either way.
        return SalvagedRole(rolename, 0, {"version": self.seen.get(rolename, 1)}, role_keys=delegated.role_keys)

    def _salvage_undelegated(self, rolename: str) -> SalvagedRole:
        """Clients do not ask for it. It stays listed as they know it, and is brought back for whoever delegates to it again."""
        version = self.seen[rolename]
        for document, missing in self._candidates(rolename):
            if document.signed.version == version:
                return SalvagedRole(rolename, version, self._meta_file(rolename, document, is_bin=True), missing=missing)
        return SalvagedRole(rolename, 0, {"version": version})

    def _candidates(self, rolename: str) -> Iterator[tuple[Document[Targets], Document[Targets] | None]]:
        """The highest version first, each once more if clients do not find it.

        None that no release can have listed: what a crashed publish left may have been withdrawn.
        """
        for version in self._archive.versions(rolename):
            if version <= self.seen.get(rolename, 0) or not self._is_exact:
                for found in self._archive.find(rolename, version):
                    if self._is_as_listed(rolename, found.document):
                        yield found.document, None if found.is_published else found.document

    def _is_as_listed(self, rolename: str, document: Document[Targets]) -> bool:
        listed = self._listed.get(rolename)
        if listed and listed["version"] == document.signed.version and not fits(rolename, document, listed):
            return False
        return document.signed.rolename in {None, rolename} and document.signed.repository in {None, self._archive.name}

    def _meta_file(self, rolename: str, document: Document[Targets], *, is_bin: bool) -> MetaFile:
        listed = self._listed.get(rolename)
        if listed and listed["version"] == document.signed.version:
            return listed
        return document.bin_meta_file if is_bin else document.meta_file

    def _missing_files(self, targets: Targets) -> tuple[tuple[str, TargetFile], ...]:
        if self._files is None:
            return ()
        return tuple(item for item in targets.targets.items() if not self._files.are_published(*item))
