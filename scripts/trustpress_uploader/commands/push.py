"""The commands that publish: push, sign, sign-image, remove, revoke, renew."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from trustpress_uploader.commands import options, outcomes
from trustpress_uploader.commands.options import Place, Unlocking
from trustpress_uploader.terminal.output import Output, write_names

if TYPE_CHECKING:
    from datetime import datetime

    from trustpress.core.entries import TargetFile
    from trustpress_uploader.plans.plan import Plan
    from trustpress_uploader.pushing.desk import Desk, Files, Outcome


@click.command("push")
@click.argument("files", nargs=-1, required=True)
@click.option("--as", "name", metavar="NAME", help="Publish under this name; with a slash at its end, everything below it.")
@click.option("--custom", "custom", metavar="K=V", multiple=True, help="Say this of the files as well. May be given several times.")
@options.dry_run
@options.writes
@options.unlocks
@options.timeout(60)
@options.json
@click.pass_obj
def push_command(
    output: Output,
    /,
    *,
    files: tuple[str, ...],
    name: str | None,
    custom: tuple[str, ...],
    dry_run: bool,
    place: Place,
    unlocking: Unlocking,
    seconds: float,
) -> None:
    """Sign, upload and publish FILES: files, folders or quoted globs.

    Each goes to the role that its path belongs to and is signed with that role's key: the tagging key, or a signer's. Waits
    for the publisher's receipt. Files become visible together with their signature, or not at all. Whatever interrupts it, run
    the same command again.

    \b
    Examples:
      trustpress push app.tar.gz
      trustpress push build/app.tar.gz --as releases/1.2/app.tar.gz --custom commit=9f3c1e2
      trustpress push dist --as releases/1.2 --dry-run
      trustpress push -r acme/api 'dist/*.whl' --as wheels/ --json
      trustpress push app.tar.gz --signer awskms:alias/tagging
    """
    from trustpress_uploader.pushing.desk import Files
    from trustpress_uploader.staging.artifacts import check_lengths, describe_artifacts, find_artifacts, parse_custom

    artifacts, values = find_artifacts(files, name), parse_custom(custom)
    desk = _open_desk(output, place, unlocking, seconds)
    is_external = _keeps_targets_elsewhere(desk)
    check_lengths([] if is_external else artifacts)
    entries = describe_artifacts(artifacts, values, desk.show)
    _publish_entries(output, desk, entries, Files([] if is_external else artifacts, entries), dry_run=dry_run)


@click.command("sign")
@click.argument("name")
@click.option("--digest", metavar="sha256:HEX", required=True, help="The hash of the file.")
@click.option("--length", metavar="N", type=click.IntRange(min=0), required=True, help="Its length in bytes.")
@click.option("--custom", "custom", metavar="K=V", multiple=True, help="Say this of it as well. May be given several times.")
@options.dry_run
@options.writes
@options.unlocks
@options.timeout(60)
@options.json
@click.pass_obj
def sign_command(
    output: Output,
    /,
    *,
    name: str,
    digest: str,
    length: int,
    custom: tuple[str, ...],
    dry_run: bool,
    place: Place,
    unlocking: Unlocking,
    seconds: float,
) -> None:
    """Sign something that is kept elsewhere, by hash and length.

    For repositories made by `trustpress init --external-targets`, where Trustpress lists files and keeps none.

    \b
    Example:
      trustpress sign firmware-1.2.bin --digest sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 --length 5
    """
    from trustpress_uploader.staging.artifacts import describe_elsewhere, parse_custom

    entry = describe_elsewhere(name, digest, length, parse_custom(custom))
    _sign_elsewhere(output, _open_desk(output, place, unlocking, seconds), {name: entry}, dry_run=dry_run)


@click.command("sign-image")
@click.argument("image", metavar="IMAGE[:TAG]@sha256:HEX")
@click.option(
    "--length", metavar="N", type=click.IntRange(min=1), required=True, help="The length of the image's manifest, or index, in bytes."
)
@click.option("--as", "name", metavar="NAME", help="The target's name. Default: the tag, or latest.")
@options.dry_run
@options.writes
@options.unlocks
@options.timeout(60)
@options.json
@click.pass_obj
def sign_image_command(
    output: Output, /, *, image: str, length: int, name: str | None, dry_run: bool, place: Place, unlocking: Unlocking, seconds: float
) -> None:
    """Sign a container image by its digest.

    That is the digest of its manifest, or of a multi-platform index; `trustpress resolve TAG` gives it back, verified. For
    repositories made by `trustpress init --external-targets`.

    \b
    Examples:
      trustpress sign-image registry.example.com/acme/api:1.2@sha256:HEX --length 1234
      docker buildx imagetools inspect --raw IMAGE | wc -c      # tells the length
      docker pull registry.example.com/acme/api@$(trustpress resolve 1.2)
    """
    from trustpress_uploader.staging.artifacts import describe_elsewhere, parse_image

    repository, tag, digest = parse_image(image)
    entry = describe_elsewhere(name or tag, digest, length, {"image": repository})
    _sign_elsewhere(output, _open_desk(output, place, unlocking, seconds), {name or tag: entry}, dry_run=dry_run)


@click.command("remove")
@click.argument("names", nargs=-1, required=True)
@options.dry_run
@options.writes
@options.unlocks
@options.timeout(60)
@options.json
@click.pass_obj
def remove_command(output: Output, /, *, names: tuple[str, ...], dry_run: bool, place: Place, unlocking: Unlocking, seconds: float) -> None:
    """Take targets out of what is published.

    Clients no longer accept files under NAMES, whichever role lists them.

    \b
    Example:
      trustpress remove releases/1.1/app.tar.gz
    """
    _remove(output, _open_desk(output, place, unlocking, seconds), names, dry_run=dry_run)


@click.command("revoke")
@click.argument("names", nargs=-1)
@click.option("--all", "is_all", is_flag=True, help="Every target of the repository.")
@options.yes
@options.writes
@options.unlocks
@options.timeout(60)
@options.json
@click.pass_obj
def revoke_command(
    output: Output, /, *, names: tuple[str, ...], is_all: bool, yes: bool, place: Place, unlocking: Unlocking, seconds: float
) -> None:
    """Remove targets, one or all, after asking.

    \b
    Examples:
      trustpress revoke releases/1.1/app.tar.gz
      trustpress revoke --all --yes
    """
    if is_all == bool(names):
        raise click.UsageError("Give either NAMES or --all.")
    desk = _open_desk(output, place, unlocking, seconds)
    chosen = _all_names(desk) if is_all else names
    what = f"revoke {'all ' if is_all else ''}{len(chosen)} target{'s' if len(chosen) != 1 else ''} of {desk.repository.name}"
    output.require_yes(what, yes=yes)
    _remove(output, desk, chosen, dry_run=False)


@click.command("renew")
@click.argument("rolenames", metavar="[ROLES]...", nargs=-1)
@click.option(
    "--version",
    metavar="N",
    type=click.IntRange(min=1),
    help="Sign one role as this version, which a recovery after a loss asked for; says what it last said here.",
)
@options.dry_run
@options.writes
@options.unlocks
@options.timeout(60)
@options.json
@click.pass_obj
def renew_command(
    output: Output,
    /,
    *,
    rolenames: tuple[str, ...],
    version: int | None,
    dry_run: bool,
    place: Place,
    unlocking: Unlocking,
    seconds: float,
) -> None:
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
    desk = _open_desk(output, place, unlocking, seconds)
    expires = desk.now + TARGETS_LIFE
    if version:
        _renew_after_loss(output, desk, rolenames[0], version, expires, dry_run=dry_run)
        return
    chosen = rolenames or _roles_at_hand(desk)
    outcome = _publish(output, desk, lambda roles: renewed(roles, chosen, expires), dry_run=dry_run)
    outcomes.show(output, desk.repository, outcome, {"renewed": list(chosen)}, f"{write_names(chosen)} good until {expires:%Y-%m-%d}.")


def _open_desk(output: Output, place: Place, unlocking: Unlocking, seconds: float) -> "Desk":
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.reading.published import known_root
    from trustpress_uploader.reading.report import ROOT_SOON

    home, now = open_home(), options.clock()
    repository = place.open(home, output)
    days = (known_root(repository).signed.expires - now).days
    if days < ROOT_SOON:
        output.note(f"Warning: root {'has expired' if days < 0 else f'expires in {days} days'}; renew it with `trustpress root renew`.")
    return options.open_desk(output, repository, unlocking.keyring(home.keystore), seconds, now=now)


def _renew_after_loss(output: Output, desk: "Desk", rolename: str, version: int, expires: "datetime", *, dry_run: bool) -> None:
    from trustpress_uploader.errors import NotVerified
    from trustpress_uploader.plans.renewal import RenewalAfterLoss
    from trustpress_uploader.reading.published import after_loss, check_is_current, last_seen

    plan = RenewalAfterLoss(rolename, version, expires, last_seen(desk.repository, rolename))
    try:
        check_is_current(desk.repository, desk.now)
        outcome = _publish(output, desk, plan, dry_run=dry_run)
    except NotVerified:
        # What is left is older than what was seen here. (Where nothing is left, snapshot lists what was seen, and this machine has it.)
        with after_loss(desk.repository, desk.now) as view:
            outcome = _publish(output, replace(desk, repository=view), plan, dry_run=dry_run)
    line = f"{rolename} says what its version {plan.base} said." if plan.base else "That was done before."
    outcomes.show(output, desk.repository, outcome, {"renewed": [rolename], "said_by_version": plan.base or None}, line)


def _keeps_targets_elsewhere(desk: "Desk") -> bool:
    from trustpress_uploader.reading.published import refresh

    return refresh(desk.repository).root.signed.policy.external_targets


def _sign_elsewhere(output: Output, desk: "Desk", entries: "Mapping[str, TargetFile]", *, dry_run: bool) -> None:
    from trustpress_uploader.errors import NotPossible
    from trustpress_uploader.pushing.desk import Files

    if not _keeps_targets_elsewhere(desk):
        raise NotPossible(
            f"{desk.repository.name} keeps the files that it lists",
            "Push the file itself, or make a repository for things kept elsewhere: `trustpress init --external-targets`.",
        )
    _publish_entries(output, desk, entries, Files(), dry_run=dry_run)


def _publish_entries(output: Output, desk: "Desk", entries: "Mapping[str, TargetFile]", files: "Files", *, dry_run: bool) -> None:
    from trustpress.core import layout
    from trustpress_uploader.plans.plan import TARGETS_LIFE
    from trustpress_uploader.plans.routing import add_targets

    outcome = _publish(output, desk, add_targets(entries, desk.keyring, desk.now + TARGETS_LIFE), files, dry_run=dry_run)
    url, name = desk.repository.connection.url, desk.repository.name
    targets: dict[str, dict[str, Any]] = {path: dict(entry) for path, entry in entries.items()}
    for artifact in files.artifacts:
        sha256 = entries[artifact.targetpath]["hashes"]["sha256"]
        targets[artifact.targetpath]["url"] = f"{url}/{layout.target(name, artifact.targetpath, sha256)}"
    lines = [f"  {path}  {target.get('url') or 'sha256:' + target['hashes']['sha256']}" for path, target in targets.items()]
    outcomes.show(output, desk.repository, outcome, {"targets": targets}, *lines)


def _remove(output: Output, desk: "Desk", names: Sequence[str], *, dry_run: bool) -> None:
    from trustpress_uploader.plans.plan import TARGETS_LIFE
    from trustpress_uploader.plans.routing import remove_targets

    outcome = _publish(output, desk, remove_targets(names, desk.now + TARGETS_LIFE), dry_run=dry_run)
    outcomes.show(output, desk.repository, outcome, {"removed": sorted(names)}, f"Removed {write_names(names)}.")


def _publish(output: Output, desk: "Desk", plan: "Plan", files: "Files | None" = None, *, dry_run: bool) -> "Outcome":
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


def _all_names(desk: "Desk") -> list[str]:
    from trustpress_uploader.reading.published import refresh
    from trustpress_uploader.reading.roles import Roles

    roles = Roles(desk.repository, refresh(desk.repository))
    return sorted({path for _, document in roles.all() for path in document.signed.targets.targetpaths()})


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
