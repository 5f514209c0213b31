"""What a recovery is to write, planned from what is left. Nothing here writes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from trustpress.core import layout, release
from trustpress.core.metadata import Document, Root, Snapshot, Targets, Timestamp
from trustpress.core.portable import MAX_VERSION
from trustpress.errors import Unrecoverable
from trustpress.ports import ArchivingStore, ObjectStore, OnlineKeys, StoredVersion
from trustpress.recover.archive import Archive, Found, TargetFiles
from trustpress.recover.junk import free_number, in_the_way
from trustpress.recover.salvage import Roles, Roots, SalvagedRole, highest_numbers, salvage_snapshot
from trustpress.store.register import Register, highest_versions
from trustpress.store.repository import Head, Repository, new_role_cache
from trustpress.store.target_files import Copy
from trustpress.verdicts import Rejected, Waiting
from trustpress.workers import Workers

# What clients may have seen and neither bucket knows, should the register have been restored from a backup as well: a day of
# one publish a second. More than 20,000 recoveries fit into the numbers that clients accept.
MARGIN = 100_000

S = TypeVar("S", Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class ToSign:
    """A role that only its owner can bring back: clients have seen version `seen`, `available` is left (0: none)."""

    rolename: str
    seen: int
    available: int

    @property
    def next(self) -> int:
        return self.seen + 1


@dataclass(frozen=True)
class Plan:
    """`hidden` is in the way, and is to be hidden first. `copies` of target files, each with the store it is made from, `roles`
    and `roots` are to be brought back.

    `floor` is a release that nobody ever signed, with the highest numbers that clients may know and the roles that are left:
    what follows it, every client accepts. `register` is what has to be remembered then, but for the numbers.
    """

    floor: Repository
    hidden: list[StoredVersion]
    register: Register
    roots: list[Document[Root]]
    roles: Mapping[str, Document[Targets]]
    copies: list[tuple[ObjectStore, Copy]]
    missing_files: list[str]
    to_sign: list[ToSign]

    @property
    def brought_back(self) -> list[str]:
        """The keys of all that is to be brought back."""
        roles = [layout.metadata(self.floor.name, rolename, document.signed.version) for rolename, document in self.roles.items()]
        roots = [layout.metadata(self.floor.name, "root", root.signed.version) for root in self.roots]
        return sorted([*roots, *roles, *(copy.key for _, copy in self.copies)])


class Planner:
    """Plans the recovery of one repository."""

    def __init__(self, staging: ObjectStore, public: ArchivingStore, register: Register, keys: OnlineKeys, workers: Workers) -> None:
        self._staging, self._public, self._register, self._keys, self._workers = staging, public, register, keys, workers

    def plan(self, archive: Archive, etag: str | None, now: datetime) -> Plan:
        """`etag` is that of the timestamp to replace, None where there is none to read. Raises Unrecoverable."""
        name = archive.name
        roots = self._roots(name, archive, now)
        root: Document[Root] = roots[-1].document
        snapshot = salvage_snapshot(archive, self._register, [found.document.signed for found in roots])
        files = None if root.signed.policy.external_targets else TargetFiles(self._staging, self._public, name)
        roles = Roles(archive, self._register, snapshot, files, self._workers)
        salvaged = roles.salvage(root.signed)
        copies, missing_files = _plan_copies(files, salvaged)
        lost = {name: role.version for name, role in salvaged.items() if role.version < roles.seen.get(name, 1)}
        # A register from before there were roles knows none of them: it is to know all, or it would be taken for exact.
        seen = highest_versions(roles.seen, {name: role.version or 1 for name, role in salvaged.items()})
        head = self._floor(archive, root, salvaged, etag, now)
        return Plan(
            Repository(name, self._public, head, self._register, new_role_cache()),
            in_the_way(archive, roots, salvaged, roles.seen, self._workers),
            replace(self._register, roles=seen, lost=lost),
            [found.document for found in roots if not found.is_published],
            {role.rolename: role.missing for role in salvaged.values() if role.missing},
            copies,
            missing_files,
            [ToSign(name, seen[name], version) for name, version in lost.items() if _has_an_owner(name, salvaged, lost)],
        )

    def _roots(self, name: str, archive: Archive, now: datetime) -> list[Found]:
        """The chain of roots, up to one under which this deployment can sign."""
        roots = Roots(archive, self._register, lambda root: not self._obstacle(name, archive, root), now).salvage(name)
        root: Root = roots[-1].document.signed
        if obstacle := self._obstacle(name, archive, root):
            raise Unrecoverable(
                name,
                f"under root version {root.version} {obstacle}",
                f"Sign root version {root.version + 1} that lists the next key of {layout.online_keys(name)} alone for snapshot and "
                f"timestamp, put it at {layout.inbox_metadata(name, 'root.json')} in the staging bucket, and recover again.",
            )
        return roots

    def _obstacle(self, name: str, archive: Archive, root: Root) -> str:
        """Why no release can be signed under this root, empty if one can."""
        held = {signer.public_key.material for signer in self._keys.of(name, root)}
        for rolename in ("timestamp", "snapshot"):
            role = root.roles[rolename]
            if sum(key.material in held for key in role.keys.values()) < role.threshold:
                return f"this deployment holds too few of the {rolename} keys"
        if max(highest_numbers(archive, self._register, root)) > MAX_VERSION - 2 * MARGIN:
            return "no version numbers are left, for somebody else has used the online key"
        return ""

    def _floor(self, archive: Archive, root: Document[Root], salvaged: Mapping[str, SalvagedRole], etag: str | None, now: datetime) -> Head:
        timestamp_version, snapshot_version = highest_numbers(archive, self._register, root.signed)
        # Whoever signs next to root's keys for an overlap goes on signing.
        former = archive.timestamps[0].signatures if archive.timestamps else ()
        meta = {role.rolename: role.meta_file for role in salvaged.values()}
        # Whoever broke into publish may have left any number of snapshots that nobody signed: none of them is in the way here.
        next_snapshot = free_number(archive.visible.get("snapshot", {}), snapshot_version + MARGIN, MARGIN)
        snapshot = replace(_unsigned(Snapshot(next_snapshot - 1, now, meta)), signatures=former)
        timestamp = replace(_unsigned(Timestamp(timestamp_version + MARGIN, now, snapshot.meta_file)), signatures=former)
        return Head(root, now, timestamp, etag, snapshot)


def _unsigned(signed: S) -> Document[S]:
    return release.envelop(signed, release.compose(signed), ())


def _plan_copies(files: TargetFiles | None, salvaged: Mapping[str, SalvagedRole]) -> tuple[list[tuple[ObjectStore, Copy]], list[str]]:
    """How missing target files come back, and the paths of those that do not."""
    copies: list[tuple[ObjectStore, Copy]] = []
    missing: list[str] = []
    for targetpath, entry in (item for role in salvaged.values() for item in role.files):
        assert files is not None
        try:
            copies += files.plan_copies(targetpath, entry)
        except (Waiting, Rejected):
            missing.append(targetpath)
    return copies, sorted(set(missing))


def _has_an_owner(rolename: str, salvaged: Mapping[str, SalvagedRole], lost: Mapping[str, int]) -> bool:
    """Whether somebody has to sign it: clients ask for it, or may do so again when a role that delegated to it is back."""
    return salvaged[rolename].is_delegated or any(salvaged[name].is_delegated for name in lost)
