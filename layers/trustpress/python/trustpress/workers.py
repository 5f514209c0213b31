"""Independent requests, several at a time: most of the time of a large publish is waiting for the store."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Workers:
    """Runs a function over items, up to `count` at a time; with one worker, in order."""

    def __init__(self, count: int) -> None:
        self._count = count

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """The results in the order of the items. Raises what the first failing item raised, when all have ended."""
        work = list(items)
        if self._count == 1 or len(work) <= 1:
            return [function(item) for item in work]
        with ThreadPoolExecutor(min(self._count, len(work))) as pool:
            return list(pool.map(function, work))
