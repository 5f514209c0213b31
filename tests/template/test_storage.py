"""What lies in the buckets stays there, and only those come in who should."""

import pytest

from tests.template.facts import Template, sub
from trustpress.expire import TAG

BUCKETS = ["StagingBucket", "PublicBucket"]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_versioned_encrypted_private_and_outlives_the_stack(template: Template, bucket: str) -> None:
    found = template.properties(bucket)
    assert found["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = found["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rules == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    assert found["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert set(found["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(found["PublicAccessBlockConfiguration"]) == 4
    whole = template.body["Resources"][bucket]
    assert (whole["DeletionPolicy"], whole["UpdateReplacePolicy"]) == ("Retain", "Retain")


@pytest.mark.parametrize("bucket", BUCKETS)
def test_nobody_comes_without_tls(template: Template, bucket: str) -> None:
    statement = template.statements(f"{bucket}Policy")["NobodyComesWithoutTls"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Resource"] == [{"Fn::GetAtt": [bucket, "Arn"]}, sub(f"${{{bucket}.Arn}}/*")]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_nobody_destroys_what_is_published_nor_arranges_for_it(template: Template) -> None:
    statement = template.statements("PublicBucketPolicy")["NobodyDestroysWhatIsPublished"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert "Condition" not in statement
    actions = {"s3:DeleteObjectVersion", "s3:DeleteBucket", "s3:PutLifecycleConfiguration", "s3:PutBucketVersioning"}
    assert set(statement["Action"]) == actions
    assert statement["Resource"] == [{"Fn::GetAtt": ["PublicBucket", "Arn"]}, sub("${PublicBucket.Arn}/*")]


def test_nobody_but_the_recover_function_hides_what_is_published(template: Template) -> None:
    statement = template.statements("PublicBucketPolicy")["OnlyTheRecoverFunctionHidesWhatIsPublished"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:DeleteObject")
    assert statement["Resource"] == sub("${PublicBucket.Arn}/*")
    assert statement["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": {"Fn::GetAtt": ["RecoverRole", "Arn"]}}}


@pytest.mark.parametrize(
    ("sid", "inbox_sid"),
    [
        ("NobodyPublishesWhatIsArchived", "NobodyUploadsWhatIsArchived"),
        ("NobodyPublishesWhatIsEncryptedWithAnothersKey", "NobodyUploadsWhatIsEncryptedWithAnothersKey"),
        ("NobodyPublishesWhatIsEncryptedWithAKeyOfTheirOwn", "NobodyUploadsWhatIsEncryptedWithAKeyOfTheirOwn"),
    ],
)
def test_nothing_is_published_that_s3_would_not_give_to_clients(template: Template, sid: str, inbox_sid: str) -> None:
    """As nothing is uploaded into an inbox that it would not give to publish."""
    statement, inbox = template.statements("PublicBucketPolicy")[sid], template.statements("StagingBucketPolicy")[inbox_sid]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:PutObject")
    assert statement["Resource"] == sub("${PublicBucket.Arn}/*")
    assert statement["Condition"] == inbox["Condition"]
    assert inbox["Resource"] == sub("${StagingBucket.Arn}/inbox/*")


def test_the_public_bucket_forgets_only_what_is_marked_and_keeps_that_for_another_month(template: Template) -> None:
    marked, gone = template.properties("PublicBucket")["LifecycleConfiguration"]["Rules"]
    name, value = TAG
    assert marked == {
        "Id": "ForgetWhatIsMarkedAsExpired",
        "Status": "Enabled",
        "TagFilters": [{"Key": name, "Value": value}],
        "ExpirationInDays": 1,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
    }
    assert gone == {"Id": "ForgetTheMarkersOfWhatIsGone", "Status": "Enabled", "ExpiredObjectDeleteMarker": True}


def test_nobody_marks_what_clients_need_for_ever(template: Template) -> None:
    statement = template.statements("PublicBucketPolicy")["NobodyMarksRootsOrTimestampsForExpiry"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert "Condition" not in statement
    assert statement["Action"] == ["s3:PutObjectTagging", "s3:PutObjectVersionTagging"]
    kept = ["*.root.json", "*/metadata/timestamp.json", "*/metadata/online-keys.json"]
    assert statement["Resource"] == [sub(f"${{PublicBucket.Arn}}/{key}") for key in kept]


def test_nobody_but_the_expire_function_marks_anything(template: Template) -> None:
    statement = template.statements("PublicBucketPolicy")["OnlyTheExpireFunctionMarksForExpiry"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Action"] == ["s3:PutObjectTagging", "s3:PutObjectVersionTagging"]
    assert statement["Resource"] == sub("${PublicBucket.Arn}/*")
    assert statement["Condition"] == {"ArnNotLike": {"aws:PrincipalArn": {"Fn::GetAtt": ["ExpireRole", "Arn"]}}}


def test_immutable_objects_are_written_only_where_nothing_is(template: Template) -> None:
    statement = template.statements("PublicBucketPolicy")["NobodyOverwritesWhatIsImmutable"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:PutObject")
    changing = ["timestamp.json", "online-keys.json"]
    assert statement["NotResource"] == [sub(f"${{PublicBucket.Arn}}/*/metadata/{name}") for name in changing]
    assert statement["Condition"] == {"Null": {"s3:if-none-match": "true"}}


def test_what_changes_is_replaced_only_by_those_who_have_read_it(template: Template) -> None:
    statements = template.statements("PublicBucketPolicy")
    statement = statements["NobodyReplacesWhatTheyHaveNotRead"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:PutObject")
    assert statement["Resource"] == statements["NobodyOverwritesWhatIsImmutable"]["NotResource"]
    # Both keys of one condition block must hold: the write is denied only where both headers are missing.
    assert statement["Condition"] == {"Null": {"s3:if-none-match": "true", "s3:if-match": "true"}}


def test_a_sealed_key_is_written_only_where_none_is(template: Template) -> None:
    statement = template.statements("StagingBucketPolicy")["NobodyReplacesASealedKey"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:PutObject")
    assert statement["Resource"] == sub("${StagingBucket.Arn}/online-keys/*")
    assert statement["Condition"] == {"Null": {"s3:if-none-match": "true"}}


@pytest.mark.parametrize("bucket", BUCKETS)
def test_no_parameter_takes_a_statement_out_of_a_buckets_policy(template: Template, bucket: str) -> None:
    assert all("Sid" in statement for statement in template.properties(f"{bucket}Policy")["PolicyDocument"]["Statement"])


def test_sealed_keys_and_registers_cannot_be_deleted(template: Template) -> None:
    statement = template.statements("StagingBucketPolicy")["NobodyDeletesSealedKeysOrRegisters"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    assert statement["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    assert statement["Resource"] == [sub("${StagingBucket.Arn}/online-keys/*"), sub("${StagingBucket.Arn}/repositories/*")]


def test_the_staging_bucket_forgets_only_what_nobody_needs(template: Template) -> None:
    abandoned, unsigned, *replaced, registers, parts = template.properties("StagingBucket")["LifecycleConfiguration"]["Rules"]
    assert (abandoned["Prefix"], abandoned["ExpirationInDays"]) == ("inbox/", 14)
    assert (unsigned["Prefix"], unsigned["ExpirationInDays"]) == ("pending/", 90)
    assert [rule["Prefix"] for rule in replaced] == ["inbox/", "pending/", "receipts/", "watch/"]
    for rule in replaced:
        assert "ExpirationInDays" not in rule
        assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
        assert rule["ExpiredObjectDeleteMarker"] is True
    assert (registers["Prefix"], registers["NoncurrentVersionExpiration"]) == ("repositories/", {"NoncurrentDays": 365})
    assert {key: parts[key] for key in parts if key not in {"Id", "Status"}} == {
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}
    }


def test_no_rule_forgets_a_sealed_key_or_a_register(template: Template) -> None:
    for rule in template.properties("StagingBucket")["LifecycleConfiguration"]["Rules"]:
        assert rule.get("Prefix") != "online-keys/"
        if "Prefix" not in rule:
            assert set(rule) == {"Id", "Status", "AbortIncompleteMultipartUpload"}
        if rule.get("Prefix") == "repositories/":
            assert "ExpirationInDays" not in rule


def test_the_staging_bucket_announces_what_comes_into_inboxes_and_nothing_else(template: Template) -> None:
    (announcement,) = template.properties("StagingBucket")["NotificationConfiguration"]["QueueConfigurations"]
    assert announcement["Filter"] == {"S3Key": {"Rules": [{"Name": "prefix", "Value": "inbox/"}]}}


def test_only_our_own_staging_bucket_can_announce_uploads(template: Template) -> None:
    (statement,) = template.statements("UploadsPolicy").values()
    assert (statement["Principal"], statement["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    name = template.properties("StagingBucket")["BucketName"]["Fn::Sub"]
    assert statement["Condition"]["ArnEquals"] == {"aws:SourceArn": sub(f"arn:${{AWS::Partition}}:s3:::{name}")}


def test_an_upload_that_fails_again_and_again_is_kept_for_a_fortnight(template: Template) -> None:
    queue = template.properties("Uploads")
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}, "maxReceiveCount": 5}
    assert queue["VisibilityTimeout"] == 240
    assert queue["VisibilityTimeout"] > template.properties("PublishFunction")["Timeout"]
    assert template.properties("DeadLetters")["MessageRetentionPeriod"] == 14 * 24 * 3600


@pytest.mark.parametrize(("bucket", "prefix"), [("StagingBucket", "staging/"), ("PublicBucket", "public/")])
def test_who_did_what_to_a_bucket_is_kept(template: Template, bucket: str, prefix: str) -> None:
    logging = template.properties(bucket)["LoggingConfiguration"]
    assert logging == {"DestinationBucketName": {"Ref": "AccessLogs"}, "LogFilePrefix": prefix}


def test_nobody_but_s3_writes_access_logs_and_nobody_destroys_them(template: Template) -> None:
    statements = template.statements("AccessLogsPolicy")
    writes, keeps = statements["S3WritesWhatItSawOfThisDeployment"], statements["NobodyDestroysALogBeforeItsTime"]
    assert (writes["Effect"], writes["Principal"], writes["Action"]) == ("Allow", {"Service": "logging.s3.amazonaws.com"}, "s3:PutObject")
    assert writes["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert (keeps["Effect"], keeps["Principal"], "Condition" in keeps) == ("Deny", "*", False)
    assert {"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutLifecycleConfiguration"} <= set(keeps["Action"])
    (rule,) = template.properties("AccessLogs")["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 365


def test_the_distribution_keeps_logs_where_it_is_told_to(template: Template) -> None:
    logging = template.properties("Distribution")["DistributionConfig"]["Logging"]["Fn::If"]
    assert logging[0] == "KeepsDistributionLogs"
    assert logging[1]["Bucket"] == {"Ref": "DistributionLogBucket"}
    assert logging[2] == {"Ref": "AWS::NoValue"}
