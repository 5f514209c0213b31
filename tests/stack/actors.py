"""Who acts on a running stack: a developer without our tools, a reader, and the operator who sees everything."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

from botocore.exceptions import ClientError

from local.deployment import STACK_NAME
from local.stack import Stack
from tests.developer import Developer
from tests.fakes import FakeClock
from tests.readers import Reader
from trustpress.adapters.s3 import S3Store
from trustpress.adapters.signing import load_signer
from trustpress.core.keys import PublicKey, parse_key
from trustpress.publisher import Publisher

ACCOUNT = "000000000000"
PATIENCE_SECONDS = 30
OVERLAP_SECONDS = 5
NOT_THERE_YET = {"AccessDenied", "NoSuchKey"}  # without s3:ListBucket S3 does not tell which

R = TypeVar("R")


def until(attempt: Callable[[], R | None], what: str, seconds: float = PATIENCE_SECONDS) -> R:
    """The first result that is not None. Fails the test when patience ends."""
    deadline = time.monotonic() + seconds
    while (result := attempt()) is None:
        assert time.monotonic() < deadline, f"{what}: still waiting after {seconds} s"
        time.sleep(0.1)
    return result


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def fetch(url: str) -> Answer:
    try:
        with urlopen(url, timeout=10) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())
    except HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


class Repository:
    """One repository of a developer who has python-tuf, the S3 API and the template's policy for build systems."""

    def __init__(self, stack: Stack, name: str, policy: Mapping[str, object] | None = None) -> None:
        self.stack, self.name = stack, name
        self.s3 = stack.cloud.client("s3", stack.deployment.developer(name))
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=300)
        self.developer = Developer(online_keys(stack), expires, policy)

    def put(self, path: str, body: bytes) -> None:
        """Upload to the inbox as `aws s3 cp` does."""
        bucket = self.stack.deployment.staging_bucket
        self.s3.put_object(Bucket=bucket, Key=f"inbox/{self.name}/{path}", Body=body, ChecksumAlgorithm="SHA256")

    def put_silently(self, operator: "Operator", path: str, body: bytes) -> None:
        """Upload so that no event is sent."""
        with operator.events_lost():
            self.put(path, body)

    def public(self, filename: str) -> bytes:
        """A public metadata file, as the edge has it."""
        return fetch(f"{self.stack.edge.url}/{self.name}/metadata/{filename}").body

    def receipt(self, upload: bytes) -> dict[str, Any] | None:
        """What became of an upload; None as long as nobody has looked at it."""
        key = f"receipts/{self.name}/{hashlib.sha256(upload).hexdigest()}.json"
        try:
            found = self.s3.get_object(Bucket=self.stack.deployment.staging_bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in NOT_THERE_YET:
                return None
            raise
        return dict(json.loads(found["Body"].read()))

    def publish(self, upload: bytes, filename: str = "targets.json") -> dict[str, Any]:
        """Upload metadata and wait until it is published; its receipt."""
        self.put(f"metadata/{filename}", upload)
        return until(lambda: _published(self.receipt(upload)), f"{filename} of {self.name}")

    def publish_first(self, files: Mapping[str, bytes] | None = None) -> dict[str, Any]:
        for targetpath, body in (files or {}).items():
            self.put(f"targets/{targetpath}", body)
        self.developer.next_version(files=files).version = 1
        return self.publish(self.developer.bundle("root", "targets"), "first.json")

    def reader(self, state: Path, url: str) -> Reader:
        return Reader(state, f"{url}/{self.name}/", self.developer.signed("root"))


def _published(receipt: dict[str, Any] | None) -> dict[str, Any] | None:
    if receipt is None or receipt["status"] == "waiting":
        return None
    assert receipt["status"] == "published", receipt
    return receipt


def online_keys(stack: Stack) -> list[PublicKey]:
    """The current key; one that only the refresh function has been given is nothing for a root yet."""
    published = json.loads(fetch(f"{stack.edge.url}/online-keys.json").body)
    return [parse_key(keyid, published["keys"][keyid]) for keyid in published["roles"]["timestamp"]["keyids"][:1]]


class Operator:
    """The administrator of the account."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.s3, self._kms = stack.cloud.client("s3"), stack.cloud.client("kms")
        self._iam, self._lambda, self._sqs = (stack.cloud.client(service) for service in ("iam", "lambda", "sqs"))
        resources = stack.cloud.client("cloudformation").list_stack_resources(StackName=STACK_NAME)["StackResourceSummaries"]
        self._physical = {found["LogicalResourceId"]: found["PhysicalResourceId"] for found in resources}

    def run_publish(self, repository: str) -> bool:
        """Have the function look at one inbox now; whether it did so without a failure."""
        message = {"messageId": "1", "eventSource": "aws:sqs", "body": json.dumps({"repository": repository})}
        answer = self._invoke("PublishFunction", {"Records": [message]})
        return bool(answer == {"batchItemFailures": []})

    def run_refresh(self) -> bool:
        """Have the schedule come round now; whether the function ended well."""
        return "errorMessage" not in self._invoke("RefreshFunction", {})

    def announce(self, repository: str) -> None:
        """Send the message that the sweep sends for what it finds in an inbox."""
        self._sqs.send_message(QueueUrl=self._physical["Uploads"], MessageBody=json.dumps({"repository": repository}))

    def waiting(self, repository: str) -> int:
        """How many uploads lie in an inbox."""
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.stack.deployment.staging_bucket, Prefix=f"inbox/{repository}/metadata/"
        )
        return sum(len(page.get("Versions", [])) for page in pages)

    @contextmanager
    def events_lost(self) -> Iterator[None]:
        """Let S3 announce nothing for a while."""
        bucket = self.stack.deployment.staging_bucket
        found = self.s3.get_bucket_notification_configuration(Bucket=bucket)
        announcements = {"QueueConfigurations": found["QueueConfigurations"]}
        self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
        try:
            yield
        finally:
            self.s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=announcements)

    def log_of(self, function: str) -> list[str]:
        group = self._physical[function.replace("Function", "Log")]
        return [event["message"] for event in self.stack.cloud.client("logs").filter_log_events(logGroupName=group)["events"]]

    def publish_in_the_past(self, repository: Repository, ago: timedelta) -> None:
        """Publish what lies in an inbox as if this were some time ago."""
        deployment = self.stack.deployment
        staging, public = (S3Store(self.s3, bucket, ACCOUNT) for bucket in (deployment.staging_bucket, deployment.public_bucket))
        signers = [load_signer(uri, self._kms, staging) for uri in self.online_keys[:1]]
        publisher = Publisher(staging, public, {signer.public_key.keyid: signer for signer in signers})
        outcome = publisher.drain(repository.name, FakeClock(datetime.now(UTC) - ago))
        assert [receipt.status for receipt in outcome.receipts] == ["published"]

    def forget_public(self, key: str) -> None:
        """Delete from the public bucket, for which its policy has to go first."""
        bucket = self.stack.deployment.public_bucket
        policy = self.s3.get_bucket_policy(Bucket=bucket)["Policy"]
        self.s3.delete_bucket_policy(Bucket=bucket)
        self.s3.delete_object(Bucket=bucket, Key=key)
        self.s3.put_bucket_policy(Bucket=bucket, Policy=policy)

    @property
    def online_keys(self) -> list[str]:
        """The signer URIs of the refresh function, the current one first."""
        return self._variables("RefreshFunction")["TRUSTPRESS_ONLINE_KEYS"].split()

    def start_anew(self, function: str, **variables: str) -> None:
        """End a function's containers; the next one starts with these variables changed."""
        changed = {**self._variables(function), **variables, "STARTED_FOR": secrets.token_hex()}
        self._lambda.update_function_configuration(FunctionName=self._physical[function], Environment={"Variables": changed})

    @contextmanager
    def hurried(self, function: str, seconds: int) -> Iterator[None]:
        """Give a function less time than its template does."""
        name = self._physical[function]
        timeout = self._lambda.get_function_configuration(FunctionName=name)["Timeout"]
        self._lambda.update_function_configuration(FunctionName=name, Timeout=seconds)
        try:
            yield
        finally:
            self._lambda.update_function_configuration(FunctionName=name, Timeout=timeout)

    @contextmanager
    def taken_away(self, role: str, sid: str, part: str, index: int) -> Iterator[None]:
        """Take one action or one resource out of one statement of a role, and start its function anew."""
        (name,) = self._iam.list_role_policies(RoleName=self._physical[role])["PolicyNames"]
        policy = self._iam.get_role_policy(RoleName=self._physical[role], PolicyName=name)["PolicyDocument"]
        self._put_policy(role, name, {**policy, "Statement": without(policy["Statement"], sid, part, index)})
        try:
            self.start_anew(role.replace("Role", "Function"))
            yield
        finally:
            self._put_policy(role, name, policy)

    def _put_policy(self, role: str, name: str, policy: Any) -> None:
        self._iam.put_role_policy(RoleName=self._physical[role], PolicyName=name, PolicyDocument=json.dumps(policy))

    def _variables(self, function: str) -> dict[str, str]:
        found = self._lambda.get_function_configuration(FunctionName=self._physical[function])
        return dict(found["Environment"]["Variables"])

    def _invoke(self, function: str, event: Any) -> Any:
        answer = self._lambda.invoke(FunctionName=self._physical[function], Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())


def without(statements: Sequence[Any], sid: str, part: str, index: int) -> list[Any]:
    """The statements of a policy less one element of one of them, less all of it where that was the last."""
    kept = []
    for statement in statements:
        if statement["Sid"] != sid:
            kept.append(statement)
        elif isinstance(statement[part], list) and len(statement[part]) > 1:
            kept.append({**statement, part: [found for at, found in enumerate(statement[part]) if at != index]})
    assert kept != statements
    return kept
