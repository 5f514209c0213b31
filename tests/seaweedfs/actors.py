"""What runs in processes of their own: publishers that get in each other's way, and a reader that must never notice."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from tests.fakes import KeysOf, RecordingAnnouncer
from tests.readers import Reader, Seen
from tests.seaweedfs.server import Endpoint
from trustpress.adapters.kms import Ed25519Signer
from trustpress.adapters.s3 import S3Store
from trustpress.errors import Conflict
from trustpress.publish.publisher import Publisher

REPOSITORY = "acme/api"
SEED = bytes(31) + b"1"
_PATIENCE = 50
_MAX_LENGTH = 1_000_000


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds_left(self) -> float:
        return 60.0


def new_publisher(endpoint: Endpoint) -> Publisher:
    signer = Ed25519Signer(SEED)
    return Publisher(endpoint.store("staging"), endpoint.store("public"), KeysOf([signer]), announcer=RecordingAnnouncer())


def publish_all(endpoint: Endpoint, filename: str, bodies: Sequence[bytes], start: Event) -> None:
    """Upload one version after the other, each when the one before is published, and help to drain the inbox meanwhile."""
    publisher, staging = new_publisher(endpoint), endpoint.client()
    deadline = time.monotonic() + _PATIENCE
    start.wait(_PATIENCE)
    for body in bodies:
        staging.put_object(Bucket="staging", Key=f"inbox/{REPOSITORY}/metadata/{filename}", Body=body)
        while not _is_acknowledged(endpoint.store("staging"), body):
            assert time.monotonic() < deadline
            try:
                publisher.drain(REPOSITORY, SystemClock())
            except Conflict:
                continue


def read_all_the_time(endpoint: Endpoint, state: Path, stop: Event, noticed: Any, repository: str = REPOSITORY) -> None:
    """Refresh with and without a memory until told to stop; puts the first error, or the number of rounds, into `noticed`."""
    fetcher, rounds, latest = S3Fetcher(endpoint.store("public")), 0, None
    first_root = b"".join(fetcher._fetch(f"s3:{repository}/metadata/1.root.json"))
    try:
        while not stop.is_set():
            for memory in ("warm", f"cold-{rounds}"):
                seen = Reader(state / memory, f"s3:{repository}/", first_root, fetcher).refresh()
                _expect_no_older(latest, seen)
                latest = seen
            rounds += 1
    except Exception as error:  # noqa: BLE001, whatever a client raises is what the test wants to know
        noticed.put(f"{type(error).__name__}: {error}")
    else:
        noticed.put(rounds)


class S3Fetcher(FetcherInterface):
    def __init__(self, public: S3Store) -> None:
        self._public = public

    def _fetch(self, url: str) -> Iterator[bytes]:
        found = self._public.get(url.removeprefix("s3:"), _MAX_LENGTH)
        if found is None:
            raise DownloadHTTPError(f"{url} is missing", 404)
        yield found.body


def _expect_no_older(latest: Seen | None, seen: Seen) -> None:
    assert latest is None or not seen.is_older_than(latest), f"{latest} came before {seen}"


def _is_acknowledged(staging: S3Store, body: bytes) -> bool:
    found = staging.get(f"receipts/{REPOSITORY}/{hashlib.sha256(body).hexdigest()}.json", _MAX_LENGTH)
    if found is None:
        return False
    receipt = json.loads(found.body)
    assert receipt["status"] != "rejected", receipt
    return bool(receipt["status"] == "published")
