"""Who acts on a running stack: a developer without our tools, a reader, and the operator who sees everything."""

import hashlib
import io
import json
import secrets
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

from botocore.exceptions import ClientError

from local.deployment import STACK_NAME
from local.ministack import Credentials
from local.processes import ROOT
from local.stack import Stack
from tests.developer import Developer
from tests.fakes import FakeClock, RecordingAnnouncer
from tests.readers import Reader
from trustpress.adapters.kms import Ed25519Signer, KmsVault, load_signer
from trustpress.adapters.s3 import S3Store
from trustpress.core import layout
from trustpress.core.keys import PublicKey, parse_key
from trustpress.core.release import compose
from trustpress.online_keys import DerivedKeys, OnlyKey
from trustpress.ports import Caching, OnlineKeys
from trustpress.publish.commit import sign
from trustpress.publish.publisher import Publisher
from trustpress.store.loading import Repositories
from trustpress.store.masters import Masters

ACCOUNT = "000000000000"
PATIENCE_SECONDS = 30
OVERLAP_SECONDS = 5
NOT_THERE_YET = {"AccessDenied", "NoSuchKey"}  # without s3:ListBucket S3 does not tell which

# The handler of a function whose clock is ahead.
_LATER = """\
from datetime import timedelta
from trustpress.adapters import clock

class Later(clock.LambdaClock):
    def now(self):
        return super().now() + timedelta(seconds={seconds})

clock.LambdaClock = Later
from as_deployed import handler
"""

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
    """One repository of a developer who has python-tuf, the S3 API and the template's policy for build systems.

    Roots are uploaded by a person: a build system may not.
    """

    def __init__(self, stack: Stack, name: str, policy: Mapping[str, object] | None = None) -> None:
        self.stack, self.name = stack, name
        self.s3 = stack.cloud.client("s3", stack.deployment.developer(name))
        self._person = stack.cloud.client("s3", stack.deployment.person(name))
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=300)
        self.developer = Developer(self.online_keys()[:1], expires, policy)

    def online_keys(self, keys: int = 1) -> list[PublicKey]:
        """Ask for the repository's online keys as anybody with the S3 API does, and wait until so many show at the edge."""
        key = f"inbox/{self.name}/metadata/online-keys.json"
        self.s3.put_object(Bucket=self.stack.deployment.staging_bucket, Key=key, Body=b"")
        return until(lambda: found if len(found := self._shown_keys()) >= keys else None, f"the online keys of {self.name}")

    def _shown_keys(self) -> list[PublicKey]:
        answer = fetch(f"{self.stack.edge.url}/{self.name}/metadata/online-keys.json")
        return listed_keys(answer.body) if answer.status == 200 else []

    def put(self, path: str, body: bytes) -> None:
        """Upload to the inbox as `aws s3 cp` does."""
        bucket = self.stack.deployment.staging_bucket
        s3 = self._person if path.endswith("root.json") else self.s3
        s3.put_object(Bucket=bucket, Key=f"inbox/{self.name}/{path}", Body=body, ChecksumAlgorithm="SHA256")

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
        return self.published(upload)

    def published(self, upload: bytes) -> dict[str, Any]:
        """Wait until an upload is published; its receipt."""
        return until(lambda: _published(self.receipt(upload)), f"a receipt of {self.name}")

    def upload_first(self, files: Mapping[str, bytes] | None = None) -> bytes:
        for targetpath, body in (files or {}).items():
            self.put(f"targets/{targetpath}", body)
        self.developer.next_version(files=files).version = 1
        upload = self.developer.bundle("root", "targets")
        self.put("metadata/first.root.json", upload)
        return upload

    def publish_first(self, files: Mapping[str, bytes] | None = None) -> dict[str, Any]:
        return self.published(self.upload_first(files))

    def reader(self, state: Path, url: str) -> Reader:
        return Reader(state, f"{url}/{self.name}/", self.developer.signed("root"))


def _published(receipt: dict[str, Any] | None) -> dict[str, Any] | None:
    if receipt is None or receipt["status"] == "waiting":
        return None
    assert receipt["status"] == "published", receipt
    return receipt


