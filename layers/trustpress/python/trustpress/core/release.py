"""The next release, derived from the last: pure, unsigned values out, keys last.

A release is the set {targets vN, snapshot vM, timestamp vK} that one timestamp commits.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from trustpress.core.canonical import encode_compact
from trustpress.core.instants import write_instant
from trustpress.core.metadata import Document, MetaFile, Signature, Signed, Snapshot, Timestamp

S = TypeVar("S", Snapshot, Timestamp)
SPEC_VERSION = "1.0.34"
# How often the refresh comes round, where nobody says otherwise.
REFRESH_PERIOD = timedelta(hours=1)

# Each copies the whole meta once; with more of them, encoding anew is as fast.
_MAX_SPLICES = 16


def next_snapshot(previous: Snapshot | None, accepted: Mapping[str, MetaFile], version: int, expires: datetime) -> Snapshot:
    """Everything that was listed, and every accepted role: no role is ever lost (specification 4.4, 5.5.5).

    `accepted` is keyed by role name. A role that is no longer delegated stays at its last version: clients that once saw it
    would refuse a snapshot without it.
    """
    listed = dict(previous.meta) if previous else {}
    listed.update(accepted)
    return Snapshot(version, expires, listed)


def next_timestamp(previous: Timestamp | None, snapshot: MetaFile, expires: datetime) -> Timestamp:
    """The timestamp that commits a snapshot (specification 4.6)."""
    return Timestamp(previous.version + 1 if previous else 1, expires, snapshot)


def compose(signed: Snapshot | Timestamp) -> bytes:
    """The compact bytes of the `signed` member."""
    meta = signed.meta if isinstance(signed, Snapshot) else {"snapshot": signed.snapshot}
    return encode_compact(
        {
            "_type": "snapshot" if isinstance(signed, Snapshot) else "timestamp",
            "expires": write_instant(signed.expires),
            "meta": {f"{rolename}.json": entry for rolename, entry in meta.items()},
            "spec_version": SPEC_VERSION,
            "version": signed.version,
        }
    )


def compose_after(previous: Document[Snapshot] | None, accepted: Iterable[str], signed: Snapshot) -> bytes:
    """As `compose`, from the bytes of the snapshot before: of tens of thousands of entries, few have changed.

    `signed` is the next snapshot of `previous` with the `accepted` role names.
    """
    changed = list(accepted)
    if previous is None or len(previous.signed.meta) != len(signed.meta) or len(changed) > _MAX_SPLICES:
        return compose(signed)
    meta = previous.body[previous.body.index(b',"meta":') + len(b',"meta":') : previous.body.rindex(b',"spec_version":')]
    for rolename in changed:
        meta = meta.replace(_member(rolename, previous.signed.meta[rolename]), _member(rolename, signed.meta[rolename]))
    head = (write_instant(signed.expires).encode(), meta, SPEC_VERSION.encode(), signed.version)
    return b'{"_type":"snapshot","expires":"%b","meta":%b,"spec_version":"%b","version":%d}' % head


def _member(rolename: str, entry: MetaFile) -> bytes:
    return encode_compact({f"{rolename}.json": entry})[1:-1]


def envelop(signed: S, compact: bytes, signatures: tuple[Signature, ...]) -> Document[S]:
    """Put signatures around the compact bytes of a `signed` member."""
    entries: list[dict[str, Any]] = [{"keyid": signature.keyid, "sig": signature.sig.hex()} for signature in signatures]
    body = b'{"signatures":%b,"signed":%b}' % (encode_compact(entries), compact)
    return Document(signed, signatures, body)


def expiry(now: datetime, life: timedelta) -> datetime:
    """`life` from now, in whole seconds, as metadata writes it."""
    return (now + life).replace(microsecond=0)


def is_half_spent(document: Document[Signed], now: datetime, life: timedelta) -> bool:
    """Whether less than half of the life is left: time to sign again."""
    return document.signed.expires - now < life / 2
