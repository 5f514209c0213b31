"""What some tests need and PyPI does not have: they are left out where it is missing, and the run says so."""

import os
import shutil

import pytest

# The program that a marker asks for, and the Debian package that has it.
PROGRAMS = {"nginx": ("nginx", "nginx-light"), "notary": ("notary", "notary"), "softhsm": ("softhsm2-util", "softhsm2")}
PATH = f"{os.environ['PATH']}:/usr/sbin"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, (program, _) in PROGRAMS.items():
            if item.get_closest_marker(marker) and not shutil.which(program, path=PATH):
                item.add_marker(pytest.mark.skip(reason=f"{program} is not installed"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = [report for report in terminalreporter.stats.get("skipped", []) if report.longrepr]
    if not left_out:
        return
    terminalreporter.section("Left out")
    for report in left_out:
        terminalreporter.line(f"{report.nodeid}: {report.longrepr[2]}")
    missing = [package for program, package in PROGRAMS.values() if not shutil.which(program, path=PATH)]
    terminalreporter.line(f"To run them as well: apt-get install --yes {' '.join(missing)}")
