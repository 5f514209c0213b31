"""What happens to a deployment all day: publishes, refreshes, and the hours that make refreshes necessary."""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from local.stack import Stack
from tests.proofs.drills.backstage import Backstage
from tests.proofs.drills.watch import Shelf
from tests.stack.actors import Operator, Repository, until
from trustpress.errors import Conflict

HALF_A_LIFE = timedelta(hours=13)
DELEGATED = ("docs", "tools", "builds")
PUBLISHES_A_FILE, PUBLISHES_A_ROOT = 5, 60
SECONDS_TO_PUBLISH = 60


class Busy:
    """A repository with delegated roles, of which another one is published each time, and the files that readers must find."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.repository, self.shelf = Repository(stack, name), Shelf()
        self._developer, self._rolenames = self.repository.developer, itertools.cycle(("targets", *DELEGATED))
        for rolename in DELEGATED:
            self._developer.delegate(rolename, f"{rolename}/*")
        self.first_root = self._developer.signed("root")
        self.repository.publish(self._developer.bundle("root", "targets", *DELEGATED), "first.root.json")

    def upload(self, number: int) -> "Upload":
        """Put the next version of the next role: now and then with a file, now and then root instead."""
        if number % PUBLISHES_A_ROOT == 0:
            self._developer.next_root()
            return self._put("root", {})
        rolename = next(self._rolenames)
        files = {f"{rolename}/{number}.txt": f"file {number}".encode()} if number % PUBLISHES_A_FILE == 0 else {}
        self._developer.next_version(rolename, files)
        return self._put(rolename, files)

    def _put(self, rolename: str, files: Mapping[str, bytes]) -> "Upload":
        for targetpath, data in files.items():
            self.repository.put(f"targets/{targetpath}", data)
        upload = Upload(self, self._developer.signed(rolename), files)
        self.repository.put(f"metadata/{rolename}.json", upload.body)
        return upload


@dataclass(frozen=True)
class Upload:
    """What has been put, and when."""

    busy: Busy
    body: bytes
    files: Mapping[str, bytes]
    at: float = field(default_factory=time.monotonic)

    def is_acknowledged(self) -> bool:
        """Whether its receipt says that it is published: then readers must find its files."""
        receipt = self.busy.repository.receipt(self.body)
        if receipt is None or receipt["status"] == "waiting":
            return False
        assert receipt["status"] == "published", receipt
        for targetpath, data in self.files.items():
            self.busy.shelf.put(targetpath, data, receipt["release"]["timestamp"])
        return True


class Publishing:
    """One upload a second, to one repository after the other; each has to be acknowledged within a minute."""

    def __init__(self, crowd: list[Busy]) -> None:
        self._crowd, self._pending = itertools.cycle(crowd), deque[Upload]()
        self.published = 0

    def run(self, stopping: threading.Event, each: Callable[[], None]) -> None:
        began = time.monotonic()
        for number in itertools.count(1):
            if stopping.wait(max(0.0, began + number - time.monotonic())):
                break
            self._pending.append(next(self._crowd).upload(number))
            self._acknowledge()
            each()
        until(lambda: self._acknowledge() or None, "the last receipts", SECONDS_TO_PUBLISH)

    def _acknowledge(self) -> bool:
        """Take note of the receipts that have come, in the order of the uploads; whether all have."""
        while self._pending and self._pending[0].is_acknowledged():
            self._pending.popleft()
            self.published += 1
        assert not self._pending or time.monotonic() - self._pending[0].at < SECONDS_TO_PUBLISH, "no receipt within a minute"
        return not self._pending


class Refreshing:
    """The schedule comes round every few seconds, and each time another repository has not been renewed for half a life."""

    def __init__(self, operator: Operator, backstage: Backstage, names: list[str], seconds: float) -> None:
        self._operator, self._backstage, self._seconds = operator, backstage, seconds
        self._names: Iterator[str] = itertools.cycle(names)
        self.runs = self.renewed = 0

    def run(self, stopping: threading.Event) -> None:
        while not stopping.wait(self._seconds):
            with suppress(Conflict):  # somebody has published meanwhile
                self._backstage.age(next(self._names), HALF_A_LIFE)
            self.renewed += self._operator.refresh()
            self.runs += 1
