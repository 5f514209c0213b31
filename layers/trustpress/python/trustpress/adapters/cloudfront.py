"""What the distribution is told to forget."""

import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from trustpress.adapters.aws import calling
from trustpress.errors import Misconfigured

DISTRIBUTION = "TRUSTPRESS_DISTRIBUTION_ID"


def distribution_in(environment: Mapping[str, str]) -> str:
    """Raises Misconfigured."""
    found = environment.get(DISTRIBUTION, "").strip()
    if not found:
        raise Misconfigured(f"{DISTRIBUTION} not set")
    return found


class CloudFrontInvalidator:
    """One distribution. A wildcard stands for every spelling of what follows the prefix, the prefix for its own two."""

    def __init__(self, client: Any, distribution: str) -> None:
        self._client, self._distribution = client, distribution

    def invalidate(self, prefix: str) -> None:
        # A cache takes a path as it was asked for, and S3 as it is decoded: of the characters in a key, `:` is what clients may quote.
        paths = sorted({f"/{prefix}*", f"/{quote(prefix)}*"})
        with calling("cloudfront"):
            self._client.create_invalidation(
                DistributionId=self._distribution,
                InvalidationBatch={"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": str(uuid.uuid4())},
            )
