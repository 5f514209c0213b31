"""What is asked of other functions."""

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from trustpress.adapters.aws import calling
from trustpress.errors import Conflict, Misconfigured, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ROOTS = "TRUSTPRESS_ROOTS_FUNCTION"
_MAX_LENGTH = 100_000


def roots_function_in(environment: Mapping[str, str]) -> str:
    """Raises Misconfigured."""
    found = environment.get(ROOTS, "").strip()
    if not found:
        raise Misconfigured(f"{ROOTS} not set")
    return found


class RootsFunction:
    """The function that writes roots; it has a clock of its own."""

    def __init__(self, client: "LambdaClient", name: str) -> None:
        self._client, self._name = client, name

    def write(self, repository: str, key: str, version_id: str, _now: datetime) -> bool:
        answer = self._ask({"repository": repository, "key": key, "version_id": version_id})
        if answer.get("is_gone"):
            raise Conflict(key)
        if "refused" in answer:
            raise Misconfigured(str(answer["refused"]))
        return answer["is_written"] is True

    def _ask(self, event: Mapping[str, str]) -> Mapping[str, object]:
        with calling("lambda"):
            answer = self._client.invoke(FunctionName=self._name, Payload=json.dumps(event).encode())
            with closing(answer["Payload"]) as payload:
                body = payload.read(_MAX_LENGTH)
        if "FunctionError" in answer:
            raise Unavailable(f"lambda: {self._name} failed: {body[:200]!r}")
        found: Mapping[str, object] = json.loads(body)
        return found
