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
    """Administer a deployment: recover, expire, try again what failed.

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
    """Recover a repository after the public bucket has lost something.

    Brings back what is left in the buckets, and publishes it with numbers that no client has seen. What only its owner can sign
    again is listed, and the exit code is 1.

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
