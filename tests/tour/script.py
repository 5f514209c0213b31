"""docs/tour.md as a play: who types what, and what the program answers.

A block that begins with "```console NAME" is what one person sees: lines that begin with "$ " are typed, lines that begin
with "> " go on with them, all others are the answer. What goes on behind the scenes is a comment, "<!-- meanwhile: ... -->".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from pathlib import Path

_OPENING = re.compile(r"```console (?P<person>[a-z]+)")
_MEANWHILE = re.compile(r"<!-- meanwhile: (?P<event>.+) -->")
_PROMPT, _MORE = "$ ", "> "


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody types, and the lines of the answer. `number` is where it stands, counted from 1; `rows` are the first row
    of the document that the answer takes, and the one behind it, counted from 0."""

    number: int
    chapter: str
    person: str
    command: str
    answer: tuple[str, ...]
    rows: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens meanwhile, and that nobody in the play does."""

    number: int
    chapter: str
    name: str


Story = Sequence[Line | Event]


@dataclass(frozen=True)
class Script:
    text: str

    @classmethod
    def read(cls, path: Path) -> "Script":
        return cls(path.read_text())

    @cached_property
    def scenes(self) -> list[Line | Event]:
        """Everything that happens, in order."""
        return _Reading(self.text.splitlines()).scenes

    @cached_property
    def lines(self) -> list[Line]:
        return [scene for scene in self.scenes if isinstance(scene, Line)]

    @cached_property
    def stories(self) -> list[Story]:
        """What may be played at the same time: whole chapters, and no person is in two stories."""
        chapters = [list(scenes) for _, scenes in groupby(self.scenes, key=lambda scene: scene.chapter)]
        stories: list[Story] = []
        for chapter in chapters:
            known = [story for story in stories if _people(story) & _people(chapter)]
            stories = [story for story in stories if story not in known] + [[*chain(*known), *chapter]]
        return stories

    def with_answers(self, answers: Mapping[Line, tuple[str, ...]]) -> str:
        """The same document with other answers."""
        rows = self.text.splitlines()
        for line in reversed(self.lines):
            rows[slice(*line.rows)] = answers[line]
        return "\n".join(rows) + "\n"


def _people(scenes: Story) -> set[str]:
    return {scene.person for scene in scenes if isinstance(scene, Line)}


class _Reading:
    def __init__(self, rows: list[str]) -> None:
        self._rows = rows
        self._chapter = self._person = ""
        self.scenes: list[Line | Event] = []
        at = 0
        while at < len(rows):
            at = self._read_from(at)

    def _read_from(self, at: int) -> int:
        """Where to read on."""
        row = self._rows[at]
        if self._person and row.startswith(_PROMPT):
            return self._read_line(at)
        if opening := _OPENING.fullmatch(row):
            self._person = opening["person"]
        elif row == "```":
            self._person = ""
        elif row.startswith("## "):
            self._chapter = row.removeprefix("## ")
        elif event := _MEANWHILE.fullmatch(row):
            self.scenes.append(Event(at + 1, self._chapter, event["event"]))
        else:
            assert not self._person, f"row {at + 1}: an answer to nobody"
        return at + 1

    def _read_line(self, at: int) -> int:
        command, answered = self._rows[at].removeprefix(_PROMPT), at + 1
        while command.endswith("\\"):
            command = f"{command}\n{self._rows[answered].removeprefix(_MORE)}"
            answered += 1
        end = answered
        while not self._rows[end].startswith((_PROMPT, "```")):
            end += 1
        answer = tuple(self._rows[answered:end])
        self.scenes.append(Line(at + 1, self._chapter, self._person, command, answer, (answered, end)))
        return end
