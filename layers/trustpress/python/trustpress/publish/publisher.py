"""Publish: everything that waits in a repository's inbox, with one commit.

An event only says "look at this repository". The work is read from the inbox, judged against what is published, written,
and committed by advancing the timestamp; whoever loses the race to advance it starts over from what is published then.
Duplicate, reordered, lost and concurrent events are therefore all harmless.
"""

import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trustpress.core import layout
from trustpress.core.lru import Lru
from trustpress.core.metadata import Document, Root, Targets
from trustpress.core.overlap import OVERLAP, is_signed_for
from trustpress.errors import Conflict, Unavailable
from trustpress.ports import Announcer, Clock, ObjectStore, OnlineKeys, RootWriter
from trustpress.publish.commit import SECONDS_FOR_COMMIT, Change, Committer, verify_time_left
from trustpress.publish.draft import Draft
from trustpress.publish.evidence import Evidence
from trustpress.publish.inbox import Inbox, Upload, Waited
from trustpress.publish.judgement import Judgement, judge
from trustpress.publish.roots import Roots
from trustpress.publish.settlement import Settlement
from trustpress.publish.show_keys import show_online_keys
from trustpress.store.loading import Repositories
from trustpress.store.receipts import Receipt
from trustpress.store.register import Register, write_register
from trustpress.store.repository import Repository, verifying
from trustpress.store.target_files import copy_target_file
from trustpress.store.writes import put_immutable
from trustpress.verdicts import Equivocation, Rejected, without_trace
from trustpress.workers import Workers

MAX_ATTEMPTS = 12

# How long a window is read, and how long it is judged. What is begun is ended.
SECONDS_FOR_A_WINDOW = 10

