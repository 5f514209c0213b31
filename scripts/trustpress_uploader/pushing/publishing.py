"""From an edit to a receipt: how targets roles are published.

Target files go first, metadata last, and metadata is one object: interrupted at any point, nothing is half published, and
the same command finishes what was begun.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from trustpress.core import trust
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, Targets, published_version
from trustpress_uploader.changes.change import Authority, Change, Need, Step, bundle, compose_change
from trustpress_uploader.changes.pending import PendingChanges
from trustpress_uploader.errors import NotPossible, NotVerified, UploadRejected
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.keys.keyring import Keyring
from trustpress_uploader.plans.targets_editor import Edit, Signed, next_version, read_signed
from trustpress_uploader.reading.published import Trusted, refresh
from trustpress_uploader.reading.roles import Roles
from trustpress_uploader.staging.artifacts import Artifact
from trustpress_uploader.staging.uploads import Receipt, Staging
from trustpress_uploader.terminal.progress import Show, ShowWaiting

TARGETS_LIFE = timedelta(days=90)

# How often somebody else may publish first before this gives up.
MAX_REBASES = 3
SOMEBODY_WAS_FIRST = {"E_OLD", "E_EQUIVOCATION"}
OUTRUN = (
    "Others were first each time: run the same command again. If this repository was recovered after a loss, clients have seen versions "
    "that are gone, and the next one has to follow those: `trustpress renew ROLE --version N` with the version that is expected."
)

# The next versions of the roles that change, from the newest: made again when somebody else was first.
Plan = Callable[[Roles], Mapping[str, Signed]]


@dataclass(frozen=True, slots=True)
class Files:
    """Files to be uploaded before the metadata that names them, and what it says of each."""

    artifacts: Sequence[Artifact] = ()
    entries: Mapping[str, TargetFile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a change. `versions` are those published now, `lacking` what is still to be signed, and `place` is where
    the change waits for that."""

    versions: Mapping[str, int] = field(default_factory=dict)
    lacking: Sequence[Need] = ()
    place: str = ""
    change_id: str = ""
    note: str = ""
    is_unchanged: bool = False

    def showing(self, rolenames: Collection[str]) -> "Outcome":
        """Without the versions of all other roles."""
        return replace(self, versions={name: version for name, version in self.versions.items() if name in rolenames})

    def including(self, other: "Outcome") -> "Outcome":
        return replace(self, versions={**self.versions, **other.versions})

    def after(self, receipt: Receipt) -> "Outcome":
        return Outcome({**self.versions, **receipt.roles, **receipt.release}, note=receipt.note or self.note)


@dataclass(frozen=True)
class Desk:
    """Everything that publishing needs: a repository, keys, a way into its inbox, the instant, and somebody to tell."""

    repository: KnownRepository
    keyring: Keyring
    staging: Staging
    pending: PendingChanges
    now: datetime
    seconds: float
    show: Show
    show_waiting: ShowWaiting

    def upload(self, step: Step) -> Receipt:
        """Publish one step, whose signatures are complete. Raises UploadRejected or NoReceipt."""
        rolename = "root" if "root" in step else "targets" if "targets" in step else min(step)
        body = step[rolename].envelope() if len(step) == 1 else bundle(step)
        filename = f"{step[rolename].signed['version']}.{rolename}.json"
        return self.staging.wait(self.staging.put_metadata(filename, body), self.seconds, self.show_waiting)


class RolesPublisher:
    """Publishes changes to targets roles; what lacks signatures is left where their holders find it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._staged: dict[str, TargetFile | None] = {}

    def publish(self, plan: Plan, files: Files | None = None, *, signed_elsewhere: Collection[str] = ()) -> Outcome:
        """Whoever loses the race to the next version makes the plan again, from the winner's.

        A role without any signature is refused, unless it is one of `signed_elsewhere`: then it waits for its holder.
        Raises NoSigningKey, UploadRejected or NoReceipt.
        """
        for _ in range(1 + MAX_REBASES):
            try:
                return self._publish_onto(plan, files or Files(), signed_elsewhere)
            except UploadRejected as error:
                if error.code not in SOMEBODY_WAS_FIRST:
                    raise
                last = error
        raise UploadRejected(last.code, str(last), OUTRUN)

    def _publish_onto(self, plan: Plan, files: Files, signed_elsewhere: Collection[str]) -> Outcome:
        trusted = refresh(self._desk.repository)
        roles = Roles(self._desk.repository, trusted)
        step = plan(roles)
        if not step:
            return self._finish(trusted, roles)
        authority = Authority(trusted.root.signed, roles.role_keys)
        change = compose_change(step).sign(authority, self._desk.keyring.signers)
        for need in change.needs(authority):
            if not need.signed_by and need.draft.rolename not in signed_elsewhere:
                raise self._desk.keyring.missing(need.draft.rolename, need.role_keys)
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
        snapshot = trusted.snapshot.signed if trusted.snapshot else None
        for rolename, document in roles.seen():
            if published_version(snapshot, rolename) < document.signed.version:
                outcome = outcome.after(self._upload_again(rolename, document))
        return outcome

    def _upload_again(self, rolename: str, document: Document[Any]) -> Receipt:
        staging = self._desk.staging
        upload = staging.put_metadata(f"{document.signed.version}.{rolename}.json", document.body)
        return staging.wait(upload, self._desk.seconds, self._desk.show_waiting)


def edited(roles: Roles, edits: Mapping[str, Edit], expires: datetime) -> dict[str, Signed]:
    """The next versions of the roles that an edit changes."""
    current = {rolename: read_signed(roles.newest(rolename)) for rolename in edits}
    return {
        rolename: next_version(changed, expires, rolename)
        for rolename, edit in edits.items()
        if (changed := edit(current[rolename])) != current[rolename]
    }


def renewed(roles: Roles, rolenames: Iterable[str], expires: datetime) -> dict[str, Signed]:
    """The next versions of these roles, which say the same for longer. Raises NotPossible for what is no role."""
    return {rolename: next_version(read_signed(roles.newest(rolename)), expires, rolename) for rolename in rolenames}


@dataclass
class RenewalAfterLoss:
    """A plan: sign a role again as the version that a recovery asks for.

    It says what was `seen` of it last, if its keys sign that still, or else what is left of it. `base` tells which version that
    was, once the plan is made. Raises NotPossible if such a version was there before, and NotVerified if there is nothing to sign.
    """

    rolename: str
    version: int
    expires: datetime
    seen: Document[Targets] | None
    base: int = 0

    def __call__(self, roles: Roles) -> Mapping[str, Signed]:
        self.base = 0
        if self._is_done(roles):
            return {}
        role_keys = roles.role_keys(self.rolename)
        seen = [self.seen] if self.seen and role_keys and trust.is_signed_by(self.seen, role_keys) else []
        # What lies behind the version that snapshot lists has nobody's word for being of this repository.
        try:
            left = [roles.listed(self.rolename)]
        except NotVerified:
            if not seen:
                raise
            left = []
        newest = max([*seen, *left], key=lambda document: document.signed.version)
        if self.version <= newest.signed.version:
            raise NotPossible(
                f"{self.rolename} version {newest.signed.version} was published before",
                "Give the version that `trustpress admin recover` names: clients have seen those in front of it.",
            )
        self.base = newest.signed.version
        return {self.rolename: next_version(read_signed(newest), self.expires, self.rolename) | {"version": self.version}}

    def _is_done(self, roles: Roles) -> bool:
        try:
            return roles.newest(self.rolename).signed.version == self.version
        except NotVerified:
            return False
