"""Events on the account's default EventBridge bus."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trustpress.adapters.aws import calling
from trustpress.errors import Unavailable
from trustpress.ports import Event

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

SOURCE = "trustpress"
_MAX_ENTRIES = 10
_ATTEMPTS = 3


class EventBridgeAnnouncer:
    """Puts events, ten at a time. What EventBridge did not take is put again; what it took stays taken."""

    def __init__(self, client: "EventBridgeClient") -> None:
        self._client = client

    def announce(self, events: Sequence[Event]) -> None:
        for start in range(0, len(events), _MAX_ENTRIES):
            self._put([_entry(event) for event in events[start : start + _MAX_ENTRIES]])

    def _put(self, entries: "Sequence[PutEventsRequestEntryTypeDef]") -> None:
        codes: list[str] = []
        for _ in range(_ATTEMPTS):
            with calling("eventbridge"):
                results = self._client.put_events(Entries=entries)["Entries"]
            codes = [result["ErrorCode"] for result in results if "ErrorCode" in result]
            entries = [entry for entry, result in zip(entries, results, strict=True) if "ErrorCode" in result]
            if not entries:
                return
        raise Unavailable(f"eventbridge: {len(entries)} events not taken: {', '.join(sorted(set(codes)))}")


def _entry(event: Event) -> "PutEventsRequestEntryTypeDef":
    return {"Source": SOURCE, "DetailType": event.kind, "Detail": json.dumps(event.detail)}
