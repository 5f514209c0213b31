"""30 % of 503s from S3 and 50 % throttles from KMS."""

import base64
import itertools
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSResponse
from rich.progress import Progress

from tests.proofs.kills import throttling
from tests.proofs.kills.throttling import SLOW_DOWN, THROTTLED, answer, as_functions
from trustpress.adapters.settings import Settings
from trustpress.deployment import Deployment

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
SIGNED = b'{"KeyId": "key", "Signature": "%b"}' % base64.b64encode(b"signature")
MISSING = b"<Error><Code>NoSuchKey</Code></Error>"


def test_publishes_get_through_a_storm() -> None:
    figures = throttling.run(30, seed=1, progress=Progress(disable=True))
    assert figures.within_three == 1
    assert figures.cut_off == 0


def test_a_container_that_has_retried_for_long_retries_still() -> None:
    """Of the attempts at each request all but the last are refused, which would soon use up a quota of retries."""
    with as_functions(ENVIRONMENT, lambda _: None, seed=1):
        deployment = Deployment(Settings("staging", "public", "000000000000", "master:key"))
        s3: Any = deployment.public._client.meta.events
        kms: Any = deployment._kms.meta.events
        s3.register("before-send.s3", refused(5, (503, SLOW_DOWN), (404, MISSING)))
        kms.register("before-send.kms", refused(6, (400, THROTTLED), (200, SIGNED)))
        for _ in range(100):
            assert deployment.public.get("key", 10) is None
            assert deployment._kms.sign(KeyId="key", Message=b"", SigningAlgorithm="ECDSA_SHA_256")["Signature"] == b"signature"


def refused(times: int, refusal: tuple[int, bytes], reply: tuple[int, bytes]) -> Callable[..., AWSResponse]:
    """So many refusals, then a reply, over and over."""
    answers = itertools.cycle([refusal] * times + [reply])
    return lambda request, **_: answer(request.url, *next(answers))
