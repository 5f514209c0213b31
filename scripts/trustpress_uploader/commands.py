"""The commands of `trustpress`. Thin: each reads its options, calls one use case and prints what came of it.

What a command needs is imported inside it: `trustpress --help` answers at once.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustpress.errors import TrustpressError
from trustpress_uploader import options
from trustpress_uploader.errors import AlreadyThere, NoReceipt, UnusableFile
from trustpress_uploader.options import Place
from trustpress_uploader.output import Output, write_versions

if TYPE_CHECKING:
    from trustpress_uploader.publishing import TargetsPublisher
    from trustpress_uploader.settings import Home, KnownRepository
    from trustpress_uploader.staging import Staging

_FAILED, _NO_RECEIPT, _INTERRUPTED = 1, 3, 130

_EXIT_CODES = "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no receipt in time, 130 interrupted."


class _Commands(click.Group):
    """Foreseeable faults end in a code, a message and a hint, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        output = ctx.ensure_object(Output)
        try:
            return super().invoke(ctx)
        except TrustpressError as error:
            output.error(error)
            ctx.exit(_NO_RECEIPT if isinstance(error, NoReceipt) else _FAILED)
        except BrokenPipeError:
            raise
        except OSError as error:
            output.error(UnusableFile(error.filename or "file", error.strerror or str(error)))
            ctx.exit(_FAILED)
        except (KeyboardInterrupt, click.Abort):
            click.echo("\nInterrupted. Nothing is half published: the same command finishes what was begun.", err=True)
            ctx.exit(_INTERRUPTED)


@click.group(cls=_Commands, epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="trustpress")
def main() -> None:
    """Publish files with TUF trust metadata, and fetch them verified.

    Keys and pinned roots are kept in ~/.trustpress, or TRUSTPRESS_HOME. Without a terminal, passphrases are read from
    TRUSTPRESS_ROOT_PASSPHRASE and TRUSTPRESS_TAGGING_PASSPHRASE. AWS credentials come from the usual places.
    """


@main.command()
@options.placed("repository", "url", "staging", "bucket_owner")
@click.option("--external-targets", is_flag=True, help="List length and hash of files that are kept elsewhere, and store none.")
@options.timeout
@options.json
@click.pass_obj
def init(output: Output, /, place: Place, external_targets: bool, seconds: float) -> None:
    """Make a repository: its two keys, its root, its first targets.

    Asks for two passphrases, each typed twice. The offline key signs root and is needed about once a year: move its file
    to a safe place. The tagging key signs every push. Run it again to finish an init that was interrupted.

    \b
    Example:
      trustpress init -r acme/api --url https://d111111abcdef8.cloudfront.net --staging BUCKET
    """
    from trustpress_uploader.publishing import create_repository, publish_first
    from trustpress_uploader.settings import open_home

    if not place.repository:
        raise click.UsageError("--repository is missing: a new repository needs a name, such as acme/api.")
    home = open_home()
    known = home.find(place.repository)
    if known is None:
        if not place.url or not place.staging:
            raise click.UsageError("--url and --staging are missing: both are outputs of the deployment.")
        known = create_repository(home, place.repository, place.connection(), _now(), external_targets=external_targets)
    elif known.first_upload.exists():
        output.note(f"Finishing the init of {known.name} that was interrupted.")
    else:
        raise AlreadyThere(known.name)
    keyids = _note_keys(output, home, known)
    receipt = publish_first(home, known, _open_staging(known), seconds)
    versions = {**receipt.roles, **receipt.release}
    output.result(
        {"repository": known.name, "url": known.base_url, "versions": versions, "keyids": keyids},
        f"Published {known.name}: {write_versions(versions)}.",
        f"Clients fetch from {known.base_url}/ and start from {known.folder / 'root.json'}.",
    )


@main.command()
@click.argument("files", nargs=-1, required=True, type=options.FILE)
@click.option("--as", "targetpath", metavar="NAME", help="Publish a single file under this name. Default: its file name.")
@options.writes
@options.timeout
@options.json
@click.pass_obj
def push(output: Output, /, files: tuple[Path, ...], targetpath: str | None, place: Place, seconds: float) -> None:
    """Sign, upload and publish FILES.

    Signs with the tagging key and waits for the publisher's receipt. Files become visible together with their signature,
    or not at all. Whatever interrupts it, run the same command again.

    \b
    Examples:
      trustpress push app.tar.gz
      trustpress push build/app.tar.gz --as releases/1.2/app.tar.gz
      trustpress push -r acme/api dist/*.whl --json
    """
    from trustpress.core import layout
    from trustpress_uploader.artifacts import name_artifacts

    if targetpath and len(files) > 1:
        raise click.UsageError("--as names one file.")
    artifacts = name_artifacts(files, targetpath)
    repository, publisher = _open_publisher(output, place, seconds)
    publication = publisher.push(artifacts)
    targets = {}
    for name, entry in publication.entries(artifact.targetpath for artifact in artifacts).items():
        key = layout.target(repository.name, name, entry["hashes"]["sha256"])
        targets[name] = {**entry, "url": f"{repository.connection.url}/{key}"}
    output.result(
        {"repository": repository.name, "versions": publication.versions, "targets": targets},
        f"Published {repository.name}: {write_versions(publication.versions)}.",
        *(f"  {name}  {target['url']}" for name, target in targets.items()),
    )


