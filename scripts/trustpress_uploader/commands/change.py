"""`trustpress change`: changes that wait for signatures. `root sign` and `tagging sign` are the same as `change sign`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from trustpress_uploader.commands import options, outcomes
from trustpress_uploader.commands.options import Asking, Place, Unlocking
from trustpress_uploader.commands.vouching import Vouching, find_view
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress_uploader.changes.change import Change
    from trustpress_uploader.home.folder import Home, KnownRepository
    from trustpress_uploader.keys.keyring import Keyring

# Old keys stay listed until no cache holds what only they have signed: twice 200 seconds at the most, and some.
ROTATION_SECONDS = 900


@click.group("change")
def change_command() -> None:
    """Changes that wait for other holders' signatures, or for somebody to finish them."""


@click.command("sign")
@click.argument("change", metavar="[ID|FILE]", required=False)
@click.option("--offline", "is_offline", is_flag=True, help="Sign FILE on a machine without a network; publish nothing.")
@options.asks
@options.writes
@options.unlocks
@options.timeout(ROTATION_SECONDS)
@options.json
@click.pass_obj
def sign_change(
    output: Output, /, *, change: str | None, is_offline: bool, asking: Asking, place: Place, unlocking: Unlocking, seconds: float
) -> None:
    """Sign a change that waits; the last signature that it needs publishes it.

    Shows in words all that the signatures would vouch for, compared with what is published, and asks. Without an argument, the
    change that was begun on this machine, or the only one that waits in the staging bucket. Goes on with a change that was
    interrupted.

    \b
    Examples:
      trustpress root sign
      trustpress root sign change.json
      trustpress root sign change.json --offline --signer file:/media/usb/4b8f7d5e.json
    """

    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.pushing.ceremony import Ceremony

    home, now = open_home(), options.clock()
    file = Path(change) if change and Path(change).is_file() else None
    if is_offline:
        _sign_offline(output, home, place.repository or home.only_name(), file, unlocking, asking=asking)
        return
    repository, keyring = _open(output, home, place), unlocking.keyring(home.keystore)
    vouching = Vouching(output, repository, asking)
    ceremony = Ceremony(options.open_desk(output, repository, keyring, seconds, file=file, now=now), vouching)
    found = ceremony.find(None if file else change)
    vouching(found)
    if not repository.folder.exists():
        _adopt(output, home, repository, keyring, found)
    outcomes.show(output, repository, ceremony.sign(found), {"change": found.id})


change_command.add_command(sign_change)


@change_command.command("list")
@options.writes
@options.json
@click.pass_obj
def list_changes(output: Output, /, *, place: Place) -> None:
    """Show the changes that wait: begun here, and in the staging bucket."""
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.pushing.ceremony import Ceremony

    home = open_home()
    repository = place.open(home, output)
    desk = options.open_desk(output, repository, Unlocking().keyring(home.keystore), 0)
    begun, ids = Ceremony(desk).begun(), desk.pending.ids()
    rows = [*([f"{begun.id}  begun here"] if begun else []), *(f"{found}  waits in the staging bucket" for found in ids)]
    output.result({"repository": repository.name, "begun": begun.id if begun else None, "pending": ids}, *(rows or ["No change waits."]))


@change_command.command("show")
@click.argument("change", metavar="[ID|FILE]", required=False)
@options.writes
@options.json
@click.pass_obj
def show_change(output: Output, /, *, change: str | None, place: Place) -> None:
    """Show in words what a change would do and vouch for, and who has signed it."""
    from trustpress_uploader.changes.vouched import show_change
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.pushing.ceremony import Ceremony

    home = open_home()
    repository = place.open(home, output)
    file = Path(change) if change and Path(change).is_file() else None
    desk = options.open_desk(output, repository, Unlocking().keyring(home.keystore), 0, file=file)
    found = desk.pending.find(None if file else change)
    authority = Ceremony(desk).authority(found)
    needs: list[dict[str, Any]] = [
        {"role": need.draft.rolename, "by": need.whose, "signed_by": sorted(need.signed_by), "threshold": need.role_keys.threshold}
        for need in found.needs(authority)
    ]
    view, warnings = find_view(repository, found)
    lines = [*warnings, *show_change(found, view).full]
    output.result(
        {"repository": repository.name, "change": found.id, "changes": lines, "needs": needs},
        f"Change {found.id}",
        *lines,
        *(f"{need['role']}: {len(need['signed_by'])} of {need['threshold']} signatures that {need['by']} asks for" for need in needs),
    )


