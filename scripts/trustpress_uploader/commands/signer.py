"""The commands that delegate: signer, bins."""

from typing import TYPE_CHECKING

import click

from trustpress_uploader.commands import options, outcomes, publishing
from trustpress_uploader.commands.options import Asking, Place
from trustpress_uploader.commands.publishing import Session
from trustpress_uploader.commands.vouching import Offers, Vouching
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress.core.keys import PublicKey
    from trustpress_uploader.changes.change import Change
    from trustpress_uploader.home.folder import KnownRepository
    from trustpress_uploader.keys.keyring import Keyring
    from trustpress_uploader.reading.history import Earlier

_KEY = click.option(
    "--key", "keys", metavar="KEY", multiple=True, required=True, help="A key: keyid, public key file or URI. One a holder."
)
_THRESHOLD = click.option(
    "--threshold", metavar="M", type=click.IntRange(min=1), default=1, show_default=True, help="How many of them sign."
)


@click.group("signer")
def signer_command() -> None:
    """Signers: people and build systems with keys and paths of their own.

    A signer is a delegated role. Signed with the tagging key. A role comes with its first version, signed by its own key: if
    that key is not at hand, the change waits until its holder runs `trustpress change sign`.
    """


@signer_command.command("add")
@click.argument("name")
@_KEY
@click.option("--paths", "paths", metavar="PATTERN", multiple=True, required=True, help="What the signer may sign, such as 'releases/*'.")
@click.option("--terminating", is_flag=True, help="Clients that look for such a path ask nobody behind this signer.")
@_THRESHOLD
@options.travels
@publishing.publishes()
def add_signer(session: Session, /, *, name: str, keys: tuple[str, ...], paths: tuple[str, ...], terminating: bool, threshold: int) -> None:
    """Let NAME sign targets below some paths.

    A pattern's * and ? do not cross a slash.

    \b
    Examples:
      trustpress signer add alice --key alice.pub --paths 'releases/*'
      trustpress signer add ci --key awskms:alias/ci --paths 'nightly/*' --paths 'nightly/*/*'
    """
    from trustpress_uploader.plans import signers
    from trustpress_uploader.plans.plan import TARGETS_LIFE
    from trustpress_uploader.pushing.publishing import RolesPublisher

    desk = session.open_desk()
    role_keys = signers.role_keys([desk.keyring.find_public_key(key) for key in keys], threshold)
    plan = signers.add_signer(name, role_keys, paths, desk.now + TARGETS_LIFE, terminating=terminating)
    outcome = RolesPublisher(desk).publish(plan, signed_elsewhere=[name])
    outcomes.show(session.output, desk.repository, outcome, {"signer": name}, f"{name} signs {', '.join(paths)}.")


@signer_command.command("rotate")
@click.argument("name")
@_KEY
@_THRESHOLD
@options.as_of
@options.asks
@options.travels
@publishing.publishes()
def rotate_signer(session: Session, /, *, name: str, keys: tuple[str, ...], threshold: int, as_of: int | None, asking: Asking) -> None:
    """Replace the keys of NAME by these.

    The delegation and the role signed anew become visible together: clients notice nothing. All that is signed once more is shown
    first. If the old key was stolen, look for what the thief has added; --as-of signs what an earlier version of NAME said.

    \b
    Examples:
      trustpress signer rotate alice --key alice-2027.pub
      trustpress signer rotate alice --key alice-2027.pub --as-of 12
    """
    from trustpress_uploader.plans import signers
    from trustpress_uploader.plans.plan import TARGETS_LIFE
    from trustpress_uploader.pushing.publishing import RolesPublisher

    desk, notes = session.open_desk(), list[str]()
    role_keys = signers.role_keys([desk.keyring.find_public_key(key) for key in keys], threshold)
    plan = signers.SignerRotation(name, role_keys, desk.now + TARGETS_LIFE)
    if as_of:
        earlier = _find_earlier(desk.repository, name, as_of)
        plan.base = earlier.document
        notes.append(earlier.evidence)
    vouching = Vouching(session.output, desk.repository, asking)

    def vouch(change: "Change") -> None:
        offers = Offers(desk.repository, plan.dropped)
        vouching(change, [*notes, *offers.notes])
        offers.write_keys()

    outcome = RolesPublisher(desk).publish(plan, signed_elsewhere=[name], vouch=vouch)
    offers = Offers(desk.repository, plan.dropped)
    value, line = {"signer": name, "offers": offers.commands}, f"{name} signs with {', '.join(role_keys.keys)}."
    outcomes.show(session.output, desk.repository, outcome, value, line, *offers.notes)


