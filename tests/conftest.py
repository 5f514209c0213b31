"""How the suites are run: in which order, which tests stay together, what is left out, and which suites take too long.

Tests that need what PyPI does not have are left out where it is missing, and the run says so.
"""

import os
import re
import shutil
import signal
from collections import defaultdict
from types import FrameType

import pytest
from xdist.remote import Producer

from local.processes import ROOT
from tests.lanes import Lanes, in_order, suite_of

# The program that a marker asks for, and the Debian package that has it.
PROGRAMS = {"nginx": ("nginx", "nginx-light"), "notary": ("notary", "notary"), "softhsm": ("softhsm2-util", "softhsm2")}
PATH = f"{os.environ['PATH']}:/usr/sbin"

_BUDGET = re.compile(r"^\| `tests/([a-z/]+)` \|.*\| ([0-9]+) \|$", re.MULTILINE)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        signal.signal(signal.SIGINT, _interrupt_once)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    return Lanes(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for marker, (program, _) in PROGRAMS.items():
            if item.get_closest_marker(marker) and not shutil.which(program, path=PATH):
                item.add_marker(pytest.mark.skip(reason=f"{program} is not installed"))
    if hasattr(config, "workerinput"):
        items.sort(key=in_order)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    _tell_what_is_left_out(terminalreporter)
    _tell_what_is_over_budget(terminalreporter)


def _interrupt_once(_number: int, _frame: FrameType | None) -> None:
    """Ctrl-C ends a test, and nothing ends the fixtures that stop servers: xdist interrupts once more after five seconds."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _tell_what_is_left_out(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = [report for report in terminalreporter.stats.get("skipped", []) if report.longrepr]
    if not left_out:
        return
    terminalreporter.section("Left out")
    for report in left_out:
        terminalreporter.line(f"{report.nodeid}: {report.longrepr[2]}")
    missing = [package for program, package in PROGRAMS.values() if not shutil.which(program, path=PATH)]
    terminalreporter.line(f"To run them as well: apt-get install --yes {' '.join(missing)}")


def _tell_what_is_over_budget(terminalreporter: pytest.TerminalReporter) -> None:
    """Fails nothing: machines differ."""
    reports = [report for found in terminalreporter.stats.values() for report in found if isinstance(report, pytest.TestReport)]
    seconds = defaultdict[str, float](float)
    for report in reports:
        seconds[suite_of(report.nodeid)] += report.duration
    budgets = {suite: int(budget) for suite, budget in _BUDGET.findall((ROOT / "CONTRIBUTING.md").read_text())}
    over = [(suite, taken) for suite, taken in seconds.items() if taken > budgets.get(suite, 0)]
    if over:
        terminalreporter.section("Over the budget of CONTRIBUTING.md")
        for suite, taken in over:
            terminalreporter.line(f"tests/{suite}: {taken:.0f} s of {budgets.get(suite, 0)}")
