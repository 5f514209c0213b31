"""What became of each upload: a receipt, outside the public bucket."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from trustpress.core import layout
from trustpress.core.canonical import encode_compact
from trustpress.core.instants import parse_instant, write_instant
from trustpress.errors import Conflict, TrustpressError, Unavailable
from trustpress.ports import Caching, ObjectStore
from trustpress.store.writes import swap

_MAX_LENGTH = 64_000

# A bundle may have thousands, and a message may quote an upload; a receipt stays small enough to be read again, and ten of them
# to be announced together, in 256 KB.
_MAX_ROLES = 100
_MAX_MESSAGE = 1_000
_ATTEMPTS = 5

# Of uploads of the same bytes that wait together; more of them are not told apart.
_MAX_REFUSED = 100


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one upload: published, waiting or rejected.

    `version_id` is the upload's in the inbox: a rejection is final for this very version, the same bytes may be uploaded again.
    `refused` are earlier versions of the same bytes of which that is known. `until` is when a look at the inbox publishes an
    upload that waits for nothing but time.
    """

    repository: str
    upload: str
    version_id: str
    sha256: str
    status: str
    at: datetime
    roles: Mapping[str, int]
    release: Mapping[str, int] | None = None
    error: TrustpressError | None = None
    since: datetime | None = None
    until: datetime | None = None
    note: str = ""
    refused: Sequence[str] = ()

    def encode(self) -> bytes:
        return encode_compact(self._as_json())

    def says_the_same_as(self, earlier: Mapping[str, Any]) -> bool:
        """Whether the earlier receipt differs in nothing but its own date."""
        return {**self._as_json(), "at": None} == {**earlier, "at": None}

    def _as_json(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "repository": self.repository,
            "upload": self.upload,
            "version_id": self.version_id,
            "sha256": self.sha256,
            "status": self.status,
            "at": write_instant(self.at),
            "roles": dict(islice(self.roles.items(), _MAX_ROLES)),
        }
        if self.release:
            value["release"] = dict(self.release)
        if self.error:
            value |= {"code": self.error.code, "message": str(self.error)[:_MAX_MESSAGE], "hint": self.error.hint}
        if self.note:
            value["note"] = self.note
        if self.refused:
            value["refused"] = list(self.refused)
        if self.since:
            value["since"] = write_instant(self.since)
        if self.until:
            # Rounded up: a look in that very second is not too early.
            value["until"] = write_instant(self.until + timedelta(microseconds=999_999))
        return value


def put_receipt(staging: ObjectStore, receipt: Receipt) -> None:
    """Write that an upload is published, over whatever a run with an older view has written."""
    staging.put(layout.receipt(receipt.repository, receipt.sha256), receipt.encode(), Caching.PRIVATE)


def settle_receipt(staging: ObjectStore, repository: str, upload_sha256: str, decide: Callable[[Mapping[str, Any]], Receipt]) -> Receipt:
    """Write what `decide` makes of the receipt that is there, unless that is nothing new. Decide again if another run was faster.

    So a run that was slow does not take back what a faster one has published meanwhile, nor what it has said of the same bytes
    uploaded once more. Raises Unavailable.
    """
    key = layout.receipt(repository, upload_sha256)
    for _ in range(_ATTEMPTS):
        found = staging.get(key, _MAX_LENGTH)
        earlier = json.loads(found.body) if found else {}
        receipt = decide(earlier)
        if receipt.says_the_same_as(earlier) or receipt.version_id in earlier.get("refused", []):
            return receipt
        with suppress(Conflict):
            swap(staging, key, receipt.encode(), Caching.PRIVATE, found.etag if found else None)
            return receipt
    raise Unavailable(f"{key} changed {_ATTEMPTS} times in a row")


def read_receipt(staging: ObjectStore, repository: str, upload_sha256: str) -> Mapping[str, Any]:
    """What an earlier look at this upload came to, empty if there was none."""
    found = staging.get(layout.receipt(repository, upload_sha256), _MAX_LENGTH)
    return json.loads(found.body) if found else {}


def refused_versions(receipt: Mapping[str, Any]) -> list[str]:
    """The versions of the same bytes that are known to have been refused, the last one last."""
    last = [receipt["version_id"]] if receipt.get("status") == "rejected" else []
    return [*receipt.get("refused", []), *last][-_MAX_REFUSED:]


def waiting_since(receipt: Mapping[str, Any], code: str) -> datetime | None:
    """Since when an upload has been waiting under this code, None if it has not."""
    if receipt.get("status") != "waiting" or receipt["code"] != code:
        return None
    return parse_instant(receipt["since"])
