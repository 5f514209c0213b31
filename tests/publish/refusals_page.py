"""docs/refusals.md: the table of refusals with the hints of real receipts, written anew where that is asked for."""

import os
import re
from functools import cache
from pathlib import Path

from tests.refusals import CASES, Case

PAGE = Path(__file__).parents[2] / "docs" / "refusals.md"

_ROW = re.compile(r"^\| `(.*?)` \| (.*?) \| (E_[A-Z]+) \| (.*?) \|$")

HEAD = f"""# What is refused

{len(CASES)} uploads that never become visible, each a good next version with one thing wrong, and most of them signed correctly. Each is
uploaded to a repository, drained, and has to end in a receipt with this code and this hint, change nothing public, and stand in
nobody's way: `scripts/test tests/publish/test_poison.py`. The hint is what the receipt says beside a message that names the place.
What clients do not agree about has a page of its own: docs/portable.md.

| file | what is wrong with it | code | hint |
|---|---|---|---|
"""


def expect(case: Case, hint: str) -> None:
    """The page has this case with this hint."""
    if os.environ.get("TRUSTPRESS_REWRITE_GOLDEN_FILES"):
        _rewrite(case, hint)
    assert _rows()[case.file, case.name] == (case.code, hint)


def cases() -> list[tuple[str, str, str]]:
    """File, name and code of each case of the page, in its order."""
    return [(file, name, code) for (file, name), (code, _) in _rows().items()]


def _rewrite(case: Case, hint: str) -> None:
    rows = {**(_rows() if PAGE.exists() else {}), (case.file, case.name): (case.code, hint)}
    known = [(each.file, each.name) for each in CASES if (each.file, each.name) in rows]
    lines = [f"| `{file}` | {_escaped(name)} | {rows[file, name][0]} | {_escaped(rows[file, name][1])} |\n" for file, name in known]
    PAGE.write_text(HEAD + "".join(lines))
    _rows.cache_clear()


@cache
def _rows() -> dict[tuple[str, str], tuple[str, str]]:
    found = [match.groups() for match in map(_ROW.match, PAGE.read_text().splitlines()) if match]
    return {(file, _plain(name)): (code, _plain(hint)) for file, name, code, hint in found}


def _escaped(text: str) -> str:
    """As Markdown shows it."""
    return re.sub(r"([\\\\`*_\[\]<>|~])", r"\\\1", text)


def _plain(text: str) -> str:
    return re.sub(r"\\([\\\\`*_\[\]<>|~])", r"\1", text)
