"""What the functions are given: their size, their triggers and every permission they have."""

import re
from datetime import timedelta

import pytest

from tests.template.facts import Template, sub
from trustpress.adapters.eventbridge import SOURCE
from trustpress.adapters.settings import read_period
from trustpress.core.release import REFRESH_PERIOD
from trustpress.errors import Misconfigured

STAGING, PUBLIC = "${StagingBucket.Arn}", "${PublicBucket.Arn}"
SEES_MISSING_KEYS = ("SeesThatAKeyIsMissing", ["s3:ListBucket"], ["StagingBucket.Arn", "PublicBucket.Arn"])
SIGNS = ("SignsDigestsWithTheOnlineKey", ["kms:GetPublicKey", "kms:Sign"], ["SigningKey.Arn"])
OPENS = ("OpensSealedMasters", ["kms:Decrypt"], ["SealingKey.Arn"])
DEFAULT_BUS = "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/default"
DISTRIBUTION = "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}"
READS_SEALED = ("ReadsSealedMasters", ["s3:GetObject"], [f"{STAGING}/online-keys/*"])
MAKES_SEALED = ("MakesSealedMasters", ["kms:GenerateDataKeyWithoutPlaintext"], ["SealingKey.Arn"])
KEEPS_SEALED = ("KeepsSealedMasters", ["s3:PutObject"], [f"{STAGING}/online-keys/masters/*"])

