"""Changes of root, and whatever else several holders sign: begun by one, signed by others, published by the last.

A change of keys may take several steps, so that every client verifies at every instant: root lists old and new keys, what
the old ones have signed is signed by the new ones, and the last root drops the old. All roots of a change are signed in
one ceremony. Interrupted at any point, the same change goes on where it was.
"""

import time
from dataclasses import dataclass, replace
from typing import NoReturn

from trustpress.core import layout, tree, trust
from trustpress.core.metadata import Document, Root, Targets
from trustpress.core.parse import MAX_TARGETS_LENGTH, parse_uploadable
from trustpress_uploader.changes.change import Authority, Change, Draft, Need, Step
from trustpress_uploader.errors import Declined, NotPossible, NotPublished, StaleChange, Unreachable, UploadRejected
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.plans.plan import TARGETS_LIFE, renewed
from trustpress_uploader.pushing.desk import Desk, Outcome, Vouch
from trustpress_uploader.pushing.publishing import SOMEBODY_WAS_FIRST, RolesPublisher
from trustpress_uploader.reading.first_root import complete_pin
from trustpress_uploader.reading.published import Trusted, refresh
from trustpress_uploader.reading.roles import Roles
from trustpress_uploader.reading.web import fetch

_PAUSE = 0.5


def _decline(_change: Change) -> NoReturn:
    raise Declined("sign what nobody was shown")


@dataclass(frozen=True)
class Ceremony:
    """`vouch` is asked of targets that have to be signed for a root, and that were made after the change was agreed to.

    Where nobody can be asked, nothing is signed.
    """

    desk: Desk
    vouch: Vouch = _decline

    def check_free(self) -> None:
        """Raises NotPossible if a change that was begun here is unfinished; one that was overtaken is dropped."""
        begun = self.desk.pending.begun()
        if begun and not self._is_overtaken(begun) and not self._is_finished(begun):
            raise NotPossible(
                f"the change {begun.id[:8]} of this repository is not finished",
                "Go on with it by `trustpress change sign`, or drop it by `trustpress change discard`.",
            )
        if begun:
            self.desk.pending.forget(begun.id)

    def begun(self) -> Change | None:
        """The change that was begun here and that clients do not see yet; one that was overtaken stays until it is dropped."""
        begun = self.desk.pending.begun()
        return begun if begun and (self._is_overtaken(begun) or not self._is_finished(begun)) else None

    def forget_published(self) -> None:
        """A change that was begun here and that clients see by now is nobody's to drop."""
        begun = self.desk.pending.begun()
        if begun and self.begun() is None:
            self.desk.pending.forget(begun.id)

    def find(self, change_id: str | None) -> Change:
        """The change that is meant; one that was begun here and finished by others gives way to one that waits."""
        pending = self.desk.pending
        found, begun = pending.find(change_id), pending.begun()
        is_begun = begun is not None and begun.id == found.id
        if change_id is None and is_begun and {*pending.ids()} - {found.id} and self._is_finished(found):
            pending.forget(found.id)
            return pending.find(None)
        return found

    def sign(self, change: Change) -> Outcome:
        """Add the signatures of the keys at hand, then publish, or pass on. Raises NoSigningKey where none is at hand."""
        if self._is_finished(change):
            self.desk.pending.forget(change.id)
            return Outcome(change.versions(), change_id=change.id, note="others have published this change already")
        self.check(change)
        self._open_new_keys(change)
        authority = self.authority(change)
        signed = change.sign(authority, self.desk.keyring.signers)
        lacking = [need for need in signed.needs(authority) if need.lacking]
        if lacking and not any(self.desk.keyring.held(need.role_keys) for need in signed.needs(authority)):
            raise self.desk.keyring.missing(lacking[0].draft.rolename, lacking[0].role_keys)
        self.desk.keyring.check_named()
        self.desk.pending.remember(signed)
        if lacking:
            shared, place = self.desk.pending.share(signed)
            signed = shared.cleaned(authority)
            lacking = [need for need in signed.needs(authority) if need.lacking]
            if lacking:
                return Outcome(lacking=lacking, place=place, change_id=signed.id)
        return self.publish(signed)

    def check(self, change: Change) -> None:
        """Before anything is signed: all of it is of this repository, and no root makes a delegated role's key a top-level one.

        Raises ForeignRepository or BadRoot.
        """
        change.verify_repository(self.desk.repository.name)
        published = self._published(change)
        former = published.root if published else None
        for root in change.roots:
            if published and former and root.version > published.root.version:
                tree.verify_no_delegated_keys(former, root, published.roles.delegating())
            former = root

    def _open_new_keys(self, change: Change) -> None:
        """Before the first step: a new tagging key that does not open here stops the change half-way, and every push after it.

        Raises BadPassphrase, BadKeyFile or RemoteKeyFailed.
        """
        published = self._published(change)
        for root in change.roots if published else ():
            targets = root.roles["targets"]
            if published and targets.keys.keys() - published.root.roles["targets"].keys.keys():
                self.desk.keyring.signers("targets", targets)

    def publish(self, change: Change) -> Outcome:
        """Publish the steps of a change that are not published yet. Raises StaleChange, UploadRejected or NoReceipt."""
        outcome = Outcome()
        for step in change.steps:
            try:
                outcome = self._publish_step(change, step, outcome)
            except UploadRejected as error:
                if error.code not in SOMEBODY_WAS_FIRST:
                    raise
                # Perhaps with the same step, and the signatures of others.
                outcome = self._publish_step(change, step, outcome)
            if outcome.lacking:
                return replace(outcome, change_id=change.id)
            self._see(step)
        self.desk.pending.forget(change.id)
        # The pin is the file that is handed out to others.
        complete_pin(self.desk.repository)
        return replace(outcome, change_id=change.id)

    def _publish_step(self, change: Change, step: Step, outcome: Outcome) -> Outcome:
        published = self._published(change)
        if published:
            step = published.step(step)
            if published.is_behind(step):
                return outcome
            if "root" in step:
                outcome = outcome.including(self._prepare(change, step, published))
                if outcome.lacking:
                    return outcome
        # What is published already is uploaded all the same: that finishes a publish that crashed half-way.
        return outcome.after(self.desk.upload(step))

    def authority(self, change: Change) -> Authority:
        published = self._published(change)
        return Authority(published.root, published.roles.role_keys) if published else Authority(None)

    def _published(self, change: Change) -> "Published | None":
        """None where this change begins the repository."""
        try:
            return Published(self.desk.repository, refresh(self.desk.repository))
        except NotPublished:
            if change.first_root:
                return None
            raise

    def _is_finished(self, change: Change) -> bool:
        """Whether clients see all of it. Raises StaleChange."""
        published = self._published(change)
        return published is not None and published.shows(change)

    def _is_overtaken(self, change: Change) -> bool:
        """Whether it can never be published any more."""
        try:
            self._is_finished(change)
        except StaleChange:
            return True
        return False

    def _prepare(self, change: Change, step: Step, published: "Published") -> Outcome:
        """Have targets signed by keys that the next root lists, where it is not. Raises Declined.

        Where others have to, what they lack is in the outcome, and the change waits for them.
        """
        root = step["root"].document.signed
        assert isinstance(root, Root)
        outcome = Outcome()
        if "targets" in step or published.has_targets_signed_for(root):
            return outcome
        if self.desk.keyring.held(published.root.roles["targets"]):
            expires = self.desk.now + TARGETS_LIFE
            outcome = RolesPublisher(self.desk).publish(lambda roles: renewed(roles, ["targets"], expires), vouch=self.vouch)
            published = Published(self.desk.repository, refresh(self.desk.repository))
        if not published.has_targets_signed_for(root):
            _, place = self.desk.pending.share(change)
            outcome = replace(outcome, lacking=[published.targets_need(root)], place=place, note=_signed_first(root))
        return outcome

    def _see(self, step: Step) -> None:
        """Wait until a step shows. Raises Unreachable.

        A receipt is a word in a bucket that others may write to, and a cache may remember for a moment that a version was missing.
        """
        deadline = time.monotonic() + self.desk.seconds
        while not all(self._shows(draft) for draft in step.values()):
            if time.monotonic() > deadline:
                raise Unreachable(f"{self.desk.repository.base_url}: what the receipt says is published does not show")
            time.sleep(_PAUSE)

    def _shows(self, draft: Draft) -> bool:
        document = fetch_version(self.desk.repository, draft.rolename, draft.document.signed.version)
        return document is not None and document.message == draft.message


