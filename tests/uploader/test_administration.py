"""`trustpress admin`: what an administrator sees and is asked, with functions and queues that only say what they are told."""

import itertools
import json
from collections.abc import Mapping
from typing import Any

import pytest
from click.testing import CliRunner, Result

from trustpress_uploader.admin import operations
from trustpress_uploader.admin.answers import read_answer
from trustpress_uploader.admin.operations import Functions, Queue
from trustpress_uploader.admin.stack import Message
from trustpress_uploader.commands import main
from trustpress_uploader.errors import FunctionFailed, FunctionRefused, Unreachable

OBJECTS = [
    {"key": "acme/api/metadata/1.snapshot.json", "length": 1421, "reason": "older than version 3"},
    {"key": "acme/api/metadata/1.targets.json", "length": 600, "reason": "older than version 2"},
]


class CannedFunctions:
    """Answers as it was told, in that order, and remembers what it was asked."""

    def __init__(self, *answers: Mapping[str, Any] | Exception) -> None:
        self._answers = iter(answers)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def invoke(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append((function, event))
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


class FakeQueue:
    """Messages that were received show again when they are released. Everything that happens goes into one log."""

    def __init__(self, log: list[str], *bodies: str) -> None:
        self._log, self._numbers = log, itertools.count()
        self._in_hand: dict[str, Message] = {}
        self.messages: list[Message] = []
        for body in bodies:
            self._add(body)

    def _add(self, body: str) -> None:
        number = next(self._numbers)
        self.messages.append(Message(f"m{number}", f"r{number}", body))

    def receive(self) -> list[Message]:
        found, self.messages = self.messages[:2], self.messages[2:]
        self._in_hand |= {message.id: message for message in found}
        return found

    def send(self, body: str) -> None:
        self._log.append(f"send {body}")
        self._add(body)

    def delete(self, message: Message) -> None:
        self._log.append(f"delete {message.body}")
        del self._in_hand[message.id]

    def release(self, message: Message) -> None:
        self.messages.append(self._in_hand.pop(message.id))


def _check_that_the_fakes_fit(functions: CannedFunctions, queue: FakeQueue) -> tuple[Functions, Queue]:
    return functions, queue


def listing(*, dry_run: bool, objects: list[dict[str, Any]] = OBJECTS, count: int = 2) -> dict[str, Any]:
    total = sum(found["length"] for found in objects)
    return {"repository": "acme/api", "dry_run": dry_run, "objects": objects, "bytes": total, "count": count}


class Administrator:
    """At a desk where the deployment is what the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.stacks: list[str] = []

    def run(self, *arguments: str, functions: CannedFunctions, exit_code: int = 0) -> Result:
        def deployment(stack: str) -> CannedFunctions:
            self.stacks.append(stack)
            return functions

        self._monkeypatch.setattr("trustpress_uploader.admin.stack.Deployment", deployment)
        result = CliRunner().invoke(main, ["admin", *arguments], catch_exceptions=False)
        assert result.exit_code == exit_code, result.output
        return result


@pytest.fixture
def administrator(monkeypatch: pytest.MonkeyPatch) -> Administrator:
    return Administrator(monkeypatch)


def test_a_dry_run_shows_what_can_go_and_marks_nothing(administrator: Administrator) -> None:
    functions = CannedFunctions(listing(dry_run=True))
    result = administrator.run("expire", "acme/api", "--dry-run", functions=functions)
    assert functions.asked == [("ExpireFunction", {"repository": "acme/api", "dry_run": True})]
    assert [line.rstrip() for line in result.stdout.splitlines()] == [
        "object                             length  why it can go",
        "acme/api/metadata/1.snapshot.json  1,421   older than version 3",
        "acme/api/metadata/1.targets.json   600     older than version 2",
        "Objects that can go: 2, 2,021 bytes.",
    ]


def test_without_a_yes_nothing_is_marked(administrator: Administrator) -> None:
    functions = CannedFunctions(listing(dry_run=True))
    result = administrator.run("expire", "acme/api", functions=functions, exit_code=1)
    assert "acme/api/metadata/1.targets.json" in result.stdout
    assert "E_DECLINED" in result.stderr
    assert [event["dry_run"] for _, event in functions.asked] == [True]


def test_with_a_yes_the_list_is_shown_and_then_marked(administrator: Administrator) -> None:
    functions = CannedFunctions(listing(dry_run=True), listing(dry_run=False, count=12_000))
    result = administrator.run("expire", "acme/api", "--yes", "--stack", "press", functions=functions)
    assert [event["dry_run"] for _, event in functions.asked] == [True, False]
    assert administrator.stacks == ["press"]
    assert result.stdout.index("1.targets.json") < result.stdout.index("Marked: 2, 2,021 bytes.")
    assert "11,998 more can go: run the same command again." in result.stdout


def test_a_program_is_told_once(administrator: Administrator) -> None:
    functions = CannedFunctions(listing(dry_run=True), listing(dry_run=False))
    result = administrator.run("expire", "acme/api", "--yes", "--json", functions=functions)
    assert json.loads(result.stdout) == listing(dry_run=False)


def test_where_nothing_can_go_nobody_is_asked(administrator: Administrator) -> None:
    functions = CannedFunctions(listing(dry_run=True, objects=[], count=0))
    result = administrator.run("expire", "acme/api", functions=functions)
    assert result.stdout.strip() == "Nothing of acme/api can go."


@pytest.mark.parametrize(
    "error",
    [
        FunctionRefused("E_STATE", "acme/api: what is published does not verify", "See docs/operations.md."),
        FunctionFailed("ExpireFunction", "trustpress", "Task timed out"),
        Unreachable("stack trustpress: no answer"),
    ],
)
def test_what_a_function_says_is_passed_on_with_a_hint(administrator: Administrator, error: Any) -> None:
    result = administrator.run("expire", "acme/api", "--json", functions=CannedFunctions(error), exit_code=1)
    assert json.loads(result.stdout)["error"] == {"code": error.code, "message": str(error), "hint": error.hint}
    assert error.hint


RECOVERED = {
    "repository": "acme/api",
    "release": {"root": 2, "snapshot": 100008, "timestamp": 100011},
    "hidden": ["acme/api/metadata/3.root.json"],
    "brought_back": ["acme/api/metadata/7.targets.json"],
    "to_sign": [],
    "note": "",
}
TO_SIGN = [
    {"rolename": "docs", "seen": 4, "available": 2, "next": 5},
    {"rolename": "tools", "seen": 1, "available": 0, "next": 2},
]


def test_what_a_recovery_brought_back_is_told(administrator: Administrator) -> None:
    functions = CannedFunctions(RECOVERED)
    result = administrator.run("recover", "acme/api", "--yes", functions=functions)
    assert functions.asked == [("RecoverFunction", {"repository": "acme/api"})]
    assert result.stdout.splitlines() == [
        "Recovered acme/api: root 2, snapshot 100008, timestamp 100011.",
        "  hid acme/api/metadata/3.root.json",
        "  brought back acme/api/metadata/7.targets.json",
    ]


def test_what_has_to_be_signed_again_is_listed_and_no_success(administrator: Administrator) -> None:
    answer = {**RECOVERED, "to_sign": TO_SIGN, "note": "Clients go on when docs version 5 and 1 more are published."}
    result = administrator.run("recover", "acme/api", "--yes", functions=CannedFunctions(answer), exit_code=1)
    assert result.stdout.splitlines()[3:] == [
        "To be signed again by whoever holds the key, with `trustpress renew ROLE --version N`:",
        "  docs 5: clients have seen version 4, version 2 is left",
        "  tools 2: clients have seen version 1, none is left",
        "Clients go on when docs version 5 and 1 more are published.",
    ]
    result = administrator.run("recover", "acme/api", "--yes", "--json", functions=CannedFunctions(answer), exit_code=1)
    assert json.loads(result.stdout) == answer


def test_nothing_is_recovered_without_a_yes(administrator: Administrator) -> None:
    functions = CannedFunctions()
    result = administrator.run("recover", "acme/api", functions=functions, exit_code=1)
    assert "E_DECLINED" in result.stderr
    assert functions.asked == []


def test_a_register_that_is_gone_takes_a_root_that_somebody_trusts(administrator: Administrator) -> None:
    functions = CannedFunctions(RECOVERED)
    administrator.run("recover", "acme/api", "--yes", "--first-root", "ab" * 32, functions=functions)
    assert functions.asked == [("RecoverFunction", {"repository": "acme/api", "first_root": "ab" * 32})]


def refusal(value: Any, *, has_failed: bool = False) -> Any:
    with pytest.raises((FunctionRefused, FunctionFailed)) as raised:
        read_answer("ExpireFunction", "press", value if isinstance(value, bytes) else json.dumps(value).encode(), has_failed=has_failed)
    return raised.value


def test_a_function_may_say_more_or_less_than_is_expected_of_an_error() -> None:
    error = refusal({"error": {"code": "E_STATE", "message": "no", "hint": "wait", "since": [1, "\x1b[2J"]}})
    assert (error.code, str(error), error.hint) == ("E_STATE", 'no; since: [1, "\\u001b[2J"]', "wait")
    values: list[Any] = [{}, {"self": 1}, "no", None, [1], {"code": 5, "message": None, "hint": {}}]
    for value in values:
        error = refusal({"error": value})
        assert error.code
        assert str(error)
        assert error.hint


@pytest.mark.parametrize("value", [b"", b"junk", b"\xff", [], "text", None, 5])
@pytest.mark.parametrize("has_failed", [False, True])
def test_an_answer_of_another_kind_is_a_failure_that_is_told(value: Any, has_failed: bool) -> None:
    error = refusal(value, has_failed=has_failed)
    assert error.code == "E_FUNCTION"
    assert "press" in error.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"release": None},
        {"release": {"root": "2"}},
        {"hidden": "all"},
        {"brought_back": "all"},
        {"brought_back": [None]},
        {"to_sign": [{"rolename": "docs"}]},
        {"to_sign": [{**TO_SIGN[0], "next": True}]},
        {"note": 5},
    ],
)
def test_an_answer_that_lacks_what_is_expected_says_so(administrator: Administrator, changes: dict[str, Any]) -> None:
    (name,) = changes
    for answer in ({**RECOVERED, **changes}, {member: value for member, value in RECOVERED.items() if member != name}):
        result = administrator.run("recover", "acme/api", "--yes", "--json", functions=CannedFunctions(answer), exit_code=1)
        error = json.loads(result.stdout)["error"]
        assert error["code"] == "E_DEPLOYMENT"
        assert name in error["message"]


def test_what_nobody_expected_is_shown(administrator: Administrator) -> None:
    functions = CannedFunctions({**RECOVERED, "surprise": ["\x1b[2J"]})
    assert administrator.run("recover", "acme/api", "--yes", functions=functions).stdout.splitlines()[-1] == 'surprise: ["\\u001b[2J"]'
    functions = CannedFunctions(listing(dry_run=True), {**listing(dry_run=False), "more": 1})
    assert administrator.run("expire", "acme/api", "--yes", functions=functions).stdout.splitlines()[-1] == "more: 1"


BODIES = [json.dumps({"repository": name}) for name in ("acme/api", "acme/tools", "acme/api", "acme/wheels", "acme/api")]


def test_looking_into_a_queue_takes_nothing_out() -> None:
    log: list[str] = []
    queue = FakeQueue(log, *BODIES)
    messages = operations.look_into(queue)
    assert operations.count_by_repository(messages) == {"acme/api": 3, "acme/tools": 1, "acme/wheels": 1}
    assert sorted(message.body for message in queue.messages) == sorted(BODIES)
    assert log == []


def test_a_message_is_sent_before_it_is_deleted() -> None:
    log: list[str] = []
    dead_letters, uploads = FakeQueue(log, *BODIES), FakeQueue(log)
    assert len(operations.redrive(dead_letters, uploads)) == len(BODIES)
    assert dead_letters.messages == []
    assert [message.body for message in uploads.messages] == BODIES
    assert log == [entry for body in BODIES for entry in (f"send {body}", f"delete {body}")]


def test_a_message_that_says_nothing_is_counted_and_moved_like_the_others() -> None:
    queue = FakeQueue([], "no JSON", '{"repository": "Not A Name"}', "[]", BODIES[0])
    assert operations.count_by_repository(operations.look_into(queue)) == {"(not readable)": 3, "acme/api": 1}
    uploads = FakeQueue([])
    assert len(operations.redrive(queue, uploads)) == 4
