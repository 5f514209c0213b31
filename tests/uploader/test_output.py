"""What people are told while something goes on, and how much of it."""

from typing import Any, Self

import pytest

from trustpress_uploader.terminal import door, progress
from trustpress_uploader.terminal.output import write_names


def test_names_are_all_told_while_they_are_few_enough_to_be_read() -> None:
    names = [f"app-{number}" for number in range(1010)]
    ten = ", ".join(names[:10])
    assert write_names(names[:10]) == ten
    assert write_names(names[:11]) == f"{ten} and 1 more"
    assert write_names(names) == f"{ten} and 1,000 more"


class Line:
    """The last line of a terminal, as rich keeps it: `shown` is what it said, one after the other, and "" for when it went."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def status(self, text: Any) -> Self:
        self._text = str(text)
        return self

    def start(self) -> None:
        self.shown.append(self._text)

    def update(self, text: Any) -> None:
        if str(text) != self.shown[-1]:
            self.shown.append(str(text))

    def stop(self) -> None:
        self.shown.append("")


def test_on_a_terminal_the_line_says_the_title_then_each_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line()
    monkeypatch.setattr(progress, "SECONDS_WORTH_SHOWING", 0)
    monkeypatch.setattr(door, "is_terminal", lambda: True)
    monkeypatch.setattr(door, "console", lambda *, err: line if err else None)
    with progress.waiting("Waiting for the receipt") as say:
        for reason in ("", "root 2 comes first", "root 2 comes first", "a cache is \x1b[2J slow"):
            say(reason)
    assert line.shown == ["Waiting for the receipt", "root 2 comes first", "a cache is \\x1b[2J slow", ""]
