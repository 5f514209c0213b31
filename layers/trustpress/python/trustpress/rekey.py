"""A new master secret, after a break-in: every repository is shown its key under it, and the old one is dropped.

Whoever breaks into publish, refresh or recover holds the master and so every online key of every generation. To rotate one
key is no way back from that, a new master is: each owner signs one root (decision 32).
"""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from trustpress.errors import Misconfigured, NeedsAPerson, StillNeeded
from trustpress.online_keys import DerivedKeys
from trustpress.ports import Clock, ObjectStore
from trustpress.publish.show_keys import show_online_keys
from trustpress.store.loading import Repositories
from trustpress.store.masters import Masters
from trustpress.store.register import published_repositories
from trustpress.workers import Workers

_AT_ONCE = 64
_SECONDS_TO_END = 30
_MAX_NAMED = 1_000


@dataclass(frozen=True, slots=True)
class Survey:
    """What became of repositories under the master in use. `after` is where the next survey goes on, empty at the end.

    `behind` names those whose newest root lists none of its keys; `broken` those whose roots do not verify.
    """

    master: int
    masters: list[int]
    seen: int
    behind: list[str]
    broken: list[str]
    after: str = ""

    def as_json(self) -> dict[str, Any]:
        """`behind` and `broken` name at most a thousand each; `behind_count` counts all."""
        return {
            **asdict(self),
            "behind": self.behind[:_MAX_NAMED],
            "broken": self.broken[:_MAX_NAMED],
            "behind_count": len(self.behind),
            "broken_count": len(self.broken),
        }


class Rekeying:
    """Moves a deployment from one master to the next."""

    def __init__(self, staging: ObjectStore, public: ObjectStore, masters: Masters, keys: DerivedKeys, workers: int = 16) -> None:
        self._staging, self._public, self._masters, self._keys = staging, public, masters, keys
        self._workers = Workers(workers)

    def begin(self) -> int:
        """Make a new master, which is the one in use from now on. Raises Unavailable."""
        return self._masters.make_next()

    def survey(self, clock: Clock, after: str = "") -> Survey:
        """Show every repository after this one its next online key, and tell which have still to list it.

        Ends early where time is over; to go on is harmless, whatever was shown already. Raises Unavailable, or Conflict where
        a publisher shows keys at this very moment.
        """
        numbers = self._masters.numbers(anew=True)
        if not numbers:
            raise Misconfigured("there is no master secret yet: run the refresh function once")
        behind: list[str] = []
        broken: list[str] = []
        seen, last, is_cut = 0, after, False
        for names in _batches(name for name in published_repositories(self._staging) if name > after):
            if is_cut := clock.seconds_left() < _SECONDS_TO_END:
                break
            places = self._workers.map(self._place, names)
            behind += [name for name, place in zip(names, places, strict=True) if place not in {None, numbers[-1]}]
            broken += [name for name, place in zip(names, places, strict=True) if place is None]
            seen, last = seen + len(names), names[-1]
        return Survey(numbers[-1], numbers, seen, behind, broken, last if is_cut else "")

    def drop(self, number: int, clock: Clock) -> Survey:
        """Derive nothing from a former master any more, where no repository needs it. Raises StillNeeded where one does."""
        survey = self.survey(clock)
        if survey.behind or survey.broken or survey.after:
            first = next(iter(survey.behind + survey.broken), f"those after {survey.after}")
            raise StillNeeded(number, f"{first} did not move to master {survey.master}")
        self._masters.drop(number)
        return survey

    def _place(self, name: str) -> int | None:
        """The newest master of which a repository lists a key, 0 for none, None for a repository that is broken."""
        try:
            root = Repositories(self._staging, self._public).newest_root(name)
            place = self._keys.master_of(name, root) if root else self._masters.numbers()[-1]
            if place != self._masters.numbers()[-1]:
                show_online_keys(self._public, self._keys, name, root)
        except NeedsAPerson:
            return None
        return place


def _batches(names: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(itertools.islice(names, _AT_ONCE)):
        yield batch
