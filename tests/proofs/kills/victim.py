"""Publishers that are killed: real processes, ended by SIGKILL wherever they are.

A nursery is a process that has imported everything; it forks victims, so that each costs milliseconds, and kills them. What a
victim did last lies in memory that outlives it.
"""

import mmap
import os
import re
import signal
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Never

import boto3

from tests.fakes import FakeClock, KeysOf, RecordingAnnouncer
from tests.proofs.kills.places import SIGNER, Place
from trustpress.adapters.settings import read_settings
from trustpress.deployment import Deployment
from trustpress.publish.publisher import Publisher
from trustpress.publish.refresher import Refresher

# What can be told apart in a publish, by what a request asks of which key.
_WRITES = [
    ("PUT register", "PUT", r"/repositories/"),
    ("copy target", "PUT", r"/targets/"),
    ("PUT root", "PUT", r"/metadata/[0-9]+\.root\.json"),
    ("PUT snapshot", "PUT", r"/metadata/[0-9]+\.snapshot\.json"),
    ("PUT role", "PUT", r"/metadata/[0-9]+\."),
    ("PUT timestamp", "PUT", r"/metadata/timestamp\.json"),
    ("PUT receipt", "PUT", r"/receipts/"),
    ("DELETE upload", "DELETE", r"/inbox/"),
]


@dataclass(frozen=True)
class Life:
    """What a victim is to do, and its end: so many seconds after it has begun so many steps, each a kind of write or a turn.

    Counted in steps, so that whole publishes are hit however slow the machine is. `hours_ahead` is how far the clock of its
    refreshes is ahead.
    """

    repository: str
    hours_ahead: int
    steps: int
    seconds: float


class Marks:
    """What a victim did last, in memory shared with whoever forked it.

    Writes of one kind that follow each other, or are made together, are one step. Each that begins puts a byte into `begun`.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 3)
        self.begun = -1

    def begin(self, work: str) -> None:
        self._memory[:] = bytes([work == "refresh", 0, 0])
        os.write(self.begun, b".")

    def asked(self, request: Any, **_: Any) -> None:
        for number, (_name, method, pattern) in enumerate(_WRITES, start=1):
            if request.method == method and re.search(pattern, request.url):
                if number != self._memory[1]:
                    os.write(self.begun, b".")
                self._memory[1:] = bytes([number, 0])
                return

    def answered(self, **_: Any) -> None:
        self._memory[2] = 1

    def __str__(self) -> str:
        is_refresh, number, is_answered = self._memory[:]
        work = "refresh" if is_refresh else "drain"
        if not number:
            return f"{work}: before any write"
        return f"{work}: {'after' if is_answered else 'in'} {_WRITES[number - 1][0]}"


class Nursery:
    """The near end of a process that forks and kills."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def start(self, life: Life) -> None:
        self._connection.send(life)

    def mourn(self) -> str:
        """Wait for the end of the life that was started; where in its work it was. Raises AssertionError if it ended by itself."""
        what, said = self._connection.recv()
        assert what == "killed", said
        return str(said)

    def close(self) -> None:
        self._connection.send(None)


def keep_nursery(place: Place, connection: "Connection[Any, Any]", last_words: Path) -> None:
    """Be a nursery until told to stop."""
    os.environ.update(place.environment)
    for service in ("s3", "kms"):
        boto3.client(service)  # makes the session, and has it read the models, once for all victims
    marks = Marks()
    while life := connection.recv():
        connection.send(_raise_and_kill(place, life, marks, last_words))


def _raise_and_kill(place: Place, life: Life, marks: Marks, last_words: Path) -> tuple[str, str]:
    seen, marks.begun = os.pipe()
    pid = os.fork()
    if not pid:
        _live(place.environment, life, marks, last_words)
    os.close(marks.begun)
    for _ in range(life.steps):
        os.read(seen, 1)
    time.sleep(life.seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(seen)
    if os.WIFSIGNALED(status):
        return "killed", str(marks)
    return "ended", last_words.read_text()


def _live(environment: Mapping[str, str], life: Life, marks: Marks, last_words: Path) -> Never:
    """Drain and refresh over and over, as two functions would; never returns."""
    try:
        deployment = Deployment(read_settings(environment))
        events = deployment.public._client.meta.events
        events.register("before-send.s3", marks.asked)
        events.register("response-received.s3", marks.answered)
        publisher = Publisher(deployment.staging, deployment.public, KeysOf([SIGNER]), announcer=RecordingAnnouncer())
        refresher = Refresher(deployment.staging, deployment.public, KeysOf([SIGNER]))
        while True:
            marks.begin("drain")
            publisher.drain(life.repository, FakeClock(datetime.now(UTC)))
            marks.begin("refresh")
            refresher.refresh(life.repository, FakeClock(datetime.now(UTC) + timedelta(hours=life.hours_ahead)))
    except BaseException:
        last_words.write_text(traceback.format_exc())
        raise
    finally:
        sys.stderr.flush()
        os._exit(1)
