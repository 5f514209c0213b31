"""A process that has imported what tests need and nothing of the product: each mutant is tested in a fork of it.

Starting Python and importing python-tuf, boto3 and pytest takes longer than most tests that notice a mutant.
"""

import contextlib
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = {"trustpress": ROOT / "layers/trustpress/python/trustpress", "trustpress_uploader": ROOT / "scripts/trustpress_uploader"}
_OUTSIDE = (
    "boto3.session", "botocore.session", "botocore.stub", "click.testing", "cryptography.hazmat.primitives.asymmetric.rsa", "greenlet",
    "hypothesis.strategies", "jsonschema.validators", "nacl.signing", "orjson", "rich.console", "rich.progress",
    "securesystemslib.signer", "tuf.api.metadata", "tuf.ngclient", "xmlrpc.client",
)  # fmt: skip
_MEMORY = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Verdict:
    """`code` is pytest's, None where time was over."""

    code: int | None
    output: str


class Nursery:
    """One such process; it tests one mutant at a time."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.proofs.mutants.nursery"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def test(self, changes: Mapping[str, str], tests: Iterable[str], seconds: float = 120) -> Verdict:
        """Run tests, in this order and up to the first that fails, with other sources for these files of the product."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"changes": dict(changes), "tests": list(tests), "seconds": seconds}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the nursery has ended"
        return Verdict(**json.loads(answer))


class Chosen:
    """A plugin that keeps the chosen tests alone, in the order in which they were chosen."""

    def __init__(self, tests: list[str]) -> None:
        self._places = {test: place for place, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if self._place(item) is not None]
        items[:] = sorted(chosen, key=lambda item: self._place(item) or 0)

    def _place(self, item: pytest.Item) -> int | None:
        """A name without parameters stands for the test with any."""
        return self._places.get(item.nodeid, self._places.get(item.nodeid.partition("[")[0]))


def write_packages(folder: Path, changes: Mapping[str, str]) -> None:
    """A copy of the product with these files changed, named as in `trustpress/core/trust.py`."""
    for name, package in PACKAGES.items():
        shutil.copytree(package, folder / name)
    for file, source in changes.items():
        (folder / file).write_text(source)


def _serve() -> None:
    for name in _OUTSIDE:
        importlib.import_module(name)
    for line in sys.stdin:
        verdict = _judge(json.loads(line))
        print(json.dumps({"code": verdict.code, "output": verdict.output}), flush=True)


def _judge(request: dict[str, Any]) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="mutant-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_packages(folder / "product", request["changes"])
        child = os.fork()
        if child == 0:
            os._exit(_run(folder, request["tests"]))
        code = _wait(child, time.monotonic() + request["seconds"])
        # Whatever the tests have started ends with them.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        return Verdict(code, (folder / "output").read_text(errors="replace"))


def _run(folder: Path, tests: list[str]) -> int:
    """In the fork: pytest's exit code."""
    os.setsid()
    with (folder / "output").open("wb") as output, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    os.environ["PYTHONPATH"] = str(folder / "product")
    sys.path.insert(0, str(folder / "product"))
    files = dict.fromkeys(test.partition("::")[0] for test in tests)
    options = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    options += ["-o", f"pythonpath=. {folder / 'product'}", f"--basetemp={folder / 'tmp'}"]
    return int(pytest.main([*options, *files], plugins=[Chosen(tests)]))


def _wait(child: int, deadline: float) -> int | None:
    pause = 0.005
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(0.1, pause * 1.2)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


if __name__ == "__main__":
    _serve()
