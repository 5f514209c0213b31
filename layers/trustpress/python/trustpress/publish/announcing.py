"""What others hear of a drain: each release and each rejection, as an event."""

import json
from collections.abc import Iterable
from dataclasses import replace

from trustpress.ports import Event
from trustpress.store.receipts import Receipt

SCHEMA_VERSION = 1
KINDS = {"published": "Release Published", "rejected": "Upload Rejected"}


def announcements(receipts: Iterable[Receipt]) -> list[Event]:
    """An event for each receipt that ends an upload, with all it says of that upload; what merely waits is no news.

    A receipt keeps itself short: ten events go out together, and together they may be 256 KB long.
    """
    return [
        Event(KINDS[receipt.status], json.loads(replace(receipt, refused=()).encode()) | {"schema_version": SCHEMA_VERSION})
        for receipt in receipts
        if receipt.status in KINDS
    ]
