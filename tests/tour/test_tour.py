"""docs/tour.md, typed from top to bottom: every command is in it, and every answer is what the program says."""

import os
import re

import pytest

from tests.tour import command_tree
from tests.tour.conftest import TOUR
from tests.tour.likeness import Likeness, timeless
from tests.tour.people import PEOPLE
from tests.tour.player import Played, Player, calls
from tests.tour.script import Line, Script

SCRIPT = Script.read(TOUR)
ORDERED_BY_KEYID = {("key", "list")}


def short(line: Line) -> str:
    return f"{line.number}: {line.command.splitlines()[0][:60]}"


@pytest.fixture(scope="session")
def documented(played: dict[Line, Played], likeness: Likeness) -> dict[Line, tuple[str, ...]]:
    """What the tour says; written anew where that is asked for."""
    if not os.environ.get("TRUSTPRESS_REWRITE_GOLDEN_FILES"):
        return {line: line.answer for line in SCRIPT.lines}
    answers = {line: likeness.write(line.answer, played[line].answer) for line in SCRIPT.lines}
    TOUR.write_text(SCRIPT.with_answers(answers))
    return answers


def test_every_command_is_in_it() -> None:
    typed = {command_tree.parse(call) for line in SCRIPT.lines for call in calls(line.command)}
    assert [" ".join(names) for names in command_tree.every_leaf() if names not in typed] == []


def test_every_transcript_is_played() -> None:
    blocks = re.findall(r"^```(.*)\n\$ ", SCRIPT.text, re.MULTILINE)
    assert {block.removeprefix("console ") for block in blocks} <= set(PEOPLE)


@pytest.mark.parametrize("line", SCRIPT.lines, ids=short)
def test_the_program_answers_as_documented(
    line: Line, played: dict[Line, Played], likeness: Likeness, documented: dict[Line, tuple[str, ...]]
) -> None:
    found, expected = likeness.read(played[line].answer), timeless(documented[line])
    if ORDERED_BY_KEYID & {command_tree.parse(call) for call in calls(line.command)}:
        found, expected = sorted(found), sorted(expected)
    assert found == expected


@pytest.mark.parametrize("line", SCRIPT.lines, ids=short)
def test_the_exit_code_says_what_the_answer_says(line: Line, played: dict[Line, Played]) -> None:
    following = SCRIPT.lines[SCRIPT.lines.index(line) + 1 :][:1]
    if following and following[0].command == "echo $?":
        return  # the answer to that tells
    assert played[line].exit_code == promised_exit_code(played[line].answer)


def promised_exit_code(answer: tuple[str, ...]) -> int:
    if any(row.startswith("Error E_") for row in answer):
        return 1
    return 4 if any(row.startswith("Signed; nothing is published yet.") for row in answer) else 0


def test_no_answer_shows_a_secret(played: dict[Line, Played], player: Player) -> None:
    answers = "\n".join(row for found in played.values() for row in found.answer)
    assert player.secrets
    assert [secret for secret in player.secrets if secret in answers] == []
