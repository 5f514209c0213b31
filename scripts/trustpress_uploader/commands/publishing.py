"""What push, remove and renew share: the desk that they work at, and a plan that is published or only shown."""

from typing import TYPE_CHECKING, Any

import click

from trustpress_uploader.commands import options
from trustpress_uploader.commands.options import Place, Unlocking
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress_uploader.plans.plan import Plan
    from trustpress_uploader.pushing.desk import Desk, Files, Outcome


def open_desk(output: Output, place: Place, unlocking: Unlocking, seconds: float) -> "Desk":
    """The desk of a known repository; warns of a root that needs its owner soon."""
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.reading.published import known_root
    from trustpress_uploader.reading.report import ROOT_SOON

    home, now = open_home(), options.clock()
    repository = place.open(home, output)
    days = (known_root(repository).signed.expires - now).days
    if days < ROOT_SOON:
        output.note(f"Warning: root {'has expired' if days < 0 else f'expires in {days} days'}; renew it with `trustpress root renew`.")
    return options.open_desk(output, repository, unlocking.keyring(home.keystore), seconds, now=now)


def publish(output: Output, desk: "Desk", plan: "Plan", files: "Files | None" = None, *, dry_run: bool) -> "Outcome":
    """Publish a plan; with `dry_run` print it and end the command."""
    from trustpress_uploader.pushing.publishing import RolesPublisher

    if dry_run:
        _show_plan(output, desk, plan)
        click.get_current_context().exit()
    return RolesPublisher(desk).publish(plan, files)


def _show_plan(output: Output, desk: "Desk", plan: "Plan") -> None:
    from trustpress_uploader.changes.words import describe
    from trustpress_uploader.reading.published import refresh
    from trustpress_uploader.reading.roles import Roles

    roles = Roles(desk.repository, refresh(desk.repository))
    step = plan(roles)
    published: dict[str, Any] = {rolename: document.members() for rolename, document in roles.seen()}
    lines = [line for rolename, signed in step.items() for line in describe(rolename, published.get(rolename), signed)]
    versions = {rolename: signed["version"] for rolename, signed in step.items()}
    output.result(
        {"repository": desk.repository.name, "would_publish": versions, "changes": lines},
        *(("Would publish:", *lines) if step else ("Nothing would change.",)),
    )
