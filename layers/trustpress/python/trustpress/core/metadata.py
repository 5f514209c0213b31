"""The values that metadata parses to (TUF specification, section 4).

Bytes are sacred: a Document keeps the bytes it came from and hashes, stores and compares those.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Generic, NotRequired, TypedDict, TypeVar

from trustpress.core.canonical import canonical_from_compact
from trustpress.core.entries import TargetEntries
from trustpress.core.keys import PublicKey
from trustpress.core.paths import PathPatterns, SuccinctRoles

TOP_LEVEL_ROLES = ("root", "targets", "snapshot", "timestamp")


class MetaFile(TypedDict):
    """What snapshot and timestamp say of a metadata file. `length` is in bytes."""

    version: int
    length: NotRequired[int]
    hashes: NotRequired[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Signature:
    keyid: str
    sig: str


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """Who may sign a role: distinct keys, of which `threshold` must."""

    keys: Mapping[str, PublicKey]
    threshold: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What root promises about a Trustpress repository (its `x-trustpress` member)."""

    timestamp_life: timedelta = timedelta(hours=24)
    snapshot_life: timedelta = timedelta(days=7)
    external_targets: bool = False


@dataclass(frozen=True, slots=True)
class Root:
    version: int
    expires: datetime
    roles: Mapping[str, RoleKeys]
    policy: Policy


@dataclass(frozen=True, slots=True)
class Timestamp:
    version: int
    expires: datetime
    snapshot: MetaFile


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`meta` is keyed by metapath: `targets.json`, `releases.json`, never with a version prefix."""

    version: int
    expires: datetime
    meta: Mapping[str, MetaFile]


@dataclass(frozen=True, slots=True)
class DelegatedRole:
    name: str
    role_keys: RoleKeys
    patterns: PathPatterns


@dataclass(frozen=True, slots=True)
class Delegations:
    """Either delegated roles with path patterns, in order of priority, or one family of succinct roles (TAP 15)."""

    roles: Mapping[str, DelegatedRole]
    succinct: SuccinctRoles | None = None
    succinct_keys: RoleKeys | None = None

    def role_keys(self, rolename: str) -> RoleKeys | None:
        """Who may sign `rolename` under this delegation, or None where it does not name that role."""
        if self.succinct is not None and self.succinct.names(rolename):
            return self.succinct_keys
        role = self.roles.get(rolename)
        return role.role_keys if role else None

    def __bool__(self) -> bool:
        return bool(self.roles) or self.succinct is not None

    def rolenames(self) -> Iterator[str]:
        yield from self.roles if self.succinct is None else self.succinct.rolenames()


@dataclass(frozen=True, slots=True)
class Targets:
    version: int
    expires: datetime
    targets: TargetEntries
    delegations: Delegations


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

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def meta_file(self) -> MetaFile:
        """What the parent role says of this document."""
        return {"version": self.signed.version, "length": len(self.body), "hashes": {"sha256": self.sha256}}


def metapath(rolename: str) -> str:
    """The name of a role in `meta`."""
    return f"{rolename}.json"


def published_version(snapshot: Snapshot | None, rolename: str) -> int:
    """The version of a role that a snapshot lists, 0 where it lists none."""
    found: Any = snapshot.meta.get(metapath(rolename)) if snapshot else None
    return found["version"] if found else 0
