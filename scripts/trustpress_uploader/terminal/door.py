"""The one door to the terminal: nothing else in the uploader writes, and tests/uploader/test_door.py looks for those that do.

Names, receipts, answers, changes and errors come from others. What a terminal would obey, or what would let a line read
otherwise than it is written, is shown as an escape on every way out: lines, errors, questions, tables, bars, JSON.
"""

import json
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

# Lines break at the width of a terminal; where there is none, as in a log, they stay whole.
_ENDLESS = 10_000

# Printable, as Python sees it, and yet nothing to be seen: fillers, joiners and variation selectors (Unicode's Default_Ignorable).
_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
_IS_INVISIBLE = re.compile(f"[{_INVISIBLE}]")

# Where the code stands, and what joins one error to the one before it.
_LINES_OF_PYTHONS = ("  ", "\n")


def printable(text: str) -> str:
    """One line that a terminal shows and does not obey: a line break within it is shown as one, too."""
    if text.isprintable() and not _IS_INVISIBLE.search(text):
        return text
    return "".join(map(_shown, text))


def write(*lines: str) -> None:
    """A result, on stdout. Each argument is one line."""
    for line in lines:
        click.echo(printable(line))


def write_json(value: Mapping[str, Any]) -> None:
    """One document on stdout, in which only letters, digits and signs of ASCII are not escaped."""
    click.echo(json.dumps(value).replace("\x7f", "\\u007f"))


def say(*lines: str) -> None:
    """Everything else, on stderr. Each argument is one line."""
    for line in lines:
        click.echo(printable(line), err=True)


def say_marked(mark: str, colour: str, line: str) -> None:
    """A line on stderr that begins with a word of ours."""
    click.echo(f"{click.style(mark, fg=colour, bold=True)} {printable(line)}", err=True)


def ask(question: str) -> bool:
    """Whether somebody at a terminal says yes."""
    return click.confirm(printable(question), err=True)


def ask_secret(question: str) -> str:
    """What somebody types who sees nothing of it."""
    answer: str = click.prompt(printable(question), hide_input=True, err=True)
    return answer


def is_terminal() -> bool:
    """Whether somebody sees stderr."""
    return sys.stderr.isatty()


def can_ask() -> bool:
    return bool(sys.stdin and sys.stdin.isatty())


def console(*, err: bool = False) -> "Console":
    """Where rich draws tables and bars. Its own words for the terminal are written by nobody else."""
    # Imported on first use: most runs draw nothing.
    from rich.console import Console
    from rich.segment import Segment

    class Guarded(Console):
        def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
            for segment in super().render(*arguments, **options):
                yield segment if segment.control else segment._replace(text="\n".join(map(printable, segment.text.split("\n"))))

    guarded = Guarded(highlight=False, stderr=err)
    return guarded if guarded.is_terminal else Guarded(highlight=False, stderr=err, width=_ENDLESS)


def show_wrong_usage(error: click.ClickException) -> None:
    """What click has to say of a command line, in click's form; its message may quote it."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(*error.format_message().split("\n"))
        return
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context:
        say(*context.get_usage().split("\n"), f"Try '{context.command_path} --help' for help.", "")
    message = f"Error: {error.format_message()}"
    # Only what is missing is told in lines of click's own: there is nothing to quote.
    say(*(message.expandtabs().split("\n") if isinstance(error, click.MissingParameter) else [message]))


def show_unforeseen(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """A fault of ours, as Python shows it: its text may be somebody else's."""
    for part in traceback.format_exception(kind, error, where):
        text = part.rstrip("\n")
        say(*(text.split("\n") if text.startswith(_LINES_OF_PYTHONS) else [text]))


def _shown(character: str) -> str:
    return character if character.isprintable() and not _IS_INVISIBLE.match(character) else ascii(character)[1:-1]
