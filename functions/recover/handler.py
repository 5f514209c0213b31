"""An administrator's word in, a recovered repository out. Nothing but a person invokes this function."""

import functools
import os
from typing import Any

from aws_lambda_powertools import Logger

from trustpress.adapters.clock import LambdaClock
from trustpress.adapters.settings import open_invalidator, read_settings
from trustpress.core.layout import check_repository
from trustpress.deployment import Deployment
from trustpress.errors import TrustpressError
from trustpress.recover.recovery import Recovery

logger = Logger()


@functools.cache
def recovery() -> Recovery:
    settings = read_settings(os.environ)
    deployment = Deployment(settings)
    invalidator = open_invalidator(os.environ)
    return Recovery(deployment.staging, deployment.public, deployment.online_keys, invalidator, overlap=settings.overlap)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What a person can mend is an answer too: nothing is retried by itself."""
    try:
        name = check_repository(str(event.get("repository", "")))
        recovered = recovery().recover(name, LambdaClock(context), event.get("first_root"))
    except TrustpressError as error:
        logger.exception("not recovered", code=error.code, hint=error.hint)
        return {"error": {"code": error.code, "message": str(error), "hint": error.hint}}
    answer = recovered.as_json()
    logger.info("recovered", recovered=answer)
    return answer
