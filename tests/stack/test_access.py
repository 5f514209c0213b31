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
from tests.stack.actors import Operator, Repository

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


@pytest.fixture(scope="module")
def person(stack: Stack) -> Any:
    """S3 for a person who holds keys of access/mine."""
    return stack.cloud.client("s3", stack.deployment.person("access/mine"))


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
        "online-keys/masters/0001.sealed",
    ):
        assert refused(mine.s3.put_object, Bucket=bucket, Key=key, Body=b"not mine")


def test_a_build_system_uploads_no_root_and_a_person_does(stack: Stack, mine: Repository, person: Any) -> None:
    bucket = stack.deployment.staging_bucket
    for filename in ("root.json", "2.root.json", "first.root.json"):
        key = f"inbox/access/mine/metadata/{filename}"
        assert refused(mine.s3.put_object, Bucket=bucket, Key=key, Body=b"not mine")
        person.put_object(Bucket=bucket, Key=key, Body=b"{}")


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


def test_a_build_system_has_no_part_in_changes_that_wait_for_signatures(stack: Stack, mine: Repository) -> None:
    bucket, key = stack.deployment.staging_bucket, "pending/access/mine/change.json"
    assert refused(mine.s3.put_object, Bucket=bucket, Key=key, Body=b"{}")
    assert refused(mine.s3.get_object, Bucket=bucket, Key=key)
    assert refused(mine.s3.delete_object, Bucket=bucket, Key=key)
    assert refused(mine.s3.list_objects_v2, Bucket=bucket, Prefix="pending/access/mine/", Delimiter="/")


def test_a_person_may_what_a_build_system_may(stack: Stack, mine: Repository, person: Any) -> None:
    bucket = stack.deployment.staging_bucket
    person.put_object(Bucket=bucket, Key="inbox/access/mine/targets/by/hand", Body=b"mine")
    mine.developer.next_version()
    receipt = mine.publish(mine.developer.signed())
    found = person.get_object(Bucket=bucket, Key=f"receipts/access/mine/{receipt['sha256']}.json")
    assert json.loads(found["Body"].read()) == receipt


def test_people_share_changes_that_wait_for_signatures(stack: Stack, person: Any) -> None:
    bucket, key = stack.deployment.staging_bucket, "pending/access/mine/change.json"
    another = stack.cloud.client("s3", stack.deployment.person("access/mine"))
    person.put_object(Bucket=bucket, Key=key, Body=b"signed once")
    assert listed(another, bucket, "pending/access/mine/", "/") == [key]
    assert another.get_object(Bucket=bucket, Key=key)["Body"].read() == b"signed once"
    another.put_object(Bucket=bucket, Key=key, Body=b"signed twice")
    person.delete_object(Bucket=bucket, Key=key)
    assert listed(another, bucket, "pending/access/mine/", "/") == []


def test_a_person_sees_what_is_on_its_way(stack: Stack, operator: Operator, mine: Repository, person: Any) -> None:
    bucket, key = stack.deployment.staging_bucket, "inbox/access/mine/metadata/unseen.json"
    mine.put_silently(operator, "metadata/unseen.json", b"{}")
    assert person.get_object(Bucket=bucket, Key=key)["Body"].read() == b"{}"
    assert key in listed(person, bucket, "inbox/access/mine/metadata/")
    assert isinstance(listed(person, bucket, "inbox/access/mine/targets/"), list)
    receipts = listed(person, bucket, "receipts/access/mine/", "/")
    assert receipts
    assert {key.count("/") for key in receipts} == {3}


def listed(s3: Any, bucket: str, prefix: str, delimiter: str = "") -> list[str]:
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, **({"Delimiter": delimiter} if delimiter else {}))
    return [entry["Key"] for entry in found.get("Contents", [])]


def test_a_person_touches_no_other_repository_not_even_a_nested_one(stack: Stack, person: Any) -> None:
    bucket = stack.deployment.staging_bucket
    for key in ("pending/access/other/change.json", "pending/access/mine/nested/change.json", "pending/access/mine/change.txt"):
        assert refused(person.put_object, Bucket=bucket, Key=key, Body=b"not mine")
        assert refused(person.get_object, Bucket=bucket, Key=key)
        assert refused(person.delete_object, Bucket=bucket, Key=key)
    for key in ("inbox/access/mine/nested/metadata/x.json", "inbox/access/mine/targets/any/file", "repositories/access%2Fmine.json"):
        assert refused(person.get_object, Bucket=bucket, Key=key)
    assert refused(person.put_object, Bucket=bucket, Key="receipts/access/mine/x.json", Body=b"forged")
    assert refused(person.delete_object, Bucket=bucket, Key="inbox/access/mine/targets/any/file")


