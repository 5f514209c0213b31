"""Queue messages about inboxes in, published repositories out."""

import functools
import json
import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from trustpress.adapters.events import repositories_in
from trustpress.adapters.settings import Deployment, LambdaClock, read_settings
from trustpress.errors import BadKey, TrustpressError
from trustpress.publisher import Publisher

logger = Logger()
metrics = Metrics()


@functools.cache
def publisher() -> Publisher:
    settings = read_settings(os.environ)
    deployment = Deployment(settings)
    return Publisher(deployment.staging, deployment.public, deployment.signers, overlap=settings.overlap)


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> Any:
    clock = LambdaClock(context)

    # Once a batch: every message in it was sent before this look at the inbox.
    @functools.cache
    def drain(repository: str) -> None:
        outcome = publisher().drain(repository, clock)
        metrics.add_metric("CommitAttempts", "Count", outcome.attempts)
        for receipt in outcome.receipts:
            metrics.add_metric(receipt.status.capitalize(), "Count", 1)
            logger.info("receipt", receipt=json.loads(receipt.encode()))

    def handle(record: dict[str, Any]) -> None:
        try:
            for repository in repositories_in(record["body"]):
                drain(repository)
        except TrustpressError as error:
            is_hopeless = isinstance(error, BadKey)  # a key that is no inbox key will not become one
            metrics.add_metric("UnusableKey" if is_hopeless else "NotDrained", "Count", 1)
            logger.exception("not drained", message_id=record["messageId"], code=error.code, hint=error.hint)
            if not is_hopeless:
                raise

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=handle, processor=processor, context=context)
