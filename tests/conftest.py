"""How the suites are run: in which order, which tests stay together, what is left out, and which suites take too long.

Tests that need what PyPI does not have are left out where it is missing, and the run says so.
"""

import os
import re
import shutil
from collections import defaultdict

import pytest

from local.processes import ROOT

# The program that a marker asks for, and the Debian package that has it.
PROGRAMS = {"nginx": ("nginx", "nginx-light"), "notary": ("notary", "notary"), "softhsm": ("softhsm2-util", "softhsm2")}
PATH = f"{os.environ['PATH']}:/usr/sbin"

# Suites that share a server stay in one process.
TOGETHER = ("stack", "tour", "seaweedfs", "layer", "proofs/drills", "proofs/kills")

# A process that waits for a cloud begins first, and others work beside it.
FIRST = ("stack", "proofs/drills", "tour")
_BUDGET = re.compile(r"^\| `tests/([a-z/]+)` \|.*\| ([0-9]+) \|$", re.MULTILINE)

# What xdist puts behind the name of a test.
_AT_GROUP = re.compile(r"@[^\]@]*$")


def pytest_itemcollected(item: pytest.Item) -> None:
    # Before xdist looks at the items, which it does before any conftest.
    item.add_marker(pytest.mark.xdist_group(_group(item)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for marker, (program, _) in PROGRAMS.items():
            if item.get_closest_marker(marker) and not shutil.which(program, path=PATH):
                item.add_marker(pytest.mark.skip(reason=f"{program} is not installed"))
    if config.getoption("loadgroup", default=False):  # how xdist tells its processes
        items.sort(key=lambda item: FIRST.index(suite) if (suite := _suite(item.nodeid)) in FIRST else len(FIRST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    _tell_what_is_left_out(terminalreporter)
    _tell_what_is_over_budget(terminalreporter)


def _suite(nodeid: str) -> str:
    """The folder of a test, within tests/."""
    folders = nodeid.partition("::")[0].split("/")[1:-1]
    return "/".join(folders[: 2 if folders[:1] == ["proofs"] else 1])


def _group(item: pytest.Item) -> str:
    """What one process runs in one go: a suite or a file, and apart from it what is told once more on SeaweedFS."""
    suite, callspec = _suite(item.nodeid), getattr(item, "callspec", None)
    if callspec and callspec.params.get("deployment") == "SeaweedFS":
        return f"{suite} on SeaweedFS"
    return suite if suite in TOGETHER else item.nodeid.partition("::")[0]


def _tell_what_is_left_out(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = [report for report in terminalreporter.stats.get("skipped", []) if report.longrepr]
    if not left_out:
        return
    terminalreporter.section("Left out")
    for report in left_out:
        terminalreporter.line(f"{_AT_GROUP.sub('', report.nodeid)}: {report.longrepr[2]}")
    missing = [package for program, package in PROGRAMS.values() if not shutil.which(program, path=PATH)]
    terminalreporter.line(f"To run them as well: apt-get install --yes {' '.join(missing)}")


def _tell_what_is_over_budget(terminalreporter: pytest.TerminalReporter) -> None:
    """Fails nothing: machines differ."""
    reports = [report for found in terminalreporter.stats.values() for report in found if isinstance(report, pytest.TestReport)]
    seconds = defaultdict[str, float](float)
    for report in reports:
        seconds[_suite(report.nodeid)] += report.duration
    budgets = {suite: int(budget) for suite, budget in _BUDGET.findall((ROOT / "CONTRIBUTING.md").read_text())}
    over = [(suite, taken) for suite, taken in seconds.items() if taken > budgets.get(suite, 0)]
    if over:
        terminalreporter.section("Over the budget of CONTRIBUTING.md")
        for suite, taken in over:
            terminalreporter.line(f"tests/{suite}: {taken:.0f} s of {budgets.get(suite, 0)}")
