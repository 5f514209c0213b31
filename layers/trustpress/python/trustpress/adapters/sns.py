"""Messages to people, through SNS."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trustpress.adapters.aws import calling

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

TOPIC = "TRUSTPRESS_TOPIC_ARN"
_MAX_SUBJECT = 100


def topic_in(environment: Mapping[str, str]) -> str | None:
    """The topic that notices go to, None where nobody wants to hear them."""
    return environment.get(TOPIC, "").strip() or None


class SnsNotifier:
    def __init__(self, client: "SNSClient", topic: str) -> None:
        self._client, self._topic = client, topic

    def notify(self, subject: str, text: str) -> None:
        with calling("sns"):
            self._client.publish(TopicArn=self._topic, Subject=subject[:_MAX_SUBJECT], Message=text)
