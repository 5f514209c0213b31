"""What people and programs are told: results on stdout, everything else on stderr.

With --json exactly one JSON document goes to stdout, whether the command succeeds or fails.
"""

import json
from collections.abc import Mapping
from typing import Any

import click

from trustpress.errors import TrustpressError
from trustpress_uploader.progress import Show, bar, hidden

_SOON = 14


class Output:
    def __init__(self) -> None:
        self.as_json = False

    @property
    def show(self) -> Show:
        return hidden if self.as_json else bar

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

    def description(self, value: Mapping[str, Any]) -> None:
        """The result of `inspect`."""
        if self.as_json:
            click.echo(json.dumps(value))
            return
        # Imported on first use: only this command prints tables.
        from rich.console import Console
        from rich.markup import escape

        console = Console(highlight=False)
        kept = ", targets are kept elsewhere" if value["external_targets"] else ""
        console.print(f"[bold]{escape(value['repository'])}[/bold] at {escape(value['url'])}{kept}")
        console.print(_roles_table(value["roles"]))
        console.print(_targets_table(value["targets"]))
        for rolename in value["delegations"]:
            console.print(f"delegates to {escape(rolename)}")
        if value["expired"]:
            console.print(f"[red]Clients refuse this: {escape(value['expired'])}[/red]")


def write_versions(versions: Mapping[str, int]) -> str:
    return ", ".join(f"{rolename} {version}" for rolename, version in versions.items())


def _roles_table(roles: Mapping[str, Any]) -> Any:
    from rich.table import Table

    table = Table("role", "version", "expires", "days left", "keys", box=None, pad_edge=False)
    for rolename, role in roles.items():
        style = "red" if role["days_left"] < 0 else "yellow" if role["days_left"] < _SOON and rolename in {"root", "targets"} else None
        keys = " ".join(keyid[:8] for keyid in role["keyids"])
        table.add_row(
            rolename, str(role["version"]), role["expires"], str(role["days_left"]), f"{role['threshold']} of {keys}", style=style
        )
    return table


def _targets_table(targets: Mapping[str, Any]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table("target", "length", "sha256", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    for name, entry in targets.items():
        table.add_row(Text(name), f"{entry['length']:,}", f"{entry['hashes']['sha256'][:16]}...")
    return table
