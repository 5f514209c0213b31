"""A whole script on one stack, its stories at the same time: for most of it somebody waits for somebody."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

from tests.tour.player import Played, Player
from tests.tour.script import Line, Script, Story


class Performance:
    """Begins at once, in the background."""

    def __init__(self, script: Script, player: Player, pool: ThreadPoolExecutor) -> None:
        self._player, self._is_called_off = player, threading.Event()
        self._under_way = [pool.submit(self._play, story) for story in script.stories]

    def finish(self) -> dict[Line, Played]:
        """Everything that was typed and answered."""
        return {found.line: found for story in self._under_way for found in story.result()}

    def call_off(self) -> None:
        """Nobody wants to see the rest: what is being typed is the last."""
        self._is_called_off.set()

    def _play(self, story: Story) -> list[Played]:
        return list(takewhile(lambda _: not self._is_called_off.is_set(), self._player.play(story)))
