"""Every fault alone, and every two of them, in a publish that makes every kind of call."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.proofs.faults.faulty import Mode, modes_of
from tests.proofs.faults.invariants import Invariants
from tests.proofs.faults.stage import Container, Deployment
from tests.publish.troubles import Crash
from trustpress.errors import TrustpressError

# What waits in the inbox: a new root, a bundle with a new role, versions that build on each other, and something to refuse.
UPLOADS = ("2.root.json", "2.targets.json", "2.docs.json", "3.docs.json", "junk.json")

_THROTTLED_CALLS = 3
_RETRIES = 2

Fault = tuple[str, Mode]


@dataclass
class Plan:
    """Faults to come, one after the other: each strikes at the first call with its name after the one before has struck."""

    faults: Sequence[Fault]
    calls: list[str] = field(default_factory=list)
    _left: list[Fault] = field(init=False)

    def __post_init__(self) -> None:
        self._left = [fault for fault in self.faults for _ in range(_THROTTLED_CALLS if fault[1] is Mode.THROTTLED else 1)]

    @property
    def left(self) -> int:
        return len(self._left)

    def __call__(self, boundary: str) -> Mode | None:
        self.calls.append(boundary)
        if self._left and self._left[0][0] == boundary:
            return self._left.pop(0)[1]
        return None


def play(faults: Sequence[Fault]) -> list[str]:
    """Publish with these faults until nothing is left to do; the calls that were made. Raises AssertionError.

    A crash ends the container. After any other failure the same one tries again, with all that it remembers.
    """
    deployment = Deployment()
    invariants, plan = Invariants(deployment), Plan(faults)
    invariants.look()
    for filename in UPLOADS:
        deployment.upload_files(filename)
        deployment.upload(filename)
    container = Container(deployment, plan)
    calm_runs = 0
    while deployment.inbox():
        left = plan.left
        assert calm_runs <= _RETRIES, f"still waiting: {deployment.inbox()}"
        try:
            container.drain()
        except Crash:
            container = Container(deployment, plan)
        except TrustpressError:
            pass
        calm_runs += plan.left == left
        invariants.look()
    invariants.conclude()
    assert invariants.statuses() == dict.fromkeys(UPLOADS, "published") | {"junk.json": "rejected"}
    return plan.calls


def boundaries() -> list[str]:
    """The names of all calls of the publish, in the order in which they first come."""
    return list(dict.fromkeys(play([])))


def single_faults() -> list[Fault]:
    return [(boundary, mode) for boundary in boundaries() for mode in modes_of(boundary)]


def pairs() -> Iterator[tuple[Fault, Fault]]:
    return itertools.product(single_faults(), single_faults())


def play_singles(numbers: range) -> int:
    """The single faults with these numbers; how many that are."""
    for fault in itertools.islice(single_faults(), numbers.start, numbers.stop):
        play([fault])
    return len(numbers)


def play_pairs(numbers: range) -> int:
    """The pairs of faults with these numbers; how many that are."""
    for pair in itertools.islice(pairs(), numbers.start, numbers.stop):
        play(pair)
    return len(numbers)
