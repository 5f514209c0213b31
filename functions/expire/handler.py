"""One repository's name in, what no client asks for any more out: listed, or listed and marked for S3 to forget."""

import functools
import os
from typing import Any

from aws_lambda_powertools import Logger

from trustpress.adapters.clock import LambdaClock
from trustpress.adapters.settings import read_settings
from trustpress.core.layout import check_repository
from trustpress.deployment import Deployment
from trustpress.errors import BadKey, BrokenRepository, NeverPublished
from trustpress.expire import MAX_AT_ONCE, Garbage

logger = Logger()


@functools.cache
def garbage() -> Garbage:
    deployment = Deployment(read_settings(os.environ))
    return Garbage(deployment.staging, deployment.public)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Nothing is marked unless `dry_run` is false. `count` is of all that was found; `objects` are those of this run."""
    dry_run = event.get("dry_run") is not False
    try:
        repository = check_repository(str(event.get("repository", "")))
        found = garbage().find(repository, LambdaClock(context).now())
        chosen = found[:MAX_AT_ONCE]
        garbage().expire([] if dry_run else chosen)
    except (BadKey, NeverPublished, BrokenRepository) as error:
        logger.warning("refused", repository=event.get("repository"), code=error.code, error=str(error))
        return {"error": {"code": error.code, "message": str(error), "hint": error.hint}}
    objects = [{"key": it.version.key, "length": it.version.length, "reason": it.reason} for it in chosen]
    total = sum(it.version.length for it in chosen)
    logger.info("garbage", repository=repository, dry_run=dry_run, count=len(found), marked=0 if dry_run else len(chosen))
    return {"repository": repository, "dry_run": dry_run, "objects": objects, "bytes": total, "count": len(found)}
