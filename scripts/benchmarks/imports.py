"""How long a new container takes to import the publish handler, bytecode compiled before."""

import compileall
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYER = ROOT / "layers" / "trustpress" / "python"
FUNCTION = ROOT / "functions" / "publish"
LIMIT_MS = 450
ROUNDS = 15

_PROGRAM = "import time; start = time.perf_counter(); import handler; print((time.perf_counter() - start) * 1000)"


def import_milliseconds() -> float:
    """The median of several fresh interpreters."""
    for folder in (LAYER, FUNCTION):
        compileall.compile_dir(folder, quiet=1)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{LAYER}:{FUNCTION}"}
    command = [sys.executable, "-c", _PROGRAM]
    return statistics.median(float(subprocess.check_output(command, env=environment)) for _ in range(ROUNDS))
