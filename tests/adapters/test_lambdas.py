"""What another function answers, and what its failures mean."""

import io
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from tests.fakes import START
from trustpress.adapters.lambdas import RootsFunction, roots_function_in
from trustpress.errors import Conflict, Misconfigured, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

KEY = "inbox/acme/api/metadata/root.json"
ASKED = {
    "FunctionName": "roots",
    "Payload": json.dumps({"repository": "acme/api", "key": KEY, "version_id": "v1"}).encode(),
}


@pytest.fixture
def function() -> Iterator[Stubber]:
    client = boto3.client("lambda", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def ask(function: Stubber, answer: object, **more: str) -> bool:
    body = json.dumps(answer).encode()
    response: dict[str, Any] = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(body), len(body)), **more}
    function.add_response("invoke", response, ASKED)
    return RootsFunction(cast("LambdaClient", function.client), "roots").write("acme/api", KEY, "v1", START)


@pytest.mark.parametrize("is_written", [True, False])
def test_it_says_whether_the_root_is_there(function: Stubber, is_written: bool) -> None:
    assert ask(function, {"is_written": is_written}) is is_written


def test_an_upload_that_is_gone_is_a_conflict(function: Stubber) -> None:
    with pytest.raises(Conflict):
        ask(function, {"is_gone": True})


def test_what_is_no_root_needs_a_person(function: Stubber) -> None:
    with pytest.raises(Misconfigured, match="no root to be published"):
        ask(function, {"refused": "no root to be published"})


def test_a_function_that_failed_may_succeed_later(function: Stubber) -> None:
    with pytest.raises(Unavailable, match="roots failed"):
        ask(function, {"errorMessage": "Task timed out"}, FunctionError="Unhandled")


def test_a_refusal_may_pass_too(function: Stubber) -> None:
    function.add_client_error("invoke", "TooManyRequestsException", http_status_code=429)
    with pytest.raises(Unavailable, match="TooManyRequests"):
        RootsFunction(cast("LambdaClient", function.client), "roots").write("acme/api", KEY, "v1", START)


def test_the_function_has_to_be_named() -> None:
    assert roots_function_in({"TRUSTPRESS_ROOTS_FUNCTION": " roots "}) == "roots"
    with pytest.raises(Misconfigured, match="TRUSTPRESS_ROOTS_FUNCTION not set"):
        roots_function_in({})
