"""What is remembered of a repository outside its public bucket: the first root, and the highest numbers ever committed.

Clients never go back. A public bucket that shows less than its register has lost something, and every client that saw more
refuses it; one that shows much more was written by somebody else.
"""

import operator
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from trustpress.core import layout
from trustpress.core.metadata import Document, MetaFile, Root, Snapshot, Timestamp
from trustpress.core.parse import MAX_LENGTH
from trustpress.errors import BadKey, BrokenRepository, Conflict, Unavailable
from trustpress.ports import Caching, ObjectStore, StoredObject
from trustpress.store.writes import swap

# 16,384 bins are a third of a megabyte. A register says of a role its name and a number, twice if the role was lost; the
# snapshot it was read from says its name and more.
MAX_REGISTER_LENGTH = 2 * MAX_LENGTH["snapshot"]
_ATTEMPTS = 5

# How far what is published may be ahead of its register. A crash between a commit and the register leaves one commit, which
# may have stepped over as many orphans or carried as many versions of a role; the next commit closes the gap.
MAX_UNSEEN = 1_000


@dataclass(frozen=True, slots=True)
class Register:
    """The first root, pinned, the newest root, and the highest numbers that were ever committed, of each targets role too.

    `lost` names the roles that the last recovery could not bring back to their number in `roles`, with the version that was
    left, 0 for none. It ends when a later version is committed. `roles` is empty in a register that was written before there
    were any.
    """

    first_root: str
    root: str
    root_version: int
    snapshot: int = 0
    timestamp: int = 0
    roles: Mapping[str, int] = field(default_factory=dict, repr=False)
    lost: Mapping[str, int] = field(default_factory=dict)
    etag: str | None = None

    @property
    def is_exact(self) -> bool:
        """Whether it was raised by every commit. An older one knows neither roles nor refreshes."""
        return bool(self.roles)


def published_repositories(staging: ObjectStore) -> Iterator[str]:
    """Every repository that was ever published: those that have a register."""
    for key in staging.list_keys(layout.REGISTERS):
        with suppress(BadKey):
            yield layout.parse_register_key(key)


def read_register(staging: ObjectStore, repository: str, known: Register | None = None) -> Register | None:
    """None if the repository has none yet, and `known` itself if nothing has changed. Raises BrokenRepository where it cannot be read."""
    found = staging.get(layout.register(repository), MAX_REGISTER_LENGTH)
    if found is None:
        return None
    if known and found.etag == known.etag:
        return known
    return parse_register(repository, found)


def parse_register(repository: str, found: StoredObject) -> Register:
    """Raises BrokenRepository where it cannot be read."""
    try:
        value = orjson.loads(found.body)
        texts, numbers = (value["first_root"], value["root"]), (value["root_version"], value["snapshot"], value["timestamp"])
        versions = (value.get("roles", {}), value.get("lost", {}))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BrokenRepository(repository, "its register is not readable") from error
    is_well_formed = set(map(type, texts)) == {str} and set(map(type, numbers)) == {int} and all(map(_are_versions, versions))
    if not is_well_formed:
        raise BrokenRepository(repository, "its register is not readable")
    return Register(*texts, *numbers, *versions, etag=found.etag)


def _are_versions(value: Any) -> bool:
    return type(value) is dict and set(map(type, value.values())) <= {int}


def write_register(staging: ObjectStore, repository: str, register: Register) -> Register:
    """Raise the register to these numbers; none of them ever goes down. Raises Unavailable."""
    for _ in range(_ATTEMPTS):
        fields = {name: getattr(register, name) for name in Register.__slots__ if name != "etag"}
        try:
            # Nobody signs it: 16,384 bins need not be sorted.
            etag = swap(staging, layout.register(repository), orjson.dumps(fields), Caching.PRIVATE, register.etag)
        except Conflict:
            register = _highest(repository, register, read_register(staging, repository))
            continue
        return replace(register, etag=etag)
    raise Unavailable(f"{repository}: the register changed {_ATTEMPTS} times in a row")


