"""Refresh: keep what is published fresh, and find what events have missed."""

import random
from collections.abc import Iterator
from datetime import timedelta

from trustpress.core import layout
from trustpress.core.overlap import OVERLAP
from trustpress.core.release import REFRESH_PERIOD, is_half_spent
from trustpress.errors import BadKey, Conflict, NeedsAPerson, TrustpressError, Unavailable, UnknownOutcome
from trustpress.ports import Clock, ObjectStore, OnlineKeys
from trustpress.publish.commit import Committer, verify_time_left
from trustpress.store.loading import Repositories
from trustpress.store.register import published_repositories


class Refresher:
    """Signs again what would have less than half of its life left at the next run: while the schedule runs, nothing ever has.

    `period` is the time from one run to the next, `overlap` how long keys overlap.
    """

    def __init__(
        self,
        staging: ObjectStore,
        public: ObjectStore,
        keys: OnlineKeys,
        *,
        period: timedelta = REFRESH_PERIOD,
        overlap: timedelta = OVERLAP,
    ) -> None:
        self._period, self._staging = period, staging
        self._repositories = Repositories(staging, public)
        self._committer = Committer(public, keys, overlap)

    def refresh(self, name: str, clock: Clock) -> bool:
        """Sign the timestamp, and the snapshot with it, where they would be half spent at the next run; whether it was needed.

        Losing the race is success: whoever won has signed just now. What lies in the place of the next root, and does not verify,
        stops every client: then nothing is signed, and BrokenRepository is raised.
        """
        now = clock.now()
        verify_time_left(name, clock)
        repository = self._repositories.load(name, newest_root=False)
        head = repository.head
        if head is None:
            return False
        policy, next_run = head.root.signed.policy, now + self._period
        renew_snapshot = is_half_spent(head.snapshot, next_run, policy.snapshot_life)
        if not renew_snapshot and not is_half_spent(head.timestamp, next_run, policy.timestamp_life):
            return False
        repository = self._repositories.follow_roots(self._repositories.confirm(repository))
        try:
            renewed = (self._committer.renew_snapshot if renew_snapshot else self._committer.renew_timestamp)(repository, now)
        except Conflict:
            return False
        # Committed. If the register is not raised, the next commit raises it.
        self._repositories.remember(renewed)
        self._repositories.record(renewed, repository, {})
        return True

    def refresh_all(self, clock: Clock) -> tuple[int, dict[str, TrustpressError]]:
        """Refresh every repository: how many were signed again, and what failed. One broken one stops no other.

        In random order, so that a run that ends early does not always leave out the same ones.
        """
        refreshed = 0
        failures: dict[str, TrustpressError] = {}
        names = list(published_repositories(self._staging))
        random.shuffle(names)
        for name in names:
            try:
                refreshed += self.refresh(name, clock)
            except (Unavailable, UnknownOutcome, NeedsAPerson) as error:
                failures[name] = error
        return refreshed, failures

    def leftovers(self) -> Iterator[str]:
        """The repositories with metadata in their inbox, each once: an event that was lost heals here.

        A target file alone asks for nothing; metadata that waits for one is in the inbox as well.
        """
        previous = None
        for key in self._staging.list_keys(layout.INBOX):
            try:
                place = layout.parse_inbox_key(key)
            except BadKey:
                continue
            if place.area == "metadata" and place.repository != previous:
                previous = place.repository
                yield previous
