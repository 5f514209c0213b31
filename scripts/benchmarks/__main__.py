"""Compare Trustpress with python-tuf, side by side in one run, and print the table of docs/performance.md.

Rounds alternate between the two, and each round gives one ratio; the median of the ratios is what counts, since it is the
least disturbed by whatever else the machine is doing. Memory is the peak of a process of its own that publishes once.
"""

import gc
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import click
from rich.console import Console
from rich.table import Table

from benchmarks.subjects import Developer, WithPythonTuf, WithTrustpress

SUBJECTS = {"trustpress": WithTrustpress, "python-tuf": WithPythonTuf}


@dataclass(frozen=True)
class Case:
    """A publish to measure, with the ratio to python-tuf's time, and to its memory, that must not be passed."""

    name: str
    targets: int
    bits: int
    rounds: int
    limit: float = math.inf
    memory_limit: float | None = None


CASES = [
    Case("publish, 10,000 targets", 10_000, 0, 15, 0.4),
    Case("publish, 100,000 targets", 100_000, 0, 7, 0.3, 0.5),
    Case("publish into 16,384 bins", 0, 14, 11, 0.1),
]
SIGN = Case("timestamp signed again", 1, 0, 2001, 0.4)
REFRESH = Case("  whole refresh, verified", 1, 0, 501)


@dataclass(frozen=True)
class Result:
    case: Case
    milliseconds: dict[str, float]
    ratio: float
    megabytes: dict[str, float]

    @property
    def memory_ratio(self) -> float | None:
        return self.megabytes["trustpress"] / self.megabytes["python-tuf"] if self.megabytes else None

    @property
    def is_met(self) -> bool:
        return self.ratio <= self.case.limit and (self.case.memory_limit is None or (self.memory_ratio or 0) <= self.case.memory_limit)


def measure(case: Case, actions: dict[str, Callable[[int], None]]) -> Result:
    """Alternate between the subjects, each going first in every other round."""
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for number, order in zip(range(case.rounds + 1), cycle([list(actions), list(actions)[::-1]]), strict=False):
        for name in order:
            start = time.perf_counter()
            actions[name](number)
            seconds[name].append(time.perf_counter() - start)
    measured = {name: values[1:] for name, values in seconds.items()}
    ratios = [ours / theirs for ours, theirs in zip(measured["trustpress"], measured["python-tuf"], strict=True)]
    medians = {name: statistics.median(values) * 1000 for name, values in measured.items()}
    return Result(case, medians, statistics.median(ratios), peaks(case) if case.memory_limit else {})


def measure_publish(case: Case) -> Result:
    developer = Developer(case.targets, case.bits)
    subjects = {name: subject(developer) for name, subject in SUBJECTS.items()}
    uploads = [developer.next_upload() for _ in range(case.rounds + 1)]
    gc.freeze()
    return measure(
        case,
        {name: lambda number, subject=subject: subject.publish(developer.rolename, uploads[number]) for name, subject in subjects.items()},
    )


def measure_timestamps() -> list[Result]:
    developer = Developer(SIGN.targets)
    subjects = {name: subject(developer) for name, subject in SUBJECTS.items()}
    return [
        measure(SIGN, {name: lambda _, subject=subject: subject.sign_timestamp() for name, subject in subjects.items()}),
        measure(REFRESH, {name: lambda _, subject=subject: subject.refresh() for name, subject in subjects.items()}),
    ]


def peaks(case: Case) -> dict[str, float]:
    """The peak resident memory of publishing once, in a process that has done nothing else, in MB."""
    return {name: float(subprocess.check_output([sys.executable, "-m", "benchmarks.peak", name, str(case.targets)])) for name in SUBJECTS}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print machine-readable results.")
def main(as_json: bool) -> None:
    """Measure publishing and refreshing against python-tuf; exit with 1 if a bar is missed."""
    results = [*map(measure_publish, CASES), *measure_timestamps()]
    if as_json:
        click.echo(json.dumps([{"case": result.case.name, "ratio": result.ratio, "memory": result.memory_ratio} for result in results]))
    else:
        Console().print(table(results))
    sys.exit(0 if all(result.is_met for result in results) else 1)


def table(results: list[Result]) -> Table:
    rows = Table("", "Trustpress", "python-tuf", "ratio", "at most", title="Medians of interleaved rounds")
    for result in results:
        ours, theirs = (f"{result.milliseconds[name]:,.2f} ms" for name in SUBJECTS)
        rows.add_row(result.case.name, ours, theirs, f"{result.ratio:.3f}", f"{result.case.limit:g}")
        if result.megabytes:
            ours, theirs = (f"{result.megabytes[name]:,.0f} MB" for name in SUBJECTS)
            rows.add_row("  peak memory", ours, theirs, f"{result.memory_ratio:.3f}", str(result.case.memory_limit))
    return rows


if __name__ == "__main__":
    main()
