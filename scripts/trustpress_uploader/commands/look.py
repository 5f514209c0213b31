"""The commands that look at what is published, expired or not: list, inspect, diff, export."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustpress_uploader.commands import options
from trustpress_uploader.commands.options import Place
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress_uploader.home.folder import KnownRepository
    from trustpress_uploader.reading.published import Trusted
    from trustpress_uploader.reading.roles import Roles


@click.command("list")
@click.argument("pattern", default="*")
@options.reads
@options.json
@click.pass_obj
def list_command(output: Output, /, *, pattern: str, place: Place) -> None:
    """List the targets of every role, or those that match PATTERN.

    \b
    Examples:
      trustpress list
      trustpress list 'releases/1.*'
    """
    from fnmatch import fnmatchcase

    from trustpress_uploader.terminal.tables import show_targets

    repository, trusted, roles = _read(output, place)
    found: dict[str, Any] = {}
    for rolename, _ in roles.all():
        for name, entry in roles.entries(rolename).items():
            if fnmatchcase(name, pattern) and name not in found and roles.listing(name)[:1] == [rolename]:
                found[name] = {"role": rolename, **entry}
    output.table({"repository": repository.name, "expired": trusted.expired, "targets": dict(sorted(found.items()))}, show_targets)


@click.command("inspect")
@options.reads
@options.json
@click.pass_obj
def inspect_command(output: Output, /, *, place: Place) -> None:
    """Show what clients verify now.

    Prints roles, keys, versions, days left, and targets. Works without AWS credentials, and shows expired metadata too. With
    --root FILE alone it prints the SHA-256 that this root has as it is published: what operators reserve a name for.

    \b
    Examples:
      trustpress inspect
      trustpress inspect -r acme/api --json
      trustpress inspect --root root.json
    """
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.reading.report import describe
    from trustpress_uploader.terminal.tables import show_repository

    if place.root and not place.url and not (place.repository and open_home().find(place.repository)):
        _show_root(output, place.root)
        return
    repository, trusted, _ = _read(output, place)
    output.table(describe(repository, trusted, options.clock()), show_repository)


def _show_root(output: Output, path: Path) -> None:
    from trustpress.core.parse import parse_root
    from trustpress_uploader.home.pinning import check_root, read_root

    root = parse_root(check_root(read_root(path), str(path)))
    output.result(
        {"file": str(path), "version": root.signed.version, "sha256": root.sha256},
        f"{path}: root {root.signed.version}, SHA-256 as published {root.sha256}",
    )


@click.command("diff")
@click.argument("older", type=click.IntRange(min=1), required=False)
@click.argument("newer", type=click.IntRange(min=1), required=False)
@click.option("--role", "rolename", default="targets", show_default=True, help="The role whose versions are compared.")
@options.reads
@options.json
@click.pass_obj
def diff_command(output: Output, /, *, older: int | None, newer: int | None, rolename: str, place: Place) -> None:
    """Show what changed between two published versions of a role.

    Without numbers, what its newest version changed; with one, what has changed since that.

    \b
    Examples:
      trustpress diff
      trustpress diff 4 7
      trustpress diff 1 --role root
    """
    from trustpress_uploader.changes.words import describe
    from trustpress_uploader.reading.history import two_versions

    repository, trusted, roles = _read(output, place)
    before, after = two_versions(repository, trusted, roles, rolename, older=older, newer=newer)
    lines = describe(rolename, before, after)[1:]
    output.result({"repository": repository.name, "role": rolename, "changes": lines}, *(lines or ["Nothing changed."]))


@click.command("export")
@click.argument("folder", type=options.PATH)
@options.reads
@options.json
@click.pass_obj
def export_command(output: Output, /, *, folder: Path, place: Place) -> None:
    """Write the whole repository as plain files, verified, into FOLDER.

    Any web server can serve them, and any TUF client reads them from there. FOLDER must not exist yet.

    \b
    Example:
      trustpress export ./mirror/acme/api
    """
    from trustpress_uploader.reading.export import export_repository

    repository, trusted, roles = _read(output, place)
    count, length = export_repository(repository, trusted, roles, folder, output.show)
    output.result(
        {"repository": repository.name, "folder": str(folder), "files": count, "length": length},
        f"Exported {repository.name}: {count:,} files, {length:,} bytes, in {folder}.",
    )


def _read(output: Output, place: Place) -> "tuple[KnownRepository, Trusted, Roles]":
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.reading.published import refresh
    from trustpress_uploader.reading.roles import Roles

    repository = place.open(open_home(), output)
    trusted = refresh(repository)
    roles = Roles(repository, trusted)
    if trusted.expired:
        output.note(f"Clients refuse this: {trusted.expired}. `trustpress status` says how to renew it.")
    return repository, trusted, roles
