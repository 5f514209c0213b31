"""How much memory the functions' processes hold, over time, as the kernel tells it."""

import os
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from local.stack import Stack

FUNCTIONS = ("PublishFunction", "RefreshFunction")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_MEGABYTE = 1_000_000
_SECONDS_AN_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians of the first and of the last quarter of a run after its warm-up, of the process that ran longest."""

    function: str
    first_mb: float
    last_mb: float
    mb_an_hour: float

    def __str__(self) -> str:
        return f"{self.function} {self.first_mb:.1f} -> {self.last_mb:.1f} MB ({self.mb_an_hour:+.1f} MB/h)"


@dataclass
class Sampler:
    """Looks at the workers of one stack's functions every `seconds`, until told to stop."""

    stack: Stack
    seconds: float
    _samples: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=dict)

    def run(self, stopping: threading.Event) -> None:
        while not stopping.wait(self.seconds):
            now = time.monotonic()
            for function, process in _workers(self.stack):
                with suppress(OSError):  # MiniStack ends workers that nobody has needed for long
                    self._samples.setdefault((function, process), []).append((now, _resident_mb(process)))

    def growth(self) -> list[Growth]:
        return [_growth(function, self._longest(function)) for function in FUNCTIONS]

    def _longest(self, function: str) -> list[tuple[float, float]]:
        return max((samples for (name, _), samples in self._samples.items() if name == function), key=len)


def _growth(function: str, samples: Sequence[tuple[float, float]]) -> Growth:
    warm = samples[len(samples) // 10 :]
    times, sizes = zip(*warm, strict=True)
    quarter = max(1, len(sizes) // 4)
    slope = statistics.linear_regression(times, sizes).slope if len(warm) > 1 else 0.0
    return Growth(function, statistics.median(sizes[:quarter]), statistics.median(sizes[-quarter:]), slope * _SECONDS_AN_HOUR)


def _workers(stack: Stack) -> Iterator[tuple[str, int]]:
    """The processes in which MiniStack runs this stack's functions: their program lies in a folder named for the function."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        for function in FUNCTIONS:
            if f"{stack.folder}/ministack-lambda-" in command and f"-{function}-" in command:
                yield function, int(process.name)


def _resident_mb(process: int) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE / _MEGABYTE
