"""What the publisher says became of an upload, as it is read from a bucket that others may write to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trustpress.core.instants import parse_instant, write_instant
from trustpress.core.parse import parse_object
from trustpress.errors import Invalid
from trustpress_uploader.errors import UnreadableReceipt

# The publisher writes fewer; see trustpress/store/receipts.py.
MAX_LENGTH = 64_000

_STATUSES = {"published", "waiting", "rejected"}
_TEXTS = ("code", "message", "hint", "note", "upload")
_INSTANTS = ("at", "until")


@dataclass(frozen=True, slots=True)
class Receipt:
    """`release` is of the commit that published it; `until` says when a look at the inbox is worth it, where the publisher knows.

    `status` is published, waiting or rejected; `at` and `until` are instants as metadata writes them, or empty; every other text
    is one line of somebody's.
    """

    status: str
    roles: Mapping[str, int]
    release: Mapping[str, int] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    hint: str = ""
    note: str = ""
    at: str = ""
    upload: str = ""
    until: str = ""

    def is_due(self, now: datetime) -> bool:
        return bool(self.until) and parse_instant(self.until) <= now


def parse_receipt(key: str, body: bytes) -> Receipt:
    """The receipt under this key; members that are not known are left out. Raises UnreadableReceipt, which names it."""
    try:
        value = parse_object(body)
    except Invalid as error:
        raise UnreadableReceipt(key, str(error)) from error
    status = _text(key, value, "status")
    if status not in _STATUSES:
        raise UnreadableReceipt(key, f"status: expected published, waiting or rejected, found {status!r}")
    texts = {name: " ".join(_text(key, value, name).split()) for name in _TEXTS}
    instants = {name: _instant(key, value, name) for name in _INSTANTS}
    return Receipt(status, _versions(key, value, "roles"), _versions(key, value, "release"), **texts, **instants)


def _text(key: str, value: Mapping[str, Any], name: str) -> str:
    found = value.get(name, "")
    if not isinstance(found, str):
        raise UnreadableReceipt(key, f"{name}: expected a text")
    return found


def _instant(key: str, value: Mapping[str, Any], name: str) -> str:
    text = _text(key, value, name)
    if not text:
        return ""
    try:
        return write_instant(parse_instant(text))
    except ValueError as error:
        raise UnreadableReceipt(key, f"{name}: {error}") from error


def _versions(key: str, value: Mapping[str, Any], name: str) -> dict[str, int]:
    found = value.get(name, {})
    if not isinstance(found, dict) or not all(type(version) is int and version > 0 for version in found.values()):
        raise UnreadableReceipt(key, f"{name}: expected versions by role name")
    return found
