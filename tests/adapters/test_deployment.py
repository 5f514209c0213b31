"""What stands behind a deployment's settings."""

import pytest

from trustpress.adapters.s3 import S3Store
from trustpress.adapters.settings import Settings, open_queue
from trustpress.adapters.sqs import UploadsQueue
from trustpress.deployment import Deployment


@pytest.fixture
def in_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.mark.usefixtures("in_a_region")
def test_the_buckets_and_the_queue_are_those_of_the_settings() -> None:
    deployment = Deployment(Settings("the-staging", "the-public", "123456789012", "master:key"))
    for store, bucket in ((deployment.staging, "the-staging"), (deployment.public, "the-public")):
        assert isinstance(store, S3Store)
        assert store.bucket == bucket
    assert isinstance(open_queue({"TRUSTPRESS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/uploads"}), UploadsQueue)


@pytest.mark.usefixtures("in_a_region")
def test_one_key_in_kms_has_no_master() -> None:
    assert Deployment(Settings("the-staging", "the-public", "123456789012", "awskms:key")).masters is None
    assert Deployment(Settings("the-staging", "the-public", "123456789012", "master:key")).masters is not None
