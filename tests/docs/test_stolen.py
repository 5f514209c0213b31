"""README's table "What if X is stolen?": every cell that promises something leads to a test that tries it."""

import ast
import functools
import re
from collections.abc import Iterator

import pytest

from local.processes import ROOT

_TABLE = re.compile(r"^\| stolen or broken into \|.*?\n\|[-|]+\|\n(.*?)\n\n", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((tests/[\w/]+\.py)#(\w+)\)")


def _cells() -> Iterator[tuple[str, int, str]]:
    found = _TABLE.search((ROOT / "README.md").read_text())
    assert found
    for row in found[1].splitlines():
        name, *rest = [cell.strip() for cell in row.strip("|").split(" | ")]
        assert len(rest) == 3, row
        yield from ((name.strip(), number, cell) for number, cell in enumerate(rest))


@functools.cache
def _tests_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef))


@pytest.mark.parametrize("cell", list(_cells()), ids=lambda cell: f"{cell[0]}-{cell[1]}")
def test_a_cell_leads_to_a_test_that_exists(cell: tuple[str, int, str]) -> None:
    links = _LINK.findall(cell[2])
    assert links, f"no test shows: {cell[2]}"
    assert not [(file, name) for file, name in links if not (ROOT / file).is_file() or name not in _tests_of(file)]
