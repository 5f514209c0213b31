"""scripts/run, next to another deployment, from start to Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.__main__ import main
from local.processes import ROOT
from local.stack import Stack
from tests.stack.actors import Repository, fetch, until

needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this system does not show the processes of a run")


@pytest.fixture
def tour(stack: Stack, tmp_path: Path) -> Iterator["Tour"]:
    tour = Tour(tmp_path / "output")
    yield tour
    tour.process.kill()
    tour.process.wait()


class Tour:
    """A run of its own."""

    def __init__(self, output: Path) -> None:
        self._output = output
        with output.open("wb") as stream:
            self.process = subprocess.Popen([sys.executable, "-m", "local"], cwd=ROOT, stdout=stream, stderr=stream, start_new_session=True)

    @property
    def output(self) -> str:
        return self._output.read_text()

    def wait_until_it_is_up(self) -> None:
        until(lambda: self.is_up or self.process.poll(), "scripts/run", seconds=120)
        assert self.is_up, self.output

    @property
    def is_up(self) -> bool | None:
        return "Ctrl-C stops everything" in self.output or None

    def run_as_it_says(self, command: str) -> str:
        """What a command prints in the environment that was written for it."""
        _, before = re.findall(r"(?:^|\n)  (\. \S+)\n", self.output)
        return subprocess.run(["sh", "-c", f"{before}; {command}"], check=True, capture_output=True, text=True).stdout

    @property
    def folder(self) -> str:
        (found,) = set(re.findall(rf"{ROOT}/\.local/runs/\w+", self.output))
        return str(found)


def processes_of(folder: str) -> list[str]:
    """The processes that were started with this folder in their command line or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if folder.encode() in told and int(process.name) != os.getpid():
            found.append(process.name)
    return found


@needs_proc
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_of_a_run_and_its_neighbour_is_not_disturbed(stack: Stack, tour: Tour, end: signal.Signals) -> None:
    neighbour = f"run/neighbour-{end}"
    Repository(stack, neighbour).publish_first()
    root = f"{stack.edge.url}/{neighbour}/metadata/1.root.json"
    before = fetch(root)
    tour.wait_until_it_is_up()
    assert "verified from the root key down" in tour.output
    assert processes_of(tour.folder)
    assert tour.run_as_it_says("trustpress admin recover acme/demo --yes").startswith("Recovered acme/demo: root 1, snapshot 10")
    os.killpg(tour.process.pid, end)
    assert tour.process.wait(30) == 0
    assert processes_of(tour.folder) == []
    assert not Path(tour.folder).exists()
    assert tour.output.index("Stopping ...") < tour.output.index("Stopped; nothing is left behind.")
    assert tour.output.count("Stopping ...") == 1
    assert (before.status, fetch(root).body) == (200, before.body)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_says_that_it_stops_before_it_stops_anything(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], end: signal.Signals
) -> None:
    """Interrupted while it still starts: the first thing that is stopped comes after the word."""
    said = []

    @contextmanager
    def interrupted_stack(**_arguments: object) -> Iterator[None]:
        try:
            os.kill(os.getpid(), end)
            yield
        finally:
            said.append(capfd.readouterr().out)

    monkeypatch.setattr("local.__main__.running_stack", interrupted_stack)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        main(["--once"], standalone_mode=False)
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    assert "Stopping ..." in said[0]
    assert "Stopped; nothing is left behind." in capfd.readouterr().out
