"""An administrator's word in; a new master secret, or how far repositories have moved to it, out."""

import functools
import os
from typing import Any

from aws_lambda_powertools import Logger

from trustpress.adapters.clock import LambdaClock
from trustpress.adapters.settings import read_settings
from trustpress.deployment import Deployment
from trustpress.errors import Misconfigured, TrustpressError
from trustpress.online_keys import DerivedKeys
from trustpress.rekey import Rekeying

logger = Logger()


@functools.cache
def rekeying() -> Rekeying:
    deployment = Deployment(read_settings(os.environ))
    if deployment.masters is None or not isinstance(deployment.online_keys, DerivedKeys):
        raise Misconfigured("a deployment whose one key is in KMS has no master secret")
    return Rekeying(deployment.staging, deployment.public, deployment.masters, deployment.online_keys)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """`do` is `new`, `drop` (with `master`) or `survey` (with `after`). What a person can mend is an answer too."""
    clock = LambdaClock(context)
    try:
        match event.get("do"):
            case "new":
                answer: dict[str, Any] = {"master": rekeying().begin()}
            case "drop":
                answer = {"dropped": event["master"], **rekeying().drop(int(event["master"]), clock).as_json()}
            case _:
                answer = rekeying().survey(clock, str(event.get("after", ""))).as_json()
    except TrustpressError as error:
        logger.exception("refused", code=error.code, hint=error.hint)
        return {"error": {"code": error.code, "message": str(error), "hint": error.hint}}
    logger.info("masters", answer={name: value for name, value in answer.items() if name not in {"behind", "broken"}})
    return answer
