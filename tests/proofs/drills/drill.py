"""One repository whose keys are all replaced by a person, while others go on working with it."""

import itertools
import subprocess
from contextlib import suppress

from local.stack import Stack
from tests.proofs.drills.backstage import Backstage
from tests.proofs.drills.person import Person
from tests.proofs.drills.watch import Shelf
from tests.stack.actors import Operator

SECONDS_BETWEEN_PUSHES = 3


class Drill:
    """`shelf` holds what was pushed so far; `renewals` counts how often the timestamp was signed again."""

    def __init__(self, stack: Stack, person: Person, operator: Operator, backstage: Backstage) -> None:
        self._url, self._person, self._operator, self._backstage = stack.edge.url, person, operator, backstage
        self._numbers = itertools.count(1)
        self.shelf = Shelf()
        self.renewals = 0

    def push(self, targetpath: str) -> None:
        data = targetpath.encode()
        self.shelf.put(targetpath, data, self._person.push(targetpath, data))

    def change_while_others_work(self, *command: str) -> None:
        """A change of keys that takes its time. Meanwhile alice pushes, the timestamp is renewed, and the schedule comes round."""
        with self._person.running(*command, "--yes") as change:
            while not _has_ended(change):
                self.push(f"releases/{next(self._numbers)}.txt")
                self.renewals += self._backstage.renew(self._person.repository)
                assert self._operator.run_refresh()
            self._person.finish(change)

    def listed(self, rolename: str, root: int | None = None) -> set[str]:
        """The keyids that a version of root, by default the newest, lists for a role."""
        found = self._backstage.root(self._person.repository, root)
        return set(found["signed"]["roles"][rolename]["keyids"])

    def signers_of(self, rolename: str) -> set[str]:
        """The keyids that have signed the newest version of a role."""
        return {signature["keyid"] for signature in self._backstage.newest(self._person.repository, rolename)["signatures"]}


def _has_ended(change: "subprocess.Popen[str]") -> bool:
    """Whether it ends before it is time to do something else."""
    with suppress(subprocess.TimeoutExpired):
        change.wait(SECONDS_BETWEEN_PUSHES)
    return change.returncode is not None
