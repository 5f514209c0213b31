"""The environment, read once, and the clients of AWS that it asks for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
from botocore.config import Config

from trustpress.adapters.cloudfront import CloudFrontInvalidator, distribution_in
from trustpress.adapters.https import HttpsEdge, url_in
from trustpress.adapters.lambdas import RootsFunction, roots_function_in
from trustpress.adapters.sns import SnsNotifier, topic_in
from trustpress.adapters.sqs import UploadsQueue
from trustpress.core.overlap import OVERLAP
from trustpress.core.release import REFRESH_PERIOD
from trustpress.errors import Misconfigured

_NAMES = ("TRUSTPRESS_STAGING_BUCKET", "TRUSTPRESS_PUBLIC_BUCKET", "TRUSTPRESS_BUCKET_OWNER", "TRUSTPRESS_ONLINE_KEY")
_FORMER = "TRUSTPRESS_FORMER_KEYS"
_OVERLAP = "TRUSTPRESS_OVERLAP_SECONDS"
_MIN_OVERLAP_SECONDS, _MAX_OVERLAP_SECONDS = 5, 86_400
_SCHEDULE = "TRUSTPRESS_REFRESH_SCHEDULE"
_QUEUE = "TRUSTPRESS_QUEUE_URL"

# How often one request is sent at most. A publish makes some twenty of S3 and two of KMS, and all of them have to get through:
# with 30 % of one kind and half of the other refused, these leave 4 % of publishes to the queue's next try.
_ATTEMPTS = {"s3": 6, "kms": 7, "sqs": 6, "events": 6, "sns": 6, "cloudfront": 6, "lambda": 3}

# A function that starts anew takes seconds before it answers.
_READ_TIMEOUT = {"lambda": 35}


@dataclass(frozen=True, slots=True)
class Settings:
    """`online_key` is `awskms:KEY`, or `master:KEY` for keys derived from secrets that this KMS key seals. `former_keys` are URIs
    of signers that repositories shared once.
    """

    staging_bucket: str
    public_bucket: str
    bucket_owner: str
    online_key: str
    former_keys: tuple[str, ...] = ()
    overlap: timedelta = OVERLAP


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raises Misconfigured naming everything that is missing, or what cannot be."""
    missing = [name for name in _NAMES if not environment.get(name, "").strip()]
    if missing:
        raise Misconfigured(f"{', '.join(missing)} not set")
    staging, public, owner, key = (environment[name] for name in _NAMES)
    former = tuple(environment.get(_FORMER, "").split())
    return Settings(staging, public, owner, key.strip(), former, _read_overlap(environment.get(_OVERLAP, "").strip()))


def _read_overlap(text: str) -> timedelta:
    if not text:
        return OVERLAP
    seconds = int(text) if re.fullmatch(r"[0-9]{1,5}", text) else 0
    if not _MIN_OVERLAP_SECONDS <= seconds <= _MAX_OVERLAP_SECONDS:
        raise Misconfigured(
            f"{_OVERLAP}: expected a whole number from {_MIN_OVERLAP_SECONDS} to {_MAX_OVERLAP_SECONDS}, found {text[:20]!r}"
        )
    return timedelta(seconds=seconds)


def read_period(environment: Mapping[str, str]) -> timedelta:
    """How often the refresh function runs, from its schedule. Raises Misconfigured."""
    text = environment.get(_SCHEDULE, "").strip()
    match = re.fullmatch(r"rate\(([1-9][0-9]?) (minute|hour)s?\)", text)
    if text and match is None:
        raise Misconfigured(f"{_SCHEDULE}: expected rate(N minutes) or rate(N hours), found {text[:40]!r}")
    return timedelta(**{f"{match[2]}s": int(match[1])}) if match else REFRESH_PERIOD


def open_client(service: Any) -> Any:
    # Not "standard": its retries draw on a quota that a container keeps for its life and that answers like 404 never refill, so
    # that a warm container in a storm soon retries nothing at all. "legacy" waits with the same jitter and has no quota.
    retries: Any = {"mode": "legacy", "total_max_attempts": _ATTEMPTS[service]}
    return boto3.client(service, config=Config(retries=retries, connect_timeout=2, read_timeout=_READ_TIMEOUT.get(service, 5)))


def open_edge(environment: Mapping[str, str]) -> HttpsEdge:
    """Raises Misconfigured."""
    return HttpsEdge(url_in(environment))


def open_invalidator(environment: Mapping[str, str]) -> CloudFrontInvalidator:
    """Raises Misconfigured."""
    distribution = distribution_in(environment)
    return CloudFrontInvalidator(open_client("cloudfront"), distribution)


def open_roots_function(environment: Mapping[str, str]) -> RootsFunction:
    """Raises Misconfigured."""
    name = roots_function_in(environment)
    return RootsFunction(open_client("lambda"), name)


def open_notifier(environment: Mapping[str, str]) -> SnsNotifier | None:
    """None where the deployment has no topic."""
    topic = topic_in(environment)
    return SnsNotifier(open_client("sns"), topic) if topic else None


def open_queue(environment: Mapping[str, str]) -> UploadsQueue:
    """Raises Misconfigured."""
    url = environment.get(_QUEUE, "").strip()
    if not url:
        raise Misconfigured(f"{_QUEUE} not set")
    return UploadsQueue(open_client("sqs"), url)
