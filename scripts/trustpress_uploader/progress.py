"""How slow work tells how far it has come, without knowing whether anybody looks."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Advance = Callable[[int], None]

# Opens a progress bar with a title and a total in bytes; what it yields is told of every few bytes done.
Show = Callable[[str, int], AbstractContextManager[Advance]]

# Anything smaller is done before a bar could be read.
WORTH_SHOWING = 8 * 1024 * 1024


@contextmanager
def hidden(_title: str, _total: int) -> Iterator[Advance]:
    yield lambda _: None


@contextmanager
def bar(title: str, total: int) -> Iterator[Advance]:
    """A bar on stderr, for what takes a while on a terminal."""
    # Imported on first use: most runs show none.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = Console(stderr=True)
    if total < WORTH_SHOWING or not console.is_terminal:
        yield lambda _: None
        return
    columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda count: progress.advance(task, count)
