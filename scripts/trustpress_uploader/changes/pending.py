"""Where a change waits for the signatures of other holders: on this machine, in a file that travels, or in the staging bucket."""

from pathlib import Path

from trustpress.core import layout
from trustpress.core.parse import MAX_TARGETS_LENGTH
from trustpress.errors import Invalid
from trustpress_uploader.changes.change import Change, parse_change
from trustpress_uploader.disk import read_file, replace_file
from trustpress_uploader.errors import NotPossible, SupersededWrite, UnusableFile
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.staging.uploads import Staging

_ATTEMPTS = 10


class PendingChanges:
    """`staging` is None on a machine that reaches no bucket, and `file` is given where the change travels as one."""

    def __init__(self, repository: KnownRepository, staging: Staging | None = None, file: Path | None = None) -> None:
        self._repository, self._staging, self._file = repository, staging, file

    def begun(self) -> Change | None:
        """The change that was begun on this machine and is not finished."""
        path = self._repository.change_file
        return read_change(path) if path.exists() else None

    def remember(self, change: Change) -> None:
        """Before anything is uploaded: whatever interrupts it, it can be finished.

        What was begun here before stays the one that this machine goes on with.
        """
        begun = self.begun()
        if begun is None or begun.id == change.id:
            replace_file(self._repository.change_file, change.encode())

    def share(self, change: Change) -> tuple[Change, str]:
        """Put it where other holders find it; the change with the signatures that they have added meanwhile, and the place."""
        if self._file:
            replace_file(self._file, change.encode())
            return change, str(self._file)
        if self._staging is None:
            raise NotPossible(
                "other holders have to sign, and this machine reaches no staging bucket", "Give --staging BUCKET or --file FILE."
            )
        for _ in range(_ATTEMPTS):
            found, etag = self._waiting(change.id)
            merged = change.merge(found) if found else change
            try:
                self._staging.swap_pending(change.id, merged.encode(), etag)
            except SupersededWrite:
                continue
            return merged, self._place(change.id)
        raise SupersededWrite(self._place(change.id))

    def ids(self) -> list[str]:
        """The changes that wait in the staging bucket, oldest first."""
        return self._staging.pending() if self._staging else []

    def find(self, change_id: str | None) -> Change:
        """The change that is meant: the one of this id, the one begun here, or the only one in the bucket. Raises NotPossible."""
        if self._file:
            return read_change(self._file)
        found, begun = self.find_id(change_id), self.begun()
        if begun and begun.id == found:
            return begun
        waiting, _ = self._waiting(found)
        if waiting is None:
            raise NotPossible(f"the change {found} is gone", "Somebody has published or dropped it: `trustpress status` tells.")
        return waiting

    def find_id(self, prefix: str | None) -> str:
        """The id of the change that is meant, whatever it says. Raises NotPossible."""
        begun = self.begun()
        if begun and begun.id.startswith(prefix or ""):
            return begun.id
        found = [other for other in self.ids() if other.startswith(prefix or "")]
        if len(found) != 1:
            known = f"several changes wait: {', '.join(found)}" if found else "no change of this repository waits for signatures"
            raise NotPossible(known, "`trustpress change list` shows them; name one by its id, or as a file.")
        return found[0]

    def forget(self, change_id: str) -> None:
        """It is published, or nobody wants it any more."""
        begun = self.begun()
        if begun and begun.id == change_id:
            self._repository.change_file.unlink()
        if self._staging and self._staging.get_pending(change_id):
            self._staging.delete_pending(change_id)

    def _waiting(self, change_id: str) -> tuple[Change | None, str | None]:
        """What waits in the staging bucket under this id, and its etag. Raises UnusableFile."""
        found = self._staging.get_pending(change_id) if self._staging else None
        if found is None:
            return None, None
        change = _parse(found[0], self._place(change_id))
        if change.id != change_id:
            raise UnusableFile(self._place(change_id), "another change than its name says", "Drop it, and ask for it anew.")
        return change, found[1]

    def _place(self, change_id: str) -> str:
        return layout.pending(self._repository.name, f"{change_id}.json")


def read_change(path: Path) -> Change:
    """Raises UnusableFile."""
    return _parse(read_file(path, MAX_TARGETS_LENGTH), path)


def _parse(body: bytes, where: object) -> Change:
    try:
        return parse_change(body)
    except Invalid as error:
        raise UnusableFile(where, f"not a change that can be signed: {error}", "Ask whoever made it to make it anew.") from error
