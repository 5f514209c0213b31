"""Messages that say: look at these repositories."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from trustpress.adapters.aws import calling
from trustpress.core.layout import check_repository, parse_inbox_key
from trustpress.errors import BadKey
from trustpress.ports import Request

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

Record = Mapping[str, Any]


def write_message(repository: str, delay: timedelta) -> str:
    """A message of our own. It stands for all that is sent before it can be received, so it says how long that takes."""
    return json.dumps({"repository": repository, "delay": delay.total_seconds()})


def requests_in(record: Record) -> list[Request]:
    """What one message of a batch asks for. Raises BadKey."""
    message = json.loads(record["body"])
    since = _sent(record)
    if "repository" in message:
        delay = timedelta(seconds=message.get("delay", 0))
        return [Request(check_repository(message["repository"]), since and since + delay)]
    keys = [_decode(found["s3"]["object"]["key"]) for found in message.get("Records", [])]
    return [Request(name, since) for name in sorted({parse_inbox_key(key).repository for key in keys})]


def in_order(records: Iterable[Record], longest_unseen: Callable[[list[Request]], datetime]) -> list[Record]:
    """The messages of a batch, those first whose repositories have not been looked at for longest."""

    def readable_requests(record: Record) -> list[Request]:
        with suppress(BadKey, ValueError, TypeError, KeyError, AttributeError):
            return requests_in(record)
        return []

    return sorted(records, key=lambda record: longest_unseen(readable_requests(record)))


def _sent(record: Record) -> datetime | None:
    """When the queue took the message; None for one that did not come from a queue."""
    milliseconds = record.get("attributes", {}).get("SentTimestamp")
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None


def _decode(key: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError as error:
        raise BadKey(key[:200], "not UTF-8") from error


class UploadsQueue:
    """Where messages about repositories come from, and the publisher and the sweep send theirs."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._sqs, self._url = client, url

    def send(self, repository: str, delay: timedelta = timedelta()) -> None:
        """Have a repository looked at, after `delay` at the earliest. Raises Unavailable."""
        body = write_message(repository, delay)
        with calling("sqs"):
            self._sqs.send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=int(delay.total_seconds()))
