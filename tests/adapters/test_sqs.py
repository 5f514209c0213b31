"""Messages that ask for a look at a repository: what is read in them, in which order, and what is sent."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.stub import Stubber

from trustpress.adapters.sqs import UploadsQueue, in_order, requests_in, write_message
from trustpress.errors import BadKey, Unavailable
from trustpress.ports import Request

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/uploads"
SENT = datetime(2026, 11, 23, 12, 0, 0, 250_000, UTC)


def record(body: Mapping[str, Any], sent: datetime | None = SENT) -> dict[str, Any]:
    attributes = {"SentTimestamp": str(round(sent.timestamp() * 1000))} if sent else {}
    return {"body": json.dumps(body), "attributes": attributes}


def event(*keys: str) -> dict[str, Any]:
    """As S3 writes it."""
    return {"Records": [{"s3": {"object": {"key": key}}} for key in keys]}


def test_an_event_asks_for_each_of_its_repositories_once() -> None:
    keys = ("inbox/zeta/metadata/targets.json", "inbox/acme/api/metadata/a.json", "inbox/acme/api/targets/b+c%2B.txt")
    assert requests_in(record(event(*keys))) == [Request("acme/api", SENT), Request("zeta", SENT)]


def test_a_message_that_no_queue_has_dated_is_not_dated() -> None:
    assert requests_in(record(event("inbox/acme/metadata/targets.json"), None)) == [Request("acme", None)]
    assert requests_in(record({"repository": "acme", "delay": 5}, None)) == [Request("acme", None)]


def test_a_message_of_our_own_stands_for_what_is_sent_before_it_can_be_received() -> None:
    message = json.loads(write_message("acme/api", timedelta(seconds=90)))
    assert requests_in(record(message)) == [Request("acme/api", SENT + timedelta(seconds=90))]
    assert requests_in(record({"repository": "acme/api"})) == [Request("acme/api", SENT)]


def test_what_tells_of_no_object_asks_for_nothing() -> None:
    assert requests_in(record({"Service": "Amazon S3", "Event": "s3:TestEvent"})) == []


@pytest.mark.parametrize("key", ["inbox/acme/metadata/%FF.json", "inbox/Acme/metadata/targets.json", "receipts/acme/0.json"])
def test_a_key_that_is_none_of_an_inbox_is_refused(key: str) -> None:
    with pytest.raises(BadKey):
        requests_in(record(event(key)))


def test_a_key_that_is_not_utf8_is_quoted_in_short() -> None:
    with pytest.raises(BadKey, match="not UTF-8") as refused:
        requests_in(record(event("inbox/acme/metadata/" + "%FF" * 400)))
    assert len(str(refused.value)) < 250


def test_a_message_of_our_own_names_a_repository_or_is_refused() -> None:
    with pytest.raises(BadKey):
        requests_in(record({"repository": "../acme"}))


def test_repositories_that_were_not_looked_at_for_longest_come_first_and_what_cannot_be_read_does_not_stop_them() -> None:
    records = [record(event(f"inbox/{name}/metadata/a.json")) for name in ("late", "early")]
    unreadable = [{"body": "junk"}, {"body": "[]"}, {"body": "5"}, {}, record(event("inbox/A/metadata/a.json"))]

    def longest_unseen(requests: list[Request]) -> datetime:
        return {"late": SENT, "early": SENT - timedelta(hours=1)}[requests[0].repository] if requests else SENT - timedelta(hours=2)

    assert in_order([*records, *unreadable], longest_unseen) == [*unreadable, *reversed(records)]


@pytest.fixture
def answers() -> Iterator[Stubber]:
    client = boto3.client("sqs", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(("delay", "seconds"), [(timedelta(), 0), (timedelta(seconds=10.9), 10)])
def test_a_message_is_sent_with_its_delay_in_whole_seconds(answers: Stubber, delay: timedelta, seconds: int) -> None:
    sent = {"QueueUrl": QUEUE, "MessageBody": write_message("acme/api", delay), "DelaySeconds": seconds}
    answers.add_response("send_message", {}, sent)
    UploadsQueue(cast("SQSClient", answers.client), QUEUE).send("acme/api", delay)


def test_without_a_delay_a_message_asks_for_a_look_at_once(answers: Stubber) -> None:
    answers.add_response("send_message", {}, {"QueueUrl": QUEUE, "MessageBody": write_message("acme", timedelta()), "DelaySeconds": 0})
    UploadsQueue(cast("SQSClient", answers.client), QUEUE).send("acme")


def test_a_message_that_the_queue_does_not_take_is_not_taken_for_sent(answers: Stubber) -> None:
    answers.add_client_error("send_message", "AWS.SimpleQueueService.NonExistentQueue")
    with pytest.raises(Unavailable, match="sqs: "):
        UploadsQueue(cast("SQSClient", answers.client), QUEUE).send("acme")
