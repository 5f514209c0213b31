"""From an edit to a receipt: how targets roles are published.

Target files go first, metadata last, and metadata is one object: interrupted at any point, nothing is half published, and
the same command finishes what was begun.
"""

from collections.abc import Collection, Sequence
from typing import Any

from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, published_version
from trustpress_uploader.changes.change import Authority, Change, Need, compose_change, name_repository
from trustpress_uploader.errors import UploadRejected
from trustpress_uploader.plans.plan import Plan
from trustpress_uploader.pushing.desk import Desk, Files, Outcome, Vouch, unasked
from trustpress_uploader.reading.published import Trusted, refresh
from trustpress_uploader.reading.roles import Roles
from trustpress_uploader.staging.receipts import Receipt

# How often somebody else may publish first before this gives up.
MAX_REBASES = 3
SOMEBODY_WAS_FIRST = {"E_OLD", "E_EQUIVOCATION"}
OUTRUN = (
    "Others were first each time: run the same command again. If this repository was recovered after a loss, clients have seen versions "
    "that are gone, and the next one has to follow those: `trustpress renew ROLE --version N` with the version that is expected."
)


class RolesPublisher:
    """Publishes changes to targets roles; what lacks signatures is left where their holders find it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._staged: dict[str, TargetFile | None] = {}

    def publish(self, plan: Plan, files: Files | None = None, *, signed_elsewhere: Collection[str] = (), vouch: Vouch = unasked) -> Outcome:
        """Whoever loses the race to the next version makes the plan again, from the winner's, and is asked again.

        A role without any signature is refused, unless it is one of `signed_elsewhere`: then it waits for its holder.
        Raises Declined, NoSigningKey, UploadRejected or NoReceipt.
        """
        for _ in range(1 + MAX_REBASES):
            try:
                return self._publish_onto(plan, files or Files(), signed_elsewhere, vouch)
            except UploadRejected as error:
                if error.code not in SOMEBODY_WAS_FIRST:
                    raise
                last = error
        raise UploadRejected(last.code, str(last), OUTRUN)

    def _publish_onto(self, plan: Plan, files: Files, signed_elsewhere: Collection[str], vouch: Vouch) -> Outcome:
        trusted = refresh(self._desk.repository)
        roles = Roles(self._desk.repository, trusted)
        step = plan(roles)
        if not step:
            return self._finish(trusted, roles)
        authority = Authority(trusted.root.signed, roles.role_keys)
        change = compose_change(name_repository(self._desk.repository.name, step))
        vouch(change)
        change = change.sign(authority, self._desk.keyring.signers)
        for need in change.needs(authority):
            if not need.signed_by and need.draft.rolename not in signed_elsewhere:
                raise self._desk.keyring.missing(need.draft.rolename, need.role_keys)
        self._desk.keyring.check_named()
        self._stage(files, roles)
        lacking = [need for need in change.needs(authority) if need.lacking]
        if lacking:
            return self._leave(change, lacking)
        return Outcome(change.versions()).after(self._desk.upload(change.steps[0]))

    def _leave(self, change: Change, lacking: Sequence[Need]) -> Outcome:
        _, place = self._desk.pending.share(change)
        return Outcome(lacking=lacking, place=place, change_id=change.id)

    def _stage(self, files: Files, roles: Roles) -> None:
        """Upload each file once, and again if somebody else published its name since: the staged one may be theirs."""
        for artifact in files.artifacts:
            name = artifact.targetpath
            listed = roles.entry(name)
            if name in self._staged and self._staged[name] == listed:
                continue
            self._desk.staging.put_artifact(artifact, files.entries[name], self._desk.show)
            self._staged[name] = listed

    def _finish(self, trusted: Trusted, roles: Roles) -> Outcome:
        """Nothing to change, but perhaps to finish: a version that this machine has seen in no snapshot.

        Its publish is still under way, or crashed half-way. Uploading the same bytes again is harmless, and finishes it.
        """
        outcome = Outcome(roles.versions(), is_unchanged=True)
        for rolename, document in roles.seen():
            if published_version(trusted.snapshot.signed, rolename) < document.signed.version:
                outcome = outcome.after(self._upload_again(rolename, document))
        return outcome

    def _upload_again(self, rolename: str, document: Document[Any]) -> Receipt:
        staging = self._desk.staging
        upload = staging.put_metadata(f"{document.signed.version}.{rolename}.json", document.body)
        return staging.wait(upload, self._desk.seconds, self._desk.show_waiting)
