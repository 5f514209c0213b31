"""A thief in the place of a function, who has the edge keep for a year what nobody can read."""

from collections.abc import Iterable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.stack import Stack
from tests.proofs.drills.backstage import Backstage
from tests.proofs.drills.edge import RememberingEdge
from tests.stack.actors import Operator

JUNK = b"<html>no metadata</html>"
A_YEAR = "public, max-age=31536000, immutable"
SNAPSHOTS = 20


class Vandal:
    """`operator` lets him into a role for as long as the break-in takes; what its policy denies is denied to him."""

    def __init__(self, stack: Stack, operator: Operator, repository: str) -> None:
        self._operator, self._deployment, self._repository = operator, stack.deployment, repository

    def break_into_publish(self, backstage: Backstage) -> None:
        """Leave junk wherever the function may write: over the timestamp, over the register, and where the next versions will be."""
        meta = backstage.newest(self._repository, "snapshot")["signed"]
        targets = meta["meta"]["targets.json"]["version"]
        snapshots = range(meta["version"] + 1, meta["version"] + 1 + SNAPSHOTS)
        with self._operator.in_the_role("PublishRole") as s3:
            self._put(s3, f"{targets + 1}.targets.json", *(f"{number}.snapshot.json" for number in snapshots), "timestamp.json")
            register = f"repositories/{self._repository.replace('/', '%2F')}.json"
            s3.put_object(Bucket=self._deployment.staging_bucket, Key=register, Body=JUNK)
            with pytest.raises(ClientError, match="AccessDenied"):
                self._put(s3, "2.root.json")

    def break_into_roots(self) -> None:
        """What publish may not: junk in the place of the next root."""
        with self._operator.in_the_role("RootsRole") as s3:
            self._put(s3, "2.root.json")

    def _put(self, s3: Any, *filenames: str) -> None:
        for filename in filenames:
            key = f"{self._repository}/metadata/{filename}"
            s3.put_object(Bucket=self._deployment.public_bucket, Key=key, Body=JUNK, CacheControl=A_YEAR)


def carry_out_invalidations(stack: Stack, edges: Iterable[RememberingEdge]) -> list[str]:
    """Do at each edge location what CloudFront was told to; the paths that were named."""
    cloudfront, distribution = stack.cloud.client("cloudfront"), stack.deployment.outputs["DistributionId"]
    asked = cloudfront.list_invalidations(DistributionId=distribution)["InvalidationList"].get("Items", [])
    found = [cloudfront.get_invalidation(DistributionId=distribution, Id=one["Id"])["Invalidation"] for one in asked]
    paths = [path for invalidation in found for path in invalidation["InvalidationBatch"]["Paths"]["Items"]]
    for edge in edges:
        edge.forget(paths)
    return paths
