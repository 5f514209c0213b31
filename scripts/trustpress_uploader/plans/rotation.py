"""Changes of keys, as steps in which every client verifies at every instant. Nothing here publishes."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from trustpress.core import trust
from trustpress.core.keys import PublicKey
from trustpress_uploader.changes.change import Change, compose_change, name_repository
from trustpress_uploader.errors import NoSuchKey, NotPossible
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.keys.keyring import Keyring
from trustpress_uploader.keys.passphrases import Passphrase, purpose_of
from trustpress_uploader.keys.private_keys import PrivateKey
from trustpress_uploader.plans import root_editor
from trustpress_uploader.plans.creation import ROOT_LIFE
from trustpress_uploader.plans.plan import TARGETS_LIFE, renewed
from trustpress_uploader.plans.targets_editor import Signed, next_version
from trustpress_uploader.plans.way_back import Dropped, keep_standing
from trustpress_uploader.reading.history import earlier_version
from trustpress_uploader.reading.published import Trusted
from trustpress_uploader.reading.roles import Roles

RootEdit = Callable[[Signed], Signed]


@dataclass(frozen=True)
class Steps:
    """What a change of root starts from, and the keys that are at hand for it.

    What is found on the way: keys that were `made`, delegations that are `dropped`, and `notes` for who is asked.
    """

    repository: KnownRepository
    trusted: Trusted
    roles: Roles
    keyring: Keyring
    now: datetime
    made: list[tuple[PrivateKey, Passphrase]] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def keep_made_keys(self) -> None:
        """Write the new keys: before anything that they have signed is uploaded, and after somebody said yes."""
        for key, passphrase in self.made:
            self.keyring.keystore.add(key, passphrase)

    def roots(self, *edits: RootEdit) -> list[Signed]:
        """A root for each edit, one after the other."""
        signed, roots = self.trusted.root.members(), []
        for edit in edits:
            signed = edit(root_editor.next_root(signed, self.now + ROOT_LIFE))
            roots.append(signed)
        return roots

    def find_key(self, text: str) -> PublicKey:
        return self.keyring.find_public_key(text)

    def new_key(self, rolename: str, text: str | None) -> PublicKey:
        """The key that is named, or one that is made now. Asks for its passphrase."""
        if text:
            return self.find_key(text)
        passphrase = self.keyring.passphrases.choose(purpose_of(rolename))
        key = PrivateKey.generate()
        self.made.append((key, passphrase))
        self.keyring.add(key)
        return key.public_key

    def listed_key(self, rolename: str, prefix: str | None) -> str:
        """The keyid that begins so among those that root lists; without a prefix the only one, or the only one at hand.

        Raises NoSuchKey or NotPossible.
        """
        role_keys = self.trusted.root.signed.roles[rolename]
        if prefix:
            found = [keyid for keyid in role_keys.keys if keyid.startswith(prefix)]
            if len(found) != 1:
                raise NoSuchKey(prefix, found)
            return found[0]
        candidates = list(role_keys.keys) if len(role_keys.keys) == 1 else self.keyring.held(role_keys)
        if len(candidates) != 1:
            raise NotPossible(
                f"{rolename} has {len(role_keys.keys)} keys, of which {len(candidates)} are at hand",
                "Name the one to drop by --drop KEYID.",
            )
        return candidates[0]


def add_key(steps: Steps, rolename: str, key: PublicKey) -> Change:
    return _one_root(steps, lambda root: root_editor.add_key(root, rolename, key))


def remove_key(steps: Steps, rolename: str, prefix: str) -> Change:
    keyid = steps.listed_key(rolename, prefix)
    return _one_root(steps, lambda root: root_editor.remove_key(root, rolename, keyid))


def set_threshold(steps: Steps, rolename: str, threshold: int) -> Change:
    """Where targets has fewer signatures than that, it goes before the root, for all of their holders to sign."""
    (root,) = steps.roots(lambda root: root_editor.set_threshold(root, rolename, threshold))
    asked = replace(steps.trusted.root.signed.roles[rolename], threshold=threshold)
    if rolename == "root" or trust.is_signed_by(steps.roles.newest(), asked):
        return _compose(steps, {"root": root})
    return _compose(steps, renewed(steps.roles, ["targets"], steps.now + TARGETS_LIFE), {"root": root})


def renew_root(steps: Steps) -> Change:
    return _one_root(steps, lambda root: root)


def rotate_root(steps: Steps, key: str | None, dropped: str | None) -> Change:
    """One root, signed by the keys of both: clients go from one to the next (specification 5.3.4)."""
    return _one_root(steps, _replacement(steps, "root", key, dropped))


def rotate_tagging(steps: Steps, key: str | None, dropped: str | None) -> Change:
    """Root lists both keys; then, with targets signed by the new one, root drops the old one."""
    keyid = steps.listed_key("targets", dropped)
    new = steps.new_key("targets", key)
    both, one = steps.roots(
        lambda root: root_editor.add_key(root, "targets", new), lambda root: root_editor.remove_key(root, "targets", keyid)
    )
    return _compose(steps, {"root": both}, {"root": one})


def replace_lost(steps: Steps, key: str | None, dropped: str | None) -> Change:
    """As a rotation. What the lost key has signed stays valid until the new one has signed it: nobody is left without."""
    return rotate_tagging(steps, key, dropped)


def replace_stolen(steps: Steps, key: str | None, dropped: str | None, as_of: int | None) -> Change:
    """Root and re-signed targets in one step. Clients with the new root and a cached timestamp fail until it expires.

    With `as_of` targets says what that version said. Delegations that stand by the stolen key go. Raises NotPublished or
    NotVerified if there is no such version.
    """
    stolen = steps.trusted.root.signed.roles["targets"].keys[steps.listed_key("targets", dropped)]
    # From what snapshot lists: the thief may show, or have left behind, a later version that nobody has published.
    base = listed = steps.roles.listed()
    if as_of:
        earlier = earlier_version(steps.repository, steps.trusted, steps.roles, "targets", as_of)
        base = earlier.document
        steps.notes.append(earlier.evidence)
    else:
        steps.notes.append("Is anything of this not yours? Answer no, and name the last version of targets that is: --as-of VERSION.")
    signed, fallen = keep_standing(base, steps.roles, {stolen.material})
    steps.dropped.extend(fallen)
    (root,) = steps.roots(_replacement(steps, "targets", key, stolen.keyid))
    # Signed with it: else whoever finds a root and targets that wait could bring them together in one step.
    root = root_editor.at_once(root)
    targets = next_version(signed | {"version": listed.signed.version}, steps.now + TARGETS_LIFE)
    return _compose(steps, {"root": root, "targets": targets})


def rotate_online(steps: Steps, ask_for_online_key: Callable[[Collection[str]], PublicKey]) -> Change:
    """Root lists the repository's next online key for snapshot and timestamp, and no other. Raises what asking for it does."""
    roles = steps.trusted.root.signed.roles
    new = ask_for_online_key({*roles["snapshot"].keys, *roles["timestamp"].keys})
    return _one_root(steps, lambda root: root_editor.replace_keys(root_editor.replace_keys(root, "snapshot", [new]), "timestamp", [new]))


def _replacement(steps: Steps, rolename: str, key: str | None, dropped: str | None) -> RootEdit:
    keyid = steps.listed_key(rolename, dropped)
    new = steps.new_key(rolename, key)
    return lambda root: root_editor.remove_key(root_editor.add_key(root, rolename, new), rolename, keyid)


def _one_root(steps: Steps, edit: RootEdit) -> Change:
    return _compose(steps, *({"root": root} for root in steps.roots(edit)))


def _compose(steps: Steps, *drafts: Mapping[str, Signed]) -> Change:
    return compose_change(*(name_repository(steps.repository.name, draft) for draft in drafts))
