"""Invalidations, and what their refusals mean."""

from collections.abc import Iterator

import boto3
import pytest
from botocore.stub import ANY, Stubber

from trustpress.adapters.cloudfront import CloudFrontInvalidator, distribution_in
from trustpress.errors import Misconfigured, Unavailable


@pytest.fixture
def distribution() -> Iterator[Stubber]:
    client = boto3.client("cloudfront", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("prefix", "paths"),
    [
        ("acme/api/metadata/", ["/acme/api/metadata/*"]),
        ("acme/a:b/metadata/", ["/acme/a%3Ab/metadata/*", "/acme/a:b/metadata/*"]),
    ],
)
def test_every_path_that_serves_it_is_forgotten(distribution: Stubber, prefix: str, paths: list[str]) -> None:
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": ANY}
    distribution.add_response("create_invalidation", {}, {"DistributionId": "E1", "InvalidationBatch": batch})
    CloudFrontInvalidator(distribution.client, "E1").invalidate(prefix)


def test_a_distribution_that_refuses_is_an_error(distribution: Stubber) -> None:
    distribution.add_client_error("create_invalidation", "TooManyInvalidationsInProgress", http_status_code=400)
    with pytest.raises(Unavailable, match="TooManyInvalidationsInProgress"):
        CloudFrontInvalidator(distribution.client, "E1").invalidate("acme/api/metadata/")


def test_a_distribution_has_to_be_named() -> None:
    assert distribution_in({"TRUSTPRESS_DISTRIBUTION_ID": " E1 "}) == "E1"
    with pytest.raises(Misconfigured, match="TRUSTPRESS_DISTRIBUTION_ID not set"):
        distribution_in({})
