"""Results as people read them on a terminal."""

from collections.abc import Mapping
from typing import Any

from rich import markup
from rich.table import Table
from rich.text import Text

from trustpress_uploader.terminal.door import console as open_console
from trustpress_uploader.terminal.door import printable

Value = Mapping[str, Any]


def show_repository(value: Value) -> None:
    """The result of `inspect`."""
    console = open_console()
    kept = ", targets are kept elsewhere" if value["external_targets"] else ""
    console.print(f"[bold]{_escape(value['repository'])}[/bold] at {_escape(value['url'])}{kept}")
    console.print(_roles(value["roles"]))
    console.print(_targets(value["targets"]))
    for rolename in value["delegations"]:
        console.print(f"delegates to {_escape(rolename)}")
    if value["expired"]:
        console.print(f"[red]Clients refuse this: {_escape(value['expired'])}[/red]")


def show_targets(value: Value) -> None:
    """The result of `list`."""
    console = open_console()
    if not value["targets"]:
        console.print("No targets.")
        return
    console.print(_targets(value["targets"]))


def show_keys(value: Value) -> None:
    """The result of `key list`."""
    console = open_console()
    if not value["keys"]:
        console.print(f"No keys in {_escape(value['folder'])}. `trustpress key generate` makes one.")
        return
    table = Table("keyid", "type", "where", "signs", box=None, pad_edge=False)
    table.columns[0].no_wrap = True
    for key in value["keys"]:
        table.add_row(_cell(key["keyid"][:16]), _cell(key["keytype"] or "?"), _cell(key["where"]), _cell(", ".join(key["signs"])))
    console.print(table)


def show_standing(value: Value) -> None:
    """The result of `status`."""
    console = open_console()
    console.print(f"[bold]{_escape(value['repository'])}[/bold] at {_escape(value['url'])}")
    console.print(_roles(value["roles"]))
    for line in _waiting_lines(value):
        console.print(_escape(line))
    for line in value["todo"]:
        console.print(f"[yellow]{_escape(line)}[/yellow]")
    if value["expired"]:
        console.print(f"[red]Clients refuse this: {_escape(value['expired'])}[/red]")


def show_garbage(value: Value) -> None:
    """The list of `admin expire`."""
    console = open_console()
    if not value["objects"]:
        console.print(f"Nothing of {_escape(value['repository'])} can go.")
        return
    table = Table("object", "length", "why it can go", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    for found in value["objects"]:
        table.add_row(_cell(found["key"]), f"{found['length']:,}", _cell(found["reason"]))
    console.print(table)
    more = value["count"] - len(value["objects"])
    console.print(f"Objects that can go: {len(value['objects']):,}, {value['bytes']:,} bytes{f', and {more:,} more' if more else ''}.")


def show_dead_letters(value: Value) -> None:
    """The result of `admin redrive`."""
    console = open_console()
    if not value["messages"]:
        console.print("The dead-letter queue is empty.")
        return
    table = Table("repository", "messages", box=None, pad_edge=False)
    for repository, count in value["repositories"].items():
        table.add_row(_cell(repository), f"{count:,}")
    console.print(table)
    where = "Moved back into the queue" if value["moved"] else "In the dead-letter queue"
    console.print(f"{where}: {value['messages']:,}.")


def _escape(text: str) -> str:
    """Within markup: one line, without markup of its own."""
    return markup.escape(printable(text))


def _cell(text: str) -> Text:
    return Text(printable(text))


def _waiting_lines(value: Value) -> list[str]:
    lines = []
    if value["begun"]:
        lines.append(f"Begun here and not finished: change {value['begun'][:8]}; go on with `trustpress change sign`.")
    if value["inbox"] is None:
        return [*lines, f"The inbox cannot be seen: {value['unseen']}"]
    lines += [_upload_line(upload) for upload in value["inbox"]]
    lines += [f"Staged: {key}, until metadata names it." for key in value["files"]]
    lines += [f"Waits for signatures: change {change[:8]}; sign it with `trustpress change sign`." for change in value["pending"]]
    return lines or ["Nothing is staged, nothing waits."]


def _upload_line(upload: Value) -> str:
    if upload["status"] == "waiting":
        until = f", until {upload['until']}" if upload["until"] else ""
        return f"Waiting: {upload['key']}: {upload['message']} ({upload['code']}){until}"
    return f"Staged: {upload['key']}, {upload['status']}."


def _roles(roles: Value) -> Table:
    table = Table("role", "version", "expires", "left", "keys", box=None, pad_edge=False)
    for rolename, role in roles.items():
        keys = " ".join(keyid[:8] for keyid in role["keyids"])
        row = (_cell(rolename), str(role["version"]), _cell(role["expires"]), _left(role), _cell(f"{role['threshold']} of {keys}"))
        table.add_row(*row, style=_style(role))
    return table


def _left(role: Value) -> str:
    days, hours = role["days_left"], role["hours_left"]
    return f"{days} days" if days < 0 or days > 1 else f"{hours} hours"


def _style(role: Value) -> str | None:
    if role["days_left"] < 0:
        return "red"
    return "yellow" if role["is_offline"] and role["days_left"] < role["soon"] else None


def _targets(targets: Value) -> Table:
    has_roles = any("role" in entry for entry in targets.values())
    table = Table("target", "length", "sha256", *(["role"] if has_roles else []), box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    for name, entry in targets.items():
        role = [_cell(entry["role"])] if has_roles else []
        table.add_row(_cell(name), f"{entry['length']:,}", _cell(f"{entry['hashes']['sha256'][:16]}..."), *role)
    return table
