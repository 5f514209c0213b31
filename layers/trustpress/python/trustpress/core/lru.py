"""A memory with an end."""

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Remembers values by key, up to a total weight; the least recently used make room, but for the newest one.

    By default each value weighs one. Several threads may use it at once.
    """

    def __init__(self, limit: int, weigh: Callable[[V], int] = lambda _: 1) -> None:
        self._limit, self._weigh = limit, weigh
        self._values: dict[K, V] = {}
        self._weight = 0
        self._one_at_a_time = threading.Lock()

    def get(self, key: K) -> V | None:
        with self._one_at_a_time:
            if key not in self._values:
                return None
            value = self._values[key] = self._values.pop(key)
            return value

    def put(self, key: K, value: V) -> V:
        """Remember a value in the place of what was known, and return it."""
        with self._one_at_a_time:
            self._drop(key)
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._limit and len(self._values) > 1:
                self._drop(next(iter(self._values)))
        return value

    def _drop(self, key: K) -> None:
        if key in self._values:
            self._weight -= self._weigh(self._values.pop(key))
