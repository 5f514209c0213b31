"""The commands that watch: status, log."""

from typing import Any

import click

from trustpress_uploader.commands import options
from trustpress_uploader.commands.options import Place
from trustpress_uploader.terminal.output import Output


@click.command("status")
@click.option(
    "--fail-within", metavar="DAYS", type=click.IntRange(min=0), help="Exit with 1 if root or a targets role expires within DAYS."
)
@options.writes
@options.json
@click.pass_obj
def status_command(output: Output, /, *, fail_within: int | None, place: Place) -> None:
    """Tell what is published, what waits, and what expires when.

    Shows versions and days left of every role, uploads in the inbox and what they wait for, changes that wait for signatures,
    and what to do next. Without AWS credentials it tells what clients see.

    \b
    Examples:
      trustpress status
      trustpress status --fail-within 14 --json      # for a nightly job
    """
    from functools import partial

    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.status import describe_standing
    from trustpress_uploader.terminal.tables import show_standing

    repository = place.open(open_home(), output)
    open_staging = partial(options.open_staging, repository) if repository.connection.staging else None
    value = describe_standing(repository, open_staging, options.clock())
    offline = {rolename: role["days_left"] for rolename, role in value["roles"].items() if role["is_offline"]}
    value["expires_soon"] = [rolename for rolename, days in offline.items() if fail_within is not None and days < fail_within]
    output.table(value, show_standing)
    if value["expires_soon"]:
        output.note(f"Within {fail_within} days: {', '.join(value['expires_soon'])}")
        click.get_current_context().exit(1)


@click.command("log")
@click.option("-n", "count", metavar="N", type=click.IntRange(min=1, max=1000), default=20, show_default=True, help="How many receipts.")
@options.writes
@options.json
@click.pass_obj
def log_command(output: Output, /, *, count: int, place: Place) -> None:
    """Show the newest receipts: what became of each upload.

    \b
    Examples:
      trustpress log
      trustpress log -n 100 --json
    """
    from trustpress_uploader.home.folder import open_home

    repository = place.open(open_home(), output)
    receipts = [_as_json(receipt) for receipt in options.open_staging(repository).receipts(count)]
    output.result(
        {"repository": repository.name, "receipts": receipts},
        *(line for receipt in receipts for line in _lines(receipt)),
        *([] if receipts else ["No receipts yet."]),
    )


def _as_json(receipt: Any) -> dict[str, Any]:
    names = ("at", "status", "upload", "roles", "release", "code", "message", "hint", "note", "until")
    return {name: getattr(receipt, name) for name in names}


def _lines(receipt: dict[str, Any]) -> list[str]:
    from trustpress_uploader.terminal.output import write_versions

    head = f"{receipt['at']}  {receipt['status']:<9}  {write_versions(receipt['roles']) or receipt['upload']}"
    reason = f"    {receipt['code']}: {receipt['message']}" if receipt["code"] else ""
    hint = f"    {receipt['hint']}" if receipt["hint"] else ""
    return [head, *(line for line in (reason, hint) if line)]
