"""What the papers say of each other and of the tree: paths, links, and the decisions and what has become of them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.processes import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = {int(path.name[:4]): path.read_text() for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))}
SOURCES = [path for folder in ("functions", "layers", "scripts", "tests") for path in sorted((ROOT / folder).rglob("*.py"))]

_PATH = re.compile(r"(?<![\w./-])((?:functions|layers|scripts|tests)/[\w./-]*\w)")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_TITLE = re.compile(r"# (\d+)\. \S.* \(\d{4}-\d\d-\d\d(?:, \d{4}-\d\d-\d\d)*\)")
_STATUS = re.compile(r"Status: (?:Superseded by (\d+)|Accepted(?:; amended by (\d+): \S.*)?)\.(?: Supersedes (\d+)\.)?")
_MENTION = re.compile(r"\bdecisions? (\d+)\b")


def status(number: int) -> re.Match[str]:
    lines = DECISIONS[number].splitlines()
    found = _STATUS.fullmatch(lines[2]) if len(lines) > 2 else None
    assert found, f"decision {number}: expected its status below its title, found {lines[1:3]}"
    return found


def mentioned() -> Iterator[tuple[str, int]]:
    for path in PAGES + SOURCES:
        for number in _MENTION.findall(path.read_text()):
            yield str(path.relative_to(ROOT)), int(number)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_and_link_of_a_page_exists(page: Path) -> None:
    text = page.read_text()
    assert [path for path in _PATH.findall(text) if not (ROOT / path).exists()] == []
    assert [link for link in _LINK.findall(text) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("number", DECISIONS)
def test_a_decision_has_its_number_a_date_and_a_status(number: int) -> None:
    title = _TITLE.fullmatch(DECISIONS[number].splitlines()[0])
    assert title
    assert int(title[1]) == number
    assert status(number)


def test_decisions_are_counted_without_a_gap() -> None:
    assert list(DECISIONS) == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("number", DECISIONS)
def test_what_supersedes_or_amends_a_decision_is_another_and_says_so(number: int) -> None:
    superseded_by, amended_by, supersedes = (int(found) if found else None for found in status(number).groups())
    for later in filter(None, (superseded_by, amended_by)):
        assert later in DECISIONS
        assert later > number
    if superseded_by:
        assert status(superseded_by)[3] == str(number)
    if supersedes:
        assert status(supersedes)[1] == str(number)


def test_every_decision_that_is_mentioned_exists() -> None:
    assert [place for place in mentioned() if place[1] not in DECISIONS] == []
