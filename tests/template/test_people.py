"""Whom the template's managed policies let into the staging bucket, and how far: one repository, named by a tag."""

from typing import Any

from tests.template.facts import Template, sub

STAGING, TAG = "${StagingBucket.Arn}", "${!aws:PrincipalTag/trustpress-repository}"
TAG_IN_CONDITIONS = "${aws:PrincipalTag/trustpress-repository}"  # conditions are not substituted by CloudFormation
SHARES = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]

UPLOADS_AND_READS = {
    "UploadsIntoItsOwnInbox": (
        "Allow",
        "s3:PutObject",
        [sub(f"{STAGING}/inbox/{TAG}/metadata/*"), sub(f"{STAGING}/inbox/{TAG}/targets/*")],
    ),
    "ReadsItsOwnReceipts": ("Allow", "s3:GetObject", sub(f"{STAGING}/receipts/{TAG}/{'?' * 64}.json")),
}
BUILD_SYSTEM = {
    **UPLOADS_AND_READS,
    "BringsNoRoot": (
        "Deny",
        "s3:PutObject",
        [sub(f"{STAGING}/inbox/*/metadata/root.json"), sub(f"{STAGING}/inbox/*/metadata/*.root.json")],
    ),
}
PERSON = {
    **UPLOADS_AND_READS,
    "ReadsItsOwnUploads": ("Allow", "s3:GetObject", sub(f"{STAGING}/inbox/{TAG}/metadata/*")),
    "SharesItsOwnPendingChanges": ("Allow", SHARES, sub(f"{STAGING}/pending/{TAG}/*.json")),
    "StaysOutOfNestedRepositories": ("Deny", SHARES, sub(f"{STAGING}/pending/{TAG}/*/*")),
    "ListsItsOwnInbox": ("Allow", "s3:ListBucket", {"Fn::GetAtt": ["StagingBucket", "Arn"]}),
    "ListsItsOwnReceiptsAndPendingChanges": ("Allow", "s3:ListBucket", {"Fn::GetAtt": ["StagingBucket", "Arn"]}),
}


def permissions(template: Template, policy: str) -> dict[str, Any]:
    return {sid: (found["Effect"], found["Action"], found["Resource"]) for sid, found in template.statements(policy).items()}


def conditions(template: Template, policy: str) -> dict[str, Any]:
    return {sid: found["Condition"] for sid, found in template.statements(policy).items() if "Condition" in found}


def test_a_build_system_reaches_one_repository_and_brings_no_root(template: Template) -> None:
    assert permissions(template, "BuildSystemPolicy") == BUILD_SYSTEM
    assert conditions(template, "BuildSystemPolicy") == {}


def test_a_person_shares_changes_of_one_repository_too(template: Template) -> None:
    assert permissions(template, "DeveloperPolicy") == PERSON


def test_a_person_lists_what_belongs_to_no_nested_repository(template: Template) -> None:
    """`metadata` and `targets` end a repository's name; elsewhere the listing has to stop at the next slash."""
    assert conditions(template, "DeveloperPolicy") == {
        "ListsItsOwnInbox": {
            "StringLike": {"s3:prefix": [f"inbox/{TAG_IN_CONDITIONS}/metadata/*", f"inbox/{TAG_IN_CONDITIONS}/targets/*"]}
        },
        "ListsItsOwnReceiptsAndPendingChanges": {
            "StringEquals": {"s3:prefix": [f"receipts/{TAG_IN_CONDITIONS}/", f"pending/{TAG_IN_CONDITIONS}/"], "s3:delimiter": "/"}
        },
    }


def test_an_administrator_invokes_and_redrives_and_touches_no_bucket(template: Template) -> None:
    functions = [{"Fn::GetAtt": [name, "Arn"]} for name in ("ExpireFunction", "RecoverFunction", "MastersFunction")]
    assert permissions(template, "AdministratorPolicy") == {
        "FindsFunctionsAndQueuesOfThisStack": ("Allow", "cloudformation:DescribeStackResource", {"Ref": "AWS::StackId"}),
        "InvokesWhatNothingElseInvokes": ("Allow", "lambda:InvokeFunction", functions),
        "TakesDeadLettersOffTheirQueue": (
            "Allow",
            ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"],
            {"Fn::GetAtt": ["DeadLetters", "Arn"]},
        ),
        "SendsThemToTheQueueAgain": ("Allow", "sqs:SendMessage", {"Fn::GetAtt": ["Uploads", "Arn"]}),
    }
    assert conditions(template, "AdministratorPolicy") == {}


def test_the_policies_are_shown_to_be_attached(template: Template) -> None:
    outputs = {name: output["Value"] for name, output in template.body["Outputs"].items() if name.endswith("PolicyArn")}
    assert outputs == {f"{name}Arn": {"Ref": name} for name in ("BuildSystemPolicy", "DeveloperPolicy", "AdministratorPolicy")}
