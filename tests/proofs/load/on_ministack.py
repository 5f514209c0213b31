"""A crowd in front of the real template: uploads with a build system's credentials, S3's events, the queue, the function."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import ClientError
from rich.progress import Progress

from local.stack import Stack
from tests.proofs.drills.clients import ColdPythonTuf, WarmPythonTuf
from tests.proofs.drills.watch import Shelf, Watcher
from tests.proofs.load.work import REPOSITORY, Figures, Work, receipt_key, says_published, verify_all_published
from tests.stack.actors import ACCOUNT, NOT_THERE_YET, Operator, Repository, until
from trustpress.adapters.s3 import S3Store
from trustpress.publish.publisher import MAX_ATTEMPTS

PATIENCE_SECONDS = 300

# Soon at first, then less often: fifty that ask for receipts all the time would be most of the load.
FIRST_PAUSE, LONGEST_PAUSE, LONGER = 0.5, 2.0, 1.5
WARM_PAUSE, COLD_PAUSE = 0.2, 0.5
MOST_AHEAD = 3


class BuildSystem:
    """Uploads versions of one role, and waits for the receipt of each before it uploads the next but `ahead`."""

    def __init__(self, stack: Stack, rolename: str, ahead: int) -> None:
        self.rolename, self._ahead = rolename, ahead
        self._s3 = stack.cloud.client("s3", stack.deployment.developer(REPOSITORY))
        self._owner = stack.cloud.client("s3", stack.deployment.person(REPOSITORY))
        self._bucket = stack.deployment.staging_bucket

    def put(self, path: str, body: bytes) -> None:
        s3 = self._owner if path.endswith("root.json") else self._s3
        s3.put_object(Bucket=self._bucket, Key=f"inbox/{REPOSITORY}/{path}", Body=body, ChecksumAlgorithm="SHA256")

    def publish(self, versions: Sequence[bytes], acknowledge: Callable[[], None]) -> None:
        pending: deque[bytes] = deque()
        for body in versions:
            self.put(f"metadata/{self.rolename}.json", body)
            pending.append(body)
            if len(pending) > self._ahead:
                self.wait_for(pending.popleft())
                acknowledge()
        for body in pending:
            self.wait_for(body)
            acknowledge()

    def wait_for(self, upload: bytes) -> None:
        deadline, pause = time.monotonic() + PATIENCE_SECONDS, FIRST_PAUSE
        while not self._is_published(upload):
            assert time.monotonic() < deadline, f"{self.rolename}: no receipt after {PATIENCE_SECONDS} s"
            time.sleep(pause)
            pause = min(pause * LONGER, LONGEST_PAUSE)

    def _is_published(self, upload: bytes) -> bool:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=receipt_key(upload))
        except ClientError as error:
            if error.response["Error"]["Code"] in NOT_THERE_YET:
                return False
            raise
        return says_published(found["Body"].read())


def publish(stack: Stack, publishers: int, uploads: int, progress: Progress) -> Figures:
    """Publishers are threads: each has credentials and connections of its own, and nothing else would keep processes apart."""
    operator = Operator(stack)
    work = Work(Repository(stack, REPOSITORY).online_keys(), publishers, uploads)
    crowd = [BuildSystem(stack, rolename, number % MOST_AHEAD) for number, rolename in enumerate(work.versions)]
    publish_first(crowd[0], work)
    before = len(attempts_in(operator.log_of("PublishFunction")))
    task = progress.add_task(f"{publishers} publishers on MiniStack", total=work.count)
    with TemporaryDirectory() as folder, reading(stack, work, Path(folder)) as (cold, warm):
        began = time.monotonic()
        with ThreadPoolExecutor(publishers) as threads:
            running = [threads.submit(one.publish, work.versions[one.rolename], lambda: progress.advance(task)) for one in crowd]
        for one in running:
            one.result()
        seconds = time.monotonic() - began
    until(operator.queue_is_empty, "looks that others have made unnecessary", PATIENCE_SECONDS)
    staging, public = (S3Store(operator.s3, name, ACCOUNT) for name in (stack.deployment.staging_bucket, stack.deployment.public_bucket))
    orphans = verify_all_published(staging, public, work.versions)
    attempts = attempts_in(operator.log_of("PublishFunction"))[before:]
    return Figures("MiniStack", publishers, work.count, seconds, attempts, orphans, cold.refreshes, warm.refreshes)


def publish_first(build_system: BuildSystem, work: Work) -> None:
    for targetpath, data in work.files.items():
        build_system.put(f"targets/{targetpath}", data)
    build_system.put("metadata/first.root.json", work.first)
    build_system.wait_for(work.first)


@contextmanager
def reading(stack: Stack, work: Work, folder: Path) -> Iterator[tuple[Watcher, Watcher]]:
    """A cold and a warm client that refresh and download through the edge while the block runs, and never fail."""
    url, shelf, stopping = f"{stack.edge.url}/{REPOSITORY}/", Shelf(), threading.Event()
    for targetpath, data in work.files.items():
        shelf.put(targetpath, data, 0)  # published before anybody reads
    cold = Watcher("cold", ColdPythonTuf(folder / "cold", url, work.root), shelf, COLD_PAUSE)
    warm = Watcher("warm", WarmPythonTuf(folder / "warm", url, work.root), shelf, WARM_PAUSE)
    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(watcher.run, stopping) for watcher in (cold, warm)]
        try:
            yield cold, warm
        finally:
            stopping.set()
    for one in running:
        one.result()  # raises what no client should ever raise
    failures = [*cold.failures, *warm.failures]
    assert not failures, failures[:3]
    assert cold.refreshes
    assert cold.downloads


def attempts_in(log: Sequence[str]) -> list[int]:
    """How many attempts each look at an inbox made, by the function's own metrics; one that gave up made them all."""
    attempts: list[int] = []
    for line in log:
        metrics = _metrics(line)
        attempts += [int(value) for value in metrics.get("CommitAttempts", [])]
        attempts += [MAX_ATTEMPTS] * len(metrics.get("NotDrained", []))
    return attempts


def _metrics(line: str) -> dict[str, Any]:
    return dict(json.loads(line)) if line.startswith('{"_aws"') else {}
