"""The place of an upload in, its root verified and written. Publish alone asks, and may not write roots."""

import functools
import os
from dataclasses import replace
from typing import Any

from aws_lambda_powertools import Logger

from trustpress.adapters.clock import LambdaClock
from trustpress.adapters.settings import read_settings
from trustpress.core.layout import check_repository
from trustpress.deployment import Deployment
from trustpress.errors import Conflict, NeedsAPerson
from trustpress.publish.roots import Roots

logger = Logger()


@functools.cache
def roots() -> Roots:
    # No new root may list a former online key: of those nothing has to be known here.
    settings = replace(read_settings(os.environ), former_keys=())
    deployment = Deployment(settings)
    return Roots(deployment.staging, deployment.public, deployment.online_keys, settings.overlap)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What may pass fails this function, and publish tries again."""
    name, key, version_id = check_repository(event["repository"]), str(event["key"]), str(event["version_id"])
    try:
        is_written = roots().write(name, key, version_id, LambdaClock(context).now())
    except Conflict:
        return {"is_gone": True}
    except NeedsAPerson as error:
        logger.exception("refused", repository=name, code=error.code, hint=error.hint)
        return {"refused": str(error)}
    logger.info("root", repository=name, key=key, is_written=is_written)
    return {"is_written": is_written}
