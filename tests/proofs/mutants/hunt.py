"""Mutants drawn at random, or one for every `raise`: each runs the tests that reach it, and should be noticed by one of them."""

import os
import random
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from rich.progress import Progress

from tests.proofs.mutants.nursery import Nursery
from tests.proofs.mutants.reach import Reach
from tests.proofs.mutants.sites import Site, files, sites

# The quickest tests first: nearly all mutants are noticed by one of them, and the others need not be imported.
_AT_FIRST = 25
_PATIENCE = 60.0

_NOTICED = {pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR}
_EQUIVALENTS = Path(__file__).with_name("equivalents.toml")

KILLED, TIMED_OUT, SURVIVED, UNREACHED, EQUIVALENT = "killed", "timed out", "survived", "not reached by any test", "equivalent"


@dataclass
class Figures:
    """What became of the mutants; str() is what the command prints."""

    ends: Counter[str] = field(default_factory=Counter)
    survivors: list[str] = field(default_factory=list)

    def add(self, site: Site, end: str) -> str:
        """Returns what is to be told of it at once, empty for most."""
        self.ends[end] += 1
        if end not in {SURVIVED, UNREACHED}:
            return ""
        self.survivors.append(f"{site.file}:{site.line} {site.function}: {end}\n  - {site.before}\n  + {site.after}")
        return self.survivors[-1]

    def __str__(self) -> str:
        counted = sum(self.ends.values()) - self.ends[EQUIVALENT]
        noticed = self.ends[KILLED] + self.ends[TIMED_OUT]
        ends = ", ".join(f"{number:,} {end}" for end, number in self.ends.most_common())
        share = f": {noticed / counted:.1%} of those that are not equivalent were noticed" if counted else ""
        return f"{sum(self.ends.values()):,} mutants{share} ({ends})"


def draw(number: int, seed: int, under: Sequence[str]) -> list[Site]:
    """Each line of the product that can be mutated is as likely as any other."""
    every = [site for file in files(*under) for site in sites(file)]
    by_line: dict[tuple[str, int], list[Site]] = {}
    for site in every:
        by_line.setdefault((site.file, site.line), []).append(site)
    chance = random.Random(seed)
    return [chance.choice(by_line[place]) for place in chance.sample(sorted(by_line), min(number, len(by_line)))]


def raises(under: Sequence[str]) -> list[Site]:
    return [site for file in files(*under) for site in sites(file) if site.is_raise]


def hunt(chosen: Iterable[Site], reach: Reach, progress: Progress) -> Figures:
    """Test each mutant in a fork of its own, as many at once as there are processors."""
    chosen, figures = list(chosen), Figures()
    task = progress.add_task("mutants", total=len(chosen))
    for site, end in _ends(chosen, reach):
        if told := figures.add(site, end):
            progress.console.print(told, markup=False, highlight=False, soft_wrap=True)
        progress.advance(task)
    return figures


def _ends(chosen: list[Site], reach: Reach) -> Iterator[tuple[Site, str]]:
    idle: SimpleQueue[Nursery] = SimpleQueue()
    excused, at_once = equivalents(), os.cpu_count() or 1

    def judge(site: Site) -> str:
        if key(site) in excused:
            return EQUIVALENT
        nursery = idle.get()
        try:
            return _judge(site, reach, nursery)
        finally:
            idle.put(nursery)

    with ExitStack() as stack, ThreadPoolExecutor(at_once) as pool:
        for _ in range(at_once):
            idle.put(stack.enter_context(Nursery()))
        yield from zip(chosen, pool.map(judge, chosen), strict=True)


def _judge(site: Site, reach: Reach, nursery: Nursery) -> str:
    tests = reach.of(site)
    for part in (tests[:_AT_FIRST], tests[_AT_FIRST:]):
        if not part:
            continue
        verdict = nursery.test({site.file: site.mutated}, part, _PATIENCE + 3 * sum(reach.tests[test] for test in part))
        if verdict.code is None:
            return TIMED_OUT
        if verdict.code in _NOTICED or verdict.code < 0:
            return KILLED
        assert verdict.code == pytest.ExitCode.OK, verdict.output
    return SURVIVED if tests else UNREACHED


def key(site: Site) -> tuple[str, str, str, str]:
    """What stays the same when lines move."""
    return site.file, site.function, site.before, site.after


def equivalents() -> dict[tuple[str, str, str, str], str]:
    """The reviewed mutants that change nothing anybody could notice, each with the reason."""
    listed: list[dict[str, Any]] = tomllib.loads(_EQUIVALENTS.read_text()).get("equivalent", [])
    return {(entry["file"], entry["function"], entry["before"], entry["after"]): entry["reason"] for entry in listed}
