"""`trustpress change`: changes that wait for signatures. `root sign` and `tagging sign` are the same as `change sign`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustpress_uploader import options
from trustpress_uploader.commands import outcomes
from trustpress_uploader.options import Place, Unlocking
from trustpress_uploader.output import Output

if TYPE_CHECKING:
    from trustpress_uploader.changes import Change
    from trustpress_uploader.settings import Home, KnownRepository

_SECONDS = 900


@click.group("change")
def change_command() -> None:
    """Changes that wait for other holders' signatures, or for somebody to finish them."""


@click.command("sign")
@click.argument("change", metavar="[ID|FILE]", required=False)
@click.option("--offline", "is_offline", is_flag=True, help="Sign FILE on a machine without a network; publish nothing.")
@options.yes
@options.writes
@options.unlocks
@options.timeout(_SECONDS)
@options.json
@click.pass_obj
def sign_change(
    output: Output, /, *, change: str | None, is_offline: bool, yes: bool, place: Place, unlocking: Unlocking, seconds: float
) -> None:
    """Sign a change that waits, and publish it if yours was the last signature it needed.

    Shows in words what would change, compared with what is published, and asks. Without an argument, the change that was begun
    on this machine, or the only one that waits in the staging bucket. Goes on with a change that was interrupted.

    \b
    Examples:
      trustpress root sign
      trustpress root sign change.json
      trustpress root sign change.json --offline --signer file:/media/usb/4b8f7d5e.json
    """
    from trustpress_uploader.ceremony import Ceremony
    from trustpress_uploader.pending import PendingChanges
    from trustpress_uploader.settings import open_home

    home, now = open_home(), options.clock()
    name = place.repository or home.only_name()
    known = home.find(name)
    repository = place.open(home, output) if known else home.stranger(name, place.connection())
    file = Path(change) if change and Path(change).is_file() else None
    if is_offline:
        _sign_offline(output, repository, file, unlocking, yes=yes)
        return
    pending = PendingChanges(repository, options.open_staging(repository), file)
    found = pending.find(None if file else change)
    confirm(output, repository, found, yes=yes)
    if known is None:
        repository = _adopt(output, home, repository, found)
    desk = options.open_desk(output, repository, unlocking.keyring(home.keystore), seconds, file=file, now=now)
    outcomes.show(output, repository, Ceremony(desk).sign(found), {"change": found.id})


change_command.add_command(sign_change)


@change_command.command("list")
@options.writes
@options.json
@click.pass_obj
def list_changes(output: Output, /, *, place: Place) -> None:
    """Show the changes that wait: begun here, and in the staging bucket."""
    from trustpress_uploader.pending import PendingChanges
    from trustpress_uploader.settings import open_home

    repository = place.open(open_home(), output)
    pending = PendingChanges(repository, options.open_staging(repository))
    begun, ids = pending.begun(), pending.ids()
    rows = [*([f"{begun.id}  begun here"] if begun else []), *(f"{found}  waits in the staging bucket" for found in ids)]
    output.result({"repository": repository.name, "begun": begun.id if begun else None, "pending": ids}, *(rows or ["No change waits."]))


@change_command.command("show")
@click.argument("change", metavar="[ID|FILE]", required=False)
@options.writes
@options.json
@click.pass_obj
def show_change(output: Output, /, *, change: str | None, place: Place) -> None:
    """Show in words what a change would do, and who has signed it."""
    from trustpress_uploader.ceremony import Ceremony
    from trustpress_uploader.settings import open_home

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
    lines = _words(repository, found, is_offline=False)
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
    from trustpress_uploader.errors import Declined
    from trustpress_uploader.pending import PendingChanges
    from trustpress_uploader.settings import open_home

    repository = place.open(open_home(), output)
    pending = PendingChanges(repository, options.open_staging(repository))
    found = pending.find(change)
    if not yes and not output.confirm(f"Really drop the change {found.id[:8]}?"):
        raise Declined(f"drop the change {found.id[:8]}")
    pending.forget(found)
    output.result({"repository": repository.name, "change": found.id}, f"Dropped the change {found.id[:8]}.")


def confirm(output: Output, repository: "KnownRepository", change: "Change", *, yes: bool, is_offline: bool = False) -> None:
    """Show a change in words, and ask. Raises Declined."""
    from trustpress_uploader.errors import Declined

    output.note("\n".join([f"{repository.name}:", *_words(repository, change, is_offline=is_offline)]))
    if not yes and not output.confirm("Sign this?"):
        raise Declined(f"sign the change {change.id[:8]}")


def _words(repository: "KnownRepository", change: "Change", *, is_offline: bool) -> list[str]:
    """Compared with what is published; without a network, with what this machine has verified last."""
    from trustpress_uploader.editor import read_signed
    from trustpress_uploader.errors import NotPublished
    from trustpress_uploader.published import known_root, refresh
    from trustpress_uploader.roles import Roles
    from trustpress_uploader.words import describe_change

    if not repository.folder.exists():
        return describe_change(change, lambda _: None)
    if is_offline:
        root = read_signed(known_root(repository))
        return describe_change(change, lambda rolename: root if rolename == "root" else None)
    try:
        trusted = refresh(repository)
    except NotPublished:
        return describe_change(change, lambda _: None)
    roles = Roles(repository, trusted)

    def published(rolename: str) -> Any:
        if rolename == "root":
            return read_signed(trusted.root)
        return read_signed(roles.newest(rolename)) if roles.role_keys(rolename) else None

    return describe_change(change, published)


def _adopt(output: Output, home: "Home", repository: "KnownRepository", change: "Change") -> "KnownRepository":
    """Pin the first root of a repository that this holder has just agreed to sign. Raises UnknownRepository."""
    from trustpress_uploader.errors import UnknownRepository

    root = change.steps[0].get("root")
    if root is None or root.document.signed.version != 1:
        raise UnknownRepository(f"this machine does not know {repository.name}, and the change is not its first root")
    output.note(f"Pinning the first root of {repository.name}, as shown.")
    return home.add(repository.name, repository.connection, root.envelope(), change.encode(), complete=False)


def _sign_offline(output: Output, repository: "KnownRepository", file: Path | None, unlocking: Unlocking, *, yes: bool) -> None:
    """Add signatures to a file, by what this machine knows of the repository already."""
    from trustpress_uploader.changes import Authority
    from trustpress_uploader.pending import read_change
    from trustpress_uploader.published import known_root
    from trustpress_uploader.settings import open_home, replace_file

    if file is None:
        raise click.UsageError("--offline signs a FILE.")
    change, home = read_change(file), open_home()
    authority = Authority(known_root(repository).signed if repository.folder.exists() else None)
    confirm(output, repository, change, yes=yes, is_offline=True)
    signed = change.sign(authority, unlocking.keyring(home.keystore).signers)
    added = signed.count(authority) - change.count(authority)
    replace_file(file, signed.encode())
    output.result(
        {"repository": repository.name, "change": change.id, "signatures_added": added},
        f"Added {added} signature{'s' if added != 1 else ''} to {file}.",
        f"Nothing is published yet: on a machine with a network run `trustpress root sign {file}`.",
    )