# Repositories of which a container knows what waits in their inboxes.
_MAX_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one drain did: a receipt for each look at an upload, and how many attempts its commits took.

    `has_more` tells that there was no time for all of them. `unread` is set where the store failed to give an upload.
    """

    receipts: list[Receipt]
    attempts: int
    has_more: bool = False
    unread: Unavailable | None = None


class Publisher:
    """Drains inboxes. One instance serves a container for its life.

    `overlap` is how long keys overlap, so that every cache forgets what the new ones do not verify. `announcer` hears of
    every release and every rejection, at least once. `roots` writes them; without it this publisher does, by the same rules.
    """

    def __init__(
        self,
        staging: ObjectStore,
        public: ObjectStore,
        keys: OnlineKeys,
        pause: Callable[[int], None] | None = None,
        workers: int = 16,
        *,
        announcer: Announcer,
        roots: RootWriter | None = None,
        overlap: timedelta = OVERLAP,
    ) -> None:
        self._staging, self._public = staging, public
        self._repositories = Repositories(staging, public)
        self._keys = keys
        self._committer = Committer(public, keys, overlap)
        self._roots = roots or Roots(staging, public, keys, overlap)
        self._pause = pause or _full_jitter
        self._workers = Workers(workers)
        self._overlap = overlap
        self._waited: Lru[str, Waited] = Lru(_MAX_REMEMBERED)
        self._settlement = Settlement(staging, self._repositories, announcer, self._workers, overlap)

    def drain(self, name: str, clock: Clock, seconds: float = math.inf) -> Outcome:
        """Publish what waits in the inbox of a repository. No window of it is begun when so many seconds have passed.

        Raises Unavailable if storage, keys or time failed, and Conflict if others always committed first: nothing of this
        window is published then, and all of it still waits.
        """
        has_time = _within(clock, min(seconds, clock.seconds_left() - SECONDS_FOR_COMMIT))
        inbox = Inbox(self._staging, name, self._workers, self._who_waited(name))
        windows = [self._drain_window(name, inbox, clock)]
        while inbox.has_next and has_time():
            windows.append(self._drain_window(name, inbox, clock))
        receipts = [receipt for window in windows for receipt in window.receipts]
        return Outcome(receipts, sum(window.attempts for window in windows), inbox.has_more, inbox.unread)

    def _who_waited(self, name: str) -> Waited:
        return self._waited.get(name) or self._waited.put(name, {})

    def _drain_window(self, name: str, inbox: Inbox, clock: Clock) -> Outcome:
        """Publish as many uploads as fit into memory, with one commit."""
        now = clock.now()
        has_time = _within(clock, SECONDS_FOR_A_WINDOW)
        refused: dict[Upload, Rejected] = {}
        attempt = 1
        while attempt <= MAX_ATTEMPTS:
            # Loaded before the inbox is listed: a release that a waiting root asked for is never older than that root.
            repository = self._repositories.load(name)
            uploads = inbox.uploads(has_time)
            self._show_keys(repository, inbox)
            if uploads:
                repository = self._repositories.confirm(repository)
            judgement = self._judge(repository, uploads, refused, clock)
            try:
                repository = self._publish(repository, judgement, now, clock)
                self._verify_view(repository, judgement)
            except Equivocation as error:
                refused |= dict.fromkeys(judgement.accepted_with(error.rolename, error.version), without_trace(error))
            except Conflict:
                self._pause(attempt)
                attempt += 1
            else:
                receipts = self._settlement.settle(repository, judgement, inbox, now)
                judged = [verdict.upload for verdict in judgement.verdicts]
                inbox.leave(
                    waiting=[upload for upload, receipt in zip(judged, receipts, strict=True) if receipt.status == "waiting"],
                    unjudged=[upload for upload in uploads if upload not in judged],
                )
                return Outcome(receipts, attempt)
        raise Conflict(layout.timestamp(name))

    def _publish(self, repository: Repository, judgement: Judgement, now: datetime, clock: Clock) -> Repository:
        """Every write of a publish, in order. After each of them a crash leaves what its comment says."""
        draft = judgement.draft
        change = self._change(repository, judgement)
        if change is None:
            return repository
        verify_time_left(repository.name, clock)
        repository = self._pin(repository, draft)
        # The register names the first root, nothing is published: the next drain goes on with the same upload.
        self._workers.map(lambda copy: copy_target_file(self._staging, self._public, copy), draft.copies)
        # Target files that no metadata names: invisible, and in place for the next drain.
        roots = [document for rolename, document in draft.documents if rolename == "root"]
        roles = [(rolename, document) for rolename, document in draft.documents if rolename != "root"]
        self._workers.map(lambda role: self._put_role(repository.name, *role), roles)
        # Role files that no snapshot lists: invisible, and the same bytes for the next drain.
        for root in roots:
            self._write_root(repository.name, judgement.upload_of(root), root.signed.version, draft.evidence.now)
        # Roots are visible at once. They verify what is published, so clients go on; only one that drops a stolen targets key
        # in one step does not, and its clients wait for the commit: the next drain makes it.
        verify_time_left(repository.name, clock)
        repository = self._committer.commit(repository, change, now)
        # Committed. The uploads are still in the inbox: the next drain finds them published and only settles.
        for rolename, document in draft.roles.items():
            repository.cache.put((repository.name, rolename), document)
        return self._repositories.remember(repository)

    def _show_keys(self, repository: Repository, inbox: Inbox) -> None:
        """Answer whoever asks for online keys. After a crash in between the requests are still there, and answered again."""
        if inbox.requests_for_keys:
            show_online_keys(self._public, self._keys, repository.name, repository.head.root.signed if repository.head else None)
            self._workers.map(self._staging.delete_version, inbox.requests_for_keys)
            inbox.requests_for_keys = []

    def _verify_view(self, repository: Repository, judgement: Judgement) -> None:
        """What is not published was judged by what is published now: somebody may have committed since it was loaded.

        Without this, targets signed by a key that another run has just published with a new root would be refused for good.
        Raises Conflict.
        """
        if all(verdict.error is None for verdict in judgement.verdicts):
            return
        if not self._repositories.load(repository.name).shows_same_as(repository):
            raise Conflict(layout.timestamp(repository.name))

    def _put_role(self, name: str, rolename: str, document: Document[Root] | Document[Targets]) -> None:
        """Raises Equivocation if other bytes have taken this version."""
        version = document.signed.version
        if not put_immutable(self._public, layout.metadata(name, rolename, version), document.body):
            raise Equivocation(rolename, version)

    def _write_root(self, name: str, upload: Upload, version: int, now: datetime) -> None:
        """Raises Equivocation if other bytes have taken this version."""
        if not self._roots.write(name, upload.version.key, upload.version.version_id, now):
            raise Equivocation("root", version)

    def _judge(self, repository: Repository, uploads: list[Upload], refused: Mapping[Upload, Rejected], clock: Clock) -> Judgement:
        evidence = Evidence(repository, self._staging, self._workers, clock.now(), self._overlap, self._keys, uploads)
        return judge(Draft(evidence), uploads, refused, _within(clock, SECONDS_FOR_A_WINDOW))

    def _change(self, repository: Repository, judgement: Judgement) -> Change | None:
        """What to commit, None if nothing is new."""
        draft, head, pending = judgement.draft, repository.head, judgement.pending_root
        if draft.root is None or not (draft.documents or (pending and head and not is_signed_for(pending, head.timestamp, head.snapshot))):
            return None
        return Change(draft.root, draft.meta, pending)

    def _pin(self, repository: Repository, draft: Draft) -> Repository:
        """Write down the first root before anybody can see it. Raises Conflict if another first root is pinned."""
        register = repository.register
        if register and repository.head:
            return repository
        # Others may follow it in the same commit. Only what is pinned is gone on with after a crash.
        root = next(document for _, document in draft.documents if isinstance(document.signed, Root))
        if register and register.first_root == root.sha256:
            return repository
        first = Register(root.sha256, root.sha256, root.signed.version, etag=register.etag if register else None)
        pinned = write_register(self._staging, repository.name, first)
        if pinned.timestamp:
            # Somebody has published since: without the timestamp that this run saw none of, it would count from 1 again.
            raise Conflict(layout.timestamp(repository.name))
        # Judged once more now that others see the register: of two that list one key, neither is published.
        with verifying(repository.name):
            self._keys.verify_own(repository.name, root.signed)
        return replace(repository, register=pinned)


def _within(clock: Clock, seconds: float) -> Callable[[], bool]:
    """Tells whether less than so many seconds have passed since now."""
    until = clock.seconds_left() - seconds
    return lambda: clock.seconds_left() > until


def _full_jitter(attempt: int) -> None:
    """Exponential backoff with full jitter: losers of one race do not meet again in the next."""
    time.sleep(random.uniform(0, min(2.0, 0.02 * 2**attempt)))  # noqa: S311, it spreads load and hides nothing
