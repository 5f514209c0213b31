"""Settlement: after a commit, every upload is answered, announced, and taken out of the inbox."""

import functools
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from trustpress.core.metadata import Targets
from trustpress.ports import Announcer, Event, ObjectStore
from trustpress.publish.draft import Draft
from trustpress.publish.inbox import Bundle, Inbox, Upload
from trustpress.publish.judgement import Judgement, Verdict
from trustpress.store.loading import Repositories
from trustpress.store.receipts import Receipt, put_receipt, refused_versions, settle_receipt, waiting_since
from trustpress.store.repository import Repository
from trustpress.verdicts import AwaitingOverlap, Rejected, Waiting
from trustpress.workers import Workers

MAX_WAIT = timedelta(days=1)
_MAX_NAMED = 3

SCHEMA_VERSION = 1
KINDS = {"published": "Release Published", "rejected": "Upload Rejected"}

BROKEN_OVERLAP = (
    "A targets key was replaced in one step: clients that hold the new root and are served a cached timestamp, or the new timestamp "
    "and no new root, fail until caches expire. An invalidation of the distribution makes that sooner."
)

FORMER_PATHS = (
    "It still lists {paths}, published before such names were refused: not every client can fetch or save them. Publish these files "
    "under other names and take them out."
)


class Settlement:
    def __init__(
        self, staging: ObjectStore, repositories: Repositories, announcer: Announcer, workers: Workers, overlap: timedelta
    ) -> None:
        self._staging, self._repositories, self._announcer = staging, repositories, announcer
        self._workers, self._overlap = workers, overlap

    def settle(self, repository: Repository, judgement: Judgement, inbox: Inbox, now: datetime) -> list[Receipt]:
        """Register, receipts, announcements, and last of all the inbox: an upload leaves it when nothing remains to be done for it.

        The register comes first: what was acknowledged is under its marks, and a store that goes back behind it is noticed.
        A crash in between leaves the upload in the inbox: the next drain settles it again, and may announce it twice.
        """
        verdicts = self._turn_away(inbox, judgement.verdicts, now)
        self._repositories.record(repository, judgement.draft.repository, judgement.draft.meta)
        receipts = self._acknowledge_all(repository, judgement.draft, verdicts, now)
        self._announcer.announce(announcements(receipts))
        done = [
            verdict.upload.version for verdict, receipt in zip(judgement.verdicts, receipts, strict=True) if receipt.status != "waiting"
        ]
        self._workers.map(self._staging.delete_version, dict.fromkeys(done + [copy.version for copy in judgement.draft.copies]))
        return receipts

    def _turn_away(self, inbox: Inbox, verdicts: list[Verdict], now: datetime) -> list[Verdict]:
        """Refuse what may not wait because the inbox is full; the oldest have the first claim to a place."""
        decided = list(verdicts)
        for number in sorted(range(len(verdicts)), key=lambda number: verdicts[number].upload.version.last_modified):
            upload, error = verdicts[number].upload, verdicts[number].error
            if isinstance(error, Waiting) and not self._is_overdue(upload, error, now):
                decided[number] = Verdict(upload, inbox.turn_away(upload, error) or error)
        return decided

    def _acknowledge_all(self, repository: Repository, draft: Draft, verdicts: Sequence[Verdict], now: datetime) -> list[Receipt]:
        """Uploads of the same bytes have one receipt, and would race for it: they take turns."""
        alike: dict[str, list[Verdict]] = {}
        for verdict in verdicts:
            alike.setdefault(verdict.upload.sha256, []).append(verdict)
        settled = self._workers.map(
            lambda group: [(verdict.upload, self._acknowledge(repository, draft, verdict, now)) for verdict in group], alike.values()
        )
        receipts = dict(itertools.chain(*settled))
        return [receipts[verdict.upload] for verdict in verdicts]

    def _acknowledge(self, repository: Repository, draft: Draft, verdict: Verdict, now: datetime) -> Receipt:
        """Write down what became of an upload."""
        upload, error = verdict.upload, verdict.error
        receipt = Receipt(repository.name, upload.version.key, upload.version.version_id, upload.sha256, "published", now, upload.roles)
        if error is not None:
            decide = functools.partial(self._decide, receipt, upload, error)
            return settle_receipt(self._staging, repository.name, upload.sha256, decide)
        assert repository.head is not None
        receipt = replace(receipt, release=repository.head.release, note=_note(upload.bundle, breaks_overlap=draft.breaks_overlap))
        put_receipt(self._staging, receipt)
        return receipt

    def _decide(self, receipt: Receipt, upload: Upload, error: Rejected | Waiting, earlier: Mapping[str, Any]) -> Receipt:
        """Whether an upload that is not published is refused or waits, after what an earlier look at it came to."""
        if earlier.get("status") == "published":
            # These bytes were published before: whoever brings them again takes nothing back.
            return replace(receipt, release=earlier["release"], note=earlier.get("note", ""))
        version, refused = upload.version.version_id, refused_versions(earlier)
        was_refused = version in refused
        receipt = replace(receipt, refused=[other for other in refused if other != version])
        if was_refused or isinstance(error, Rejected) or self._is_overdue(upload, error, receipt.at):
            return replace(receipt, status="rejected", error=error)
        starts_now = isinstance(error, AwaitingOverlap) and not error.is_signed
        since = None if starts_now else waiting_since(earlier, error.code)
        return replace(receipt, status="waiting", error=error, since=since or receipt.at, until=error.until)

    def _is_overdue(self, upload: Upload, error: Waiting, now: datetime) -> bool:
        """Whether it has waited for more than a day; an overlap alone may take as long."""
        patience = MAX_WAIT + (self._overlap if error.until else timedelta())
        return now - upload.version.last_modified > patience


def _note(bundle: Bundle, *, breaks_overlap: bool) -> str:
    """What whoever published this should know of it."""
    roles = [document.signed for document in bundle.values() if isinstance(document.signed, Targets)]
    paths = [path[:100] for role in roles for path in role.targets.former_paths]
    notes = [BROKEN_OVERLAP] if breaks_overlap and "root" in bundle else []
    if paths:
        notes.append(FORMER_PATHS.format(paths=", ".join(paths[:_MAX_NAMED]) + (" and others" if len(paths) >= _MAX_NAMED else "")))
    return " ".join(notes)


def announcements(receipts: Iterable[Receipt]) -> list[Event]:
    """An event for each receipt that ends an upload, with all it says of that upload; what merely waits is no news.

    A receipt keeps itself short: ten events go out together, and together they may be 256 KB long.
    """
    return [
        Event(KINDS[receipt.status], json.loads(replace(receipt, refused=()).encode()) | {"schema_version": SCHEMA_VERSION})
        for receipt in receipts
        if receipt.status in KINDS
    ]
