"""Nobody may be in the middle of something when a function's containers are ended: its upload would wait for minutes."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_AT_ONCE = 16


class Calm:
    """Whoever works keeps it, several at a time. Whoever disturbs waits until nobody does."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    @contextmanager
    def kept(self) -> Iterator[None]:
        with self._places:
            yield

    @contextmanager
    def broken(self) -> Iterator[None]:
        """For one at a time."""
        with ExitStack() as places:
            for _ in range(_AT_ONCE):
                places.enter_context(self._places)
            yield
