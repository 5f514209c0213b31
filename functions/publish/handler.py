"""Queue messages about inboxes in, published repositories out."""

import functools
import json
import os
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from trustpress.adapters.clock import LambdaClock
from trustpress.adapters.settings import open_queue, open_roots_function, read_settings
from trustpress.adapters.sqs import in_order, requests_in
from trustpress.deployment import Deployment
from trustpress.errors import Invalid, NeedsAPerson, TrustpressError
from trustpress.publish.looks import Looks
from trustpress.publish.publisher import Outcome, Publisher

logger = Logger()
metrics = Metrics()


@functools.cache
def looks() -> Looks:
    settings = read_settings(os.environ)
    deployment = Deployment(settings)
    publisher = Publisher(
        deployment.staging,
        deployment.public,
        deployment.online_keys,
        announcer=deployment.announcer,
        roots=open_roots_function(os.environ),
        overlap=settings.overlap,
    )
    return Looks(publisher.drain, open_queue(os.environ))


def report(outcome: Outcome) -> None:
    metrics.add_metric("CommitAttempts", "Count", outcome.attempts)
    metrics.add_metric("LeftForLater", "Count", int(outcome.has_more))
    for receipt in outcome.receipts:
        metrics.add_metric(receipt.status.capitalize(), "Count", 1)
        logger.info("receipt", receipt=json.loads(receipt.encode()))


def note(metric: str, error: TrustpressError) -> None:
    metrics.add_metric(metric, "Count", 1)
    logger.error("not drained", exc_info=error, code=error.code, hint=error.hint)


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> Any:
    """What no retry helps is counted and done with: for as long as uploads wait in an inbox, the sweep asks for it again."""
    try:
        batch = looks().begin(lambda: LambdaClock(context), report)
    except NeedsAPerson as error:
        note("NeedsAPerson", error)
        return {"batchItemFailures": []}

    def handle(record: dict[str, Any]) -> None:
        logger.append_keys(message_id=record["messageId"])
        try:
            batch.attend(requests_in(record))
        except Invalid as error:  # a key that is no inbox key will not become one
            note("UnusableKey", error)
        except NeedsAPerson as error:
            note("NeedsAPerson", error)
        except TrustpressError as error:
            note("NotDrained", error)
            raise

    records = in_order(event["Records"], looks().pace.longest_unseen)
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event={"Records": records}, record_handler=handle, processor=processor, context=context)