@change_command.command("discard")
@click.argument("change", metavar="[ID]", required=False)
@options.yes
@options.writes
@options.json
@click.pass_obj
def discard_change(output: Output, /, *, change: str | None, yes: bool, place: Place) -> None:
    """Drop a change, here and in the staging bucket, after asking. What is published stays."""
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.pushing.ceremony import Ceremony

    home = open_home()
    repository = place.open(home, output)
    desk = options.open_desk(output, repository, Unlocking().keyring(home.keystore), 0)
    pending = desk.pending
    if change is None:
        Ceremony(desk).forget_published()
    found, begun = pending.find_id(change), pending.begun()
    output.require_yes(f"drop the change {found[:8]}", yes=yes)
    pending.forget(found)
    if begun and begun.id == found and begun.first_root and not is_published(repository):
        # A pin of what nobody has published would stand in the way of another beginning.
        home.forget(repository)
    output.result({"repository": repository.name, "change": found}, f"Dropped the change {found[:8]}.")


def is_published(repository: "KnownRepository") -> bool:
    from trustpress_uploader.errors import NotPublished
    from trustpress_uploader.reading.published import refresh

    try:
        refresh(repository)
    except NotPublished:
        return False
    return True


def _open(output: Output, home: "Home", place: Place) -> "KnownRepository":
    """The repository, known here, or told of by these options; a stranger where the change may be its first root."""
    name = place.repository or home.only_name()
    if home.find(name) or place.root or place.root_hash or place.trust_on_first_use:
        return place.open(home, output)
    return home.stranger(name, place.connection())


def _adopt(output: Output, home: "Home", repository: "KnownRepository", keyring: "Keyring", change: "Change") -> None:
    """Pin the first root of a repository that this holder has just agreed to sign. Raises UnknownRepository or NoSigningKey."""
    from trustpress_uploader.errors import UnknownRepository

    root = change.first_root
    if root is None:
        raise UnknownRepository(f"this machine does not know {repository.name}, and the change is not its first root")
    keyring.require("root", root.roles["root"])
    output.note(f"Pinning the first root of {repository.name}, as shown.")
    home.add(repository.name, repository.connection, change.steps[0]["root"].envelope(), change.encode(), complete=False)


def _sign_offline(output: Output, home: "Home", name: str, file: Path | None, unlocking: Unlocking, *, asking: Asking) -> None:
    """Add signatures to a file, by what this machine knows of the repository already. Those it cannot judge stay."""
    from trustpress_uploader.changes.change import Authority
    from trustpress_uploader.changes.pending import read_change
    from trustpress_uploader.disk import replace_file
    from trustpress_uploader.home.folder import Connection
    from trustpress_uploader.reading.published import known_root

    if file is None:
        raise click.UsageError("--offline signs a FILE.")
    repository = home.find(name) or home.stranger(name, Connection(""))
    change, keyring = read_change(file), unlocking.keyring(home.keystore)
    change.verify_repository(name)
    authority = Authority(known_root(repository).signed if repository.folder.exists() else None, _unknown_offline)
    needs = list(change.needs(authority))
    Vouching(output, repository, asking, is_offline=True)(change)
    if not any(keyring.held(need.role_keys) for need in needs):
        raise keyring.missing(needs[0].draft.rolename, needs[0].role_keys)
    signed = change.sign(authority, keyring.signers)
    added = {keyid for _, _, keyid in signed.signatures() - change.signatures()}
    replace_file(file, signed.merge(change).encode())
    output.result(
        {"repository": name, "change": change.id, "signed_by": sorted(added)},
        f"Signed {file} with {', '.join(sorted(added))}." if added else f"{file} had the signatures of the keys at hand already.",
        f"Nothing is published yet: on a machine with a network run `trustpress root sign {file}`.",
    )


def _unknown_offline(rolename: str) -> NoReturn:
    from trustpress_uploader.errors import NotPossible

    raise NotPossible(f"who may sign {rolename} is written in what is published", "Sign this change on a machine with a network.")