PERMISSIONS = {
    "MastersRole": [
        ("ReadsRegisters", ["s3:GetObject"], [f"{STAGING}/repositories/*"]),
        ("ReadsPublishedMetadata", ["s3:GetObject"], [f"{PUBLIC}/*/metadata/*"]),
        ("ShowsOnlineKeys", ["s3:PutObject"], [f"{PUBLIC}/*/metadata/online-keys.json"]),
        SEES_MISSING_KEYS,
        OPENS,
        READS_SEALED,
        MAKES_SEALED,
        KEEPS_SEALED,
        ("WritesItsOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], ["MastersLog.Arn"]),
    ],
    "PublishRole": [
        ("TakesMessagesOffTheQueue", ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], ["Uploads.Arn"]),
        ("SendsItselfWhatIsLeftForLater", ["sqs:SendMessage"], ["Uploads.Arn"]),
        ("ListsInboxes", ["s3:ListBucketVersions"], ["StagingBucket.Arn"]),
        ("ReadsUploads", ["s3:GetObject", "s3:GetObjectVersion"], [f"{STAGING}/inbox/*"]),
        ("DeletesExactlyTheVersionsItHasProcessed", ["s3:DeleteObjectVersion"], [f"{STAGING}/inbox/*"]),
        ("ReadsReceiptsAndRegisters", ["s3:GetObject"], [f"{STAGING}/receipts/*", f"{STAGING}/repositories/*"]),
        ("ReadsWhoseNamesAreReserved", ["s3:GetObject"], [f"{STAGING}/reservations/*"]),
        ("WritesReceiptsAndRegisters", ["s3:PutObject"], [f"{STAGING}/receipts/*", f"{STAGING}/repositories/*"]),
        ("ReadsWhatIsPublished", ["s3:GetObject"], [f"{PUBLIC}/*/metadata/*", f"{PUBLIC}/*/targets/*"]),
        ("Publishes", ["s3:PutObject"], [f"{PUBLIC}/*/metadata/*", f"{PUBLIC}/*/targets/*"]),
        ("WritesNoRoots", ["s3:PutObject"], [f"{PUBLIC}/*/metadata/root.json", f"{PUBLIC}/*/metadata/*.root.json"]),
        ("HasRootsWritten", ["lambda:InvokeFunction"], ["RootsFunction.Arn"]),
        ("AnnouncesReleasesAndRejections", ["events:PutEvents"], [DEFAULT_BUS]),
        SEES_MISSING_KEYS,
        SIGNS,
        OPENS,
        READS_SEALED,
        ("WritesItsOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], ["PublishLog.Arn"]),
    ],
    "RootsRole": [
        ("ReadsExactlyTheVersionsItIsTold", ["s3:GetObjectVersion"], [f"{STAGING}/inbox/*"]),
        ("ReadsSinceWhenAnUploadHasWaited", ["s3:GetObject"], [f"{STAGING}/receipts/*"]),
        ("ReadsRootsAndTimestamps", ["s3:GetObject"], [f"{PUBLIC}/*/metadata/*.root.json", f"{PUBLIC}/*/metadata/timestamp.json"]),
        ("WritesRoots", ["s3:PutObject"], [f"{PUBLIC}/*/metadata/*.root.json"]),
        SEES_MISSING_KEYS,
        ("KnowsTheOnlineKey", ["kms:GetPublicKey"], ["SigningKey.Arn"]),
        OPENS,
        READS_SEALED,
        ("WritesItsOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], ["RootsLog.Arn"]),
    ],
    "RefreshRole": [
        ("SendsLeftoversToTheQueue", ["sqs:SendMessage"], ["Uploads.Arn"]),
        ("ReadsRegisters", ["s3:GetObject"], [f"{STAGING}/repositories/*"]),
        ("RaisesRegisters", ["s3:PutObject"], [f"{STAGING}/repositories/*"]),
        ("ReadsPublishedMetadata", ["s3:GetObject"], [f"{PUBLIC}/*/metadata/*"]),
        ("RenewsTimestampsAndSnapshots", ["s3:PutObject"], [f"{PUBLIC}/*/metadata/timestamp.json", f"{PUBLIC}/*/metadata/*.snapshot.json"]),
        SEES_MISSING_KEYS,
        SIGNS,
        OPENS,
        READS_SEALED,
        MAKES_SEALED,
        KEEPS_SEALED,
        ("WritesItsOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], ["RefreshLog.Arn"]),
    ],
    "ExpireRole": [
        ("ReadsRegisters", ["s3:GetObject"], [f"{STAGING}/repositories/*"]),
        ("ListsPublishedMetadata", ["s3:ListBucketVersions"], ["PublicBucket.Arn"]),
        ("ReadsPublishedMetadata", ["s3:GetObject"], [f"{PUBLIC}/*/metadata/*"]),
        ("ReadsFormerTimestamps", ["s3:GetObjectVersion"], [f"{PUBLIC}/*/metadata/timestamp.json"]),
        ("MarksMetadataForExpiry", ["s3:PutObjectVersionTagging"], [f"{PUBLIC}/*/metadata/*"]),
        SEES_MISSING_KEYS,
        ("WritesItsOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], ["ExpireLog.Arn"]),
    ],
    "WatchRole": [
        ("ListsRegistersAndSeesThatAKeyIsMissing", ["s3:ListBucket"], ["StagingBucket.Arn"]),
        ("ReadsFirstRootsInRegisters", ["s3:GetObject"], [f"{STAGING}/repositories/*"]),
        ("ReadsWhatItHasTold", ["s3:GetObject"], [f"{STAGING}/watch/*"]),
        ("RemembersWhatItHasTold", ["s3:PutObject"], [f"{STAGING}/watch/*"]),
        ("TellsWhoeverListensToTheAlarms", ["sns:Publish"], ["AlarmTopicArn"]),
        ("WritesItsOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], ["WatchLog.Arn"]),
    ],
    "RecoverRole": [
        ("ListsWhatDeleteMarkersHide", ["s3:ListBucketVersions"], ["PublicBucket.Arn"]),
        ("ReadsAllThatWasEverPublished", ["s3:GetObject", "s3:GetObjectVersion"], [f"{PUBLIC}/*/metadata/*", f"{PUBLIC}/*/targets/*"]),
        ("Publishes", ["s3:PutObject"], [f"{PUBLIC}/*/metadata/*", f"{PUBLIC}/*/targets/*"]),
        ("HidesWhatIsInTheWay", ["s3:DeleteObject"], [f"{PUBLIC}/*/metadata/*"]),
        ("HasCachesForgetWhatIsHidden", ["cloudfront:CreateInvalidation"], [DISTRIBUTION]),
        ("ListsInboxes", ["s3:ListBucketVersions"], ["StagingBucket.Arn"]),
        ("ReadsUploads", ["s3:GetObject", "s3:GetObjectVersion"], [f"{STAGING}/inbox/*"]),
        ("ReadsRegisters", ["s3:GetObject"], [f"{STAGING}/repositories/*"]),
        ("ListsFormerRegisters", ["s3:ListBucketVersions"], ["StagingBucket.Arn"]),
        ("ReadsFormerRegisters", ["s3:GetObjectVersion"], [f"{STAGING}/repositories/*"]),
        ("RaisesRegisters", ["s3:PutObject"], [f"{STAGING}/repositories/*"]),
        SEES_MISSING_KEYS,
        SIGNS,
        OPENS,
        READS_SEALED,
        ("WritesItsOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], ["RecoverLog.Arn"]),
    ],
}


@pytest.mark.parametrize("role", PERMISSIONS)
def test_a_role_has_exactly_these_permissions(template: Template, role: str) -> None:
    found = [
        (sid, _as_list(statement["Action"]), [_name(resource) for resource in _as_list(statement["Resource"])])
        for sid, statement in template.statements(role).items()
    ]
    assert found == PERMISSIONS[role]
    assert "ManagedPolicyArns" not in template.properties(role)


@pytest.mark.parametrize("role", PERMISSIONS)
def test_only_lambda_assumes_a_role(template: Template, role: str) -> None:
    (statement,) = template.properties(role)["AssumeRolePolicyDocument"]["Statement"]
    assert statement == {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize("role", ["PublishRole", "RecoverRole"])
def test_inboxes_are_listed_below_inbox_only(template: Template, role: str) -> None:
    statement = template.statements(role)["ListsInboxes"]
    assert statement["Condition"] == {"StringLike": {"s3:prefix": "inbox/*"}}


def test_a_recovery_lists_former_registers_and_knows_the_distribution(template: Template) -> None:
    statement = template.statements("RecoverRole")["ListsFormerRegisters"]
    assert statement["Condition"] == {"StringLike": {"s3:prefix": "repositories/*"}}
    variables = template.properties("RecoverFunction")["Environment"]["Variables"]
    assert variables["TRUSTPRESS_DISTRIBUTION_ID"] == {"Ref": "Distribution"}


def test_publish_is_denied_roots_and_has_them_written(template: Template) -> None:
    effects = {sid: statement["Effect"] for sid, statement in template.statements("PublishRole").items()}
    assert [sid for sid, effect in effects.items() if effect == "Deny"] == ["WritesNoRoots"]
    variables = template.properties("PublishFunction")["Environment"]["Variables"]
    assert variables["TRUSTPRESS_ROOTS_FUNCTION"] == {"Ref": "RootsFunction"}
    assert "Events" not in template.properties("RootsFunction")
    assert template.properties("RootsFunction")["Timeout"] < 35  # which publish waits for an answer


def test_what_the_clock_starts_is_tried_again_by_the_clock_alone(template: Template) -> None:
    for name in ("RefreshFunction", "WatchFunction"):
        assert template.properties(name)["EventInvokeConfig"] == {"MaximumRetryAttempts": 0}


def test_only_metadata_is_listed_in_the_public_bucket(template: Template) -> None:
    statement = template.statements("ExpireRole")["ListsPublishedMetadata"]
    assert statement["Condition"] == {"StringLike": {"s3:prefix": "*/metadata/*"}}


def test_nothing_expires_by_itself(template: Template) -> None:
    assert "Events" not in template.properties("ExpireFunction")


def test_publish_announces_in_its_own_name_only(template: Template) -> None:
    statement = template.statements("PublishRole")["AnnouncesReleasesAndRejections"]
    assert statement["Condition"] == {"StringEquals": {"events:source": SOURCE}}


def test_the_watch_reads_where_clients_read(template: Template) -> None:
    variables = template.properties("WatchFunction")["Environment"]["Variables"]
    assert variables["TRUSTPRESS_EDGE_URL"] == template.body["Outputs"]["Url"]["Value"]
    assert variables["TRUSTPRESS_TOPIC_ARN"] == {"Ref": "AlarmTopicArn"}
    assert "PublicBucket" not in str(template.statements("WatchRole"))


def test_each_function_runs_when_its_parameter_says(template: Template) -> None:
    for name, parameter in (("RefreshFunction", "RefreshSchedule"), ("WatchFunction", "WatchSchedule")):
        assert template.properties(name)["Events"]["Schedule"]["Properties"] == {"Schedule": {"Ref": parameter}}
    assert template.properties("RefreshFunction")["Environment"]["Variables"]["TRUSTPRESS_REFRESH_SCHEDULE"] == {"Ref": "RefreshSchedule"}


@pytest.mark.parametrize(
    ("schedule", "minutes"),
    [("rate(1 minute)", 1), ("rate(30 minutes)", 30), ("rate(1 hour)", 60), ("rate(2 hours)", 120), ("rate(3 hours)", 180)],
)
def test_a_schedule_that_is_allowed_is_one_the_function_can_read(template: Template, schedule: str, minutes: int) -> None:
    assert re.fullmatch(template.body["Parameters"]["RefreshSchedule"]["AllowedPattern"], schedule)
    assert read_period({"TRUSTPRESS_REFRESH_SCHEDULE": schedule}) == timedelta(minutes=minutes)


@pytest.mark.parametrize("schedule", ["rate(4 hours)", "rate(1 day)", "rate(200 minutes)", "cron(0 * * * ? *)", "rate(0 minutes)"])
def test_a_schedule_that_could_let_a_timestamp_expire_is_not_allowed(template: Template, schedule: str) -> None:
    assert not re.fullmatch(template.body["Parameters"]["RefreshSchedule"]["AllowedPattern"], schedule)


def test_where_no_schedule_is_told_it_is_hourly() -> None:
    assert read_period({}) == REFRESH_PERIOD == timedelta(hours=1)


@pytest.mark.parametrize("schedule", ["cron(0 * * * ? *)", "rate(1 day)", "rate(0 hours)", "hourly", "rate(999 hours)"])
def test_a_schedule_that_cannot_be_read_stops_the_function(schedule: str) -> None:
    with pytest.raises(Misconfigured, match="expected rate"):
        read_period({"TRUSTPRESS_REFRESH_SCHEDULE": schedule})


def test_the_queue_feeds_publish_without_waiting_and_takes_back_what_failed(template: Template) -> None:
    source = template.properties("PublishFunction")["Events"]["Upload"]["Properties"]
    assert source == {
        "Queue": {"Fn::GetAtt": ["Uploads", "Arn"]},
        "BatchSize": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 10},
    }


def test_the_functions_are_as_large_as_the_design_says(template: Template) -> None:
    assert template.body["Globals"]["Function"]["MemorySize"] == 1024
    assert template.properties("PublishFunction")["Timeout"] == 120
    assert template.properties("RefreshFunction")["Timeout"] == 900
    assert template.properties("ExpireFunction")["Timeout"] == 900
    assert template.properties("WatchFunction")["Timeout"] == 300
    assert template.properties("RecoverFunction")["Timeout"] == 900


def test_nothing_but_a_person_invokes_recover(template: Template) -> None:
    assert "Events" not in template.properties("RecoverFunction")


def test_refresh_runs_hourly_on_arm_and_derives_keys_unless_told_otherwise(template: Template) -> None:
    defaults = {name: parameter.get("Default") for name, parameter in template.body["Parameters"].items()}
    assert defaults == {
        "DistributionLogBucket": "",
        "OnlineKey": "sealed",
        "SignerUris": "",
        "RefreshSchedule": "rate(1 hour)",
        "WatchSchedule": "rate(15 minutes)",
        "OverlapSeconds": 200,
        "AlarmTopicArn": "",
        "DomainName": "",
        "CertificateArn": "",
        "Architecture": "arm64",
        "Runtime": "python3.13",
    }


def test_the_key_in_kms_is_p256_or_seals_masters_and_outlives_the_stack(template: Template) -> None:
    signing, sealing = template.properties("SigningKey"), template.properties("SealingKey")
    assert (signing["KeySpec"], signing["KeyUsage"]) == ("ECC_NIST_P256", "SIGN_VERIFY")
    assert sealing["EnableKeyRotation"] is True
    for name in ("SigningKey", "SealingKey"):
        whole = template.body["Resources"][name]
        assert (whole["DeletionPolicy"], whole["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_keys_are_derived_or_one_key_stays_in_kms_and_former_ones_are_named(template: Template) -> None:
    variables = template.body["Globals"]["Function"]["Environment"]["Variables"]
    own = variables["TRUSTPRESS_ONLINE_KEY"]["Fn::If"]
    assert own == ["SignsInKms", sub("awskms:${SigningKey.Arn}"), sub("master:${SealingKey.Arn}")]
    assert variables["TRUSTPRESS_FORMER_KEYS"] == {"Fn::Join": [" ", {"Fn::Split": [",", {"Ref": "SignerUris"}]}]}


def test_the_functions_know_their_buckets_by_name_and_owner(template: Template) -> None:
    variables = template.body["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["TRUSTPRESS_STAGING_BUCKET"] == template.properties("StagingBucket")["BucketName"]
    assert variables["TRUSTPRESS_PUBLIC_BUCKET"] == {"Ref": "PublicBucket"}
    assert variables["TRUSTPRESS_BUCKET_OWNER"] == {"Ref": "AWS::AccountId"}


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _name(resource: object) -> object:
    """`Fn::Sub` by its text, `Ref` by its name, `Fn::GetAtt` by its dotted name."""
    assert isinstance(resource, dict)
    if "Ref" in resource:
        return resource["Ref"]
    return resource["Fn::Sub"] if "Fn::Sub" in resource else ".".join(resource["Fn::GetAtt"])
