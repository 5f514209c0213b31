"""A mutant: the package with one guard taken out, and the tests that must notice."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "layers/trustpress/python"


@dataclass(frozen=True)
class Mutant:
    """`changes` are texts of a file, each there exactly once, and what takes their place; `tests` are pytest's node ids."""

    name: str
    file: str
    changes: dict[str, str]
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return self.name

    def apply(self, package: Path) -> None:
        """Change a copy of the package. Raises AssertionError where the source is no longer what it was."""
        path = package / "trustpress" / self.file
        source = path.read_text()
        for old, new in self.changes.items():
            found = source.count(old)
            assert found == 1, (
                f"{self.name}: expected this once in {self.file}, found it {found} times; bring the mutant up to date:\n{old}"
            )
            source = source.replace(old, new)
        path.write_text(source)


def copy_package(folder: Path) -> Path:
    """A copy of what the layer carries, to be broken."""
    return Path(shutil.copytree(PACKAGE, folder / "python"))


def run_tests(package: Path, tests: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Run tests against a package, up to the first that fails."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "--no-header",
        "-p",
        "no:cacheprovider",
        "-o",
        f"pythonpath=. {package} scripts",
        *tests,
    ]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
