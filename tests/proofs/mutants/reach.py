"""Which tests reach which lines of the product, and how long each takes: measured once for each suite, and kept below .local.

A test that fails by itself notices nothing: it is named, and left out.
"""

import ast
import functools
import hashlib
import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.proofs.mutants.nursery import PACKAGES, ROOT
from tests.proofs.mutants.sites import Site, files, in_product, read

# Those whose tests run the product in their own process, the quick ones first. The long proofs are left out: what only they
# notice is a hole in the tests that name what they expect.
SUITES = {
    "core": ["tests/core"],
    "publish": ["tests/publish"],
    "watch": ["tests/watch"],
    "adapters": ["tests/adapters", "tests/template"],
    "functions": ["tests/functions"],
    "overload": ["tests/proofs/overload/test_pacing.py", "tests/proofs/overload/test_documented.py"],
    "disaster": ["tests/proofs/disaster"],
    "seaweedfs": ["tests/seaweedfs/test_object_store.py"],
    "uploader": ["tests/uploader"],
}
_CACHE = ROOT / ".local/mutants"
_ANSWER = "TRUSTPRESS_REACH"


@dataclass
class Reach:
    """`tests` are seconds by node id; `lines` are the tests that reach a line, by file of the product and line."""

    tests: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, list[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))

    def add(self, measured: dict[str, Any]) -> None:
        tests = list(measured["tests"])
        self.tests |= measured["tests"]
        for file, lines in measured["lines"].items():
            for line, numbers in lines.items():
                self.lines[file][int(line)] += [tests[number] for number in numbers]

    def of(self, site: Site) -> list[str]:
        """The tests that reach a site, the quickest first.

        A value outside of functions is reached by whoever runs a line that names it, and by the tests of a file that does; what
        nobody names, such as a call, by whoever runs anything of its file.
        """
        found = self._of((site.file, line) for line in site.lines) if site.lines else self._of_import(site)
        return sorted(found, key=lambda test: (self.tests[test], test))

    def _of(self, places: Iterable[tuple[str, int]]) -> set[str]:
        return {test for file, line in set(places) for test in self.lines.get(file, {}).get(line, ())}

    def _of_import(self, site: Site) -> set[str]:
        naming = {file for file in {test.partition("::")[0] for test in self.tests} if _names(site.names, (ROOT / file).read_text())}
        found = {test for test in self.tests if test.partition("::")[0] in naming} | self._of(_mentions(site.names))
        return found or self._of((site.file, line) for line in self.lines.get(site.file, {}))


def measure(*suites: str) -> Reach:
    """What the tests of these suites reach, in this state of the tree."""
    reach = Reach()
    for suite in suites:
        kept = _CACHE / f"{suite}-{_digest(suite)}.json"
        if not kept.exists():
            _CACHE.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.proofs.mutants.reach", "-p", "no:cacheprovider", *SUITES[suite]]
            environment = {**os.environ, _ANSWER: str(kept)}
            subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False)
        reach.add(json.loads(kept.read_bytes()))
    return reach


def _digest(suite: str) -> str:
    """Of the product, of what tests share, and of the tests of the suite."""
    digest = hashlib.sha256("".join(read(file) for file in files()).encode())
    shared = [path for path in (ROOT / "tests").rglob("*.py") if not path.name.startswith("test_")]
    tests = [path for place in SUITES[suite] for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("test_*.py"))]
    for path in sorted({*shared, *tests}):
        if "mutants" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _mentions(names: tuple[str, ...], known: frozenset[str] = frozenset()) -> Iterator[tuple[str, int]]:
    """The lines that name one of these.

    The head of a function, its decorators among it, runs once: the body stands for it. So do the lines that name what else is
    made of it outside of functions, as options are of options.
    """
    made: set[str] = set()
    for file in files():
        for number, line in enumerate(read(file).splitlines(), 1):
            if _names(names, line):
                yield file, number
                yield from ((file, other) for other in _bodies(file).get(number, ()))
                made |= _made(file).get(number, set())
    if new := made - known - set(names):
        yield from _mentions(tuple(new), known | {*names, *new})


@functools.cache
def _bodies(file: str) -> dict[int, range]:
    """By line of the head of a function: the lines of its body."""
    functions = (node for node in ast.walk(ast.parse(read(file))) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    bodies: dict[int, range] = {}
    for node in functions:
        body = range(node.body[0].lineno, (node.end_lineno or 0) + 1)
        bodies |= dict.fromkeys(range(min(found.lineno for found in (node, *node.decorator_list)), body.start), body)
    return bodies


@functools.cache
def _made(file: str) -> dict[int, set[str]]:
    """By line outside of functions and classes: the names that are assigned there."""
    made: dict[int, set[str]] = {}
    for node in ast.parse(read(file)).body:
        if isinstance(node, ast.Assign):
            named = {target.id for target in node.targets if isinstance(target, ast.Name)}
            made |= dict.fromkeys(range(node.lineno, (node.end_lineno or 0) + 1), named)
    return made


def _names(names: tuple[str, ...], text: str) -> bool:
    return any(name in text and re.search(rf"\b{name}\b", text) for name in names)


class _Measuring:
    """A plugin that tells coverage which test is running, its fixtures included, whatever thread runs the line."""

    def __init__(self, answer: Path) -> None:
        self._answer, self._seconds, self._failed = answer, defaultdict[str, float](float), set[str]()
        self._coverage = coverage.Coverage(data_file=None, config_file=False, source=[str(package) for package in PACKAGES.values()])
        self._coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)
        if not report.skipped:
            self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        seconds = {test: taken for test, taken in self._seconds.items() if test not in self._failed}
        numbers = {test: number for number, test in enumerate(seconds)}
        data, lines = self._coverage.get_data(), {}
        for path in data.measured_files():
            contexts = data.contexts_by_lineno(path)
            lines[in_product(path)] = {
                line: sorted(numbers[test] for test in tests if test in numbers) for line, tests in contexts.items() if any(tests)
            }
        self._answer.write_text(json.dumps({"tests": seconds, "lines": lines}))


def pytest_configure(config: pytest.Config) -> None:
    if answer := os.environ.get(_ANSWER):
        config.pluginmanager.register(_Measuring(Path(answer)))
