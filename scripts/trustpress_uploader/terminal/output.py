"""What people and programs are told: results on stdout, everything else on stderr.

With --json exactly one JSON document goes to stdout, whether the command succeeds or fails; only wrong usage is told in words.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from trustpress.errors import TrustpressError
from trustpress_uploader.errors import Declined
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

    def say(self, text: str) -> None:
        """Something that has to be seen: on stderr, with --json too."""
        click.echo(printable(text), err=True)

    def warn(self, text: str) -> None:
        """The same, marked."""
        click.echo(f"{click.style('Warning:', fg='yellow', bold=True)} {printable(text)}", err=True)

    def require_yes(self, what: str, question: str = "", *, yes: bool) -> None:
        """Ask on a terminal whether to do it, unless `yes` was said before. Raises Declined; without a terminal at once."""
        if not yes and not (sys.stdin and sys.stdin.isatty() and click.confirm(question or f"Really {what}?", err=True)):
            raise Declined(what)

    def note(self, text: str) -> None:
        """Something on the way to the result."""
        if not self.as_json:
            self.say(text)

    def result(self, value: Mapping[str, Any], *lines: str) -> None:
        """What the command was for: the value for programs, the lines for people."""
        if self.as_json:
            click.echo(json.dumps(value))
        for line in () if self.as_json else lines:
            click.echo(printable(line))

    def error(self, error: TrustpressError) -> None:
        if self.as_json:
            click.echo(json.dumps({"error": {"code": error.code, "message": str(error), "hint": error.hint}}))
            return
        click.echo(f"{click.style('Error', fg='red', bold=True)} {printable(f'{error.code}: {error}')}", err=True)
        if error.hint:
            self.say(error.hint)

    def table(self, value: Mapping[str, Any], draw: Callable[[Mapping[str, Any]], None]) -> None:
        """A result that people see as tables."""
        if self.as_json:
            click.echo(json.dumps(value))
        else:
            draw(value)


def write_versions(versions: Mapping[str, int]) -> str:
    return write_names([f"{rolename} {version}" for rolename, version in versions.items()])


def write_names(names: Sequence[str]) -> str:
    """All of them while they are few enough to be read."""
    if len(names) <= _MANY:
        return ", ".join(names)
    return f"{', '.join(names[:_MANY])} and {len(names) - _MANY:,} more"


def printable(text: str) -> str:
    """Without anything that a terminal would obey, or that would let a line read otherwise than it is written.

    Names, receipts and changes come from others: control characters and those that turn the direction of writing are shown
    as escapes.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() or character == "\n" else ascii(character)[1:-1] for character in text)
