"""The transcript in README.md. It leaves out lines of what the program says, and has none that the program does not say."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.edge import Edge
from local.processes import ROOT
from local.stack import Stack
from tests.tour.calm import Calm
from tests.tour.likeness import Likeness, timeless
from tests.tour.player import DOCUMENTED_URL, Player
from tests.tour.script import Line

pytestmark = pytest.mark.usefixtures("undisturbed")

_TRANSCRIPT = re.compile(r"^```\n(A developer, .*?)^```$", re.MULTILINE | re.DOTALL)
_LOOPBACK = re.compile(r"http://127\.0\.0\.1:\d+")


def transcript() -> Iterator[Line]:
    """Each paragraph is a command with its answer, or tells who types the next ones."""
    found = _TRANSCRIPT.search((ROOT / "README.md").read_text())
    assert found
    person = ""
    for paragraph in _LOOPBACK.sub(DOCUMENTED_URL, found[1]).split("\n\n"):
        if paragraph.startswith("$ "):
            command, *answer = paragraph.removeprefix("$ ").splitlines()
            yield Line(0, "README.md", person, command, tuple(answer), (0, 0))
        else:
            person = "developer" if paragraph.startswith("A developer") else "reader"


def test_readme_shows_what_the_program_says(stack: Stack, elsewhere: Edge, calm: Calm, tmp_path: Path) -> None:
    likeness = Likeness(datetime.now(UTC))
    player = Player(stack, elsewhere, tmp_path, likeness, calm)
    developer, reader = (tmp_path / "home" / name for name in ("developer", "reader"))
    developer.mkdir(parents=True)
    reader.mkdir()
    shutil.copy(ROOT / "LICENSE", developer)
    for line in transcript():
        if line.person == "reader":
            shutil.copy(developer / ".trustpress" / "repositories" / "acme%2Fdemo" / "root.json", reader)
        (played,) = player.play([line])
        answer = likeness.read(played.answer)
        assert [row for row in timeless(line.answer) if row not in answer] == []
        assert played.exit_code == 0
