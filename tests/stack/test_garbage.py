"""Expiring, on the real template: the function marks, S3 forgets, and clients go on.

MiniStack has no lifecycle: what S3 would do is done here, and tests/template pins the rule.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.stack import Stack
from tests.stack.actors import Operator, Repository
from trustpress.expire import TAG

HELLO = {"dir/hello.txt": b"hello"}
SUPERSEDED = ["garbage/api/metadata/1.snapshot.json", "garbage/api/metadata/1.targets.json"]


@pytest.fixture(scope="module")
def outdated(stack: Stack, operator: Operator) -> Repository:
    """Published twice, nine days ago as the expire function takes it."""
    repository = Repository(stack, "garbage/api")
    with operator.events_lost():  # each would be a look, and looks that race leave snapshots that nothing names
        repository.upload_first(HELLO)
    assert operator.run_publish(repository.name)
    repository.developer.next_version()
    repository.publish(repository.developer.signed())
    operator.let_time_pass("ExpireFunction", timedelta(days=9))
    return repository


def tags(operator: Operator, key: str) -> dict[str, str]:
    found = operator.s3.get_object_tagging(Bucket=operator.stack.deployment.public_bucket, Key=key)["TagSet"]
    return {tag["Key"]: tag["Value"] for tag in found}


def test_a_dry_run_lists_what_was_superseded_and_marks_nothing(operator: Operator, outdated: Repository) -> None:
    answer = operator.run_expire(outdated.name)
    assert [found["key"] for found in answer["objects"]] == SUPERSEDED
    assert (answer["repository"], answer["dry_run"], answer["count"]) == ("garbage/api", True, 2)
    assert answer["bytes"] == sum(found["length"] for found in answer["objects"])
    assert [tags(operator, key) for key in SUPERSEDED] == [{}, {}]


def test_clients_go_on_when_s3_has_forgotten_what_was_marked(
    stack: Stack, operator: Operator, outdated: Repository, tmp_path: Path
) -> None:
    warm = outdated.reader(tmp_path / "warm", stack.edge.url)
    before = warm.refresh()
    assert operator.run_expire(outdated.name, dry_run=False)["count"] == 2
    assert [tags(operator, key) for key in SUPERSEDED] == [dict([TAG])] * 2
    for key in SUPERSEDED:
        operator.forget_public(key)
    assert warm.refresh() == before
    cold = outdated.reader(tmp_path / "cold", stack.edge.url)
    assert cold.refresh() == before
    assert cold.download("dir/hello.txt") == b"hello"
    assert operator.run_expire(outdated.name)["objects"] == []
    outdated.developer.next_version()
    outdated.publish(outdated.developer.signed())


def test_a_name_that_is_no_repository_is_told(operator: Operator) -> None:
    assert operator.run_expire("garbage/nowhere")["error"]["code"] == "E_MISSING"
    assert operator.run_expire("Garbage")["error"]["code"] == "E_KEY"


def may_mark(operator: Operator, role: str, filename: str) -> bool:
    """Whether a function's role may, asked with its own credentials."""
    bucket, key = operator.stack.deployment.public_bucket, f"garbage/api/metadata/{filename}"
    version = operator.s3.head_object(Bucket=bucket, Key=key)["VersionId"]
    with operator.in_the_role(role) as s3:
        try:
            s3.put_object_tagging(Bucket=bucket, Key=key, VersionId=version, Tagging={"TagSet": [{"Key": "trustpress", "Value": "tried"}]})
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDenied":
                return False
            raise
    return True


def test_nobody_else_marks_and_nobody_marks_roots_or_timestamps(operator: Operator, outdated: Repository) -> None:
    assert may_mark(operator, "ExpireRole", "2.targets.json")
    assert not may_mark(operator, "ExpireRole", "1.root.json")
    assert not may_mark(operator, "ExpireRole", "timestamp.json")
    assert not may_mark(operator, "PublishRole", "2.targets.json")
    assert not may_mark(operator, "RefreshRole", "2.targets.json")
