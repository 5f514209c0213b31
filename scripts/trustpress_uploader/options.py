"""Options that several commands share, and the repository that they mean together."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustpress.errors import Rejected
from trustpress_uploader.errors import UnknownRepository, UnusableFile
from trustpress_uploader.output import Output

if TYPE_CHECKING:
    from trustpress_uploader.settings import Connection, Home, KnownRepository

Command = Callable[..., Any]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_OPTIONS = {
    "repository": click.option(
        "-r",
        "--repository",
        metavar="NAME",
        envvar="TRUSTPRESS_REPOSITORY",
        show_envvar=True,
        help="The repository, such as acme/api. Default: the only one this machine knows.",
    ),
    "url": click.option(
        "--url",
        envvar="TRUSTPRESS_URL",
        show_envvar=True,
        help="Where clients fetch from, such as https://d111111abcdef8.cloudfront.net.",
    ),
    "root": click.option("--root", metavar="FILE", type=FILE, help="A root.json you trust, for a repository new to this machine."),
    "staging": click.option(
        "--staging", metavar="BUCKET", envvar="TRUSTPRESS_STAGING", show_envvar=True, help="The deployment's staging bucket."
    ),
    "bucket_owner": click.option("--bucket-owner", metavar="ACCOUNT", help="The AWS account that must own the staging bucket."),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Which repository is meant and where it lives. What is not given was remembered when it became known."""

    repository: str | None = None
    url: str | None = None
    root: Path | None = None
    staging: str | None = None
    bucket_owner: str | None = None

    def connection(self) -> "Connection":
        """Raises UnknownRepository if `url` is none."""
        from trustpress_uploader.settings import Connection, check_url

        return Connection(check_url(self.url or ""), self.staging, self.bucket_owner)

    def open(self, home: "Home", output: Output) -> "KnownRepository":
        """The repository; it is pinned now if this machine does not know it and a root is given. Raises UnknownRepository."""
        name = self.repository or home.only_name()
        known = home.find(name)
        if known is None:
            if not self.url or not self.root:
                raise UnknownRepository(f"this machine does not know {name}")
            root = _read_root(self.root)
            output.note(f"Pinning the root of {name} to {self.root}.")
            return home.add(name, self.connection(), root)
        if self.root and self.root.read_bytes() != known.pinned_root():
            raise UnknownRepository(f"{self.root} is not the root that is pinned for {name}")
        given = dataclasses.replace(self, url=self.url or known.connection.url).connection()
        staging, bucket_owner = given.staging or known.connection.staging, given.bucket_owner or known.connection.bucket_owner
        return dataclasses.replace(known, connection=dataclasses.replace(given, staging=staging, bucket_owner=bucket_owner))


def _read_root(path: Path) -> bytes:
    """The bytes of a file that is a root and signs itself: nothing else is ever pinned. Raises UnusableFile."""
    from trustpress.core.parse import parse_root
    from trustpress.core.trust import is_signed_by

    body = path.read_bytes()
    try:
        root = parse_root(body)
    except Rejected as error:
        raise UnusableFile(str(path), f"not a root: {error}") from error
    if not is_signed_by(root, root.signed.roles["root"]):
        raise UnusableFile(str(path), "not a root that its own keys have signed")
    return body


def placed(*names: str) -> Callable[[Command], Command]:
    """Give a command these options, gathered into its argument `place`."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(*arguments: Any, **options: Any) -> Any:
            return command(*arguments, place=Place(**{name: options.pop(name) for name in names}), **options)

        for name in reversed(names):
            run = _OPTIONS[name](run)
        return run

    return decorate


def _use_json(context: click.Context, _option: click.Parameter, value: bool) -> None:
    context.ensure_object(Output).as_json |= value


reads = placed("repository", "url", "root")
writes = placed("repository", "url", "root", "staging", "bucket_owner")

json = click.option("--json", is_flag=True, expose_value=False, callback=_use_json, help="Print one JSON document instead of text.")
timeout = click.option(
    "--timeout",
    "seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=60,
    show_default=True,
    help="How long to wait for the receipt.",
)
