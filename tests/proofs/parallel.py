"""A range of numbered cases, spread over processes, with a bar that tells how far they are."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")

_CHUNK = 100


def progress_bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def over(cases: range, play: Callable[[range], T], what: str) -> Iterator[T]:
    """What `play` returns for each hundred of the cases, in order. Its first error ends everything."""
    chunks = [range(start, min(start + _CHUNK, cases.stop)) for start in range(cases.start, cases.stop, _CHUNK)]
    spawn = multiprocessing.get_context("spawn")
    with progress_bar() as progress, ProcessPoolExecutor(os.cpu_count(), spawn) as pool:
        task = progress.add_task(what, total=len(cases))
        for chunk, result in zip(chunks, pool.map(play, chunks), strict=True):
            progress.advance(task, len(chunk))
            yield result
