"""Events on EventBridge and messages through SNS, and what their refusals mean."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import ANY, Stubber

from trustpress.adapters.eventbridge import EventBridgeAnnouncer
from trustpress.adapters.sns import SnsNotifier, topic_in
from trustpress.errors import Unavailable
from trustpress.ports import Event

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sns import SNSClient

TAKEN, FAILED = {"EventId": "1"}, {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}
TOPIC = "arn:aws:sns:us-east-1:123456789012:alarms"


def client(service: Any) -> Any:
    return boto3.client(service, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


@pytest.fixture
def bus() -> Iterator[Stubber]:
    with Stubber(client("events")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def topic() -> Iterator[Stubber]:
    with Stubber(client("sns")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def announce(bus: Stubber, count: int) -> None:
    events = [Event("Release Published", {"number": number}) for number in range(count)]
    EventBridgeAnnouncer(cast("EventBridgeClient", bus.client)).announce(events)


def entries(*numbers: int) -> dict[str, Any]:
    return {
        "Entries": [{"Source": "trustpress", "DetailType": "Release Published", "Detail": f'{{"number": {number}}}'} for number in numbers]
    }


def answer(*results: dict[str, str]) -> dict[str, Any]:
    return {"FailedEntryCount": sum("ErrorCode" in result for result in results), "Entries": list(results)}


def test_events_go_out_ten_at_a_time(bus: Stubber) -> None:
    for numbers in (range(10), range(10, 20), range(20, 23)):
        bus.add_response("put_events", answer(*[TAKEN] * len(numbers)), entries(*numbers))
    announce(bus, 23)


def test_no_events_ask_for_nothing(bus: Stubber) -> None:
    announce(bus, 0)


def test_only_what_was_not_taken_is_put_again(bus: Stubber) -> None:
    bus.add_response("put_events", answer(TAKEN, FAILED, TAKEN, FAILED), entries(0, 1, 2, 3))
    bus.add_response("put_events", answer(FAILED, TAKEN), entries(1, 3))
    bus.add_response("put_events", answer(TAKEN), entries(1))
    announce(bus, 4)


def test_what_is_never_taken_is_an_error(bus: Stubber) -> None:
    for _ in range(3):
        bus.add_response("put_events", answer(FAILED), entries(0))
    with pytest.raises(Unavailable, match="1 events not taken: InternalFailure"):
        announce(bus, 1)


def test_a_refusal_is_an_error(bus: Stubber) -> None:
    bus.add_client_error("put_events", "AccessDeniedException", http_status_code=400)
    with pytest.raises(Unavailable, match="AccessDenied"):
        announce(bus, 1)


def test_a_bus_that_does_not_answer_is_an_error() -> None:
    class Silent:
        def put_events(self, **_arguments: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://events")

    with pytest.raises(Unavailable, match="https://events"):
        EventBridgeAnnouncer(cast("EventBridgeClient", Silent())).announce([Event("Release Published", {})])


def notify(topic: Stubber, subject: str) -> None:
    SnsNotifier(cast("SNSClient", topic.client), TOPIC).notify(subject, "text")


def test_a_subject_is_as_long_as_sns_takes(topic: Stubber) -> None:
    topic.add_response("publish", {"MessageId": "1"}, {"TopicArn": TOPIC, "Subject": "x" * 100, "Message": "text"})
    notify(topic, "x" * 101)


def test_a_topic_that_refuses_is_an_error(topic: Stubber) -> None:
    topic.add_client_error(
        "publish", "AuthorizationError", http_status_code=403, expected_params={"TopicArn": ANY, "Subject": ANY, "Message": ANY}
    )
    with pytest.raises(Unavailable, match="AuthorizationError"):
        notify(topic, "subject")


@pytest.mark.parametrize(("value", "expected"), [(None, None), ("", None), (" ", None), (TOPIC, TOPIC)])
def test_without_a_topic_there_is_nobody_to_tell(value: str | None, expected: str | None) -> None:
    assert topic_in({} if value is None else {"TRUSTPRESS_TOPIC_ARN": value}) == expected
