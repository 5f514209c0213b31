"""Every duty of docs/duties.md is shown by tests that exist."""

import ast
import functools
import re

import pytest

from local.processes import ROOT

_ROW = re.compile(r"^\| (R\d+) \| (.+?) \| (.+) \|$", re.MULTILINE)
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")

ROWS = {name: (duty, shown) for name, duty, shown in _ROW.findall((ROOT / "docs/duties.md").read_text())}


@functools.cache
def _tests_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_all_38_are_there_in_order() -> None:
    assert list(ROWS) == [f"R{number}" for number in range(1, 39)]


@pytest.mark.parametrize("name", ROWS)
def test_a_duty_is_shown_by_tests_that_exist(name: str) -> None:
    shown = ROWS[name][1]
    found = _TEST.findall(shown)
    assert found
    assert ", ".join(f"`{file}::{test}`" for file, test in found) == shown
    missing = [test for file, test in found if not (ROOT / file).is_file() or test not in _tests_in(file)]
    assert not missing
