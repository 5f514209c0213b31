"""What publishing needs, and what comes of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from trustpress.core.entries import TargetFile
from trustpress_uploader.changes.change import Change, Need, Step, bundle
from trustpress_uploader.changes.pending import PendingChanges
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.keys.keyring import Keyring
from trustpress_uploader.staging.artifacts import Artifact
from trustpress_uploader.staging.receipts import Receipt
from trustpress_uploader.staging.uploads import Staging
from trustpress_uploader.terminal.progress import Show, ShowWaiting

# Shows all that the signatures of a change would vouch for, and asks, before they are made. Raises Declined.
Vouch = Callable[[Change], None]


def unasked(_change: Change) -> None:
    """For what its signer has just composed of files and names of their own."""


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
        """With what was published meanwhile, and what that lacks."""
        return replace(
            self, versions={**self.versions, **other.versions}, lacking=other.lacking, place=other.place, note=other.note or self.note
        )

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