def raised(register: Register, root: Document[Root], timestamp: Timestamp, snapshot: Snapshot, roles: Mapping[str, int]) -> Register:
    """The register with a release committed. `roles` are versions that it lists: all, or those that the register may not know."""
    newest = max((register.root_version, register.root), (root.signed.version, root.sha256), key=operator.itemgetter(0))
    marks = highest_versions(register.roles, roles)
    return replace(
        register,
        root=newest[1],
        root_version=newest[0],
        snapshot=max(register.snapshot, snapshot.version),
        timestamp=max(register.timestamp, timestamp.version),
        roles=marks,
        lost={rolename: version for rolename, version in register.lost.items() if marks[rolename] == register.roles[rolename]},
    )


def highest_versions(ours: Mapping[str, int], theirs: Mapping[str, int]) -> Mapping[str, int]:
    """The higher version of each role. Made anew only where something changes: there may be 16,384 bins."""
    higher = {rolename: version for rolename, version in theirs.items() if version > ours.get(rolename, 0)}
    return {**ours, **higher} if higher else ours


def _highest(repository: str, ours: Register, theirs: Register | None) -> Register:
    if theirs is None:
        return replace(ours, etag=None)
    if theirs.first_root != ours.first_root:
        raise Conflict(layout.register(repository))
    newest = max(ours, theirs, key=lambda register: register.root_version)
    roles = highest_versions(ours.roles, theirs.roles)
    lost = [
        (rolename, version)
        for side in (ours, theirs)
        for rolename, version in side.lost.items()
        if side.roles.get(rolename) == roles.get(rolename)
    ]
    return Register(
        ours.first_root,
        newest.root,
        newest.root_version,
        max(ours.snapshot, theirs.snapshot),
        max(ours.timestamp, theirs.timestamp),
        roles,
        dict(sorted(lost, key=operator.itemgetter(1))),
        theirs.etag,
    )


def listed_versions(meta: Mapping[str, MetaFile]) -> dict[str, int]:
    """Role versions by role name, of a snapshot's `meta`."""
    return {rolename: entry["version"] for rolename, entry in meta.items()}


def verify_agrees(repository: str, register: Register, root: Document[Root], timestamp: Timestamp, snapshot: Snapshot) -> None:
    """What is published is what was committed: nothing is lower, but what a recovery could not bring back, and nothing much higher.

    Numbers that nobody here committed are a fast-forward attack by whoever has an online key. Were they taken over into the
    register, no recovery could go back behind them. Raises BrokenRepository.
    """
    if root.signed.version < register.root_version or (root.signed.version == register.root_version and root.sha256 != register.root):
        raise BrokenRepository(repository, f"root version {register.root_version} was published, and is not what the bucket has")
    for name, mark, version in _differences(register, timestamp, snapshot):
        if version < register.lost.get(name, mark):
            raise BrokenRepository(repository, f"{name} version {mark} was committed, version {version} is published")
        if register.is_exact and version > mark + MAX_UNSEEN:
            raise BrokenRepository(repository, f"{name} version {version} is published, and none after {mark} was committed here")


def is_fast_forwarded(register: Register, timestamp: Timestamp, snapshot: Snapshot) -> bool:
    """Whether a release has numbers that nobody here committed."""
    return register.is_exact and any(version > mark + MAX_UNSEEN for _, mark, version in _differences(register, timestamp, snapshot))


def _differences(register: Register, timestamp: Timestamp, snapshot: Snapshot) -> Iterator[tuple[str, int, int]]:
    """Every role whose version is not its mark, with both numbers, 0 where there is none."""
    yield "timestamp", register.timestamp, timestamp.version
    yield "snapshot", register.snapshot, snapshot.version
    listed = listed_versions(snapshot.meta)
    if listed != register.roles:
        for rolename in {**register.roles, **listed}:
            yield rolename, register.roles.get(rolename, 0), listed.get(rolename, 0)
