"""Who may do what with the buckets, as roles, bucket policies and signatures decide it together."""

import json
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from local.ministack import REGION, Credentials
from local.stack import Stack
from tests.stack.actors import Repository

PUBLISHED = "access/mine/metadata/1.root.json"


@pytest.fixture(scope="module")
def mine(stack: Stack) -> Repository:
    repository = Repository(stack, "access/mine")
    repository.publish_first()
    return repository


@pytest.fixture(scope="module")
def administrator(stack: Stack) -> Any:
    """S3 for a user who may do everything that no bucket policy denies; MiniStack asks the root user nothing."""
    iam = stack.cloud.client("iam")
    iam.create_user(UserName="administrator")
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_user_policy(UserName="administrator", PolicyName="everything", PolicyDocument=json.dumps(everything))
    key = iam.create_access_key(UserName="administrator")["AccessKey"]
    return stack.cloud.client("s3", Credentials(key["AccessKeyId"], key["SecretAccessKey"]))


def refused(call: Any, **arguments: Any) -> bool:
    with pytest.raises(ClientError) as refusal:
        call(**arguments)
    return refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_build_system_uploads_into_its_own_inbox_only(stack: Stack, mine: Repository) -> None:
    bucket = stack.deployment.staging_bucket
    mine.put("targets/any/file", b"mine")
    for key in (
        "inbox/access/other/targets/file",
        "inbox/access/mine/nested/targets/file",
        "inbox/access/mine",
        "receipts/access/mine/x.json",
        "repositories/access%2Fmine.json",
        "online-keys/online.sealed",
    ):
        assert refused(mine.s3.put_object, Bucket=bucket, Key=key, Body=b"not mine")


def test_a_build_system_reads_its_own_receipts_and_nothing_else(stack: Stack, mine: Repository) -> None:
    bucket = stack.deployment.staging_bucket
    mine.developer.next_version()
    assert mine.publish(mine.developer.signed())["repository"] == "access/mine"
    nested = Repository(stack, "access/mine/nested").publish_first()["sha256"]
    for key in (f"receipts/access/mine/nested/{nested}.json", "inbox/access/mine/targets/any/file", "repositories/access%2Fmine.json"):
        assert refused(mine.s3.get_object, Bucket=bucket, Key=key)
    assert refused(mine.s3.list_objects_v2, Bucket=bucket)
    assert refused(mine.s3.list_object_versions, Bucket=bucket, Prefix="inbox/access/mine/")
    assert refused(mine.s3.delete_object, Bucket=bucket, Key="inbox/access/mine/targets/any/file")


def test_a_build_system_has_no_business_in_the_public_bucket(stack: Stack, mine: Repository) -> None:
    bucket = stack.deployment.public_bucket
    assert refused(mine.s3.get_object, Bucket=bucket, Key=PUBLISHED)
    assert refused(mine.s3.put_object, Bucket=bucket, Key=PUBLISHED, Body=b"forged")


def test_strangers_see_nothing_but_the_edge(stack: Stack, mine: Repository) -> None:
    stranger = boto3.client(
        "s3",
        endpoint_url=stack.cloud.endpoint,
        verify=str(stack.cloud.certificate),
        region_name=REGION,
        config=Config(signature_version=UNSIGNED),
    )
    for bucket in (stack.deployment.staging_bucket, stack.deployment.public_bucket):
        assert refused(stranger.list_objects_v2, Bucket=bucket)
        assert refused(stranger.get_object, Bucket=bucket, Key=PUBLISHED)
        assert refused(stranger.put_object, Bucket=bucket, Key="inbox/access/mine/targets/x", Body=b"x")


def test_not_even_the_administrator_deletes_what_is_published(stack: Stack, administrator: Any, mine: Repository) -> None:
    bucket = stack.deployment.public_bucket
    version = administrator.head_object(Bucket=bucket, Key=PUBLISHED)["VersionId"]
    assert refused(administrator.delete_object, Bucket=bucket, Key=PUBLISHED)
    assert refused(administrator.delete_object, Bucket=bucket, Key=PUBLISHED, VersionId=version)
    assert refused(administrator.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    rule = {"ID": "x", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}
    assert refused(administrator.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})


def test_not_even_the_administrator_deletes_a_register(stack: Stack, administrator: Any, mine: Repository) -> None:
    assert refused(administrator.delete_object, Bucket=stack.deployment.staging_bucket, Key="repositories/access%2Fmine.json")


@pytest.mark.parametrize("output", ["StagingBucketName", "PublicBucketName"])
def test_nobody_comes_without_tls(stack: Stack, administrator: Any, output: str) -> None:
    def come_without_tls(request: Any, **_event: Any) -> None:
        request.headers["X-Forwarded-Proto"] = "http"

    bucket = stack.deployment.outputs[output]
    assert administrator.list_objects_v2(Bucket=bucket, MaxKeys=1)["Name"] == bucket
    administrator.meta.events.register("before-sign.s3", come_without_tls)
    try:
        assert refused(administrator.list_objects_v2, Bucket=bucket, MaxKeys=1)
    finally:
        administrator.meta.events.unregister("before-sign.s3", come_without_tls)
