"""The commands that take targets out of what is published: remove, and revoke, which asks first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from trustpress_uploader.commands import options, outcomes, publishing
from trustpress_uploader.commands.publishing import Session
from trustpress_uploader.terminal.output import Output, write_names

if TYPE_CHECKING:
    from trustpress_uploader.pushing.desk import Desk


@click.command("remove")
@click.argument("names", nargs=-1, required=True)
@options.dry_run
@publishing.publishes()
def remove_command(session: Session, /, *, names: tuple[str, ...], dry_run: bool) -> None:
    """Take targets out of what is published.

    Clients no longer accept files under NAMES, whichever role lists them.

    \b
    Example:
      trustpress remove releases/1.1/app.tar.gz
    """
    _remove(session.output, session.open_desk(warns=True), names, dry_run=dry_run)


@click.command("revoke")
@click.argument("names", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every target of the repository.")
@options.yes
@publishing.publishes()
def revoke_command(session: Session, /, *, names: tuple[str, ...], is_all: bool, yes: bool) -> None:
    """Remove targets, one or all, after asking.

    \b
    Examples:
      trustpress revoke releases/1.1/app.tar.gz
      trustpress revoke --all --yes
    """
    if is_all == bool(names):
        raise click.UsageError("Give either NAMES or --all.")
    desk = session.open_desk(warns=True)
    chosen = _all_names(desk) if is_all else names
    what = f"revoke {'all ' if is_all else ''}{len(chosen)} target{'s' if len(chosen) != 1 else ''} of {desk.repository.name}"
    session.output.require_yes(what, yes=yes)
    _remove(session.output, desk, chosen, dry_run=False)


def _remove(output: Output, desk: "Desk", names: Sequence[str], *, dry_run: bool) -> None:
    from trustpress_uploader.plans.plan import TARGETS_LIFE
    from trustpress_uploader.plans.routing import remove_targets

    outcome = publishing.publish(output, desk, remove_targets(names, desk.now + TARGETS_LIFE), dry_run=dry_run)
    outcomes.show(output, desk.repository, outcome, {"removed": sorted(names)}, f"Removed {write_names(names)}.")


def _all_names(desk: "Desk") -> list[str]:
    from trustpress_uploader.reading.published import refresh
    from trustpress_uploader.reading.roles import Roles

    roles = Roles(desk.repository, refresh(desk.repository))
    return sorted({path for _, document in roles.all() for path in document.signed.targets.targetpaths()})