class Published:
    """What clients see now, and what of a change is among it."""

    def __init__(self, repository: KnownRepository, trusted: Trusted) -> None:
        self._repository = repository
        self.root, self.roles = trusted.root.signed, Roles(repository, trusted)

    def find(self, draft: Draft) -> Draft | None:
        """The draft with the signatures that it was published with; None as long as nothing has taken its place.

        Raises StaleChange if something else has.
        """
        newest, version = self._newest(draft.rolename), draft.document.signed.version
        if version > newest:
            if newest and draft.rolename != "root" and version > newest + 1:
                raise StaleChange(draft.rolename, newest + 1, version)
            return None
        document = fetch_version(self._repository, draft.rolename, version)
        if document is None or document.message != draft.message:
            raise StaleChange(draft.rolename, newest + 1, version)
        return replace(draft, signatures={signature.keyid: signature.sig for signature in document.signatures})

    def step(self, step: Step) -> Step:
        """With what is published of it as it was published: other signatures would be other bytes. Raises StaleChange."""
        return {rolename: self.find(draft) or draft for rolename, draft in step.items()}

    def shows(self, change: Change) -> bool:
        """Whether clients see all of a change. Raises StaleChange."""
        return all(self.find(draft) for step in change.steps for draft in step.values())

    def is_behind(self, step: Step) -> bool:
        """Whether later versions are published already."""
        return any(draft.document.signed.version < self._newest(rolename) for rolename, draft in step.items())

    def has_targets_signed_for(self, root: Root) -> bool:
        return trust.is_signed_by(self.roles.newest(), root.roles["targets"])

    def targets_need(self, root: Root) -> Need:
        """The signatures that targets is to have before this root is published."""
        newest = self.roles.newest()
        draft = Draft("targets", newest.members(), {signature.keyid: signature.sig for signature in newest.signatures})
        return Need(draft, root.roles["targets"], f"root {root.version}")

    def _newest(self, rolename: str) -> int:
        """0 for a role that nobody delegates to."""
        if rolename == "root":
            return self.root.version
        return self.roles.newest(rolename).signed.version if self.roles.role_keys(rolename) else 0


def _signed_first(root: Root) -> str:
    keyids = ", ".join(root.roles["targets"].keys)
    return (
        f"targets has to be signed first by keys that root {root.version} lists: {keyids}. A holder of one who signs root as well finishes "
        "this change by `trustpress change sign`; any other runs `trustpress renew`, and then a holder of root `trustpress change sign`."
    )


def fetch_version(repository: KnownRepository, rolename: str, version: int) -> Document[Root] | Document[Targets] | None:
    """What is published under this version, whoever has signed it; None if nothing is."""
    body = fetch(f"{repository.connection.url}/{layout.metadata(repository.name, rolename, version)}", MAX_TARGETS_LENGTH)
    return parse_uploadable(rolename, body) if body else None
