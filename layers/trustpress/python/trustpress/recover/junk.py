"""What lies in the way: objects that verify for nobody, at numbers that signed ones are to have.

Whoever breaks into publish may write everywhere that nothing is. A root that does not verify stops every client, and what lies
under the next number of a role stops its owner. Snapshots are nobody's to sign but ours: those are stepped over.
"""

from collections.abc import Iterable, Mapping, Sequence

from trustpress.core import layout, trust
from trustpress.core.portable import MAX_VERSION
from trustpress.ports import StoredVersion
from trustpress.recover.archive import Archive, Found
from trustpress.recover.salvage import SalvagedRole
from trustpress.store.register import MAX_UNSEEN
from trustpress.workers import Workers

_OURS = {"root", "snapshot", "timestamp"}


def in_the_way(
    archive: Archive, roots: Sequence[Found], salvaged: Mapping[str, SalvagedRole], seen: Mapping[str, int], workers: Workers
) -> list[StoredVersion]:
    """What has to be hidden: of roots all but the chain, of roles what does not verify, of the timestamp what nobody can read."""
    ends = {number for number, found in enumerate(roots, 1) if found.is_published}
    junk = [stored for number, stored in archive.visible.get("root", {}).items() if number not in ends]
    roles = [rolename for rolename in archive.visible if rolename not in _OURS]
    for found in workers.map(lambda rolename: _of_role(archive, rolename, salvaged.get(rolename), seen.get(rolename, 0)), roles):
        junk += found
    timestamp = archive.current(layout.timestamp(archive.name))
    return [timestamp, *junk] if timestamp and not archive.is_readable(timestamp) else junk


def free_number(taken: Iterable[int], after: int, margin: int) -> int:
    """The first number from which on `margin` numbers are free, or else the beginning of the widest gap."""
    gaps: list[tuple[int, int]] = []
    for number in [*sorted(number for number in taken if after < number <= MAX_VERSION), MAX_VERSION + 1]:
        gaps.append((after + 1 - number, after + 1))
        if number - after > margin:
            break
        after = number
    return min(gaps)[1]


def _of_role(archive: Archive, rolename: str, role: SalvagedRole | None, seen: int) -> list[StoredVersion]:
    """Where an earlier version comes back, what has taken its place; and from the next number on, what its owner never signed.

    Its owner reaches the first thousand numbers alone: what lies beyond them is hidden when somebody recovers then.
    """
    visible, last = archive.visible[rolename], max(seen, role.version if role else 0)
    replaced = [visible[role.version]] if role and role.missing and role.version in visible else []
    ahead = [number for number in visible if last < number <= last + MAX_UNSEEN]
    return replaced + [visible[number] for number in ahead if not _verifies(archive, rolename, number, role)]


def _verifies(archive: Archive, rolename: str, number: int, role: SalvagedRole | None) -> bool:
    """Whether its owner may have uploaded it: a publisher that has crashed leaves such files, and finds them again."""
    if role is None or role.role_keys is None:
        return False
    published = [found.document for found in archive.find(rolename, number, handed_in=False) if found.is_published]
    return any(trust.is_signed_by(document, role.role_keys) and document.signed.rolename in {None, rolename} for document in published)
