"""What the use cases need from the world, as small as it can be said.

Policy stands above the ports: that the same bytes already being there is fine, or that a lost race is tried again, is
decided in the use cases, where fakes and real stores exercise the same code.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol

from trustpress.core.keys import PublicKey
from trustpress.core.metadata import Root


class Caching(Enum):
    """How long a cache may keep an object: the value is its Cache-Control."""

    IMMUTABLE = "public, max-age=31536000, immutable"
    COMMIT = "public, max-age=5"
    PRIVATE = "no-store"


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of an object, without its bytes. `sha256` is hex, and None where the store never computed it.

    `etag` is the tag that `replace` expects, empty where nobody was asked for it; two that tell of the same version are equal.
    """

    key: str
    version_id: str
    length: int
    last_modified: datetime
    sha256: str | None = None
    etag: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The bytes of one object, with the tag that `replace` expects."""

    body: bytes
    etag: str
    last_modified: datetime


class ObjectStore(Protocol):
    """A versioned bucket with conditional writes.

    Every method raises Unavailable when the store fails before an effect. Writes raise UnknownOutcome when the effect is
    not known.
    """

    def list_versions(self, prefix: str) -> Iterator[StoredVersion]:
        """Yield every version below `prefix`, by key and newest first; none of a key whose latest version is a delete marker."""

    def list_keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of all current objects below `prefix`, ascending."""

    def head(self, key: str) -> StoredVersion | None:
        """Describe the current version of `key`, or return None where there is none."""

    def get(self, key: str, limit: int, version_id: str | None = None) -> StoredObject | None:
        """Read at most `limit` bytes, whole and as they were stored; None where there is no such object.

        Raises TooLarge past the limit, and Unreadable where the store never will give the bytes.
        """

    def digest(self, version: StoredVersion, algorithm: str) -> str:
        """Read one version through and return its hex digest; `algorithm` is sha256 or sha512."""

    def put(self, key: str, body: bytes, caching: Caching) -> None:
        """Write, whatever is there."""

    def put_new(self, key: str, body: bytes, caching: Caching) -> str:
        """Write a key that must not exist and return the new etag. Raises Conflict."""

    def replace(self, key: str, body: bytes, caching: Caching, etag: str) -> str:
        """Write over exactly the object with this etag and return the new etag. Raises Conflict."""

    def copy_new(self, source: "ObjectStore", version: StoredVersion, key: str, caching: Caching) -> None:
        """Copy one version of an object from `source` to a key that must not exist. Raises Conflict."""

    def delete_version(self, version: StoredVersion) -> None:
        """Delete exactly this version; harmless where it is gone already."""


class TaggingStore(ObjectStore, Protocol):
    """A bucket in which objects can be marked."""

    def tag(self, version: StoredVersion, name: str, value: str) -> None:
        """Put this tag on exactly this version, in the place of all it has; harmless where it is gone already."""


class ArchivingStore(ObjectStore, Protocol):
    """A bucket that is asked for what it no longer shows."""

    def list_all_versions(self, prefix: str) -> Iterator[StoredVersion]:
        """Yield every version below `prefix` that is still kept, by key and newest first, those behind a delete marker too."""


class HidingStore(ArchivingStore, Protocol):
    """A bucket in which objects can be hidden. Every version is kept, and can still be read by its id."""

    def hide(self, version: StoredVersion) -> None:
        """Put a delete marker over exactly this version, which is the current one. Raises Conflict if it is not."""


class Invalidator(Protocol):
    """Caches in front of a public bucket."""

    def invalidate(self, prefix: str) -> None:
        """Have them forget every object whose key begins with `prefix`, however long they were told to keep it. Raises Unavailable."""


class Signer(Protocol):
    """An online key."""

    @property
    def public_key(self) -> PublicKey: ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`. Raises Unavailable."""


class OnlineKeys(Protocol):
    """The keys that sign snapshots and timestamps: each repository has its own, and no two have one in common (decision 32)."""

    def of(self, repository: str, /, *roots: Root) -> Sequence[Signer]:
        """The keys that can sign for a repository whose newest roots are these, the oldest key first: those that the roots
        list, those that came before, and the next one. Raises Unavailable, or Misconfigured.
        """

    def verify_own(self, repository: str, root: Root) -> None:
        """A new root lists this repository's own keys for snapshot and timestamp, and no others. Raises ForeignOnlineKey."""

    def offered(self, repository: str, root: Root | None, /) -> Sequence[PublicKey]:
        """The keys that the next root may list: the present one, if it is to stay, and the next one. Raises Unavailable."""


class RootWriter(Protocol):
    """Whoever alone may write roots, and believes nobody."""

    def write(self, repository: str, key: str, version_id: str, now: datetime, /) -> bool:
        """Make the root of this upload visible: True if it is now, False if other bytes have taken its version.

        `now` is for those without a clock of their own. Raises Conflict where the upload is gone, Unavailable, and Misconfigured
        where it is no root to be published.
        """


class Vault(Protocol):
    """Where secrets are made and opened. `name` is bound to a secret: it opens under that name alone."""

    def make_secret(self, name: str) -> bytes:
        """Make 32 random bytes that nobody sees, and return them sealed. Raises Unavailable."""

    def open_secret(self, name: str, sealed: bytes) -> bytes:
        """The bytes that `make_secret` made. Raises Unavailable, or Misconfigured where they do not open."""


class Clock(Protocol):
    """Read once per run; everything that happens in the run happens at that instant."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""

    def seconds_left(self) -> float:
        """How much longer this run may take."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened, for others to act upon. docs/events.schema.json says what `detail` holds."""

    kind: str
    detail: Mapping[str, Any]


class Announcer(Protocol):
    """Where releases and rejections are made known."""

    def announce(self, events: Sequence[Event]) -> None:
        """Hand over every one of these events, some of them twice rather than one not at all. Raises Unavailable."""


class Notifier(Protocol):
    """Where people are told what they have to do."""

    def notify(self, subject: str, text: str) -> None:
        """Send one message. Raises Unavailable, and UnknownOutcome if it may have been sent."""


class Edge(Protocol):
    """What clients fetch from, wherever in the world they are. Nothing it says is trusted."""

    def fetch(self, path: str, limit: int) -> bytes | None:
        """Read at most `limit` bytes; None where there is no such object. Raises TooLarge past the limit, and Unavailable."""


@dataclass(frozen=True, slots=True)
class Request:
    """Look at `repository`, in a look that begins after `since`; at any rate where nobody said since when."""

    repository: str
    since: datetime | None = None


class Queue(Protocol):
    """Where messages about repositories come from."""

    def send(self, repository: str, delay: timedelta = timedelta()) -> None:
        """Ask for a look, to be received after `delay` at the earliest. Raises Unavailable."""
