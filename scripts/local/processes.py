"""Programs that end with the block that started them."""

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS_TO_START = 30
SECONDS_TO_STOP = 3
_LOWEST_PORT, _LOWEST_OUTGOING_PORT = 10_000, 32_000


class ProgramFailed(Exception):
    """A program ended with an error or did not get ready. The message carries the end of what it said."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        said = log.read_text(errors="replace")[-4000:].strip()
        super().__init__(f"{Path(command[0]).name} failed:\n{said}")


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], log: Path, is_ready: Callable[[], bool]) -> Iterator[None]:
    """Run a server, with everything it starts in a process group of its own, until the block ends. Raises ProgramFailed."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_until_ready(process, is_ready, lambda: ProgramFailed(command, log))
        yield
    finally:
        _stop(process)


def run(command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    """Run a program to its end. Raises ProgramFailed."""
    with log.open("ab") as output:
        finished = subprocess.run(command, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False)
    if finished.returncode:
        raise ProgramFailed(command, log)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on right now.

    It is below those of outgoing connections: one that probes whether a server is up would now and then be given the very port
    it asks for, connect to itself, and keep the server from it.
    """
    while True:
        port = _LOWEST_PORT + secrets.randbelow(_LOWEST_OUTGOING_PORT - _LOWEST_PORT)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def accepts_connections(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _wait_until_ready(process: "subprocess.Popen[bytes]", is_ready: Callable[[], bool], failed: Callable[[], ProgramFailed]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise failed()
        time.sleep(0.05)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the whole group: MiniStack's workers do not end with it."""
    _signal_group(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(SECONDS_TO_STOP)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, which)
