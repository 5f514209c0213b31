"""`trustpress admin` on the real template, with nothing but what its policy for administrators allows."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.ministack import Credentials
from local.stack import Stack
from tests.stack.actors import Operator, Repository, until


class Administrator:
    def __init__(self, stack: Stack, credentials: Credentials) -> None:
        self.stack, self.credentials = stack, credentials

    def run(self, *arguments: str, exit_code: int = 0) -> Any:
        program = str(Path(sys.executable).with_name("trustpress"))
        environment = self.stack.cloud.environment(self.credentials)
        command = [program, "admin", *arguments, "--json"]
        finished = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert finished.returncode == exit_code, finished.stderr + finished.stdout
        return json.loads(finished.stdout)


@pytest.fixture(scope="module")
def administrator(stack: Stack) -> Administrator:
    return Administrator(stack, stack.deployment.administrator())


@pytest.fixture(scope="module")
def given_up(stack: Stack, operator: Operator) -> tuple[Repository, bytes]:
    """A repository whose upload failed five times, and that upload."""
    repository = Repository(stack, "admin/api")
    upload = repository.developer.bundle("root", "targets")
    repository.put_silently(operator, "metadata/first.root.json", upload)
    operator.give_up_on("admin/api")
    return repository, upload


def test_what_was_given_up_is_published_after_a_redrive(
    administrator: Administrator, operator: Operator, given_up: tuple[Repository, bytes]
) -> None:
    waiting = {"messages": 1, "moved": False, "repositories": {"admin/api": 1}}
    assert administrator.run("redrive", "--dry-run") == waiting
    assert administrator.run("redrive", "--dry-run") == waiting
    assert administrator.run("redrive") == {**waiting, "moved": True}
    repository, upload = given_up
    receipt = until(lambda: repository.receipt(upload), "a receipt")
    assert receipt["status"] == "published"
    assert administrator.run("redrive", "--dry-run")["messages"] == 0


def test_what_can_go_is_listed(administrator: Administrator, given_up: tuple[Repository, bytes]) -> None:
    listed = administrator.run("expire", "admin/api", "--dry-run")
    assert (listed["repository"], listed["dry_run"], listed["objects"]) == ("admin/api", True, [])
    assert administrator.run("expire", "admin/nowhere", exit_code=1)["error"]["code"] == "E_MISSING"


def test_a_stack_that_is_not_there_is_told(administrator: Administrator) -> None:
    error = administrator.run("redrive", "--stack", "nowhere", exit_code=1)["error"]
    assert error["code"] == "E_DEPLOYMENT"
    assert "nowhere" in error["message"]
    assert "--stack" in error["hint"]


@pytest.mark.parametrize("command", [("expire", "admin/api"), ("redrive",)])
def test_a_build_system_is_no_administrator(stack: Stack, command: tuple[str, ...]) -> None:
    error = Administrator(stack, stack.deployment.developer("admin/api")).run(*command, exit_code=1)["error"]
    assert error["code"] == "E_DEPLOYMENT"
    assert "AdministratorPolicyArn" in error["hint"]


def test_an_administrator_has_no_business_elsewhere(stack: Stack, administrator: Administrator) -> None:
    def client(service: str) -> Any:
        return stack.cloud.client(service, administrator.credentials)

    publish = stack.cloud.client("cloudformation").describe_stack_resource(StackName="trustpress", LogicalResourceId="PublishFunction")
    name = publish["StackResourceDetail"]["PhysicalResourceId"]
    with pytest.raises(ClientError, match="AccessDenied"):
        client("lambda").invoke(FunctionName=name, Payload=b"{}")
    for bucket in (stack.deployment.staging_bucket, stack.deployment.public_bucket):
        with pytest.raises(ClientError, match="AccessDenied"):
            client("s3").list_objects_v2(Bucket=bucket)
