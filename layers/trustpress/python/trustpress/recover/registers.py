"""Which version of a register to go by: nobody signs it, and whoever breaks into publish may write another.

It is the newest that can be read and that nothing signed contradicts. A bucket that was restored shows less than its register
knows, and must not be taken for a contradiction: only one that keeps timestamps from before a register was written is a witness.
"""

from dataclasses import replace
from datetime import datetime

from trustpress.core import layout, trust
from trustpress.core.metadata import Document, Root, Snapshot, Timestamp
from trustpress.errors import BrokenRepository, TooLarge, Unreadable
from trustpress.ports import ArchivingStore, StoredVersion
from trustpress.recover.archive import Archive
from trustpress.recover.salvage import Roots, fits
from trustpress.store.register import MAX_REGISTER_LENGTH, MAX_UNSEEN, Register, listed_versions, parse_register

# The release that a register tells of is committed right before it is written; a few others may have been in between.
_MAX_WITNESSES = 20


def newest_register(staging: ArchivingStore, archive: Archive, name: str, now: datetime) -> Register | None:
    """The version to go by, to be written in the place of what lies there now; None where nothing does.

    Where all are contradicted it is the newest: what that one lacks is what a person is told. Raises BrokenRepository where none
    can be read.
    """
    key = layout.register(name)
    if staging.head(key) is None:
        return None
    versions = [stored for stored in staging.list_all_versions(key) if stored.key == key]
    chain, newest = _chain(archive, name, now), None
    for stored in versions:
        register = _read(staging, name, stored)
        if register and _agrees(register, stored, archive, chain):
            return replace(register, etag=versions[0].etag)
        newest = newest or register
    if newest is None:
        raise BrokenRepository(name, "no version of its register is readable")
    return replace(newest, etag=versions[0].etag)


def _read(staging: ArchivingStore, name: str, stored: StoredVersion) -> Register | None:
    try:
        found = staging.get(stored.key, MAX_REGISTER_LENGTH, stored.version_id)
        return parse_register(name, found) if found else None
    except (BrokenRepository, TooLarge, Unreadable):
        return None


def _chain(archive: Archive, name: str, now: datetime) -> list[Document[Root]]:
    """The roots that follow the oldest first root that is kept: nothing was ever written over it."""
    first_roots = [found.document.sha256 for found in archive.find("root", 1, handed_in=False)]
    if not first_roots:
        return []
    pinned = Register(first_roots[-1], first_roots[-1], 1)
    return [found.document for found in Roots(archive, pinned, lambda _root: True, now).salvage(name)]


def _agrees(register: Register, stored: StoredVersion, archive: Archive, chain: list[Document[Root]]) -> bool:
    """Whether roots and releases say the same, as far as they are left."""
    number = register.root_version
    if number < 1 or (chain and register.first_root != chain[0].sha256):
        return False
    if number <= len(chain) and register.root != chain[number - 1].sha256:
        return False
    timestamps = archive.kept(layout.timestamp(archive.name))
    witnesses = [timestamp for timestamp in timestamps if timestamp.last_modified <= stored.last_modified]
    return not witnesses or any(_tells_of(register, archive, chain, witness) for witness in witnesses[:_MAX_WITNESSES])


def _tells_of(register: Register, archive: Archive, chain: list[Document[Root]], witness: StoredVersion) -> bool:
    timestamp: Document[Timestamp] | None = archive.read(witness)
    if timestamp is None or not any(trust.is_signed_by(timestamp, root.signed.roles["timestamp"]) for root in chain):
        return False
    if (timestamp.signed.version, timestamp.signed.snapshot["version"]) != (register.timestamp, register.snapshot):
        return False
    listed = timestamp.signed.snapshot
    snapshots = [found.document for found in archive.find("snapshot", listed["version"]) if fits("snapshot", found.document, listed)]
    return not snapshots or not register.is_exact or _has_the_roles_of(register, snapshots[0].signed)


def _has_the_roles_of(register: Register, snapshot: Snapshot) -> bool:
    """A role that a recovery could not bring back is listed below its mark, but not so far that no owner could pass it."""
    listed = listed_versions(snapshot.meta)
    most = {rolename: version + MAX_UNSEEN * (rolename in register.lost) for rolename, version in listed.items()}
    return register.roles.keys() == listed.keys() and all(
        listed[rolename] <= mark <= most[rolename] for rolename, mark in register.roles.items()
    )
