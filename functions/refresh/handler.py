"""The schedule in, fresh timestamps out; then inboxes are swept."""

import functools
import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics

from trustpress.adapters.clock import LambdaClock
from trustpress.adapters.settings import open_queue, read_period, read_settings
from trustpress.adapters.sqs import UploadsQueue
from trustpress.deployment import Deployment
from trustpress.errors import NeedsAPerson
from trustpress.publish.refresher import Refresher

logger = Logger()
metrics = Metrics()


@functools.cache
def refresher() -> Refresher:
    settings = read_settings(os.environ)
    deployment = Deployment(settings)
    if deployment.masters:
        deployment.masters.make_first()
    return Refresher(
        deployment.staging, deployment.public, deployment.online_keys, period=read_period(os.environ), overlap=settings.overlap
    )


@functools.cache
def queue() -> UploadsQueue:
    return open_queue(os.environ)


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """One broken repository keeps nobody else from being refreshed. What another run may mend fails this one at the end."""
    clock = LambdaClock(context)
    refreshed, failures = refresher().refresh_all(clock)
    leftovers = list(refresher().leftovers())
    for name in leftovers:
        queue().send(name)
    for name, error in failures.items():
        logger.error("refresh failed", repository=name, code=error.code, error=str(error), hint=error.hint)
    may_pass = [error for error in failures.values() if not isinstance(error, NeedsAPerson)]
    metrics.add_metric("Refreshed", "Count", refreshed)
    metrics.add_metric("RefreshFailed", "Count", len(failures))
    metrics.add_metric("NeedsAPerson", "Count", len(failures) - len(may_pass))
    if may_pass:
        raise may_pass[0]
    return {"refreshed": refreshed, "swept": len(leftovers)}