@pytest.mark.parametrize("area", ["inbox", "receipts", "pending"])
def test_a_person_lists_no_other_repository_not_even_a_nested_one(stack: Stack, person: Any, area: str) -> None:
    bucket = stack.deployment.staging_bucket
    for prefix in ("", f"{area}/", f"{area}/access/", f"{area}/access/other/", f"{area}/access/mine", f"{area}/access/mine/nested/"):
        assert refused(person.list_objects_v2, Bucket=bucket, Prefix=prefix, Delimiter="/")
    assert refused(person.list_objects_v2, Bucket=bucket, Prefix=f"{area}/access/mine/")
    assert refused(person.list_object_versions, Bucket=bucket, Prefix=f"{area}/access/mine/", Delimiter="/")


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


@pytest.mark.parametrize(
    "key",
    [PUBLISHED, "access/mine/metadata/timestamp.json", "access/mine/metadata/1.targets.json", "access/mine/metadata/online-keys.json"],
)
def test_not_even_the_administrator_marks_anything_for_expiry(stack: Stack, administrator: Any, mine: Repository, key: str) -> None:
    bucket, tagging = stack.deployment.public_bucket, {"TagSet": [{"Key": "trustpress", "Value": "expired"}]}
    version = administrator.head_object(Bucket=bucket, Key=key)["VersionId"]
    assert refused(administrator.put_object_tagging, Bucket=bucket, Key=key, Tagging=tagging)
    assert refused(administrator.put_object_tagging, Bucket=bucket, Key=key, VersionId=version, Tagging=tagging)


def test_not_even_the_administrator_deletes_a_register(stack: Stack, administrator: Any, mine: Repository) -> None:
    assert refused(administrator.delete_object, Bucket=stack.deployment.staging_bucket, Key="repositories/access%2Fmine.json")


@pytest.mark.parametrize("key", ["repositories/access%2Fmine.json", "online-keys/masters/0001.sealed"])
def test_not_even_the_administrator_deletes_a_register_or_a_sealed_key(
    stack: Stack, administrator: Any, mine: Repository, key: str
) -> None:
    bucket = stack.deployment.staging_bucket
    administrator.put_object(Bucket=bucket, Key=key, Body=administrator_sees(administrator, bucket, key))
    version = administrator.head_object(Bucket=bucket, Key=key)["VersionId"]
    assert refused(administrator.delete_object, Bucket=bucket, Key=key)
    assert refused(administrator.delete_object, Bucket=bucket, Key=key, VersionId=version)
    assert refused(administrator.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": key, "VersionId": version}]})


def administrator_sees(administrator: Any, bucket: str, key: str) -> bytes:
    """What is there."""
    try:
        return bytes(administrator.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError:
        return b"sealed"


@pytest.mark.parametrize("role", ["PublishRole", "RefreshRole", "RecoverRole"])
def test_no_function_deletes_what_is_published_or_a_register(stack: Stack, operator: Operator, mine: Repository, role: str) -> None:
    """Were its role given every right in S3, the buckets would still refuse."""
    s3 = operator.with_rights_of(role, "s3:*")
    public, staging = stack.deployment.public_bucket, stack.deployment.staging_bucket
    version = s3.head_object(Bucket=public, Key=PUBLISHED)["VersionId"]
    assert refused(s3.delete_object, Bucket=public, Key=PUBLISHED)
    assert refused(s3.delete_object, Bucket=public, Key=PUBLISHED, VersionId=version)
    assert refused(s3.delete_object, Bucket=staging, Key="repositories/access%2Fmine.json")
    assert refused(s3.delete_object, Bucket=staging, Key="online-keys/masters/0001.sealed")


def test_recover_alone_hides_metadata_and_not_even_recover_destroys_any(stack: Stack, operator: Operator, mine: Repository) -> None:
    public, junk = stack.deployment.public_bucket, "access/mine/metadata/9.root.json"
    operator.s3.put_object(Bucket=public, Key=junk, Body=b"<html>")
    version = operator.s3.head_object(Bucket=public, Key=junk)["VersionId"]
    with operator.in_the_role("PublishRole") as publish:
        assert refused(publish.delete_object, Bucket=public, Key=junk)
        for filename in ("2.root.json", "root.json"):
            assert refused(publish.put_object, Bucket=public, Key=f"access/mine/metadata/{filename}", Body=b"<html>")
    with operator.in_the_role("RecoverRole") as recover:
        assert refused(recover.delete_object, Bucket=public, Key=junk, VersionId=version)
        assert refused(recover.delete_object, Bucket=public, Key="access/mine/targets/any.file")
        recover.delete_object(Bucket=public, Key=junk)
        assert recover.get_object(Bucket=public, Key=junk, VersionId=version)["Body"].read() == b"<html>"
        assert junk not in operator.public_bucket("access/mine")


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
