"""The command that signs targets roles for another 90 days: renew."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from trustpress_uploader.commands import options, outcomes, publishing
from trustpress_uploader.commands.publishing import Session
from trustpress_uploader.terminal.output import Output, write_names

if TYPE_CHECKING:
    from datetime import datetime

    from trustpress_uploader.pushing.desk import Desk


@click.command("renew")
@click.argument("rolenames", metavar="[ROLES]...", nargs=-1)
@click.option(
    "--version",
    metavar="N",
    type=click.IntRange(min=1),
    help="Sign one role as this version, which a recovery after a loss asked for; says what it last said here.",
)
@options.dry_run
@publishing.publishes()
def renew_command(session: Session, /, *, rolenames: tuple[str, ...], version: int | None, dry_run: bool) -> None:
    """Sign targets roles again, unchanged, for another 90 days.

    Without ROLES, every role whose key is at hand. Works when they have expired already. Root is renewed by `trustpress root
    renew`, timestamp and snapshot by the deployment.

    \b
    Examples:
      trustpress renew
      trustpress renew targets alice
      trustpress renew targets --version 9      # after `trustpress admin recover` asked for it
    """
    from trustpress_uploader.plans.plan import TARGETS_LIFE, renewed

    if version and len(rolenames) != 1:
        raise click.UsageError("--version is for one role: name it.")
    desk = session.open_desk(warns=True)
    expires = desk.now + TARGETS_LIFE
    if version:
        _renew_after_loss(session.output, desk, rolenames[0], version, expires, dry_run=dry_run)
        return
    chosen = rolenames or _roles_at_hand(desk)
    outcome = publishing.publish(session.output, desk, lambda roles: renewed(roles, chosen, expires), dry_run=dry_run)
    outcomes.show(
        session.output, desk.repository, outcome, {"renewed": list(chosen)}, f"{write_names(chosen)} good until {expires:%Y-%m-%d}."
    )


def _renew_after_loss(output: Output, desk: "Desk", rolename: str, version: int, expires: "datetime", *, dry_run: bool) -> None:
    from trustpress_uploader.errors import NotVerified
    from trustpress_uploader.plans.renewal import RenewalAfterLoss
    from trustpress_uploader.reading.published import after_loss, check_is_current, last_seen

    plan = RenewalAfterLoss(rolename, version, expires, last_seen(desk.repository, rolename))
    try:
        check_is_current(desk.repository, desk.now)
        outcome = publishing.publish(output, desk, plan, dry_run=dry_run)
    except NotVerified:
        # What is left is older than what was seen here. (Where nothing is left, snapshot lists what was seen, and this machine has it.)
        with after_loss(desk.repository, desk.now) as view:
            outcome = publishing.publish(output, replace(desk, repository=view), plan, dry_run=dry_run)
    line = f"{rolename} says what its version {plan.base} said." if plan.base else "That was done before."
    outcomes.show(output, desk.repository, outcome, {"renewed": [rolename], "said_by_version": plan.base or None}, line)


def _roles_at_hand(desk: "Desk") -> list[str]:
    """Raises NoSigningKey if there are none."""
    from trustpress_uploader.reading.published import refresh
    from trustpress_uploader.reading.roles import Roles

    roles = Roles(desk.repository, refresh(desk.repository))
    keys = {rolename: roles.role_keys(rolename) for rolename, _ in roles.all()}
    found = [rolename for rolename, role_keys in keys.items() if role_keys and desk.keyring.held(role_keys)]
    if not found:
        top = keys["targets"]
        assert top is not None
        raise desk.keyring.missing("targets", top)
    return found
