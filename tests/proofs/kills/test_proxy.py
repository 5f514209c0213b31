"""What a network and a busy S3 may do to requests: nothing is lost, nothing is published twice, and nobody who reads notices."""

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from tests.fakes import KeysOf, RecordingAnnouncer
from tests.proofs.kills.owner import Owner
from tests.proofs.kills.places import PUBLIC, SIGNER, STAGING, Place
from tests.proofs.kills.proxy import Fault, Policy, at_first, by_chance, running_proxy
from tests.readers import Reader
from tests.seaweedfs.actors import S3Fetcher, SystemClock
from tests.seaweedfs.server import OWNER
from trustpress.adapters.s3 import S3Store
from trustpress.errors import Conflict, Unavailable, UnknownOutcome
from trustpress.publish.publisher import Outcome, Publisher

RETRIES = 2
_numbers = itertools.count()


class Shop:
    """One repository, published once; its developer and its onlooker are in nobody's way."""

    def __init__(self, place: Place, state: Path) -> None:
        self.place, self.name = place, f"proxy/{next(_numbers)}"
        self.public = place.store(PUBLIC)
        self.owner = Owner(place, self.name, SIGNER.public_key, state)
        self.onlooker = self.owner.onlooker
        self.owner.upload("root", "targets")
        self.drain(place.store(STAGING), self.public)

    def drain_through(self, policy: Policy, attempts: int = 6) -> Outcome:
        """One invocation, whose every request goes through the proxy; `attempts` is how often boto3 sends each at most."""
        with self._connected(policy, attempts) as (staging, public):
            return self.drain(staging, public)

    def drain_again_and_again(self, policy: Policy) -> int:
        """Invoke until it succeeds; how many invocations that took."""
        with self._connected(policy, attempts=6) as (staging, public):
            for number in itertools.count(1):
                try:
                    self.drain(staging, public)
                except (Unavailable, UnknownOutcome, Conflict):
                    assert number <= RETRIES
                else:
                    return number
        raise AssertionError

    def drain(self, staging: S3Store, public: S3Store) -> Outcome:
        return Publisher(staging, public, KeysOf([SIGNER]), lambda _: None, announcer=RecordingAnnouncer()).drain(self.name, SystemClock())

    def versions(self, key_ends: str) -> int:
        """How many versions of objects there are under public keys that end like this."""
        return sum(version.key.endswith(key_ends) for version in self.public.list_versions(f"{self.name}/"))

    def expect_one_more_release(self) -> None:
        self.onlooker.expect_all_published()
        assert [self.versions(name) for name in ("timestamp.json", ".snapshot.json", ".targets.json", ".bin")] == [2, 2, 2, 1]

    @contextmanager
    def _connected(self, policy: Policy, attempts: int) -> Iterator[tuple[S3Store, S3Store]]:
        port = urlsplit(self.place.environment["AWS_ENDPOINT_URL"]).port
        assert port is not None
        retries: Any = {"mode": "legacy", "total_max_attempts": attempts}
        with running_proxy(port, policy) as url, patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None)):
            client = boto3.client(
                "s3",
                endpoint_url=url,
                region_name=self.place.environment["AWS_DEFAULT_REGION"],
                aws_access_key_id=self.place.environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=self.place.environment["AWS_SECRET_ACCESS_KEY"],
                config=Config(retries=retries, connect_timeout=2, read_timeout=0.5),
            )
            yield S3Store(client, STAGING, OWNER), S3Store(client, PUBLIC, OWNER)
            client.close()


@pytest.fixture
def shop(seaweedfs: Place, tmp_path: Path) -> Shop:
    """With targets version 2, and a file that it names, in the inbox."""
    shop = Shop(seaweedfs, tmp_path)
    shop.onlooker.look()
    shop.owner.upload_next()
    return shop


@pytest.mark.parametrize("attempts", [1, 6], ids=["asked once", "asked again by boto3"])
@pytest.mark.parametrize("fault", [Fault.RESET_AFTER, Fault.SILENCE])
@pytest.mark.parametrize("key", ["/timestamp.json", ".snapshot.json", ".targets.json", ".bin"])
def test_a_write_whose_answer_was_cut_off_is_recognised_as_ours(shop: Shop, key: str, fault: Fault, attempts: int) -> None:
    """Asked again, the store refuses: what is there has other conditions by now, and is our own."""
    outcome = shop.drain_through(at_first(1, "PUT", key, fault), attempts)
    assert (outcome.attempts, [receipt.status for receipt in outcome.receipts]) == (1, ["published"])
    shop.expect_one_more_release()


@pytest.mark.parametrize("fault", [Fault.SLOW_DOWN, Fault.RESET_BEFORE, Fault.DELAY])
def test_what_boto3_can_repeat_it_repeats(shop: Shop, fault: Fault) -> None:
    """Every request meets the fault the first two times it is made."""
    policies = [at_first(2, method, "", fault) for method in ("GET", "HEAD", "PUT", "DELETE")]
    outcome = shop.drain_through(lambda request: next((met for policy in policies if (met := policy(request))), None))
    assert [receipt.status for receipt in outcome.receipts] == ["published"]
    shop.expect_one_more_release()


@pytest.mark.parametrize("key", ["/timestamp.json", ".snapshot.json", ".targets.json", ".bin"])
def test_a_storm_of_409_ends_in_a_published_upload(shop: Shop, key: str) -> None:
    """Another write of the key is said to be going on, three times, and then nobody has written it: it is tried again."""
    outcome = shop.drain_through(at_first(3, "PUT", key, Fault.CONFLICT))
    assert (outcome.attempts, [receipt.status for receipt in outcome.receipts]) == (4, ["published"])
    shop.onlooker.expect_all_published()


@pytest.mark.parametrize("key", ["/timestamp.json", "/1.root.json", "/1.snapshot.json", "inbox/", "receipts/"])
def test_what_arrives_in_half_is_not_taken_for_the_whole(shop: Shop, key: str) -> None:
    """A body breaks off: boto3 does not read it again, so the invocation ends, and the next one publishes."""
    once = at_first(1, "GET", "", Fault.TRUNCATION)
    assert shop.drain_again_and_again(lambda request: once(request) if key in request.path else None) == (1 if key == "receipts/" else 2)
    shop.expect_one_more_release()


def test_readers_never_notice_a_mixture_of_faults(shop: Shop, tmp_path: Path) -> None:
    """Of all requests a sixth meet a fault; each upload is published by the third invocation."""
    with reading(shop, tmp_path / "readers") as rounds:
        for number in range(10):
            shop.drain_again_and_again(by_chance(seed=number, share=1 / 6))
            shop.onlooker.expect_all_published()
            shop.owner.upload_next()
    assert rounds() > 10


@contextmanager
def reading(shop: Shop, state: Path) -> Iterator[Callable[[], int]]:
    """Clients with and without a memory read all the time; whatever they raise ends the test. Yields how to ask for the rounds."""
    stop, troubles, rounds = threading.Event(), list[BaseException](), itertools.count()

    def read() -> None:
        fetcher, first_root, latest = S3Fetcher(shop.place.store(PUBLIC)), shop.onlooker.first_root(), None
        try:
            while not stop.is_set():
                for folder in ("warm", f"cold-{next(rounds)}"):
                    seen = Reader(state / folder, f"s3:{shop.name}/", first_root, fetcher).refresh()
                    assert latest is None or not seen.is_older_than(latest), f"{latest} came before {seen}"
                    latest = seen
        except BaseException as trouble:
            troubles.append(trouble)
            raise

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield lambda: next(rounds)
    finally:
        stop.set()
        reader.join()
    assert not troubles
