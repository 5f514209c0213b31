"""What is said of AWS's failures at a developer's desk: in which error, in which words, with which hint."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

from trustpress.adapters.aws import AwsError
from trustpress.errors import TrustpressError
from trustpress_uploader.admin.stack import Deployment
from trustpress_uploader.aws import briefly, translated
from trustpress_uploader.errors import AdministrationRefused, RemoteKeyFailed, StorageRefused, Unreachable
from trustpress_uploader.staging.bucket import Bucket

HINTS = {"AccessDenied": "Ask for access.", "ProfileNotFound": "Never shown: no service said this."}
SIGN_IN = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`."
CONFIGURE = "Check the AWS configuration of this machine."
PARTIAL = PartialCredentialsError(provider="env", cred_var="secret")


def answered(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "because"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Sign")


def told(error: AwsError) -> TrustpressError:
    with (
        pytest.raises(TrustpressError) as failure,
        translated("s3://b", StorageRefused, HINTS, "Look again.", busy={"Throttling"}, tell=briefly),
    ):
        raise error
    assert failure.value.__cause__ is error
    return failure.value


@pytest.mark.parametrize(
    ("error", "reason", "hint"),
    [
        (answered("AccessDenied", 403), "AccessDenied: because", "Ask for access."),
        (answered("Teapot", 418), "Teapot: because", "Look again."),
        (NoCredentialsError(), f"no AWS credentials: {NoCredentialsError()}", SIGN_IN),
        (PARTIAL, f"no AWS credentials: {PARTIAL}", SIGN_IN),
        (NoRegionError(), str(NoRegionError()), CONFIGURE),
        (ProfileNotFound(profile="nobody"), "The config profile (nobody) could not be found", CONFIGURE),
    ],
    ids=repr,
)
def test_a_refusal_says_where_why_and_what_to_do(error: AwsError, reason: str, hint: str) -> None:
    refusal = told(error)
    assert isinstance(refusal, StorageRefused)
    assert (str(refusal), refusal.hint) == (f"s3://b: {reason}", hint)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (answered("AccessDenied", 500), "AccessDenied: because"),
        (answered("Throttling", 400), "Throttling: because"),
        (EndpointConnectionError(endpoint_url="https://s3"), 'Could not connect to the endpoint URL: "https://s3"'),
    ],
    ids=repr,
)
def test_what_may_work_the_next_time_is_unreachable(error: AwsError, reason: str) -> None:
    failure = told(error)
    assert isinstance(failure, Unreachable)
    assert str(failure) == f"s3://b: {reason}"


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_that_is_no_url_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "here")
    with pytest.raises(StorageRefused, match=f"{variable}: expected a URL, found here"):
        Bucket("b", None)
    with pytest.raises(AdministrationRefused, match=variable):
        Deployment("press").queue("Uploads")


def test_botocores_own_words_name_the_operation() -> None:
    error = answered("Throttling", 400)
    with pytest.raises(RemoteKeyFailed) as failure, translated("awskms:k", RemoteKeyFailed, {}, "Look again."):
        raise error
    assert str(failure.value) == f"awskms:k: {error}" == "awskms:k: An error occurred (Throttling) when calling the Sign operation: because"


def test_a_stack_without_a_region_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(AdministrationRefused) as failure:
        Deployment("trustpress").queue("Uploads")
    assert (str(failure.value), failure.value.hint) == ("stack trustpress: You must specify a region.", CONFIGURE)
