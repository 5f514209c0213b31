"""The commands that change root: root, tagging, recover, online-key."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from trustpress_uploader.commands import options, outcomes, publishing
from trustpress_uploader.commands.change import ROTATION_SECONDS, sign_change
from trustpress_uploader.commands.options import Asking
from trustpress_uploader.commands.publishing import Decorator, Session
from trustpress_uploader.commands.vouching import Offers, Vouching

if TYPE_CHECKING:
    from trustpress_uploader.changes.change import Change
    from trustpress_uploader.plans.rotation import Steps


def _changes(unlocking: Decorator) -> Decorator:
    """The options of every command that changes root."""
    publishes = publishing.publishes(unlocking, ROTATION_SECONDS, travels=True)
    return lambda command: options.asks(publishes(command))


@click.group("root")
def root_command() -> None:
    """Root: who may sign what. Signed by offline keys.

    A change is shown in words before it is signed. If more holders have to sign, it waits for them in the staging bucket, or in
    a file that travels (--file); each signs on their own machine, and the last one publishes. Whatever interrupts a change,
    `trustpress change sign` goes on with it.
    """


@click.group("tagging")
def tagging_command() -> None:
    """The tagging keys, which sign every push.

    Root lists them, so these commands are signed with the offline key.
    """


root_command.add_command(sign_change, "sign")
tagging_command.add_command(sign_change, "sign")


def _add_key_command(group: click.Group, rolename: str, words: str) -> None:
    @group.command("add-key")
    @click.argument("key", metavar="KEY")
    @_changes(options.unlocks)
    def add_key(session: Session, /, *, key: str, asking: Asking) -> None:
        from trustpress_uploader.plans import rotation

        _change(session, lambda steps: rotation.add_key(steps, rolename, steps.find_key(key)), asking=asking)

    add_key.help = f"""List another {words} key: a keyid, a public key file or a URI.

    \b
    Example:
      trustpress {group.name} add-key bob.pub
    """


def _remove_key_command(group: click.Group, rolename: str, words: str) -> None:
    @group.command("remove-key")
    @click.argument("keyid")
    @_changes(options.unlocks)
    def remove_key(session: Session, /, *, keyid: str, asking: Asking) -> None:
        from trustpress_uploader.plans import rotation

        _change(session, lambda steps: rotation.remove_key(steps, rolename, keyid), asking=asking)

    remove_key.help = f"""List a {words} key no longer.

    \b
    Example:
      trustpress {group.name} remove-key 4b8f7d5e
    """


def _set_threshold_command(group: click.Group, rolename: str, words: str) -> None:
    @group.command("set-threshold")
    @click.argument("threshold", metavar="M", type=click.IntRange(min=1))
    @_changes(options.unlocks)
    def set_threshold(session: Session, /, *, threshold: int, asking: Asking) -> None:
        from trustpress_uploader.plans import rotation

        _change(session, lambda steps: rotation.set_threshold(steps, rolename, threshold), asking=asking)

    set_threshold.help = f"""Ask for signatures by M {words} keys.

    \b
    Example:
      trustpress {group.name} set-threshold 2
    """


for _group, _rolename, _words in ((root_command, "root", "root"), (tagging_command, "targets", "tagging")):
    _add_key_command(_group, _rolename, _words)
    _remove_key_command(_group, _rolename, _words)
    _set_threshold_command(_group, _rolename, _words)


@root_command.command("rotate")
@click.option("--key", metavar="KEY", help="The new key: keyid, public key file or URI. Default: a new one is made.")
@click.option("--drop", "dropped", metavar="KEYID", help="The key it replaces. Default: the one that is at hand.")
@_changes(options.makes_keys)
def rotate_root(session: Session, /, *, key: str | None, dropped: str | None, asking: Asking) -> None:
    """Replace a root key by another one.

    Signed by the old and the new key. Clients follow by themselves.

    \b
    Examples:
      trustpress root rotate
      trustpress root rotate --drop 4b8f7d5e --key carol.pub
    """
    from trustpress_uploader.plans import rotation

    _change(session, lambda steps: rotation.rotate_root(steps, key, dropped), asking=asking)


@root_command.command("renew")
@_changes(options.unlocks)
def renew_root(session: Session, /, *, asking: Asking) -> None:
    """Sign root again, unchanged, for another year. Works when it has expired already.

    \b
    Example:
      trustpress root renew --signer file:/media/usb/4b8f7d5e.json
    """
    from trustpress_uploader.plans import rotation

    _change(session, rotation.renew_root, asking=asking)


@tagging_command.command("rotate")
@click.option("--key", metavar="KEY", help="The new key: keyid, public key file or URI. Default: a new one is made.")
@click.option("--drop", "dropped", metavar="KEYID", help="The key it replaces. Default: the one that is at hand.")
@_changes(options.makes_keys)
def rotate_tagging(session: Session, /, *, key: str | None, dropped: str | None, asking: Asking) -> None:
    """Replace a tagging key without one failed refresh.

    Root lists both keys, targets is signed by both, and the last root drops the old one when no cache needs it any more: some
    minutes. The command waits; interrupted, `trustpress change sign` goes on.

    \b
    Examples:
      trustpress tagging rotate
      trustpress tagging rotate --key awskms:alias/tagging
    """
    from trustpress_uploader.plans import rotation

    _change(session, lambda steps: rotation.rotate_tagging(steps, key, dropped), asking=asking)


@click.command("recover")
@click.option("--key", metavar="KEY", help="The new key: keyid, public key file or URI. Default: a new one is made.")
@click.option("--drop", "dropped", metavar="KEYID", help="The key that is lost. Default: the only one.")
@click.option("--stolen", "is_stolen", is_flag=True, help="Drop the old key at once. Clients behind caches may fail for some seconds.")
@options.as_of
@_changes(options.makes_keys)
def recover_command(
    session: Session, /, *, key: str | None, dropped: str | None, is_stolen: bool, as_of: int | None, asking: Asking
) -> None:
    """The tagging key is lost, or stolen: a new one, through root.

    A lost key stays listed until what the new one has signed is everywhere: some minutes, and clients notice nothing. With
    --stolen, root and targets change in one step: the thief's signatures are worthless at once.

    Whatever targets lists and delegates to is signed once more. All of it is shown first, with what the delegated roles list: look
    for what the thief has added, answer no, and run the command again with --as-of and the last version of targets that is yours.
    Delegations that stand by a stolen or replaced key are dropped, and the commands that make them anew are printed.

    \b
    Examples:
      trustpress recover
      trustpress recover --stolen --show-in kept.txt
      trustpress recover --stolen --as-of 41
    """
    from trustpress_uploader.plans import rotation

    if as_of and not is_stolen:
        raise click.UsageError("--as-of is for a stolen key: add --stolen.")
    if is_stolen:
        _change(session, lambda steps: rotation.replace_stolen(steps, key, dropped, as_of), asking=asking)
    else:
        _change(session, lambda steps: rotation.replace_lost(steps, key, dropped), asking=asking)


@click.group("online-key")
def online_key_command() -> None:
    """The online key, which signs snapshots and timestamps of this repository alone."""


@online_key_command.command("rotate")
@_changes(options.unlocks)
def rotate_online(session: Session, /, *, asking: Asking) -> None:
    """Replace the online key by the next one.

    The publisher shows it, and root lists it. The new root shows once every release that a cache may hold is signed by both
    keys: some minutes, for which the command waits. After a break-in at the deployment an administrator makes a new master
    secret first (`trustpress admin new-master`): the next key is derived from that one then.

    \b
    Example:
      trustpress online-key rotate
    """
    from trustpress_uploader.plans import rotation
    from trustpress_uploader.pushing.online_key import ask_for_online_key

    def make(steps: "Steps") -> "Change":
        url, staging = steps.repository.connection.url, options.open_staging(steps.repository)
        return rotation.rotate_online(
            steps, lambda listed: ask_for_online_key(url, staging, listed, session.seconds, session.output.show_waiting)
        )

    _change(session, make, asking=asking)


def _change(session: Session, make: Callable[["Steps"], "Change"], *, asking: Asking) -> None:
    """Compose a change, show it, sign it, and publish it or leave it for the other holders."""
    from trustpress_uploader.plans.rotation import Steps
    from trustpress_uploader.pushing.ceremony import Ceremony
    from trustpress_uploader.reading.published import refresh
    from trustpress_uploader.reading.roles import Roles

    desk = session.open_desk()
    vouching = Vouching(session.output, desk.repository, asking)
    ceremony = Ceremony(desk, vouching)
    ceremony.check_free()
    trusted = refresh(desk.repository)
    steps = Steps(desk.repository, trusted, Roles(desk.repository, trusted), desk.keyring, desk.now)
    change = make(steps)
    ceremony.check(change)
    offers = Offers(desk.repository, steps.dropped)
    vouching(change, [*steps.notes, *offers.notes])
    steps.keep_made_keys()
    offers.write_keys()
    value = {"change": change.id, "offers": offers.commands}
    outcomes.show(session.output, desk.repository, ceremony.sign(change), value, *offers.notes)
