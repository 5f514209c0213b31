"""Publish and the function that writes roots, as they hear each other: both handlers of one conversation, the use case canned."""

import io
import json
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.fakes import START
from tests.functions.test_retries import Context, load
from trustpress.adapters.lambdas import RootsFunction
from trustpress.errors import Conflict, Misconfigured, TrustpressError, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

__all__ = ["load"]

KEY = "inbox/acme/api/metadata/root.json"


class Lambda:
    """Calls a handler, and tells what it raises as Lambda does."""

    def __init__(self, handler: Callable[[dict[str, Any], Any], object]) -> None:
        self._handler = handler

    def invoke(self, **asked: Any) -> dict[str, Any]:
        assert asked["FunctionName"] == "roots"
        try:
            answer = self._handler(json.loads(asked["Payload"]), Context())
        except TrustpressError as error:
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps({"errorMessage": str(error)}).encode())}
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


class Canned:
    def __init__(self, outcome: bool | TrustpressError) -> None:
        self._outcome = outcome

    def write(self, repository: str, key: str, version_id: str, _now: object) -> bool:
        assert (repository, key, version_id) == ("acme/api", KEY, "v1")
        if isinstance(self._outcome, TrustpressError):
            raise self._outcome
        return self._outcome


def heard(load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, outcome: bool | TrustpressError) -> bool:
    module = load("roots")
    monkeypatch.setattr(module, "roots", lambda: Canned(outcome))
    client = cast("LambdaClient", Lambda(module.handler))
    return RootsFunction(client, "roots").write("acme/api", KEY, "v1", START)


@pytest.mark.parametrize("is_written", [True, False])
def test_publish_hears_whether_the_root_is_there(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    assert heard(load, monkeypatch, is_written) is is_written


@pytest.mark.parametrize("error", [Conflict(KEY), Misconfigured("no root to be published"), Unavailable("s3: slow down")], ids=repr)
def test_publish_hears_an_error_of_the_same_kind(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, error: TrustpressError
) -> None:
    with pytest.raises(type(error)):
        heard(load, monkeypatch, error)
