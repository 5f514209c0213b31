"""What the platform tries again, and what only a person can mend: handlers as Lambda calls them, their use cases canned."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from trustpress.errors import BrokenRepository, Conflict, Misconfigured, TrustpressError, Unavailable
from trustpress.ports import Clock
from trustpress.publish.looks import Looks
from trustpress.publish.publisher import Outcome
from trustpress.watch.sightings import Sighting

ROOT = Path(__file__).parents[2]
NEEDS_A_PERSON = [BrokenRepository("acme/api", "timestamp.json is gone"), Misconfigured("too few keys")]
MAY_PASS = [Unavailable("s3: slow down"), Conflict("timestamp.json")]


class Context:
    """What Lambda tells a handler of its invocation."""

    function_name = "function"
    function_version = "1"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:function"
    aws_request_id = "1"

    def get_remaining_time_in_millis(self) -> int:
        return 120_000


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Loads the handler of a function, as Lambda does once in the life of a container."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Trustpress")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "function")

    def load(function: str) -> ModuleType:
        name = f"handler_of_{function}"
        spec = importlib.util.spec_from_file_location(name, ROOT / "functions" / function / "handler.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def messages(*repositories: str) -> dict[str, Any]:
    bodies = [json.dumps({"repository": name}) for name in repositories]
    return {"Records": [{"messageId": body, "body": body, "eventSource": "aws:sqs", "attributes": {}} for body in bodies]}


def metrics(printed: str) -> dict[str, list[float]]:
    """What was sent to CloudWatch, by name of the metric."""
    found: dict[str, list[float]] = {}
    for line in printed.splitlines():
        value = json.loads(line)
        if "_aws" in value:
            found |= {name: value[name] for name in value if isinstance(value[name], list)}
    return found


def publish(module: ModuleType, error: TrustpressError, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    def drain(_name: str, _clock: Clock, _seconds: float) -> Outcome:
        raise error

    looks = Looks(drain, SimpleNamespace(send=lambda *_: None))
    monkeypatch.setattr(module, "looks", lambda: looks)
    answer: dict[str, Any] = module.handler(messages("acme/api"), Context())
    return answer


@pytest.mark.parametrize("error", NEEDS_A_PERSON, ids=lambda error: type(error).__name__)
def test_a_message_about_what_needs_a_person_is_done_with_and_counted(
    load: Callable[[str], ModuleType], error: TrustpressError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish(load("publish"), error, monkeypatch) == {"batchItemFailures": []}
    found = metrics(capsys.readouterr().out)
    assert found["NeedsAPerson"] == [1]
    assert "NotDrained" not in found


@pytest.mark.parametrize("error", MAY_PASS, ids=lambda error: type(error).__name__)
def test_a_message_about_what_may_pass_comes_back(
    load: Callable[[str], ModuleType], error: TrustpressError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (failed,) = publish(load("publish"), error, monkeypatch)["batchItemFailures"]
    assert json.loads(failed["itemIdentifier"]) == {"repository": "acme/api"}
    found = metrics(capsys.readouterr().out)
    assert found["NotDrained"] == [1]
    assert "NeedsAPerson" not in found


def test_a_key_that_is_no_inbox_key_will_not_become_one(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load("publish")
    monkeypatch.setattr(module, "looks", lambda: Looks(lambda *_: pytest.fail("looked"), SimpleNamespace()))
    assert module.handler(messages("Not/A Name"), Context()) == {"batchItemFailures": []}
    assert metrics(capsys.readouterr().out)["UnusableKey"] == [1]


def test_a_publisher_without_its_settings_says_so_once_and_leaves_no_dead_letters(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TRUSTPRESS_STAGING_BUCKET", raising=False)
    assert load("publish").handler(messages("acme/api", "acme/web"), Context()) == {"batchItemFailures": []}
    assert metrics(capsys.readouterr().out)["NeedsAPerson"] == [1]


def refresh(module: ModuleType, failures: dict[str, TrustpressError], monkeypatch: pytest.MonkeyPatch) -> Any:
    canned = SimpleNamespace(refresh_all=lambda _: (1, failures), leftovers=lambda: iter(()))
    monkeypatch.setattr(module, "refresher", lambda: canned)
    return module.handler({}, Context())


def watch(module: ModuleType, failures: dict[str, TrustpressError], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(
        module, "watcher", lambda: SimpleNamespace(watch_all=lambda _: ([Sighting("acme/web", NEEDS_A_PERSON[0])], failures))
    )
    return module.handler({}, Context())


@pytest.mark.parametrize(("function", "run"), [("refresh", refresh), ("watch", watch)])
def test_a_scheduled_run_fails_for_what_may_pass_alone(
    load: Callable[[str], ModuleType],
    function: str,
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module, broken, unavailable = load(function), NEEDS_A_PERSON[0], MAY_PASS[0]
    assert run(module, {"acme/api": broken}, monkeypatch)
    assert metrics(capsys.readouterr().out)["NeedsAPerson"] == [1]
    with pytest.raises(Unavailable, match="slow down"):
        run(module, {"acme/api": broken, "acme/docs": unavailable}, monkeypatch)
    assert metrics(capsys.readouterr().out)["NeedsAPerson"] == [1]
