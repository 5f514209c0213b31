"""What commands that publish share: their options, the desk that they work at, and a plan that is published or only shown."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustpress_uploader.commands import options
from trustpress_uploader.commands.options import Command, Place, Unlocking
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress_uploader.home.folder import KnownRepository
    from trustpress_uploader.plans.plan import Plan
    from trustpress_uploader.pushing.desk import Desk, Files, Outcome


Decorator = Callable[[Command], Command]


@dataclass(frozen=True)
class Session:
    """What a command that publishes was given: a repository, keys, and how long to wait for the receipt."""

    output: Output
    place: Place
    unlocking: Unlocking
    seconds: float
    file: Path | None = None

    def open_desk(self, *, warns: bool = False) -> "Desk":
        """Where the repository is changed. With `warns` people are told of a root that needs its owner soon."""
        from trustpress_uploader.home.folder import open_home

        home, now = open_home(), options.clock()
        repository = self.place.open(home, self.output)
        if warns:
            _warn_of_root(self.output, repository, now)
        return options.open_desk(self.output, repository, self.unlocking.keyring(home.keystore), self.seconds, file=self.file, now=now)


def publishes(unlocking: Decorator = options.unlocks, seconds: int = 60, *, travels: bool = False) -> Decorator:
    """The options of a command that publishes, gathered into the session that is its first argument.

    With `travels` a change that other holders have to sign may leave in a file.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(output: Output, /, *, place: Place, unlocking: Unlocking, seconds: float, file: Path | None = None, **given: Any) -> Any:
            return command(Session(output, place, unlocking, seconds, file), **given)

        file = [options.travels] if travels else []
        decorators: list[Decorator] = [click.pass_obj, options.json, options.timeout(seconds), unlocking, *file, options.writes]
        with_options: Command = run
        for decorator in decorators:
            with_options = decorator(with_options)
        return with_options

    return decorate


def _warn_of_root(output: Output, repository: "KnownRepository", now: datetime) -> None:
    from trustpress_uploader.reading.published import known_root
    from trustpress_uploader.reading.report import ROOT_SOON

    days = (known_root(repository).signed.expires - now).days
    if days < ROOT_SOON:
        output.note(f"Warning: root {'has expired' if days < 0 else f'expires in {days} days'}; renew it with `trustpress root renew`.")


def publish(output: Output, desk: "Desk", plan: "Plan", files: "Files | None" = None, *, dry_run: bool) -> "Outcome":
    """Publish a plan; with `dry_run` print it and end the command."""
    from trustpress_uploader.pushing.publishing import RolesPublisher

    if dry_run:
        _show_plan(output, desk, plan)
        click.get_current_context().exit()
    return RolesPublisher(desk).publish(plan, files)


def _show_plan(output: Output, desk: "Desk", plan: "Plan") -> None:
    from trustpress_uploader.changes.change import name_repository
    from trustpress_uploader.changes.words import describe
    from trustpress_uploader.reading.published import refresh
    from trustpress_uploader.reading.roles import Roles

    roles = Roles(desk.repository, refresh(desk.repository))
    step = name_repository(desk.repository.name, plan(roles))
    published: dict[str, Any] = {rolename: document.members() for rolename, document in roles.seen()}
    lines = [line for rolename, signed in step.items() for line in describe(rolename, published.get(rolename), signed)]
    versions = {rolename: signed["version"] for rolename, signed in step.items()}
    output.result(
        {"repository": desk.repository.name, "would_publish": versions, "changes": lines},
        *(("Would publish:", *lines) if step else ("Nothing would change.",)),
    )