def listed_keys(online_keys_json: bytes) -> list[PublicKey]:
    """Those that the next root may list, the present one first."""
    published = json.loads(online_keys_json)
    return [parse_key(keyid, published["keys"][keyid]) for keyid in published["roles"]["timestamp"]["keyids"]]


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
        return self._well("PublishFunction", answer, answer == {"batchItemFailures": []})

    def run_refresh(self) -> bool:
        """Have the schedule come round now; whether the function ended well."""
        answer = self._invoke("RefreshFunction", {})
        return self._well("RefreshFunction", answer, "errorMessage" not in answer)

    def refresh(self) -> int:
        """The same; how many timestamps were signed again. Fails the test if the function did not end well."""
        answer = self._invoke("RefreshFunction", {})
        assert "errorMessage" not in answer, answer
        return int(answer["refreshed"])

    def run_expire(self, repository: str, *, dry_run: bool = True) -> Any:
        """What the function answers; an `errorMessage` where it failed."""
        return self._invoke("ExpireFunction", {"repository": repository, "dry_run": dry_run})

    def give_up_on(self, repository: str) -> None:
        """Put the message into the dead-letter queue that SQS puts there after five failures, which take 20 minutes."""
        message = json.dumps({"repository": repository})
        self._sqs.send_message(QueueUrl=self._physical["DeadLetters"], MessageBody=message)

    def let_time_pass(self, function: str, delta: timedelta) -> None:
        """Put another clock into a function, which is otherwise as deployed; S3's own cannot be moved."""
        name = self._physical[function]
        deployed = (ROOT / "functions" / function.removesuffix("Function").lower() / "handler.py").read_text()
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("as_deployed.py", deployed)
            zipped.writestr("handler.py", _LATER.format(seconds=delta.total_seconds()))
        self._lambda.update_function_code(FunctionName=name, ZipFile=archive.getvalue())

    def announce(self, repository: str) -> None:
        """Send the message that the sweep sends for what it finds in an inbox."""
        self._sqs.send_message(QueueUrl=self._physical["Uploads"], MessageBody=json.dumps({"repository": repository}))

    def waiting(self, repository: str) -> int:
        """How many uploads lie in an inbox."""
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.stack.deployment.staging_bucket, Prefix=f"inbox/{repository}/metadata/"
        )
        return sum(len(page.get("Versions", [])) for page in pages)

    def run_watch(self) -> bool:
        """Have the freshness watch look; whether the function ended well."""
        answer = self._invoke("WatchFunction", {})
        return self._well("WatchFunction", answer, "errorMessage" not in answer)

    def run_recover(self, repository: str) -> dict[str, Any]:
        """What an administrator is answered who recovers a repository."""
        return dict(self._invoke("RecoverFunction", {"repository": repository}))

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
        pages = self.stack.cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]

    def queue_is_empty(self) -> bool | None:
        """True if no message waits and none is being worked on, else None."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._physical["Uploads"], AttributeNames=names)["Attributes"]
        return not any(int(found[name]) for name in names) or None

    def wait_until_quiet(self) -> None:
        """Until no look at any inbox goes on. Two puts are two messages: the second look may follow a receipt, and race the next."""
        until(self.queue_is_empty, "looks at inboxes")

    def publish_in_the_past(self, repository: Repository, ago: timedelta) -> None:
        """Publish what lies in an inbox as if this were some time ago."""
        deployment = self.stack.deployment
        staging, public = (S3Store(self.s3, bucket, ACCOUNT) for bucket in (deployment.staging_bucket, deployment.public_bucket))
        publisher = Publisher(staging, public, self.online_keys(), announcer=RecordingAnnouncer())
        outcome = publisher.drain(repository.name, FakeClock(datetime.now(UTC) - ago))
        assert [receipt.status for receipt in outcome.receipts] == ["published"]

    def steal_the_online_key(self, repository: str, number: int) -> None:
        """Sign what is published once more, with this number for timestamp and snapshot, as whoever has the key could."""
        public, staging = (
            S3Store(self.s3, name, ACCOUNT) for name in (self.stack.deployment.public_bucket, self.stack.deployment.staging_bucket)
        )
        head = Repositories(staging, public).load(repository).head
        assert head is not None
        signing = {signer.public_key.keyid: signer for signer in self.online_keys().of(repository, head.root.signed)[:1]}
        moved = replace(head.snapshot.signed, version=number)
        snapshot = sign(moved, compose(moved), signing)
        committed = replace(head.timestamp.signed, version=number, snapshot=snapshot.meta_file)
        timestamp = sign(committed, compose(committed), signing)
        public.put(layout.metadata(repository, "snapshot", number), snapshot.body, Caching.IMMUTABLE)
        public.put(layout.timestamp(repository), timestamp.body, Caching.COMMIT)

    def forget_public(self, *keys: str, for_good: bool = False) -> None:
        """Delete from the public bucket, for which its policy has to go first; all former versions too if it is for good."""
        bucket = self.stack.deployment.public_bucket
        policy = self.s3.get_bucket_policy(Bucket=bucket)["Policy"]
        self.s3.delete_bucket_policy(Bucket=bucket)
        for key in keys:
            versions = self.s3.list_object_versions(Bucket=bucket, Prefix=key)["Versions"] if for_good else []
            for version in versions:
                self.s3.delete_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])
            if not for_good:
                self.s3.delete_object(Bucket=bucket, Key=key)
        self.s3.put_bucket_policy(Bucket=bucket, Policy=policy)

    @contextmanager
    def without_masters(self) -> Iterator[None]:
        """As before the first run of the refresh function: there is no master, and nobody remembers any."""
        bucket, prefix = self.stack.deployment.staging_bucket, layout.MASTERS
        policy = self.s3.get_bucket_policy(Bucket=bucket)["Policy"]
        before = {version["VersionId"] for version in self.s3.list_object_versions(Bucket=bucket, Prefix=prefix)["Versions"]}
        keys = [found["Key"] for found in self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
        self.s3.delete_bucket_policy(Bucket=bucket)
        try:
            for key in keys:
                self.s3.delete_object(Bucket=bucket, Key=key)
            yield
        finally:
            found = self.s3.list_object_versions(Bucket=bucket, Prefix=prefix)
            for version in [*found.get("DeleteMarkers", []), *found["Versions"]]:
                if version["VersionId"] not in before:
                    self.s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
            self.s3.put_bucket_policy(Bucket=bucket, Policy=policy)
            self.start_anew("RefreshFunction")

    def public_bucket(self, repository: str) -> dict[str, bytes]:
        """Everything that is published of a repository, by key."""
        bucket = self.stack.deployment.public_bucket
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix=f"{repository}/").get("Contents", [])
        return {entry["Key"]: self.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read() for entry in found}

    def public_object(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.stack.deployment.public_bucket, Key=key)["Body"].read())

    def restore_public(self, repository: str, backup: Mapping[str, bytes]) -> None:
        """Make the public bucket what it was: newer objects are deleted, changed ones written over."""
        bucket, current = self.stack.deployment.public_bucket, self.public_bucket(repository)
        self.forget_public(*(key for key in current if key not in backup))
        for key, body in backup.items():
            if current.get(key) != body:
                self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    def online_keys(self) -> OnlineKeys:
        """The keys that the functions derive, as a container that starts now finds them."""
        staging = S3Store(self.s3, self.stack.deployment.staging_bucket, ACCOUNT)
        scheme, _, key = self._variables("RefreshFunction")["TRUSTPRESS_ONLINE_KEY"].partition(":")
        if scheme == "awskms":
            return OnlyKey(staging, load_signer(f"awskms:{key}", self._kms, staging))
        return DerivedKeys(Masters(staging, KmsVault(self._kms, key)), Ed25519Signer)

    def run_masters(self, **event: object) -> dict[str, Any]:
        """What an administrator is answered who makes, surveys or drops masters."""
        return dict(self._invoke("MastersFunction", event))

    def start_anew(self, function: str, **variables: str) -> None:
        """End a function's containers; the next one starts with these variables changed."""
        changed = {**self._variables(function), **variables, "STARTED_FOR": secrets.token_hex()}
        self._lambda.update_function_configuration(FunctionName=self._physical[function], Environment={"Variables": changed})

    @contextmanager
    def hurried(self, function: str, seconds: int) -> Iterator[None]:
        """Give a function less time than its template does; its queue keeps what it is sent until it has more again."""
        name = self._physical[function]
        timeout = self._lambda.get_function_configuration(FunctionName=name)["Timeout"]
        (source,) = self._lambda.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        self._lambda.update_event_source_mapping(UUID=source["UUID"], Enabled=False)
        self._lambda.update_function_configuration(FunctionName=name, Timeout=seconds)
        try:
            yield
        finally:
            self._lambda.update_function_configuration(FunctionName=name, Timeout=timeout)
            self._lambda.update_event_source_mapping(UUID=source["UUID"], Enabled=True)

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

    @contextmanager
    def in_the_role(self, role: str) -> Iterator[Any]:
        """S3 for a session of a function's role, which lets us in for as long as this takes."""
        name = self._physical[role]
        found = self._iam.get_role(RoleName=name)["Role"]
        trust = found["AssumeRolePolicyDocument"]
        ours = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
        self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps({**trust, "Statement": [ours]}))
        try:
            session = self.stack.cloud.client("sts").assume_role(RoleArn=found["Arn"], RoleSessionName="tried")["Credentials"]
            yield self.stack.cloud.client("s3", Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]))
        finally:
            self._iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    def with_rights_of(self, role: str, *actions: str) -> Any:
        """S3 for a user with a role's policy, and these actions on everything."""
        (name,) = self._iam.list_role_policies(RoleName=self._physical[role])["PolicyNames"]
        policy = self._iam.get_role_policy(RoleName=self._physical[role], PolicyName=name)["PolicyDocument"]
        more = {"Sid": "More", "Effect": "Allow", "Action": list(actions), "Resource": "*"}
        user = f"like-{role}"
        self._iam.create_user(UserName=user)
        document = {**policy, "Statement": [*policy["Statement"], more]}
        self._iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=json.dumps(document))
        key = self._iam.create_access_key(UserName=user)["AccessKey"]
        return self.stack.cloud.client("s3", Credentials(key["AccessKeyId"], key["SecretAccessKey"]))

    def _put_policy(self, role: str, name: str, policy: Any) -> None:
        self._iam.put_role_policy(RoleName=self._physical[role], PolicyName=name, PolicyDocument=json.dumps(policy))

    def _variables(self, function: str) -> dict[str, str]:
        found = self._lambda.get_function_configuration(FunctionName=self._physical[function])
        return dict(found["Environment"]["Variables"])

    def _well(self, function: str, answer: Any, well: bool) -> bool:
        """The same, and where it is not well, the end of the log in the output of the test, which pytest shows if that fails."""
        if not well:
            print(function, answer, *self.log_of(function)[-12:], sep="\n")
        return well

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
