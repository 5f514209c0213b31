"""Options that several commands share, and what they mean together: a repository, keys, a desk to work at."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from trustpress_uploader.errors import UnknownRepository
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress_uploader.home.folder import Connection, Home, KnownRepository
    from trustpress_uploader.keys.keyring import Keyring
    from trustpress_uploader.keys.keystore import Keystore
    from trustpress_uploader.keys.passphrases import Passphrases
    from trustpress_uploader.pushing.desk import Desk
    from trustpress_uploader.staging.uploads import Staging

Command = Callable[..., Any]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PATH = click.Path(path_type=Path)

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
    "root_hash": click.option(
        "--root-hash",
        metavar="SHA256",
        envvar="TRUSTPRESS_ROOT_HASH",
        show_envvar=True,
        help="The SHA-256 of 1.root.json, for a repository new to this machine.",
    ),
    "trust_on_first_use": click.option(
        "--trust-on-first-use", is_flag=True, help="Believe the first root that the server shows, if this machine knows none."
    ),
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
    root_hash: str | None = None
    trust_on_first_use: bool = False
    staging: str | None = None
    bucket_owner: str | None = None

    def connection(self) -> "Connection":
        """Raises UnknownRepository if `url` is none."""
        from trustpress_uploader.home.folder import Connection, check_url

        if not self.url:
            raise UnknownRepository("this machine does not know the repository, and --url is missing")
        return Connection(check_url(self.url), self.staging, self.bucket_owner)

    def open(self, home: "Home", output: Output) -> "KnownRepository":
        """The repository; it is pinned now if this machine does not know it and is told how. Raises UnknownRepository."""
        from trustpress_uploader.home import pinning

        name = self.repository or home.only_name()
        known = home.find(name)
        if known is None:
            return self._add(home, name, output)
        if self.root and not pinning.is_same_root(pinning.read_root(self.root), known.pinned_root()):
            raise UnknownRepository(f"{self.root} is not the root that is pinned for {name}")
        if self.root_hash and not known.is_pin_incomplete and pinning.has_another_hash(known.pinned_root(), self.root_hash):
            raise UnknownRepository(f"{self.root_hash} is not the SHA-256 of the root that is pinned for {name}")
        return self.at(known)

    def _add(self, home: "Home", name: str, output: Output) -> "KnownRepository":
        from trustpress_uploader.home import pinning
        from trustpress_uploader.home.folder import is_private
        from trustpress_uploader.reading.first_root import fetch_first_root

        if not self.url or not (self.root or self.root_hash or self.trust_on_first_use):
            raise UnknownRepository(f"this machine does not know {name}")
        connection = self.connection()
        if self.root:
            root, how = pinning.check_root(pinning.read_root(self.root), str(self.root)), f"to {self.root}"
        else:
            if not self.root_hash and not is_private(connection.url):
                raise UnknownRepository(f"{connection.url}: expected https, where a root is to be believed on first use")
            root, sha256 = fetch_first_root(connection.url, name, self.root_hash)
            how = "which has the hash you gave" if self.root_hash else f"believed on first use; its owner can tell its SHA-256: {sha256}"
        output.say(f"Pinning the first root of {name}, {how}.")
        return home.add(name, connection, root)

    def at(self, known: "KnownRepository") -> "KnownRepository":
        """A known repository, where the options say it lives."""
        given = dataclasses.replace(self, url=self.url or known.connection.url).connection()
        staging, bucket_owner = given.staging or known.connection.staging, given.bucket_owner or known.connection.bucket_owner
        return dataclasses.replace(known, connection=dataclasses.replace(given, staging=staging, bucket_owner=bucket_owner))


@dataclass(frozen=True)
class Unlocking:
    """How keys are opened in this run."""

    signers: tuple[str, ...] = ()
    passphrase_files: tuple[str, ...] = ()
    allow_weak: bool = False

    def passphrases(self) -> "Passphrases":
        """Raises click.BadParameter for a purpose that there is not."""
        from trustpress_uploader.keys.passphrases import Passphrases, Purpose

        files: dict[Purpose | None, Path] = {}
        purposes = {purpose.short: purpose for purpose in Purpose}
        for text in self.passphrase_files:
            short, separator, path = text.partition("=")
            if separator and short not in purposes:
                raise click.BadParameter(f"expected FILE or one of {', '.join(f'{name}=FILE' for name in purposes)}, found {text}")
            files[purposes[short] if separator else None] = Path(path if separator else text)
        return Passphrases(files, self.allow_weak)

    def keyring(self, keystore: "Keystore") -> "Keyring":
        from trustpress_uploader.keys.keyring import Keyring

        is_typed = click.get_current_context().get_parameter_source("signers") is ParameterSource.COMMANDLINE
        return Keyring(keystore, self.passphrases(), self.signers, is_each_meant=is_typed)


@dataclass(frozen=True, slots=True)
class Asking:
    """How somebody is asked before something is signed."""

    yes: bool = False
    show_in: Path | None = None


def open_staging(repository: "KnownRepository") -> "Staging":
    from trustpress_uploader.staging.bucket import Bucket
    from trustpress_uploader.staging.uploads import Staging

    if not repository.connection.staging:
        raise click.UsageError(f"--staging is missing: this machine has only read {repository.name} so far.")
    return Staging(Bucket(repository.connection.staging, repository.connection.bucket_owner), repository.name)


def open_desk(
    output: Output,
    repository: "KnownRepository",
    keyring: "Keyring",
    seconds: float,
    *,
    file: Path | None = None,
    now: datetime | None = None,
) -> "Desk":
    """Where changes to a repository are made. `file` is where a change that others have to sign is to travel."""
    from trustpress_uploader.changes.pending import PendingChanges
    from trustpress_uploader.pushing.desk import Desk

    staging = open_staging(repository)
    pending = PendingChanges(repository, staging, file)
    return Desk(repository, keyring, staging, pending, now or clock(), seconds, output.show, output.show_waiting)


def clock() -> datetime:
    """Read once per command."""
    return datetime.now(UTC)  # noqa: TID251, this is the command line's clock


def placed(*names: str) -> Callable[[Command], Command]:
    """Give a command these options, gathered into its argument `place`."""
    return _gathered("place", Place, {name: _OPTIONS[name] for name in names})


def _gathered(argument: str, gather: Callable[..., Any], options: dict[str, Callable[[Command], Command]]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def run(*arguments: Any, **given: Any) -> Any:
            return command(*arguments, **{argument: gather(**{name: given.pop(name) for name in options})}, **given)

        with_options: Command = run
        for option in reversed(options.values()):
            with_options = option(with_options)
        return with_options

    return decorate


def _use_json(context: click.Context, _option: click.Parameter, value: bool) -> None:
    context.ensure_object(Output).as_json |= value


reads = placed("repository", "url", "root", "root_hash", "trust_on_first_use")
writes = placed("repository", "url", "root", "root_hash", "trust_on_first_use", "staging", "bucket_owner")

_SIGNER = click.option(
    "--signer",
    "signers",
    metavar="URI",
    multiple=True,
    envvar="TRUSTPRESS_SIGNER",
    show_envvar=True,
    help="A key that is not in the keystore: file:PATH, awskms:KEY or hsm:ID?label=TOKEN.",
)
_PASSPHRASE_FILE = click.option(
    "--passphrase-file",
    "passphrase_files",
    metavar="[PURPOSE=]FILE",
    multiple=True,
    help="Read a passphrase from the first line of FILE; PURPOSE is root, tagging, delegation, key, new, backup or pin.",
)
_ALLOW_WEAK = click.option("--allow-weak", is_flag=True, help="Take a passphrase of fewer than 12 characters.")

unlocks = _gathered("unlocking", Unlocking, {"signers": _SIGNER, "passphrase_files": _PASSPHRASE_FILE})
opens = _gathered("unlocking", Unlocking, {"passphrase_files": _PASSPHRASE_FILE})
encrypts = _gathered("unlocking", Unlocking, {"passphrase_files": _PASSPHRASE_FILE, "allow_weak": _ALLOW_WEAK})
makes_keys = _gathered("unlocking", Unlocking, {"signers": _SIGNER, "passphrase_files": _PASSPHRASE_FILE, "allow_weak": _ALLOW_WEAK})

json = click.option("--json", is_flag=True, expose_value=False, callback=_use_json, help="Print one JSON document instead of text.")
yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
_SHOW_IN = click.option(
    "--show-in",
    "show_in",
    metavar="FILE",
    type=PATH,
    help="Write all that is to be signed into FILE, line by line, where the screen has counts.",
)
asks = _gathered("asking", Asking, {"yes": yes, "show_in": _SHOW_IN})
as_of = click.option(
    "--as-of",
    "as_of",
    metavar="VERSION",
    type=click.IntRange(min=1),
    help="Sign what this earlier version said, without what was added since.",
)
dry_run = click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
travels = click.option(
    "--file",
    "file",
    metavar="FILE",
    type=PATH,
    help="Where the change goes if other holders have to sign it. Default: the staging bucket.",
)
content_trust = click.option(
    "--disable-content-trust",
    "is_trust_disabled",
    is_flag=True,
    help="Do not verify, this once. TRUSTPRESS_CONTENT_TRUST=0 says the same.",
)


def timeout(seconds: int) -> Callable[[Command], Command]:
    """How long the command waits for a receipt."""
    return click.option(
        "--timeout",
        "seconds",
        metavar="SECONDS",
        type=click.FloatRange(min=0),
        default=seconds,
        show_default=True,
        help="How long to wait for the receipt.",
    )
