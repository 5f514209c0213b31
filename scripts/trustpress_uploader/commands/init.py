"""`trustpress init`."""

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trustpress_uploader.commands import options, outcomes
from trustpress_uploader.commands.options import Place, Unlocking
from trustpress_uploader.errors import AlreadyThere
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress_uploader.home.folder import Home, KnownRepository


@click.command("init")
@options.placed("repository", "url", "staging", "bucket_owner")
@click.option("--external-targets", is_flag=True, help="List length and hash of files that are kept elsewhere, and store none.")
@click.option(
    "--root-key", "root_keys", metavar="KEY", multiple=True, help="A holder's root key: keyid, public key file or URI. One a holder."
)
@click.option("--root-threshold", metavar="M", type=click.IntRange(min=1), default=1, show_default=True, help="How many holders sign root.")
@click.option("--tagging-key", metavar="KEY", help="Sign pushes with this key instead of a new one: keyid, public key file or URI.")
@options.travels
@options.makes_keys
@options.timeout(60)
@options.json
@click.pass_obj
def init_command(
    output: Output,
    /,
    *,
    place: Place,
    external_targets: bool,
    root_keys: tuple[str, ...],
    root_threshold: int,
    tagging_key: str | None,
    file: Path | None,
    unlocking: Unlocking,
    seconds: float,
) -> None:
    """Make a repository: its keys, its root, its first targets.

    Asks for two passphrases, each typed twice. The offline key signs root and is needed about once a year: move it to a safe
    place with `trustpress key move-offline`. The tagging key signs every push. With --root-key, root is signed by keys of
    several holders, of whom this machine has one; the others sign with `trustpress root sign`, and the last of them
    publishes. Run it again to finish an init that was interrupted.

    \b
    Examples:
      trustpress init -r acme/api --url https://d111111abcdef8.cloudfront.net --staging BUCKET
      trustpress init -r acme/api --url URL --staging BUCKET --root-threshold 2 \\
        --root-key alice.pub --root-key bob.pub --root-key carol.pub
      trustpress init -r acme/api --url URL --staging BUCKET --tagging-key awskms:alias/tagging
    """
    from trustpress_uploader.commands.change import is_published
    from trustpress_uploader.errors import UploadRejected
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.plans.creation import Keys, create_repository
    from trustpress_uploader.pushing.ceremony import Ceremony
    from trustpress_uploader.pushing.online_key import ask_for_online_key
    from trustpress_uploader.staging.bucket import Bucket
    from trustpress_uploader.staging.uploads import Staging

    home, now, name = open_home(), options.clock(), _check_name(place)
    keyring = unlocking.keyring(home.keystore)
    known = _begun(output, home, place, name)
    if known is None:
        keys = Keys(root_keys, root_threshold, tagging_key)
        connection = place.connection()
        staging = Staging(Bucket(connection.staging or "", connection.bucket_owner), name)
        ask = functools.partial(ask_for_online_key, connection.url, staging, frozenset(), seconds, output.show_waiting)
        known = create_repository(home, keyring, name, connection, keys, ask_for_online_key=ask, now=now, external_targets=external_targets)
    keyids = _note_keys(output, home, known)
    desk = options.open_desk(output, known, keyring, seconds, file=file, now=now)
    begun = desk.pending.begun()
    assert begun is not None
    try:
        outcome = Ceremony(desk).sign(begun)
    except UploadRejected:
        # These bytes will never be published: the next `init` starts anew. A receipt alone is no reason to forget a pin.
        if not is_published(known):
            home.forget(known)
        raise
    outcomes.show(
        output,
        known,
        outcome,
        {"url": known.base_url, "keyids": keyids},
        f"Clients fetch from {known.base_url}/ and start from {known.folder / 'root.json'}.",
    )


def _check_name(place: Place) -> str:
    if not place.repository:
        raise click.UsageError("--repository is missing: a new repository needs a name, such as acme/api.")
    return place.repository


def _begun(output: Output, home: "Home", place: Place, name: str) -> "KnownRepository | None":
    """The repository whose init was interrupted, None where it begins now. Raises AlreadyThere."""
    known = home.find(name)
    if known is None:
        if not place.url or not place.staging:
            raise click.UsageError("--url and --staging are missing: both are outputs of the deployment.")
        return None
    if not known.change_file.exists() or not known.is_new:
        raise AlreadyThere(name)
    output.note(f"Finishing the init of {name} that was interrupted.")
    corrected = place.at(known)
    home.remember_connection(corrected)
    return corrected


def _note_keys(output: Output, home: "Home", repository: "KnownRepository") -> dict[str, list[str]]:
    """Tell which keys root lists, and where the private ones are."""
    from trustpress.core.parse import parse_root

    keyids = {rolename: list(role.keys) for rolename, role in parse_root(repository.pinned_root()).signed.roles.items()}
    for name, rolename in (("Offline", "root"), ("Tagging", "targets")):
        for keyid in keyids[rolename]:
            where = home.keystore.folder if home.keystore.held([keyid]) else "its holder's hands"
            output.note(f"{name} key {keyid}", f"  in {where}")
    output.note(f"Online key {keyids['timestamp'][0]}", "  in the deployment, for this repository alone")
    return keyids