def _find_earlier(repository: "KnownRepository", rolename: str, version: int) -> "Earlier":
    from trustpress_uploader.reading.history import earlier_version
    from trustpress_uploader.reading.published import refresh
    from trustpress_uploader.reading.roles import Roles

    trusted = refresh(repository)
    return earlier_version(repository, trusted, Roles(repository, trusted), rolename, version)


@signer_command.command("remove")
@click.argument("name")
@options.travels
@publishing.publishes()
def remove_signer(session: Session, /, *, name: str) -> None:
    """Let NAME sign nothing any more. Clients no longer find what only NAME has signed.

    \b
    Example:
      trustpress signer remove alice
    """
    from trustpress_uploader.plans import signers
    from trustpress_uploader.plans.plan import TARGETS_LIFE
    from trustpress_uploader.pushing.publishing import RolesPublisher

    desk = session.open_desk()
    outcome = RolesPublisher(desk).publish(signers.remove_signer(name, desk.now + TARGETS_LIFE))
    outcomes.show(session.output, desk.repository, outcome, {"signer": name}, f"{name} signs nothing any more.")


@signer_command.command("list")
@options.reads
@options.json
@click.pass_obj
def list_signers(output: Output, /, *, place: Place) -> None:
    """Show the signers, their keys, paths and days left."""
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.reading.published import refresh
    from trustpress_uploader.reading.report import describe_signers
    from trustpress_uploader.reading.roles import Roles

    repository = place.open(open_home(), output)
    signers = describe_signers(Roles(repository, refresh(repository)), options.clock())
    lines = [
        f"{name}  {' '.join(signer['paths'])}  {signer['threshold']} of {' '.join(keyid[:8] for keyid in signer['keyids'])}"
        f"  {signer['days_left']} days left"
        for name, signer in signers.items()
    ]
    output.result({"repository": repository.name, "signers": signers}, *(lines or ["No signers: the tagging key signs everything."]))


@click.group("bins")
def bins_command() -> None:
    """Bins: many small roles instead of a large one, for repositories of thousands of files."""


@bins_command.command("init")
@click.option(
    "--bits", metavar="N", type=click.IntRange(min=1, max=14), required=True, help="2^N bins; aim at 1,000 files in each, or fewer."
)
@click.option("--prefix", default="bin", show_default=True, help="What the names of the bins begin with.")
@click.option("--key", metavar="KEY", help="The key that signs the bins: keyid, public key file or URI. Default: a new one.")
@options.yes
@publishing.publishes(options.makes_keys, 300)
def init_bins(session: Session, /, *, bits: int, prefix: str, key: str | None, yes: bool) -> None:
    """Spread all targets over 2^N bins (succinct roles, TAP 15), after asking.

    Pushes then sign the bin that a path's hash falls into, with the bins' own key; the tagging key signs the delegation alone.
    There is no way back to a single role.

    \b
    Example:
      trustpress bins init --bits 8
    """
    from trustpress.core.paths import SuccinctRoles
    from trustpress.errors import Invalid
    from trustpress_uploader.errors import BadPassphrase, NoSigningKey, NotPossible
    from trustpress_uploader.plans import signers
    from trustpress_uploader.plans.plan import TARGETS_LIFE
    from trustpress_uploader.pushing.publishing import RolesPublisher

    desk = session.open_desk()
    what = f"spread the targets of {desk.repository.name} over {1 << bits:,} bins"
    session.output.require_yes(what, yes=yes)
    public_key = desk.keyring.find_public_key(key) if key else _make_key(desk.keyring)
    try:
        plan = signers.begin_bins(SuccinctRoles(bits, prefix), signers.role_keys([public_key], 1), desk.now + TARGETS_LIFE)
        outcome = RolesPublisher(desk).publish(plan)
    except (NotPossible, NoSigningKey, BadPassphrase, Invalid):
        # Nothing was uploaded: nobody needs the new key.
        if not key:
            desk.keyring.keystore.remove(public_key.keyid)
        raise
    top = outcome.showing({"root", "targets", "snapshot", "timestamp"})
    value, line = {"bins": 1 << bits, "keyid": public_key.keyid}, f"{1 << bits:,} bins, signed by {public_key.keyid}."
    outcomes.show(session.output, desk.repository, top, value, line)


def _make_key(keyring: "Keyring") -> "PublicKey":
    """Written before anything that it signs is uploaded."""
    from trustpress_uploader.keys.passphrases import Purpose
    from trustpress_uploader.keys.private_keys import PrivateKey

    passphrase, key = keyring.passphrases.choose(Purpose.DELEGATION), PrivateKey.generate()
    keyring.keystore.add(key, passphrase)
    keyring.add(key)
    return key.public_key
