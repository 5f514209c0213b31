"""What people and programs are told: results on stdout, everything else on stderr.

With --json exactly one JSON document goes to stdout, whether the command succeeds or fails.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from trustpress.errors import TrustpressError
from trustpress_uploader.progress import Show, ShowWaiting, bar, hidden, hidden_waiting, waiting

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

    def warn(self, text: str) -> None:
        """Something that nobody may miss: on stderr, with --json too."""
        click.echo(f"{click.style('Warning', fg='yellow', bold=True)} {text}", err=True)

    def confirm(self, question: str) -> bool:
        """Ask on a terminal; without one the answer is no."""
        return sys.stdin.isatty() and click.confirm(question, err=True)

    def note(self, text: str) -> None:
        """Something on the way to the result."""
        if not self.as_json:
            click.echo(text, err=True)

    def result(self, value: Mapping[str, Any], *lines: str) -> None:
        """What the command was for: the value for programs, the lines for people."""
        if self.as_json:
            click.echo(json.dumps(value))
        for line in () if self.as_json else lines:
            click.echo(line)

    def error(self, error: TrustpressError) -> None:
        if self.as_json:
            click.echo(json.dumps({"error": {"code": error.code, "message": str(error), "hint": error.hint}}))
            return
        click.echo(f"{click.style('Error', fg='red', bold=True)} {error.code}: {error}", err=True)
        if error.hint:
            click.echo(error.hint, err=True)

    def table(self, value: Mapping[str, Any], draw: str) -> None:
        """A result that people see as tables, drawn by the function of this name."""
        if self.as_json:
            click.echo(json.dumps(value))
            return
        # Imported on first use: few commands print tables.
        from trustpress_uploader import tables

        getattr(tables, draw)(value)


def write_versions(versions: Mapping[str, int]) -> str:
    return write_names([f"{rolename} {version}" for rolename, version in versions.items()])


def write_names(names: Sequence[str]) -> str:
    """All of them while they are few enough to be read."""
    if len(names) <= _MANY:
        return ", ".join(names)
    return f"{', '.join(names[:_MANY])} and {len(names) - _MANY:,} more"
