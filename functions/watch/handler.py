"""The schedule in; what clients see through the edge out, as metrics, and notices before offline roles run out."""

import functools
import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import EphemeralMetrics

from trustpress.adapters.clock import LambdaClock
from trustpress.adapters.settings import open_edge, open_notifier, read_settings
from trustpress.deployment import Deployment
from trustpress.errors import NeedsAPerson
from trustpress.watch.sightings import UNITS, overall
from trustpress.watch.watcher import Watcher

logger = Logger()
metrics = Metrics()


@functools.cache
def watcher() -> Watcher:
    return Watcher(Deployment(read_settings(os.environ)).staging, open_edge(os.environ), open_notifier(os.environ))


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    sightings, failures = watcher().watch_all(LambdaClock(context))
    for sighting in sightings:
        of_one = EphemeralMetrics()
        of_one.add_dimension("repository", sighting.repository)
        for name, value in sighting.figures.items():
            of_one.add_metric(name, UNITS[name], value)
        of_one.flush_metrics()
    for name, value in overall(sightings).items():
        metrics.add_metric(name, UNITS[name], value)
    for name, error in (failures | {sighting.repository: sighting.error for sighting in sightings if sighting.error}).items():
        logger.error("watch failed", repository=name, code=error.code, error=str(error), hint=error.hint)
    may_pass = [error for error in failures.values() if not isinstance(error, NeedsAPerson)]
    metrics.add_metric("NeedsAPerson", "Count", len(failures) - len(may_pass))
    if may_pass:
        raise may_pass[0]
    return {"watched": len(sightings)}
