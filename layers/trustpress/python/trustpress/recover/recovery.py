"""Recovery: after a loss, a release whose numbers are higher than any that clients have seen.

Nothing in the public bucket is ever deleted, so most of what is missing is still there, hidden. What is not is said by name,
for only its owner can sign it again. A recovery that crashes is run again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from trustpress.core import layout
from trustpress.core.metadata import Document, Root, Targets
from trustpress.core.overlap import OVERLAP
from trustpress.errors import Conflict, Unrecoverable
from trustpress.ports import ArchivingStore, Clock, ObjectStore, OnlineKeys
from trustpress.publish.commit import Committer, verify_time_left
from trustpress.recover.plan import Plan, Planner, ToSign
from trustpress.store.loading import Repositories
from trustpress.store.register import Register, raised, read_register, write_register
from trustpress.store.repository import Head
from trustpress.store.target_files import copy_target_file
from trustpress.store.writes import put_immutable
from trustpress.workers import Workers

_MAX_NAMED_FILES = 20


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery did, and what is left to do: roles to sign, target files to upload."""

    repository: str
    release: Mapping[str, int]
    brought_back: list[str]
    to_sign: list[ToSign]
    missing_files: list[str]

    @property
    def note(self) -> str:
        """What is left to do, in a sentence or two; empty if nothing is."""
        sentences = [f"Clients that knew this repository before go on when {_listed(self.to_sign)} published."] if self.to_sign else []
        if self.missing_files:
            shown = ", ".join(self.missing_files[:_MAX_NAMED_FILES])
            more = f" and {len(self.missing_files) - _MAX_NAMED_FILES} more" if len(self.missing_files) > _MAX_NAMED_FILES else ""
            place = layout.inbox_target(self.repository, "TARGETPATH")
            sentences.append(f"Target files that are gone: {shown}{more}. Put them at {place} in the staging bucket, and recover again.")
        return " ".join(sentences)

    def as_json(self) -> dict[str, Any]:
        """What the administrator is told."""
        return {
            "repository": self.repository,
            "release": dict(self.release),
            "brought_back": self.brought_back,
            "to_sign": [
                {"rolename": role.rolename, "seen": role.seen, "available": role.available, "next": role.next} for role in self.to_sign
            ],
            "note": self.note,
        }


def _listed(to_sign: list[ToSign]) -> str:
    first = f"{to_sign[0].rolename} version {to_sign[0].next}"
    return f"{first} is" if len(to_sign) == 1 else f"{first} and {len(to_sign) - 1} more are"


class Recovery:
    """Recovers repositories."""

    def __init__(
        self, staging: ObjectStore, public: ArchivingStore, keys: OnlineKeys, workers: int = 16, *, overlap: timedelta = OVERLAP
    ) -> None:
        self._staging, self._public, self._keys = staging, public, keys
        self._committer = Committer(public, keys, overlap)
        self._workers = Workers(workers)

    def recover(self, name: str, clock: Clock, first_root: str | None = None) -> Recovered:
        """Bring back what is left, and commit it with numbers that no client has seen.

        `first_root` is the SHA-256 of 1.root.json, for a repository whose register is gone too. Raises Unrecoverable where
        something is needed that only a person can bring, and Conflict if somebody publishes at this very moment.
        """
        register = self._register(name, first_root)
        plan = Planner(self._staging, self._public, register, self._keys, self._workers).plan(name, clock.now())
        head = self._write(plan, clock)
        return Recovered(name, head.release, plan.brought_back, plan.to_sign, plan.missing_files)

    def _write(self, plan: Plan, clock: Clock) -> Head:
        """Every write of a recovery, in order. After each of them a crash leaves what its comment says; the next run goes on."""
        name, floor = plan.floor.name, plan.floor.head
        assert floor is not None
        verify_time_left(name, clock)
        self._workers.map(lambda planned: copy_target_file(planned[0], self._public, planned[1]), plan.copies)
        # Target files are back: clients of what is published find them, or no metadata names them yet.
        self._workers.map(lambda role: self._put(name, *role), plan.roles.items())
        # Role files too. Publishers refuse for as long as the numbers are below the register's.
        for root in plan.roots:
            self._put(name, "root", root)
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
        return head

    def _put(self, name: str, rolename: str, document: Document[Root] | Document[Targets]) -> None:
        key = layout.metadata(name, rolename, document.signed.version)
        if not put_immutable(self._public, key, document.body):
            raise Conflict(key)

    def _register(self, name: str, first_root: str | None) -> Register:
        register = read_register(self._staging, name)
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
