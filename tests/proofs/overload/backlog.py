"""A thousand uploads waiting for one repository: how long the deployed function takes to publish all of them."""

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.progress import Progress

from local.stack import Stack, running_stack
from tests.stack.actors import Operator, Repository

ROLES = 20
PATIENCE_SECONDS = 600
AT_ONCE = 16


@dataclass(frozen=True)
class Figures:
    """`seconds` from the message that the sweep sends to the last upload that left the inbox."""

    uploads: int
    published: int
    releases: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.published:,} of {self.uploads:,} waiting uploads published in {self.seconds:.1f} s with {self.releases} releases, "
            f"{self.published / self.seconds:.0f} a second"
        )


def run(uploads: int, progress: Progress) -> Figures:
    """The whole of it on a local stack of its own."""
    with running_stack("awskms") as stack:
        return drain(stack, "overload/backlog", uploads, progress)


def drain(stack: Stack, name: str, uploads: int, progress: Progress) -> Figures:
    """Let uploads wait unannounced, announce the repository once, and wait until its inbox is empty."""
    repository, operator = Repository(stack, name), Operator(stack)
    prepare(repository)
    bodies = list(_versions(repository, uploads))
    with operator.events_lost(), ThreadPoolExecutor(AT_ONCE) as pool:
        list(progress.track(pool.map(lambda body: repository.put(*body), bodies), uploads, description="put"))
    before = _release(repository)
    began = time.monotonic()
    operator.announce(name)
    task = progress.add_task("published", total=uploads)
    while (waiting := operator.waiting(name)) and time.monotonic() < began + PATIENCE_SECONDS:
        progress.update(task, completed=uploads - waiting)
        time.sleep(0.2)
    seconds = time.monotonic() - began
    progress.update(task, completed=uploads - waiting)
    receipts = [repository.receipt(body) for _, body in bodies]
    published = sum(1 for receipt in receipts if receipt and receipt["status"] == "published")
    return Figures(uploads, published, _release(repository) - before, seconds)


def prepare(repository: Repository) -> None:
    """Publish targets and the roles it delegates to."""
    developer = repository.developer
    for rolename in _rolenames():
        developer.delegate(rolename, f"{rolename}/*")
    repository.publish(developer.bundle("root", "targets", *_rolenames()), "first.root.json")


def _versions(repository: Repository, uploads: int) -> Iterator[tuple[str, bytes]]:
    """The next versions of each role in turn."""
    developer = repository.developer
    for number in range(uploads):
        rolename = _rolenames()[number % ROLES]
        version = developer.next_version(rolename).version
        yield f"metadata/{version}.{rolename}.json", developer.signed(rolename)


def _rolenames() -> Sequence[str]:
    return [f"team-{number:02}" for number in range(ROLES)]


def _release(repository: Repository) -> int:
    body = repository.public("timestamp.json")
    return int(json.loads(body)["signed"]["version"])
