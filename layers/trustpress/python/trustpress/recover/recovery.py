"""Recovery: after a loss, a release whose numbers are higher than any that clients have seen.

Nothing in the public bucket is ever destroyed, so most of what is missing is still there, hidden. What is not is said by name,
for only its owner can sign it again. What somebody else has put in the way is hidden too. A recovery that crashes is run again.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from trustpress.core import layout
from trustpress.core.metadata import Document, Root, Targets
from trustpress.core.overlap import OVERLAP
from trustpress.core.parse import MAX_LENGTH
from trustpress.errors import Conflict, TooLarge, Unavailable, Unreadable, Unrecoverable
from trustpress.ports import ArchivingStore, Clock, HidingStore, Invalidator, OnlineKeys
from trustpress.publish.commit import Committer, verify_time_left
from trustpress.recover.archive import Archive
from trustpress.recover.plan import Plan, Planner, ToSign
from trustpress.recover.registers import newest_register
from trustpress.store.loading import Repositories
from trustpress.store.register import Register, raised, write_register
from trustpress.store.repository import Head
from trustpress.store.target_files import copy_target_file
from trustpress.store.writes import put_immutable
from trustpress.workers import Workers

# How often somebody else may publish first, or recover, before this gives up.
_MAX_RETRIES = 3

_MAX_NAMED_FILES = 20
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery did, and what is left to do: roles to sign, target files to upload, caches to be told.

    `hidden` are the keys of what was in the way. `still_served` says why caches may go on serving that; empty if they do not.
    """

    repository: str
    release: Mapping[str, int]
    hidden: list[str]
    brought_back: list[str]
    to_sign: list[ToSign]
    missing_files: list[str]
    still_served: str = ""

    @property
    def note(self) -> str:
        """What is left to do, in a sentence or two; empty if nothing is."""
        sentences = [f"Clients that knew this repository before go on when {_listed(self.to_sign)} published."] if self.to_sign else []
        if self.missing_files:
            shown = ", ".join(self.missing_files[:_MAX_NAMED_FILES])
            more = f" and {len(self.missing_files) - _MAX_NAMED_FILES} more" if len(self.missing_files) > _MAX_NAMED_FILES else ""
            place = layout.inbox_target(self.repository, "TARGETPATH")
            sentences.append(f"Target files that are gone: {shown}{more}. Put them at {place} in the staging bucket, and recover again.")
        if self.still_served:
            path = f"/{layout.published_metadata(self.repository)}*"
            sentences.append(f"Caches may still serve what was hidden: invalidate {path} at the distribution ({self.still_served}).")
        return " ".join(sentences)

    def as_json(self) -> dict[str, Any]:
        """What the administrator is told."""
        return {
            "repository": self.repository,
            "release": dict(self.release),
            "hidden": self.hidden,
            "brought_back": self.brought_back,
            "to_sign": [
                {"rolename": role.rolename, "seen": role.seen, "available": role.available, "next": role.next} for role in self.to_sign
            ],
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class _Done:
    """Keys, over all tries of one recovery."""

    hidden: set[str] = field(default_factory=set)
    brought_back: set[str] = field(default_factory=set)


def _listed(to_sign: list[ToSign]) -> str:
    first = f"{to_sign[0].rolename} version {to_sign[0].next}"
    return f"{first} is" if len(to_sign) == 1 else f"{first} and {len(to_sign) - 1} more are"


class Recovery:
    """Recovers repositories."""

    def __init__(
        self,
        staging: ArchivingStore,
        public: HidingStore,
        keys: OnlineKeys,
        invalidator: Invalidator,
        workers: int = 16,
        *,
        overlap: timedelta = OVERLAP,
    ) -> None:
        self._staging, self._public, self._keys, self._invalidator = staging, public, keys, invalidator
        self._committer = Committer(public, keys, overlap)
        self._workers = Workers(workers)

    def recover(self, name: str, clock: Clock, first_root: str | None = None) -> Recovered:
        """Bring back what is left, and commit it with numbers that no client has seen.

        `first_root` is the SHA-256 of 1.root.json, for a repository whose register is gone too. Raises Unrecoverable where
        something is needed that only a person can bring, and Conflict if somebody else is faster each time.
        """
        done = _Done()
        for _ in range(_MAX_RETRIES):
            with suppress(Conflict):
                return self._recover(name, clock, first_root, done)
        return self._recover(name, clock, first_root, done)

    def _recover(self, name: str, clock: Clock, first_root: str | None, done: "_Done") -> Recovered:
        # Read before everything else: whoever commits after this wins the race for the timestamp.
        etag = self._replaceable(layout.timestamp(name))
        archive = Archive(self._staging, self._public, name, self._workers)
        register = self._register(archive, first_root, clock.now())
        plan = Planner(self._staging, self._public, register, self._keys, self._workers).plan(archive, etag, clock.now())
        head, still_served = self._write(plan, clock, done)
        hidden, brought_back = sorted(done.hidden), sorted(done.brought_back)
        return Recovered(name, head.release, hidden, brought_back, plan.to_sign, plan.missing_files, still_served)

    def _write(self, plan: Plan, clock: Clock, done: "_Done") -> tuple[Head, str]:
        """Every write of a recovery, in order. After each of them a crash leaves what its comment says; the next run goes on."""
        name, floor = plan.floor.name, plan.floor.head
        assert floor is not None
        self._hide(plan, clock, done)
        # Whoever refused what was in the way goes on, or meets the same as before. The next run finds the rest.
        still_served = self._invalidate(name)
        # Caches forget it. The next run tells them once more.
        verify_time_left(name, clock)
        self._workers.map(lambda planned: copy_target_file(planned[0], self._public, planned[1]), plan.copies)
        # Target files are back: clients of what is published find them, or no metadata names them yet.
        self._workers.map(lambda role: self._put(name, *role), plan.roles.items())
        # Role files too. Publishers refuse for as long as the numbers are below the register's.
        for root in plan.roots:
            self._put(name, "root", root)
        done.brought_back.update(plan.brought_back)
        # Roots are visible at once. Where one replaces a stolen online key, clients refuse what is published until the commit: the
        # next run makes it.
        verify_time_left(name, clock)
        head = self._committer.renew_snapshot(plan.floor, clock.now()).head
        assert head is not None
        # Committed. Publishers refuse, for the register does not say yet which roles are lost, or that the numbers are ours: the
        # next run commits once more.
        write_register(self._staging, name, raised(plan.register, head.root, head.timestamp.signed, head.snapshot.signed, {}))
        # Nothing remains to do. The last look is that of a publisher that has never seen this repository.
        Repositories(self._staging, self._public).load(name)
        return head, still_served

    def _hide(self, plan: Plan, clock: Clock, done: "_Done") -> None:
        """There may be more than a run has time for: they are fewer then."""
        for first in range(0, len(plan.hidden), _AT_ONCE):
            verify_time_left(plan.floor.name, clock)
            some = plan.hidden[first : first + _AT_ONCE]
            self._workers.map(self._public.hide, some)
            done.hidden.update(stored.key for stored in some)

    def _invalidate(self, name: str) -> str:
        """Why caches may still serve what was hidden, now or by a run that crashed; empty if they do not."""
        try:
            self._invalidator.invalidate(layout.published_metadata(name))
        except Unavailable as error:
            return str(error)
        return ""

    def _replaceable(self, key: str) -> str | None:
        """The etag of what is to be replaced, None where nothing is, or what will be hidden."""
        try:
            found = self._public.get(key, MAX_LENGTH["timestamp"])
        except (TooLarge, Unreadable):
            return None
        return found.etag if found else None

    def _put(self, name: str, rolename: str, document: Document[Root] | Document[Targets]) -> None:
        key = layout.metadata(name, rolename, document.signed.version)
        if not put_immutable(self._public, key, document.body):
            raise Conflict(key)

    def _register(self, archive: Archive, first_root: str | None, now: datetime) -> Register:
        name = archive.name
        register = newest_register(self._staging, archive, name, now)
        if register is None:
            if first_root is None:
                raise Unrecoverable(
                    name,
                    "it was never published here, or its register is gone, which pins the first root",
                    "Copy an older version of the register into place, or name the SHA-256 of a 1.root.json that you trust as first_root.",
                )
            return Register(first_root, first_root, 1)
        if first_root not in {None, register.first_root}:
            raise Unrecoverable(name, "its register pins another first root", "Recover without first_root.")
        if not register.timestamp:
            raise Unrecoverable(name, "it was never published", "Upload its first root and targets.")
        return register
