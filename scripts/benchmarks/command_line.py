"""How long a developer waits: `trustpress --help`, and from `push` to its receipt on a warm local stack."""

import compileall
import hashlib
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from local.stack import Stack, running_stack

HELP_LIMIT_MS, PUSH_LIMIT_MS = 150, 1500
HELP_ROUNDS, PUSH_ROUNDS = 21, 15
REPOSITORY = "bench/push"

_PROGRAM = str(Path(sys.executable).with_name("trustpress"))


def help_milliseconds() -> float:
    """The median of several runs; what it imports has been compiled before."""
    _compile()
    environment = {"PATH": os.environ["PATH"]}
    return statistics.median(_run(["--help"], environment) for _ in range(HELP_ROUNDS))


def push_milliseconds() -> float:
    """The median over pushes of one small file each, without the one scrypt derivation that opens the tagging key."""
    _compile()
    with running_stack() as stack:
        environment = _developer(stack)
        _run(["init", "-r", REPOSITORY, "--url", stack.edge.url, "--staging", stack.deployment.staging_bucket], environment)
        files = [_small_file(stack.folder / f"file-{number}") for number in range(PUSH_ROUNDS + 1)]
        pushes = [_run(["push", str(file)], environment) for file in files]
        return statistics.median(push - _scrypt_milliseconds() for push in pushes[1:])


def _compile() -> None:
    for folder in {Path(entry) for entry in sys.path if entry.endswith("site-packages")} | {
        Path(__file__).parents[1] / "trustpress_uploader"
    }:
        compileall.compile_dir(folder, quiet=2, workers=2)
    compileall.compile_dir(Path(__file__).parents[2] / "layers" / "trustpress" / "python", quiet=2)


def _developer(stack: Stack) -> dict[str, str]:
    return {
        **stack.cloud.environment(stack.deployment.developer(REPOSITORY)),
        "TRUSTPRESS_HOME": str(stack.folder / "developer"),
        "TRUSTPRESS_ROOT_PASSPHRASE": secrets.token_urlsafe(),
        "TRUSTPRESS_TAGGING_PASSPHRASE": secrets.token_urlsafe(),
    }


def _small_file(path: Path) -> Path:
    path.write_bytes(secrets.token_bytes(1000))
    return path


def _run(arguments: list[str], environment: Mapping[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run([_PROGRAM, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - start) * 1000


def _scrypt_milliseconds() -> float:
    """With the parameters of a key file."""
    start = time.perf_counter()
    hashlib.scrypt(b"passphrase", salt=bytes(32), n=131072, r=8, p=1, maxmem=2**29, dklen=32)
    return (time.perf_counter() - start) * 1000
