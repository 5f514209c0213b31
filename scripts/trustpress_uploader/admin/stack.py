"""A deployment as an administrator's credentials reach it: its functions and queues, by the name of its stack."""

import functools
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from trustpress_uploader.admin.answers import MAX_LENGTH, read_answer
from trustpress_uploader.aws import translated
from trustpress_uploader.errors import AdministrationRefused

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5)

# A function may work for 15 minutes, and must not be called again because it is still at it.
_PATIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=930, tcp_keepalive=True)

_OTHERWISE = "Check --stack, the region and the credentials."
_DENIED = "Check --stack; an administrator's role needs the AdministratorPolicyArn of that deployment."
_HINTS = {
    "ValidationError": "Check --stack and the region; an older deployment lacks what newer commands need: deploy this version first.",
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
    "InvalidClientTokenId": "These credentials are unknown there: check AWS_PROFILE and AWS_ENDPOINT_URL.",
    "ExpiredToken": "Sign in again: these credentials have expired.",
}

# Messages that are looked at, or on their way to another queue, show to nobody else for this long.
_SECONDS_IN_HAND = 120
_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Message:
    """One that was received; `receipt` stands for this time of having it in hand."""

    id: str
    receipt: str
    body: str


class Deployment:
    """Every method raises AdministrationRefused or Unreachable."""

    def __init__(self, stack: str) -> None:
        self._stack = stack

    def invoke(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """What a function of the stack answers. Raises FunctionRefused with its reason, and FunctionFailed where it gave none."""
        name = self._find(function)
        with self._translated():
            answer = boto3.Session().client("lambda", config=_PATIENT).invoke(FunctionName=name, Payload=json.dumps(event))
            with closing(answer["Payload"]) as payload:
                body = payload.read(MAX_LENGTH)
        return read_answer(function, self._stack, body, has_failed="FunctionError" in answer)

    def queue(self, name: str) -> "Queue":
        return Queue(self._sqs, self._find(name), self._translated)

    def _find(self, logical_id: str) -> str:
        with self._translated():
            stacks = boto3.Session().client("cloudformation", config=_CONFIG)
            found = stacks.describe_stack_resource(StackName=self._stack, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    @functools.cached_property
    def _sqs(self) -> "SQSClient":
        with self._translated():
            client: SQSClient = boto3.Session().client("sqs", config=_CONFIG)
        return client

    def _translated(self) -> AbstractContextManager[None]:
        return translated(f"stack {self._stack}", AdministrationRefused, _HINTS, _OTHERWISE)


class Queue:
    """A queue of a deployment. Every method raises AdministrationRefused or Unreachable."""

    def __init__(self, sqs: "SQSClient", url: str, translated: Callable[[], AbstractContextManager[None]]) -> None:
        self._sqs, self._url, self._translated = sqs, url, translated

    def receive(self) -> list[Message]:
        """Some messages, which show to nobody else for two minutes; none only if there are none to be had."""
        with self._translated():
            # Without waiting SQS asks only some of its servers, and may find nothing where there is something.
            found = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=_AT_ONCE, VisibilityTimeout=_SECONDS_IN_HAND, WaitTimeSeconds=1
            )
        return [Message(each["MessageId"], each["ReceiptHandle"], each["Body"]) for each in found.get("Messages", [])]

    def send(self, body: str) -> None:
        with self._translated():
            self._sqs.send_message(QueueUrl=self._url, MessageBody=body)

    def delete(self, message: Message) -> None:
        with self._translated():
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def release(self, message: Message) -> None:
        """Let others have it again at once."""
        with self._translated():
            self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=message.receipt, VisibilityTimeout=0)
