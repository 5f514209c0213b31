"""What others hear of a drain: each release and each rejection, as an event."""

import json
from collections.abc import Iterable

from trustpress.ports import Event
from trustpress.records import Receipt

SCHEMA_VERSION = 1
KINDS = {"published": "Release Published", "rejected": "Upload Rejected"}


def announcements(receipts: Iterable[Receipt]) -> list[Event]:
    """An event for each receipt that ends an upload; what merely waits is no news."""
    return [_event(receipt) for receipt in receipts if receipt.status in KINDS]


def _event(receipt: Receipt) -> Event:
    return Event(KINDS[receipt.status], json.loads(receipt.encode()) | {"schema_version": SCHEMA_VERSION})
