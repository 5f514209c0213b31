"""A failing input made small, saved, and replayed.

    python -m tests.proofs.fuzz.shrink SEED INDEX

prints what is made of that input now.
"""

import sys
from collections.abc import Collection
from itertools import combinations
from pathlib import Path

from tests.proofs.fuzz import oracle
from tests.proofs.fuzz.clients import TufJsReleases
from tests.proofs.fuzz.inputs import Input, Plan, plan

SAVED = Path(__file__).parents[3] / ".local" / "fuzz"


def problem(made: Input, tuf_js: TufJsReleases | None = None) -> str:
    """What is wrong with how this input ends, empty if nothing is."""
    try:
        outcome = oracle.judge(made)
        oracle.judge_beside_a_neighbour(made)
        if outcome.content:
            release = oracle.publish(made)
            reading = oracle.read_with_python_tuf(release)
            for other in tuf_js.read([release]) if tuf_js else []:
                oracle.compare(release, reading, other)
    except Exception as error:  # noqa: BLE001, whatever escapes is what is looked for
        return f"{type(error).__name__}: {error}"
    return ""


def smallest(planned: Plan, tuf_js: TufJsReleases | None = None) -> Input:
    """The input with as few changes as still end in some problem."""
    changes = range(len(planned.changes))
    for kept in range(len(planned.changes) + 1):
        for chosen in combinations(changes, kept):
            made = planned.make(without=_others(changes, chosen))
            if problem(made, tuf_js):
                return made
    return planned.make()


def save(seed: int, index: int, what: str) -> Path:
    """Write the smallest such input and what was wrong below .local/fuzz; returns the folder."""
    folder = SAVED / f"{seed}-{index}"
    folder.mkdir(parents=True, exist_ok=True)
    with TufJsReleases() as tuf_js:
        made = smallest(plan(seed, index), tuf_js)
    (folder / "body").write_bytes(made.body)
    (folder / "what.txt").write_text(f"{made.scene.name} {made.filename!r} {' '.join(made.changes)}\n{what}\n", errors="replace")
    return folder


def _others(changes: range, chosen: Collection[int]) -> list[int]:
    return [number for number in changes if number not in chosen]


def main(seed: int, index: int) -> None:
    made = plan(seed, index).make()
    with TufJsReleases() as tuf_js:
        wrong = problem(made, tuf_js)
    sys.stdout.write(
        f"{made.scene.name}, {made.filename!r}, {len(made.body):,} bytes, {', '.join(made.changes)}: {wrong or 'as it should be'}\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
