"""The values that metadata parses to (TUF specification, section 4).

Bytes are sacred: a Document keeps the bytes it came from and hashes, stores and compares those.
"""

import hashlib
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import compress
from typing import Any, Generic, NotRequired, TypedDict, TypeVar

import orjson

from trustpress.core.canonical import canonical_from_compact
from trustpress.core.delegations import Delegations, RoleKeys
from trustpress.core.entries import TargetEntries

# What clients accept of a targets role whose length they have not been told, in bytes.
CLIENT_LIMIT = 5_000_000


class MetaFile(TypedDict):
    """What snapshot and timestamp say of a metadata file. `length` is in bytes."""

    version: int
    length: NotRequired[int]
    hashes: NotRequired[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Signature:
    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Policy:
    """What root promises about a Trustpress repository (its `x-trustpress` member)."""

    timestamp_life: timedelta = timedelta(hours=24)
    snapshot_life: timedelta = timedelta(days=7)
    external_targets: bool = False


@dataclass(frozen=True, slots=True)
class Root:
    """`repository` is the one that it says it is of, if it does. `is_at_once` tells that it may replace a targets key at once."""

    version: int
    expires: datetime
    roles: Mapping[str, RoleKeys]
    policy: Policy
    repository: str | None = None
    is_at_once: bool = False


@dataclass(frozen=True, slots=True)
class Timestamp:
    version: int
    expires: datetime
    snapshot: MetaFile


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`meta` is keyed by role name."""

    version: int
    expires: datetime
    meta: Mapping[str, MetaFile]


@dataclass(frozen=True, slots=True)
class Targets:
    """`rolename` and `repository` are those that it says it is of, if it does."""

    version: int
    expires: datetime
    targets: TargetEntries
    delegations: Delegations
    rolename: str | None = None
    repository: str | None = None


Signed = Root | Timestamp | Snapshot | Targets
T_co = TypeVar("T_co", bound=Signed, covariant=True)


@dataclass(frozen=True)
class Document(Generic[T_co]):
    """One piece of signed metadata: its value, its signatures, its bytes.

    `body` is compact JSON with exactly the members `signatures` and `signed`, in that order.
    """

    signed: T_co
    signatures: tuple[Signature, ...]
    body: bytes = field(repr=False)

    @property
    def message(self) -> bytes:
        """The canonical form of `signed`, which the signatures cover; made anew each time, as it may be large."""
        start = self.body.index(b',"signed":{') + len(b',"signed":')
        return canonical_from_compact(self.body[start:-1])

    def members(self) -> dict[str, Any]:
        """The `signed` member to be edited, made anew, with every member it has, known here or not (specification 4.1)."""
        signed: dict[str, Any] = orjson.loads(self.body)["signed"]
        return signed

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def meta_file(self) -> MetaFile:
        """What the parent role says of this document."""
        return {"version": self.signed.version, "length": len(self.body), "hashes": {"sha256": self.sha256}}

    @property
    def bin_meta_file(self) -> MetaFile:
        """What snapshot says of a bin: its version alone, a quarter of the bytes, of which every client fetches them all.

        Specification 4.4 allows it where the version identifies the bytes; here no versioned object is ever written again.
        A bin that is larger than clients accept by default needs its length said.
        """
        return {"version": self.signed.version} if len(self.body) <= CLIENT_LIMIT else self.meta_file


def changed_roles(old: Snapshot, new: Snapshot) -> list[str]:
    """The roles that `old` lists and `new` lists otherwise, or not at all. Entries that were carried over are the same objects.

    A snapshot derived from `old` has its names in the same places, which spares looking tens of thousands of them up.
    """
    in_place = len(new.meta) >= len(old.meta) and all(map(operator.is_, old.meta, new.meta))
    found = new.meta.values() if in_place else map(new.meta.get, old.meta)
    return list(compress(old.meta, map(operator.is_not, old.meta.values(), found)))


def published_version(snapshot: Snapshot | None, rolename: str) -> int:
    """The version of a role that a snapshot lists, 0 where it lists none."""
    found: Any = snapshot.meta.get(rolename) if snapshot else None
    return found["version"] if found else 0
