"""How slow work tells how far it has come, without knowing whether anybody looks."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from trustpress_uploader.terminal import door

if TYPE_CHECKING:
    from rich.status import Status

Advance = Callable[[int], None]
Say = Callable[[str], None]

# Opens a progress bar with a title and a total in bytes; what it yields is told of every few bytes done.
Show = Callable[[str, int], AbstractContextManager[Advance]]

# Opens a line that says what is being waited for; what it yields is told, again and again, the reason.
ShowWaiting = Callable[[str], AbstractContextManager[Say]]

# Anything smaller is done before a bar could be read.
WORTH_SHOWING = 8 * 1024 * 1024
SECONDS_WORTH_SHOWING = 1.0


@contextmanager
def hidden(_title: str, _total: int) -> Iterator[Advance]:
    yield lambda _: None


@contextmanager
def bar(title: str, total: int) -> Iterator[Advance]:
    """A bar on stderr, for what takes a while on a terminal."""
    if total < WORTH_SHOWING or not door.is_terminal():
        yield lambda _: None
        return
    # Imported on first use: most runs show none.
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=door.console(err=True), transient=True) as progress:
        task = progress.add_task(door.printable(title), total=total)
        yield lambda count: progress.advance(task, count)


@contextmanager
def hidden_waiting(_title: str) -> Iterator[Say]:
    yield lambda _: None


@contextmanager
def waiting(title: str) -> Iterator[Say]:
    """A line on stderr that appears once a second has passed, and lines of their own where there is no terminal."""
    line = _WaitingLine(title)
    try:
        yield line.say
    finally:
        line.close()


class _WaitingLine:
    def __init__(self, title: str) -> None:
        self._title, self._began = title, time.monotonic()
        self._is_terminal = door.is_terminal()
        self._last = ""
        self._status: Status | None = None

    def say(self, reason: str) -> None:
        if time.monotonic() - self._began < SECONDS_WORTH_SHOWING:
            return
        if self._is_terminal:
            self._show(reason or self._title)
        elif reason not in {"", self._last}:
            door.say(f"{self._title}: {reason}")
        self._last = reason

    def close(self) -> None:
        if self._status:
            self._status.stop()

    def _show(self, text: str) -> None:
        from rich.text import Text

        line = Text(door.printable(text))
        if self._status is None:
            self._status = door.console(err=True).status(line)
            self._status.start()
        self._status.update(line)
