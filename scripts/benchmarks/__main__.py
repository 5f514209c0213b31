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
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import NoReturn

import click
from rich.console import Console
from rich.table import Table

from benchmarks.command_line import HELP_LIMIT_MS, PUSH_LIMIT_MS, help_milliseconds, push_milliseconds
from benchmarks.developer import Developer
from benchmarks.imports import LIMIT_MS, import_milliseconds
from benchmarks.python_tuf_side import WithPythonTuf, WithWarmPythonTuf
from benchmarks.trustpress_side import WithTrustpress

Subject = WithTrustpress | WithPythonTuf
SUBJECTS: dict[str, type[Subject]] = {"trustpress": WithTrustpress, "python-tuf": WithPythonTuf}
WARM_SUBJECTS = SUBJECTS | {"python-tuf": WithWarmPythonTuf}


@dataclass(frozen=True)
class Case:
    """A publish to measure, with the ratio to python-tuf's time, and to its memory, that must not be passed."""

    name: str
    targets: int
    bits: int
    rounds: int
    limit: float = math.inf
    memory_limit: float | None = None
    subjects: Mapping[str, type[Subject]] = field(default_factory=lambda: SUBJECTS)


CASES = [
    Case("publish, 10,000 targets", 10_000, 0, 15, 0.4),
    Case("publish, 100,000 targets", 100_000, 0, 9, 0.3, 0.5),
    Case("publish into 16,384 bins", 0, 14, 21, 0.1),
    Case("  python-tuf keeping its snapshot parsed", 0, 14, 21, subjects=WARM_SUBJECTS),
]
REFRESH = Case("timestamp refreshed: read, signed, verified, written", 1, 0, 1001, 0.4)
SIGN = Case("  only derived, signed and encoded", 1, 0, 2001)


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
    subjects = {name: subject.begin(developer) for name, subject in case.subjects.items()}
    uploads = [developer.next_upload() for _ in range(case.rounds + 1)]
    gc.freeze()

    def publish(subject: Subject) -> Callable[[int], None]:
        return lambda number: subject.publish(developer.rolename, uploads[number])

    return measure(case, {name: publish(subject) for name, subject in subjects.items()})


def measure_timestamps() -> list[Result]:
    developer = Developer(REFRESH.targets)
    subjects = {name: subject.begin(developer) for name, subject in SUBJECTS.items()}

    def refresh(subject: Subject) -> Callable[[int], None]:
        return lambda _: subject.refresh()

    def sign(subject: Subject) -> Callable[[int], None]:
        return lambda _: subject.sign_timestamp()

    return [
        measure(REFRESH, {name: refresh(subject) for name, subject in subjects.items()}),
        measure(SIGN, {name: sign(subject) for name, subject in subjects.items()}),
    ]


def peaks(case: Case) -> dict[str, float]:
    """The peak resident memory of publishing once, in a process that does nothing else, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.peak", folder]
        subprocess.run([*command, "prepare", str(case.targets)], check=True)
        return {name: float(subprocess.check_output([*command, name])) for name in SUBJECTS}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print machine-readable results.")
@click.option("--command-line", is_flag=True, help="Measure what a developer waits for instead: --help, and push on a local stack.")
def main(as_json: bool, command_line: bool) -> None:
    """Measure publishing and refreshing against python-tuf, and the import of the handler; exit with 1 if a bar is missed."""
    if command_line:
        measure_command_line(as_json)
    imports = import_milliseconds()
    results = [*map(measure_publish, CASES), *measure_timestamps()]
    if as_json:
        cases = [{"case": result.case.name, "ratio": result.ratio, "memory": result.memory_ratio} for result in results]
        click.echo(json.dumps({"cases": cases, "import_milliseconds": imports}))
    else:
        Console().print(table(results), f"The publish handler is imported in {imports:,.0f} ms (at most {LIMIT_MS}).")
    sys.exit(0 if imports <= LIMIT_MS and all(result.is_met for result in results) else 1)


def measure_command_line(as_json: bool) -> NoReturn:
    """Print the medians; exit with 1 if a bar is missed."""
    helped, pushed = help_milliseconds(), push_milliseconds()
    if as_json:
        click.echo(json.dumps({"help_milliseconds": helped, "push_milliseconds": pushed}))
    else:
        click.echo(f"trustpress --help: {helped:,.0f} ms (at most {HELP_LIMIT_MS})")
        click.echo(f"trustpress push, to its receipt, without scrypt: {pushed:,.0f} ms (at most {PUSH_LIMIT_MS})")
    sys.exit(0 if helped <= HELP_LIMIT_MS and pushed <= PUSH_LIMIT_MS else 1)


def table(results: list[Result]) -> Table:
    rows = Table("", "Trustpress", "python-tuf", "ratio", "at most", title="Medians of interleaved rounds")
    for result in results:
        ours, theirs = (f"{result.milliseconds[name]:,.2f} ms" for name in SUBJECTS)
        rows.add_row(
            result.case.name, ours, theirs, f"{result.ratio:.3f}", "" if math.isinf(result.case.limit) else f"{result.case.limit:g}"
        )
        if result.megabytes:
            ours, theirs = (f"{result.megabytes[name]:,.0f} MB" for name in SUBJECTS)
            rows.add_row("  peak memory", ours, theirs, f"{result.memory_ratio:.3f}", str(result.case.memory_limit))
    return rows


if __name__ == "__main__":
    main()
