"""What the functions of a deployment answer: the members that are expected are read, and whatever else is said stays.

A deployment may be older or newer than this command line.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from trustpress_uploader.errors import AdministrationRefused, FunctionFailed, FunctionRefused

# Lambda's answers are no longer.
MAX_LENGTH = 6 * 1024**2

_ERROR = ("code", "message", "hint")
_UNNAMED = {"code": "E_FUNCTION", "message": "it did not say why", "hint": "Its log may say more."}
_OTHER_VERSION = "Deploy the version of this command line, or use the one of the deployment."

# Members and their types; a list has those of its rows.
Shape = Mapping[str, Any]

RECOVERED: Shape = {
    "repository": str,
    "release": {str: int},
    "hidden": [str],
    "brought_back": [str],
    "to_sign": [{"rolename": str, "seen": int, "available": int, "next": int}],
    "note": str,
}
EXPIRED: Shape = {"repository": str, "dry_run": bool, "objects": [{"key": str, "length": int, "reason": str}], "bytes": int, "count": int}


def read_answer(function: str, stack: str, body: bytes, *, has_failed: bool) -> dict[str, Any]:
    """Raises FunctionRefused with the reason that a function gives, and FunctionFailed where it gives none."""
    try:
        value = json.loads(body)
    except ValueError as error:
        raise FunctionFailed(function, stack, f"its answer is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise FunctionFailed(function, stack, f"expected an object for an answer, found {json.dumps(value)[:100]}")
    if has_failed:
        raise FunctionFailed(function, stack, str(value.get("errorMessage", _UNNAMED["message"])))
    if "error" in value:
        raise _refused(value["error"])
    return value


def check_answer(function: str, answer: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """The answer, with every member that is expected. Raises AdministrationRefused."""
    wrong = next(_misfits(answer, shape), None)
    if wrong is not None:
        raise AdministrationRefused(function, f"its answer has no {wrong} as expected", _OTHER_VERSION)
    return answer


def others(answer: Mapping[str, Any], shape: Shape) -> list[str]:
    """What an answer says beyond what is expected, in lines."""
    return [f"{name}: {json.dumps(value)}" for name, value in answer.items() if name not in shape]


def _refused(error: Any) -> FunctionRefused:
    members = error if isinstance(error, dict) else {"message": json.dumps(error)}
    code, message, hint = (str(members.get(name, _UNNAMED[name])) for name in _ERROR)
    return FunctionRefused(code, "; ".join([message, *others(members, _UNNAMED)]), hint)


def _misfits(value: Any, shape: Any, where: str = "") -> Iterator[str]:
    """The places at which a value is not of its shape."""
    match shape, value:
        case dict(), dict() if str in shape:
            yield from (f"{where}.{name}" for name, found in value.items() if type(found) is not shape[str])
        case dict(), dict():
            for name, expected in shape.items():
                yield from _misfits(value.get(name), expected, f"{where}.{name}".lstrip("."))
        case [expected], list():
            for found in value:
                yield from _misfits(found, expected, where)
        case _:
            if type(value) is not shape:
                yield where
