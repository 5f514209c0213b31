"""What some tests need and PyPI does not have: they are left out where it is missing, and the run says so."""

import os
import shutil

import pytest

PROGRAMS = {"nginx": "apt-get install --yes nginx-light"}
PATH = f"{os.environ['PATH']}:/usr/sbin"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for program in PROGRAMS:
            if item.get_closest_marker(program) and not shutil.which(program, path=PATH):
                item.add_marker(pytest.mark.skip(reason=f"{program} is not installed"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = [report for report in terminalreporter.stats.get("skipped", []) if report.longrepr]
    if not left_out:
        return
    terminalreporter.section("Left out")
    for report in left_out:
        terminalreporter.line(f"{report.nodeid}: {report.longrepr[2]}")
    for program, command in PROGRAMS.items():
        if not shutil.which(program, path=PATH):
            terminalreporter.line(f"To run them as well: {command}")
