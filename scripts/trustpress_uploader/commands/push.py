"""The commands that publish files and what is kept elsewhere: push, sign, sign-image."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from trustpress_uploader.commands import options, outcomes, publishing
from trustpress_uploader.commands.publishing import Session
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress.core.entries import TargetFile
    from trustpress_uploader.pushing.desk import Desk, Files


@click.command("push")
@click.argument("files", nargs=-1, required=True)
@click.option("--as", "name", metavar="NAME", help="Publish under this name; with a slash at its end, everything below it.")
@click.option("--custom", "custom", metavar="K=V", multiple=True, help="Say this of the files as well. May be given several times.")
@options.dry_run
@publishing.publishes()
def push_command(session: Session, /, *, files: tuple[str, ...], name: str | None, custom: tuple[str, ...], dry_run: bool) -> None:
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
    desk = session.open_desk(warns=True)
    is_external = _keeps_targets_elsewhere(desk)
    check_lengths([] if is_external else artifacts)
    entries = describe_artifacts(artifacts, values, desk.show)
    _publish_entries(session.output, desk, entries, Files([] if is_external else artifacts, entries), dry_run=dry_run)


@click.command("sign")
@click.argument("name")
@click.option("--digest", metavar="sha256:HEX", required=True, help="The hash of the file.")
@click.option("--length", metavar="N", type=click.IntRange(min=0), required=True, help="Its length in bytes.")
@click.option("--custom", "custom", metavar="K=V", multiple=True, help="Say this of it as well. May be given several times.")
@options.dry_run
@publishing.publishes()
def sign_command(session: Session, /, *, name: str, digest: str, length: int, custom: tuple[str, ...], dry_run: bool) -> None:
    """Sign something that is kept elsewhere, by hash and length.

    For repositories made by `trustpress init --external-targets`, where Trustpress lists files and keeps none.

    \b
    Example:
      trustpress sign firmware-1.2.bin --digest sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824 --length 5
    """
    from trustpress_uploader.staging.artifacts import describe_elsewhere, parse_custom

    entry = describe_elsewhere(name, digest, length, parse_custom(custom))
    _sign_elsewhere(session.output, session.open_desk(warns=True), {name: entry}, dry_run=dry_run)


@click.command("sign-image")
@click.argument("image", metavar="IMAGE[:TAG]@sha256:HEX")
@click.option(
    "--length", metavar="N", type=click.IntRange(min=1), required=True, help="The length of the image's manifest, or index, in bytes."
)
@click.option("--as", "name", metavar="NAME", help="The target's name. Default: the tag, or latest.")
@options.dry_run
@publishing.publishes()
def sign_image_command(session: Session, /, *, image: str, length: int, name: str | None, dry_run: bool) -> None:
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
    _sign_elsewhere(session.output, session.open_desk(warns=True), {name or tag: entry}, dry_run=dry_run)


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

    outcome = publishing.publish(output, desk, add_targets(entries, desk.keyring, desk.now + TARGETS_LIFE), files, dry_run=dry_run)
    url, name = desk.repository.connection.url, desk.repository.name
    targets: dict[str, dict[str, Any]] = {path: dict(entry) for path, entry in entries.items()}
    for artifact in files.artifacts:
        sha256 = entries[artifact.targetpath]["hashes"]["sha256"]
        targets[artifact.targetpath]["url"] = f"{url}/{layout.target(name, artifact.targetpath, sha256)}"
    lines = [f"  {path}  {target.get('url') or 'sha256:' + target['hashes']['sha256']}" for path, target in targets.items()]
    outcomes.show(output, desk.repository, outcome, {"targets": targets}, *lines)
