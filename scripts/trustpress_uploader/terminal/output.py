"""What people and programs are told: results on stdout, everything else on stderr.

With --json exactly one JSON document goes to stdout, whether the command succeeds or fails; only wrong usage is told in words.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trustpress.errors import TrustpressError
from trustpress_uploader.errors import Declined
from trustpress_uploader.terminal import door
from trustpress_uploader.terminal.progress import Show, ShowWaiting, bar, hidden, hidden_waiting, waiting

_MANY = 10


class Output:
    def __init__(self) -> None:
        self.as_json = False

    @property
    def show(self) -> Show:
        return hidden if self.as_json else bar

    @property
    def show_waiting(self) -> ShowWaiting:
        return hidden_waiting if self.as_json else waiting

    def say(self, *lines: str) -> None:
        """Something that has to be seen: on stderr, with --json too."""
        door.say(*lines)

    def warn(self, text: str) -> None:
        """The same, marked."""
        door.say_marked("Warning:", "yellow", text)

    def require_yes(self, what: str, question: str = "", *, yes: bool) -> None:
        """Ask on a terminal whether to do it, unless `yes` was said before. Raises Declined; without a terminal at once."""
        if not yes and not (door.can_ask() and door.ask(question or f"Really {what}?")):
            raise Declined(what)

    def note(self, *lines: str) -> None:
        """Something on the way to the result."""
        if not self.as_json:
            self.say(*lines)

    def result(self, value: Mapping[str, Any], *lines: str) -> None:
        """What the command was for: the value for programs, the lines for people."""
        if self.as_json:
            door.write_json(value)
        else:
            door.write(*lines)

    def error(self, error: TrustpressError) -> None:
        if self.as_json:
            door.write_json({"error": {"code": error.code, "message": str(error), "hint": error.hint}})
            return
        door.say_marked("Error", "red", f"{error.code}: {error}")
        if error.hint:
            self.say(error.hint)

    def table(self, value: Mapping[str, Any], draw: Callable[[Mapping[str, Any]], None]) -> None:
        """A result that people see as tables."""
        if self.as_json:
            door.write_json(value)
        else:
            draw(value)


def write_versions(versions: Mapping[str, int]) -> str:
    return write_names([f"{rolename} {version}" for rolename, version in versions.items()])


def write_names(names: Sequence[str]) -> str:
    """All of them while they are few enough to be read."""
    if len(names) <= _MANY:
        return ", ".join(names)
    return f"{', '.join(names[:_MANY])} and {len(names) - _MANY:,} more"
