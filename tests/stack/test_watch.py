"""The freshness watch, notices and announcements, as the template deploys them."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from local.processes import ROOT
from local.stack import Stack
from tests.events import validate
from tests.stack.actors import Operator, Repository, until


@pytest.fixture(scope="module")
def inbox(stack: Stack) -> "Inbox":
    return Inbox(stack)


class Inbox:
    """Two queues: one subscribed to the topic that hears notices, one behind a rule for Trustpress's events."""

    def __init__(self, stack: Stack) -> None:
        self._sqs = stack.cloud.client("sqs")
        services = {"Effect": "Allow", "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}}
        policy = {"Version": "2012-10-17", "Statement": [{**services, "Action": "sqs:SendMessage", "Resource": "*"}]}
        self._notices, self._events = (
            self._sqs.create_queue(QueueName=name, Attributes={"Policy": json.dumps(policy)})["QueueUrl"] for name in ("notices", "events")
        )
        stack.cloud.client("sns").subscribe(TopicArn=stack.deployment.topic, Protocol="sqs", Endpoint=self._arn(self._notices))
        events = stack.cloud.client("events")
        events.put_rule(Name="trustpress", EventPattern=pattern_in_the_documentation())
        events.put_targets(Rule="trustpress", Targets=[{"Id": "queue", "Arn": self._arn(self._events)}])

    def notice(self, about: str) -> dict[str, Any]:
        return until(lambda: self._next(self._notices, about), f"a notice about {about}")

    def event(self, about: str) -> dict[str, Any]:
        return until(lambda: self._next(self._events, about), f"an event about {about}")

    def notices(self) -> list[dict[str, Any]]:
        """All that are there now."""
        found = []
        while message := self._next(self._notices, ""):
            found.append(message)
        return found

    def _next(self, queue: str, about: str) -> dict[str, Any] | None:
        for message in self._sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1).get("Messages", []):
            self._sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            if about in message["Body"]:
                return dict(json.loads(message["Body"]))
        return None

    def _arn(self, queue: str) -> str:
        return str(self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def pattern_in_the_documentation() -> str:
    """The rule in docs/events.md: all that is released as acme/api or below it, and every rejection."""
    (pattern,) = re.findall(r"```json\n(\{\n  \"source\".*?)```", (ROOT / "docs" / "events.md").read_text(), re.DOTALL)
    return str(pattern)


def metrics_of(operator: Operator, repository: str | None) -> list[dict[str, Any]]:
    """What the watch has written for CloudWatch, in its embedded format: of one repository, or of all together."""
    found = [json.loads(line) for line in operator.log_of("WatchFunction") if '"_aws"' in line]
    return [entry for entry in found if entry.get("repository") == repository and "EdgeFailed" in entry]


def test_what_clients_see_is_measured_through_the_edge(stack: Stack, operator: Operator) -> None:
    repository = Repository(stack, "watch/fresh")
    repository.publish_first()
    assert operator.run_watch()
    figures = metrics_of(operator, repository.name)[-1]
    assert figures["EdgeFailed"] == [0.0]
    assert 86_000 < figures["TimestampSecondsToExpiry"][0] <= 86_400
    assert 299 < figures["DaysToExpiry"][0] <= 300
    (metric,) = figures["_aws"]["CloudWatchMetrics"]
    assert (metric["Namespace"], sorted(metric["Dimensions"][0])) == ("Trustpress", ["repository", "service"])
    overall = metrics_of(operator, None)[-1]
    assert overall["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert (overall["service"], overall["TimestampLifeLeft"][0]) == ("watch", pytest.approx(100, abs=1))


def test_a_notice_is_heard_where_the_alarms_are(stack: Stack, operator: Operator, inbox: Inbox) -> None:
    repository = Repository(stack, "watch/old")
    repository.developer.expires_in(timedelta(days=13))
    repository.publish_first()
    assert operator.run_watch()
    notice = inbox.notice("trustpress root renew --repository watch/old")
    assert notice["Subject"] == "Trustpress: 12 days left: root of watch/old"
    inbox.notices()
    operator.start_anew("WatchFunction")
    assert operator.run_watch()
    assert not [found for found in inbox.notices() if "watch/old" in found["Message"]]


def test_a_release_and_a_rejection_are_announced(stack: Stack, inbox: Inbox) -> None:
    Repository(stack, "watch/unheard").publish_first()
    repository = Repository(stack, "acme/api/events")
    receipt = repository.publish_first()
    event = inbox.event("")
    assert (event["source"], event["detail-type"]) == ("trustpress", "Release Published")
    assert event["detail"] == receipt | {"schema_version": 1}
    validate(event["detail-type"], event["detail"])
    repository.put("metadata/targets.json", b"{}")
    event = inbox.event("")
    assert event["detail-type"] == "Upload Rejected"
    assert event["detail"]["code"] == "E_JSON"
    validate(event["detail-type"], event["detail"])
