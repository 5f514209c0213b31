"""Changes of root, and whatever else several holders sign: begun by one, signed by others, published by the last.

A change of keys may take several steps, so that every client verifies at every instant: root lists old and new keys, what
the old ones have signed is signed by the new ones, and the last root drops the old. All roots of a change are signed in
one ceremony. Interrupted at any point, the same change goes on where it was.
"""

import time
from dataclasses import dataclass, replace

from trustpress.core import layout, trust
from trustpress.core.metadata import Document, Root
from trustpress.core.parse import MAX_LENGTH, parse_root
from trustpress_uploader.changes import Authority, Change, Draft, Step
from trustpress_uploader.errors import NotPossible, NotPublished, StaleChange, Unreachable
from trustpress_uploader.published import Trusted, refresh
from trustpress_uploader.publishing import TARGETS_LIFE, Desk, Outcome, RolesPublisher, renewed
from trustpress_uploader.roles import Roles
from trustpress_uploader.web import fetch

_PAUSE = 0.5


@dataclass(frozen=True)
class Ceremony:
    desk: Desk

    def check_free(self) -> None:
        """Raises NotPossible if a change that was begun here is unfinished; one that was overtaken is dropped."""
        unfinished = self.desk.pending.begun()
        if unfinished is None:
            return
        if not self._is_overtaken(unfinished) and not self._is_finished(unfinished):
            raise NotPossible(
                f"the change {unfinished.id[:8]} of this repository is not finished",
                "Go on with it by `trustpress change sign`, or drop it by `trustpress change discard`.",
            )
        self.desk.pending.forget(unfinished)

    def sign(self, change: Change) -> Outcome:
        """Add the signatures of the keys at hand, then publish, or pass on. Raises NoSigningKey where none is at hand."""
        if self._is_finished(change):
            self.desk.pending.forget(change)
            return Outcome(change.versions(), change_id=change.id, note="others have published this change already")
        authority = self.authority(change)
        signed = change.sign(authority, self.desk.keyring.signers)
        lacking = [need for need in signed.needs(authority) if need.lacking]
        if lacking and not any(self.desk.keyring.held(need.role_keys) for need in signed.needs(authority)):
            raise self.desk.keyring.missing(lacking[0].draft.rolename, lacking[0].role_keys)
        self.desk.pending.remember(signed)
        if lacking:
            signed, place = self.desk.pending.share(signed)
            lacking = [need for need in signed.needs(authority) if need.lacking]
            if lacking:
                return Outcome(lacking=lacking, place=place, change_id=signed.id)
        return self.publish(signed)

    def publish(self, change: Change) -> Outcome:
        """Publish the steps of a change that are not published yet. Raises StaleChange, UploadRejected or NoReceipt."""
        outcome = Outcome()
        for step in change.steps:
            trusted = self._trusted(change)
            if trusted and self._is_behind(step, trusted):
                continue
            if trusted and "root" in step:
                outcome = outcome.including(self._prepare(change, step, trusted))
            # What is published already is uploaded all the same: that finishes a publish that crashed half-way.
            outcome = outcome.after(self.desk.upload(step))
            self._see(step)
        self.desk.pending.forget(change)
        return replace(outcome, change_id=change.id)

    def authority(self, change: Change) -> Authority:
        trusted = self._trusted(change)
        return Authority(trusted.root.signed, Roles(self.desk.repository, trusted).role_keys) if trusted else Authority(None)

    def _trusted(self, change: Change) -> Trusted | None:
        """None where this change begins the repository."""
        first = change.steps[0].get("root")
        return None if first and first.document.signed.version == 1 else refresh(self.desk.repository)

    def _is_finished(self, change: Change) -> bool:
        """Whether clients see all of it. Raises StaleChange."""
        try:
            trusted = refresh(self.desk.repository)
        except NotPublished:
            return False
        return all(self._is_published(step, trusted) for step in change.steps)

    def _is_overtaken(self, change: Change) -> bool:
        """Whether it can never be published any more."""
        try:
            self._is_finished(change)
        except StaleChange:
            return True
        return False

    def _prepare(self, change: Change, step: Step, trusted: Trusted) -> Outcome:
        """Have targets signed by keys that the next root lists, where it is not. Raises NotPossible where others have to."""
        root = step["root"].document.signed
        assert isinstance(root, Root)
        outcome = Outcome()
        if "targets" in step or self._is_targets_signed_for(root, trusted):
            return outcome
        if self.desk.keyring.held(trusted.root.signed.roles["targets"]):
            outcome = RolesPublisher(self.desk).publish(lambda roles: renewed(roles, ["targets"], self.desk.now + TARGETS_LIFE))
        if not self._is_targets_signed_for(root, refresh(self.desk.repository)):
            _, place = self.desk.pending.share(change)
            raise NotPossible(
                f"targets has to be signed first by keys that root {root.version} lists: {', '.join(root.roles['targets'].keys)}",
                f"Have their holders run `trustpress renew`, then finish this change, {place}, by `trustpress change sign`.",
            )
        return outcome

    def _is_targets_signed_for(self, root: Root, trusted: Trusted) -> bool:
        return trust.is_signed_by(Roles(self.desk.repository, trusted).newest(), root.roles["targets"])

    def _see(self, step: Step) -> None:
        """Wait until a new root shows: a cache may remember for a moment that it was missing. Raises Unreachable."""
        if "root" not in step:
            return
        deadline = time.monotonic() + self.desk.seconds
        while self._root(step["root"].document.signed.version) is None:
            if time.monotonic() > deadline:
                raise Unreachable(f"{self.desk.repository.base_url}: the new root is published, and does not show")
            time.sleep(_PAUSE)

    def _is_behind(self, step: Step, trusted: Trusted) -> bool:
        """Whether a later root is published already. Raises StaleChange if something else has taken the place of a role."""
        self._is_published(step, trusted)
        return "root" in step and step["root"].document.signed.version < trusted.root.signed.version

    def _is_published(self, step: Step, trusted: Trusted) -> bool:
        """Raises StaleChange if something else has taken the place of a role."""
        return all(self._is_draft_published(draft, trusted) for draft in step.values())

    def _is_draft_published(self, draft: Draft, trusted: Trusted) -> bool:
        if draft.rolename == "root":
            return self._is_root_published(draft, trusted.root.signed.version)
        roles = Roles(self.desk.repository, trusted)
        if roles.role_keys(draft.rolename) is None:
            return False
        newest, version = roles.newest(draft.rolename), draft.document.signed.version
        if newest.message == draft.message:
            return True
        if version != newest.signed.version + 1:
            raise StaleChange(draft.rolename, newest.signed.version + 1, version)
        return False

    def _is_root_published(self, draft: Draft, newest: int) -> bool:
        version = draft.document.signed.version
        if version > newest:
            return False
        published = self._root(version)
        if published is None or published.message != draft.message:
            raise StaleChange("root", newest + 1, version)
        return True

    def _root(self, version: int) -> Document[Root] | None:
        repository = self.desk.repository
        body = fetch(f"{repository.connection.url}/{layout.metadata(repository.name, 'root', version)}", MAX_LENGTH["root"])
        return parse_root(body) if body else None
