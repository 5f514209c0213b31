"""A deployment under steady traffic, with readers that never stop: nothing fails, no number goes down, no memory grows."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import Progress

from local.stack import Stack, running_stack
from tests.clients.tuf_js import TufJs, install_tuf_js
from tests.proofs.drills.backstage import Backstage
from tests.proofs.drills.clients import ColdPythonTuf, WarmPythonTuf, WarmTufJs
from tests.proofs.drills.watch import Watcher
from tests.proofs.load.memory import Growth, Sampler
from tests.proofs.load.traffic import Busy, Publishing, Refreshing
from tests.stack.actors import Operator

REPOSITORIES = 4
SECONDS_A_REFRESH = 5
SECONDS_A_SAMPLE = 10
WARM_PAUSE, COLD_PAUSE = 0.1, 1.0


@dataclass(frozen=True, slots=True)
class Figures:
    """`refreshes` are those of TUF clients that verified everything, `renewals` timestamps that the refresh function signed."""

    seconds: float
    published: int
    runs: int
    renewals: int
    refreshes: int
    downloads: int
    failures: Mapping[str, int]
    memory: Sequence[Growth]

    def __str__(self) -> str:
        said = "; ".join(f"{count} x {words}" for words, count in self.failures.items()) or "none"
        return (
            f"{self.seconds / 60:.1f} minutes: {self.published} publishes, {self.runs} runs of refresh with {self.renewals} renewals, "
            f"{self.refreshes:,} refreshes by clients ({self.refreshes / self.seconds:.1f}/s), {self.downloads:,} downloads, "
            f"failures: {said}; {', '.join(map(str, self.memory))}"
        )


def run(minutes: float, progress: Progress) -> Figures:
    """On a stack of its own, with the template's defaults: P-256 in KMS, timestamps of a day, an edge that caches."""
    with running_stack("awskms") as stack:
        return soak(stack, minutes * 60, progress)


def soak(stack: Stack, seconds: float, progress: Progress, sample_every: float = SECONDS_A_SAMPLE) -> Figures:
    operator = Operator(stack)
    crowd = [Busy(stack, f"soak/{number}") for number in range(REPOSITORIES)]
    publishing = Publishing(crowd)
    refreshing = Refreshing(operator, Backstage(stack, operator), [busy.repository.name for busy in crowd], SECONDS_A_REFRESH)
    sampler = Sampler(stack, sample_every)
    task = progress.add_task("soaking", total=seconds)
    with TemporaryDirectory() as folder, readers(stack, crowd, Path(folder)) as watchers:
        stopping, began = threading.Event(), time.monotonic()
        loops = [
            lambda: publishing.run(stopping, lambda: progress.update(task, completed=time.monotonic() - began)),
            lambda: refreshing.run(stopping),
            lambda: sampler.run(stopping),
            *(lambda watcher=watcher: watcher.run(stopping) for watcher in watchers),
        ]
        with ThreadPoolExecutor(len(loops)) as threads:
            running = [threads.submit(loop) for loop in loops]
            while not any(one.done() for one in running) and time.monotonic() - began < seconds:
                time.sleep(0.1)
            stopping.set()
        for one in running:
            one.result()  # raises what should never be raised: the failures of clients are counted instead
        taken = time.monotonic() - began
    return Figures(
        taken,
        publishing.published,
        refreshing.runs,
        refreshing.renewed,
        sum(watcher.refreshes for watcher in watchers),
        sum(watcher.downloads for watcher in watchers),
        Counter(words for watcher in watchers for words in watcher.failures),
        sampler.growth(),
    )


@contextmanager
def readers(stack: Stack, crowd: Sequence[Busy], folder: Path) -> Iterator[list[Watcher]]:
    """A warm python-tuf for each repository, a cold one for the first and the last, a warm tuf-js for the first."""
    install_tuf_js()
    with TufJs(folder / "tuf-js") as tuf_js:
        watchers = []
        for busy in crowd:
            name = busy.repository.name
            url, state = f"{stack.edge.url}/{name}/", folder / name
            watchers.append(Watcher(f"warm {name}", WarmPythonTuf(state / "warm", url, busy.first_root), busy.shelf, WARM_PAUSE))
            if busy in (crowd[0], crowd[-1]):
                watchers.append(Watcher(f"cold {name}", ColdPythonTuf(state / "cold", url, busy.first_root), busy.shelf, COLD_PAUSE))
            if busy is crowd[0]:
                watchers.append(Watcher(f"tuf-js {name}", WarmTufJs(tuf_js, url, busy.first_root), busy.shelf, WARM_PAUSE))
        yield watchers
