"""What botocore's exceptions mean: whether a call took effect, and what the service calls its failure."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ReadTimeoutError,
)

from trustpress.adapters.aws import AwsError, calling, code_of, may_have_happened
from trustpress.errors import Unavailable


def answered(status: int, code: str = "Refused") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")


NOBODY_KNOWS: list[AwsError] = [
    answered(500),
    answered(503),
    ClientError({}, "PutObject"),
    ReadTimeoutError(endpoint_url="https://s3"),
    HTTPClientError(error="torn"),
    EndpointConnectionError(endpoint_url="https://s3"),
    ConnectTimeoutError(endpoint_url="https://s3"),
]
WITHOUT_EFFECT: list[AwsError] = [
    answered(400),
    answered(412),
    answered(499),
    NoCredentialsError(),
    NoRegionError(),
    ParamValidationError(report="no"),
]


@pytest.mark.parametrize("error", NOBODY_KNOWS, ids=repr)
def test_a_call_that_failed_on_the_server_or_was_not_answered_may_have_happened(error: AwsError) -> None:
    assert may_have_happened(error)


@pytest.mark.parametrize("error", WITHOUT_EFFECT, ids=repr)
def test_a_call_that_was_refused_or_never_sent_did_not_happen(error: AwsError) -> None:
    assert not may_have_happened(error)


def test_only_a_service_gives_a_code() -> None:
    """CloudFormation has a ValidationError, and so has botocore: they are not the same."""
    assert code_of(answered(400, "ValidationError")) == "ValidationError"
    assert code_of(ParamValidationError(report="no")) == code_of(ClientError({}, "PutObject")) == ""


@pytest.mark.parametrize("error", [*NOBODY_KNOWS, *WITHOUT_EFFECT], ids=repr)
def test_a_service_that_fails_is_unavailable_and_says_why(error: AwsError) -> None:
    with pytest.raises(Unavailable) as failure, calling("sqs"):
        raise error
    assert str(failure.value) == f"sqs: {error}"
    assert failure.value.__cause__ is error


def test_faults_of_our_own_are_not_taken_for_aws() -> None:
    with pytest.raises(KeyError), calling("sqs"):
        raise KeyError
