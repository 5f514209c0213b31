"""A crowd on an S3 that is not Amazon's, without a queue: each publisher drains the inbox itself until its upload is there.

So all of them meet at the timestamp, where the queue lets ten. They are threads in a few processes, each with a Publisher and
connections of its own: conditional writes are all that keeps them apart, and fifty interpreters would only wait for two cores.
"""

import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.progress import Progress

from tests.proofs.load.work import REPOSITORY, Figures, Work, receipt_key, says_published, verify_all_published
from tests.seaweedfs.actors import SEED, SystemClock, new_publisher, read_all_the_time
from tests.seaweedfs.server import Endpoint
from trustpress.adapters.kms import Ed25519Signer
from trustpress.errors import Conflict
from trustpress.publish.publisher import MAX_ATTEMPTS

PROCESSES = 5
PATIENCE_SECONDS = 1800
SECONDS_TO_STOP = 60
_MAX_LENGTH = 1_000_000


def publish(endpoint: Endpoint, publishers: int, uploads: int, progress: Progress) -> Figures:
    staging, public = endpoint.new_store("staging"), endpoint.new_store("public")
    work = Work([Ed25519Signer(SEED).public_key], publishers, uploads)
    publish_first(endpoint, work)
    task = progress.add_task(f"{publishers} publishers on SeaweedFS", total=work.count)
    attempts: list[int] = []
    with TemporaryDirectory() as folder, reading(endpoint, Path(folder)) as rounds:
        began = time.monotonic()
        for kind, number in done_by(endpoint, work.versions):
            if kind == "acknowledged":
                progress.advance(task)
            else:
                attempts.append(number)
        seconds = time.monotonic() - began
    orphans = verify_all_published(staging, public, work.versions)
    return Figures("SeaweedFS", publishers, work.count, seconds, attempts, orphans, rounds[0], rounds[0])


def publish_first(endpoint: Endpoint, work: Work) -> None:
    client = endpoint.client()
    for targetpath, data in work.files.items():
        client.put_object(Bucket="staging", Key=f"inbox/{REPOSITORY}/targets/{targetpath}", Body=data, ChecksumAlgorithm="SHA256")
    client.put_object(Bucket="staging", Key=f"inbox/{REPOSITORY}/metadata/first.root.json", Body=work.first)
    [receipt] = new_publisher(endpoint).drain(REPOSITORY, SystemClock()).receipts
    assert receipt.status == "published"


@contextmanager
def reading(endpoint: Endpoint, folder: Path) -> Iterator[list[int]]:
    """A cold and a warm client in a process of their own, while the block runs; afterwards, how often each has refreshed."""
    spawn, rounds = multiprocessing.get_context("spawn"), list[int]()
    stop, noticed = spawn.Event(), spawn.Queue()
    reader = spawn.Process(target=read_all_the_time, args=(endpoint, folder, stop, noticed, REPOSITORY))
    reader.start()
    try:
        yield rounds
    finally:
        stop.set()
        seen = noticed.get(timeout=SECONDS_TO_STOP)
        reader.join()
    assert isinstance(seen, int), seen
    assert seen
    rounds.append(seen)


def done_by(endpoint: Endpoint, versions: Mapping[str, Sequence[bytes]]) -> Iterator[tuple[str, int]]:
    """What the crowd has done, as it does it: an upload "acknowledged", or a look with so many "attempts"."""
    spawn = multiprocessing.get_context("spawn")
    rolenames, done = list(versions), spawn.Queue()
    shares = [{name: versions[name] for name in rolenames[number::PROCESSES]} for number in range(min(PROCESSES, len(rolenames)))]
    crowd = [spawn.Process(target=publish_share, args=(endpoint, share, done)) for share in shares]
    for process in crowd:
        process.start()
    try:
        for _ in range(len(crowd)):
            yield from iter(lambda: done.get(timeout=PATIENCE_SECONDS), None)
    finally:
        for process in crowd:
            process.join(PATIENCE_SECONDS)
    assert [process.exitcode for process in crowd] == [0] * len(crowd)


def publish_share(endpoint: Endpoint, share: Mapping[str, Sequence[bytes]], done: Any) -> None:
    """One process of the crowd: a thread for each of its roles; it says None when it has ended, well or not."""
    try:
        with ThreadPoolExecutor(len(share)) as threads:
            running = [threads.submit(publish_role, endpoint, rolename, bodies, done) for rolename, bodies in share.items()]
        for one in running:
            one.result()
    finally:
        done.put(None)


def publish_role(endpoint: Endpoint, rolename: str, bodies: Sequence[bytes], done: Any) -> None:
    """Upload one version after the other, each when the one before is published, and drain the inbox until it is."""
    publisher, client, staging = new_publisher(endpoint), endpoint.client(), endpoint.store("staging")
    deadline = time.monotonic() + PATIENCE_SECONDS
    for body in bodies:
        client.put_object(Bucket="staging", Key=f"inbox/{REPOSITORY}/metadata/{rolename}.json", Body=body)
        receipt = None
        while not (receipt and says_published(receipt.body)):
            assert time.monotonic() < deadline, f"{rolename}: no receipt after {PATIENCE_SECONDS} s"
            try:
                done.put(("attempts", publisher.drain(REPOSITORY, SystemClock()).attempts))
            except Conflict:
                done.put(("attempts", MAX_ATTEMPTS))
            receipt = staging.get(receipt_key(body), _MAX_LENGTH)
        done.put(("acknowledged", 1))
