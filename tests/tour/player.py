"""Plays a script: every command in a shell of its own, without a terminal, at the home of whoever types it."""

import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.request import urlopen

from local.edge import Edge
from local.ministack import PATH, Credentials
from local.stack import Stack
from tests.stack.actors import Operator, until
from tests.tour import command_tree
from tests.tour.calm import Calm
from tests.tour.likeness import Likeness
from tests.tour.people import PEOPLE, Person
from tests.tour.script import Event, Line, Story

# Where the documents say that clients fetch from.
DOCUMENTED_URL = "https://d111111abcdef8.cloudfront.net"
SECONDS_TO_FINISH = 120

# What these say depends on what a cache remembers for five seconds; the last one stands behind `recover --stolen`.
_LOOKING = {("pull",), ("verify",), ("resolve",), ("list",), ("inspect",), ("diff",), ("status",), ("export",), ("online-key", "rotate")}

# Folders of the documents, of which everybody has their own or which all of them see.
_FOLDERS = re.compile(r"(?<![\w/])/(?=(?:home|media|srv)/)")
_ECHO = re.compile(r"^echo (?P<text>[a-z0-9. ]+) > ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Played:
    line: Line
    answer: tuple[str, ...]
    exit_code: int


class Player:
    """Publishers fetch from the stack's edge, and readers from another one."""

    def __init__(self, stack: Stack, elsewhere: Edge, folder: Path, likeness: Likeness, calm: Calm) -> None:
        self._stack, self._edge, self._elsewhere = stack, stack.edge, elsewhere
        self._folder, self._likeness, self._calm = folder, likeness, calm
        self._environments: dict[str, dict[str, str]] = {}
        self._exit_codes: dict[str, int] = {}
        for shared in ("srv/team", "media/usb"):
            (folder / shared).mkdir(parents=True)

    def play(self, story: Story) -> Iterator[Played]:
        for scene in story:
            if isinstance(scene, Event):
                _EVENTS[scene.name](self)
            else:
                with self._calm.kept():
                    played = self._type(scene)
                yield played

    @property
    def secrets(self) -> list[str]:
        """What no answer may show."""
        return [
            value
            for environment in self._environments.values()
            for name, value in environment.items()
            if name.endswith("_PASSPHRASE") or name == "AWS_SECRET_ACCESS_KEY"
        ]

    def let_nine_days_pass(self) -> None:
        """For whoever expires; meanwhile a look at an inbox failed five times."""
        operator = Operator(self._stack)
        operator.let_time_pass("ExpireFunction", timedelta(days=9))
        operator.give_up_on("acme/wheels")

    def _type(self, line: Line) -> Played:
        person = PEOPLE[line.person]
        self._likeness.fix(line.command)
        command = self._real(line.command, person)
        if person.repository and {names for call in calls(command) if (names := command_tree.parse(call))} & _LOOKING:
            self._wait_for_caches(self._edge, f"{person.repository}/metadata/timestamp.json")
        home = self._folder / "home" / line.person
        home.mkdir(parents=True, exist_ok=True)
        # The last exit code is what `echo $?` tells.
        shell = ["bash", "-c", f"(exit {self._exit_codes.get(line.person, 0)})\n{command}"]
        finished = subprocess.run(
            shell,
            env=self._environment(line.person),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS_TO_FINISH,
            check=False,
        )
        self._exit_codes[line.person] = finished.returncode
        answer = tuple(row.rstrip() for row in self._documented(finished.stdout).splitlines())
        self._likeness.learn(line.answer, answer)
        return Played(line, answer, finished.returncode)

    def _real(self, text: str, person: Person) -> str:
        edge = self._edge if person.repository else self._elsewhere
        return _FOLDERS.sub(f"{self._folder}/", self._likeness.real(text)).replace(DOCUMENTED_URL, edge.url)

    def _documented(self, text: str) -> str:
        for edge in (self._edge, self._elsewhere):
            text = text.replace(edge.url, DOCUMENTED_URL)
        return text.replace(f"{self._folder}/", "/")

    def _environment(self, name: str) -> dict[str, str]:
        if name not in self._environments:
            person = PEOPLE[name]
            credentials = self._credentials(person)
            theirs = self._stack.cloud.environment(credentials) if credentials else {"PATH": PATH}
            theirs |= {"HOME": str(self._folder / "home" / name), "COLUMNS": "100", "LANG": "C.UTF-8", "TZ": "UTC"}
            self._environments[name] = theirs | dict(person.passphrases)
        return self._environments[name]

    def _credentials(self, person: Person) -> Credentials | None:
        deployment = self._stack.deployment
        if person.administers:
            return deployment.administrator()
        return deployment.person(person.repository) if person.repository else None

    def _wait_for_caches(self, edge: Edge, key: str) -> None:
        """Until an edge shows what the bucket has. Nobody in the play who looks is told of the last five seconds."""
        s3, bucket = self._stack.cloud.client("s3"), self._stack.deployment.public_bucket

        def is_shown() -> bool | None:
            with urlopen(f"{edge.url}/{key}", timeout=10) as answer:
                shown = answer.read()
            return shown == s3.get_object(Bucket=bucket, Key=key)["Body"].read() or None

        until(is_shown, f"{key} at the edge")


_EVENTS = {
    "nine days pass, in which a publish failed five times": Player.let_nine_days_pass,
}


def calls(command: str) -> Iterator[list[str]]:
    """The calls of `trustpress` in what somebody typed."""
    yield from command_tree.calls(command.replace("\\\n", " ").replace("\n", " ; "))


def hashes_of_texts(lines: Iterable[Line]) -> Iterator[str]:
    """The SHA-256 of every text that somebody writes into a file."""
    for line in lines:
        for text in _ECHO.findall(line.command):
            yield sha256(f"{text}\n".encode()).hexdigest()
