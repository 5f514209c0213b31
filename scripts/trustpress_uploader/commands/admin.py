"""`trustpress admin`: what the operator of a deployment does by hand."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from trustpress_uploader.commands import options
from trustpress_uploader.terminal.output import Output

_STACK = click.option(
    "--stack",
    metavar="NAME",
    default="trustpress",
    show_default=True,
    envvar="TRUSTPRESS_STACK",
    show_envvar=True,
    help="The deployment's CloudFormation stack.",
)


@click.group("admin")
def admin_command() -> None:
    """Administer a deployment: recover, replace its master secret, expire, try again what failed.

    For the operator of a deployment, with AWS credentials that its AdministratorPolicyArn covers; no key is needed.
    """


@admin_command.command("recover")
@click.argument("repository")
@_STACK
@click.option("--first-root", metavar="SHA256", help="The SHA-256 of a 1.root.json that you trust, if the register is gone too.")
@options.yes
@options.json
@click.pass_obj
def recover(output: Output, /, *, repository: str, stack: str, first_root: str | None, yes: bool) -> None:
    """Recover a repository that has lost something, or has junk in its way.

    Hides what verifies for nobody, brings back what is left in the buckets, and publishes it with numbers that no client has seen.
    What only its owner can sign again is listed, and the exit code is 1.

    \b
    Examples:
      trustpress admin recover acme/api
      trustpress admin recover acme/api --yes --json
    """
    from trustpress_uploader.admin import operations
    from trustpress_uploader.admin.stack import Deployment

    output.require_yes(f"move every number of {repository} past those that clients have seen", yes=yes)
    recovered = operations.recover(Deployment(stack), repository, first_root)
    output.result(recovered, *_recovered_lines(recovered))
    if recovered["to_sign"]:
        click.get_current_context().exit(1)


def _recovered_lines(recovered: Mapping[str, Any]) -> Iterator[str]:
    from trustpress_uploader.admin import answers
    from trustpress_uploader.terminal.output import write_versions

    yield f"Recovered {recovered['repository']}: {write_versions(recovered['release'])}."
    yield from (f"  hid {key}" for key in recovered["hidden"])
    yield from (f"  brought back {key}" for key in recovered["brought_back"])
    if recovered["to_sign"]:
        yield "To be signed again by whoever holds the key, with `trustpress renew ROLE --version N`:"
    for role in recovered["to_sign"]:
        left = f"version {role['available']} is left" if role["available"] else "none is left"
        yield f"  {role['rolename']} {role['next']}: clients have seen version {role['seen']}, {left}"
    if recovered["note"]:
        yield recovered["note"]
    yield from answers.others(recovered, answers.RECOVERED)


@admin_command.command("expire")
@click.argument("repository")
@_STACK
@options.dry_run
@options.yes
@options.json
@click.pass_obj
def expire(output: Output, /, *, repository: str, stack: str, dry_run: bool, yes: bool) -> None:
    """Have S3 forget metadata that no client asks for any more.

    Lists superseded metadata and snapshots without a timestamp that are older than any client may go by, then asks. What any
    valid timestamp leads to stays, roots and target files always do. What is marked can be had back for a month.

    \b
    Examples:
      trustpress admin expire acme/api --dry-run
      trustpress admin expire acme/api --yes --json
    """
    from trustpress_uploader.admin import answers, operations
    from trustpress_uploader.admin.stack import Deployment
    from trustpress_uploader.terminal.tables import show_garbage

    deployment = Deployment(stack)
    listed = operations.expire(deployment, repository, dry_run=True)
    if dry_run or not listed["objects"]:
        output.table(listed, show_garbage)
        return
    if not output.as_json:
        show_garbage(listed)
    output.require_yes(f"expire {len(listed['objects']):,} objects of {repository}", yes=yes)
    done = operations.expire(deployment, repository, dry_run=False)
    left = done["count"] - len(done["objects"])
    output.result(
        done,
        f"Marked: {len(done['objects']):,}, {done['bytes']:,} bytes. S3 hides them with its next daily run, and keeps them for another "
        "30 days.",
        *([f"{left:,} more can go: run the same command again."] if left else []),
        *answers.others(done, answers.EXPIRED),
    )


@admin_command.command("new-master")
@_STACK
@options.yes
@options.json
@click.pass_obj
def new_master(output: Output, /, *, stack: str, yes: bool) -> None:
    """The way back after a break-in: a new master secret for every online key.

    Whoever broke into publish, refresh or recover holds the old one. Mend the break-in first. Then every repository is shown its
    key under the new master, every owner signs one root with `trustpress online-key rotate`, `trustpress admin masters` tells who
    has not, and `trustpress admin drop-master` ends the old one. No redeployment is needed.

    \b
    Example:
      trustpress admin new-master
    """
    from trustpress_uploader.admin import operations
    from trustpress_uploader.admin.stack import Deployment

    output.require_yes("make a new master secret: every owner will have to sign a root", yes=yes)
    deployment = Deployment(stack)
    operations.new_master(deployment)
    with output.show_waiting("Showing repositories their keys") as say:
        found = operations.survey_masters(deployment, say)
    output.result(
        found,
        f"Master {found['master']} is in use, and every repository is shown its key under it.",
        "Each owner runs `trustpress online-key rotate` now; `trustpress admin masters` tells who has not.",
    )


@admin_command.command("masters")
@_STACK
@options.json
@click.pass_obj
def masters(output: Output, /, *, stack: str) -> None:
    """Tell which repositories do not list their key under the master secret in use.

    Each is shown its key, for its owner to list it with `trustpress online-key rotate`. The exit code is 1 while there are any.

    \b
    Examples:
      trustpress admin masters
      trustpress admin masters --json
    """
    from trustpress_uploader.admin import operations
    from trustpress_uploader.admin.stack import Deployment

    with output.show_waiting("Looking at repositories") as say:
        found = operations.survey_masters(Deployment(stack), say)
    left = found["behind_count"] + found["broken_count"]
    output.result(
        found,
        f"{found['seen'] - left:,} of {found['seen']:,} repositories list their key under master {found['master']}.",
        *(f"  {name}: its owner has to run `trustpress online-key rotate`" for name in found["behind"]),
        *(f"  {name}: what is published does not verify; see `trustpress admin recover`" for name in found["broken"]),
    )
    if left:
        click.get_current_context().exit(1)


@admin_command.command("drop-master")
@click.argument("number", metavar="N", type=click.IntRange(min=1))
@_STACK
@options.yes
@options.json
@click.pass_obj
def drop_master(output: Output, /, *, number: int, stack: str, yes: bool) -> None:
    """Derive no online key from a former master secret any more.

    Refused while a repository lists a key of it: nothing of that one could be signed. It cannot be taken back.

    \b
    Example:
      trustpress admin drop-master 1
    """
    from trustpress_uploader.admin import operations
    from trustpress_uploader.admin.stack import Deployment

    output.require_yes(f"drop master {number} for good", yes=yes)
    answer = operations.drop_master(Deployment(stack), number)
    output.result(answer, f"Dropped master {number}. All {answer['seen']:,} repositories list keys of master {answer['master']}.")


@admin_command.command("redrive")
@_STACK
@options.dry_run
@options.json
@click.pass_obj
def redrive(output: Output, /, *, stack: str, dry_run: bool) -> None:
    """Try again what failed five times: move the dead-letter queue's messages back.

    Mend first what made them fail; the publish function's log says it. With --dry-run they are only counted.

    \b
    Examples:
      trustpress admin redrive --dry-run
      trustpress admin redrive --stack trustpress-staging
    """
    from trustpress_uploader.admin import operations
    from trustpress_uploader.admin.stack import Deployment
    from trustpress_uploader.terminal.tables import show_dead_letters

    deployment = Deployment(stack)
    dead_letters = deployment.queue("DeadLetters")
    messages = operations.look_into(dead_letters) if dry_run else operations.redrive(dead_letters, deployment.queue("Uploads"))
    repositories = operations.count_by_repository(messages)
    output.table({"messages": len(messages), "moved": not dry_run, "repositories": repositories}, show_dead_letters)