@main.command()
@click.argument("names", nargs=-1, required=True)
@options.writes
@options.timeout
@options.json
@click.pass_obj
def remove(output: Output, /, names: tuple[str, ...], place: Place, seconds: float) -> None:
    """Take targets out of what is published.

    Clients no longer accept files under NAMES.

    \b
    Example:
      trustpress remove releases/1.1/app.tar.gz
    """
    repository, publisher = _open_publisher(output, place, seconds)
    publication = publisher.remove(names)
    output.result(
        {"repository": repository.name, "versions": publication.versions, "removed": sorted(names)},
        f"Published {repository.name}: {write_versions(publication.versions)}, without {', '.join(names)}.",
    )


@main.command()
@options.reads
@options.json
@click.pass_obj
def inspect(output: Output, /, place: Place) -> None:
    """Show what clients verify now.

    Prints roles, versions, days left, and targets. Works without AWS credentials, and shows expired metadata too.

    \b
    Examples:
      trustpress inspect
      trustpress inspect -r acme/api --json
    """
    from trustpress_uploader.published import refresh
    from trustpress_uploader.report import describe
    from trustpress_uploader.settings import open_home

    repository = place.open(open_home(), output)
    output.description(describe(repository, refresh(repository), _now()))


@main.command()
@click.argument("name")
@click.option("-o", "--output", "path", type=click.Path(path_type=Path), help="Where to write it. Default: here, under its own name.")
@options.reads
@options.json
@click.pass_obj
def pull(output: Output, /, name: str, path: Path | None, place: Place) -> None:
    """Fetch the target NAME, verified.

    python-tuf's client verifies it, from the pinned root on. Works without AWS credentials. A machine that does not know
    the repository yet is given its root once, as a file that you obtained in a way you trust; it is never fetched and
    believed.

    \b
    Examples:
      trustpress pull app.tar.gz
      trustpress pull app.tar.gz -r acme/api --url https://d111111abcdef8.cloudfront.net --root root.json
    """
    from trustpress_uploader.published import download
    from trustpress_uploader.settings import open_home

    path = path or Path()
    if path.is_dir():
        path /= name.rpartition("/")[2]
    repository = place.open(open_home(), output)
    length = download(repository, name, path, output.show)
    output.result(
        {"repository": repository.name, "name": name, "path": str(path), "length": length},
        f"Verified {name}: {length:,} bytes, in {path}.",
    )


def _open_publisher(output: Output, place: Place, seconds: float) -> "tuple[KnownRepository, TargetsPublisher]":
    from trustpress_uploader.publishing import TargetsPublisher
    from trustpress_uploader.settings import open_home

    home = open_home()
    repository = place.open(home, output)
    staging = _open_staging(repository)
    return repository, TargetsPublisher(repository, home.keystore, staging, now=_now(), seconds=seconds, show=output.show)


def _open_staging(repository: "KnownRepository") -> "Staging":
    from trustpress_uploader.staging import Staging

    if not repository.connection.staging:
        raise click.UsageError(f"--staging is missing: this machine has only read {repository.name} so far.")
    return Staging(repository.connection.staging, repository.connection.bucket_owner, repository.name)


def _note_keys(output: Output, home: "Home", repository: "KnownRepository") -> dict[str, list[str]]:
    """Tell which keys root lists, and where the private ones are."""
    from trustpress.core.parse import parse_root

    keyids = {rolename: list(role.keys) for rolename, role in parse_root(repository.pinned_root()).signed.roles.items()}
    for name, rolename in (("Offline", "root"), ("Tagging", "targets")):
        output.note(f"{name} key {keyids[rolename][0]}\n  in {home.keystore.folder}")
    output.note(f"Online keys {' '.join(dict.fromkeys(keyids['snapshot'] + keyids['timestamp']))}\n  of the deployment")
    return keyids


def _now() -> datetime:
    """Read once per command."""
    return datetime.now(UTC)  # noqa: TID251, this is the command line's clock
