"""Storms: S3 answers many requests with 503 and KMS throttles many more, and publishes get through all the same.

The clients are those of the functions, with their retries; faults come in below these, and the waiting between attempts is
not slept through but charged to the clock of the invocation, which ends when its two minutes are over.
"""

import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from rich.progress import Progress

from tests.fakes import KeysOf, RecordingAnnouncer
from tests.proofs.kills.owner import Owner
from tests.proofs.kills.places import STAGING, running_place
from trustpress.adapters.kms import load_signer
from trustpress.adapters.settings import read_settings
from trustpress.deployment import Deployment
from trustpress.errors import Conflict, Unavailable, UnknownOutcome
from trustpress.publish.publisher import Publisher

SHARE_OF_503 = 0.3
SHARE_OF_THROTTLES = 0.5
SECONDS_OF_AN_INVOCATION = 120.0
MAX_INVOCATIONS = 20

# So that what is listed stays small.
PUBLISHES_PER_REPOSITORY = 100

SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
THROTTLED = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'


class TimeIsUp(BaseException):
    """Lambda ends an invocation wherever it is."""


@dataclass(frozen=True)
class Figures:
    """`invocations` counts publishes by how many they took, of which the longest waited `longest` seconds for other attempts."""

    seed: int
    publishes: int
    invocations: Mapping[int, int]
    cut_off: int
    longest: float
    mean: float

    @property
    def within_three(self) -> float:
        """The share of publishes that were finished by the first three invocations."""
        return sum(count for number, count in self.invocations.items() if number <= 3) / self.publishes

    def __str__(self) -> str:
        counts = ", ".join(f"{count} in {number}" for number, count in sorted(self.invocations.items()))
        return (
            f"seed {self.seed}: {self.publishes} publishes with {SHARE_OF_503:.0%} 503 and {SHARE_OF_THROTTLES:.0%} throttles: "
            f"{self.within_three:.3%} within three invocations ({counts}); an invocation waits {self.mean:.1f} s on average, "
            f"{self.longest:.0f} s at most, {self.cut_off} ran out of time"
        )


@dataclass
class Invocation:
    """The clock of one invocation: real now, and the time that the waits between attempts leave it."""

    waited: float = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds_left(self) -> float:
        return SECONDS_OF_AN_INVOCATION - self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds
        if self.seconds_left() <= 0:
            raise TimeIsUp


@dataclass
class Storm:
    """The publish function while requests are refused by chance, below botocore's retries.

    Every other publish is in a container that lives for ever, whose clients have had to retry before; of the rest, every
    invocation is in a container of its own, which has more to read, and a public key to ask for.
    """

    environment: Mapping[str, str]
    key: str
    chance: random.Random
    waits: list[float] = field(default_factory=list)
    taken: Counter[int] = field(default_factory=Counter)
    cut_off: int = 0
    _warm: Publisher | None = None
    _current: Invocation = field(default_factory=Invocation)

    def publish(self, name: str) -> None:
        """Invoke the function until it has drained the inbox."""
        for number in range(1, MAX_INVOCATIONS + 1):
            if self._invoke(name):
                self.taken[number] += 1
                return
        raise AssertionError(f"{name}: not published in {MAX_INVOCATIONS} invocations")

    def sleep(self, seconds: float) -> None:
        self._current.sleep(seconds)

    def figures(self, seed: int) -> Figures:
        mean = sum(self.waits) / len(self.waits)
        return Figures(seed, self.taken.total(), self.taken, self.cut_off, longest=max(self.waits), mean=mean)

    def _invoke(self, name: str) -> bool:
        self._current = Invocation()
        try:
            self._container().drain(name, self._current)
        except (Unavailable, UnknownOutcome, Conflict):
            return False
        except TimeIsUp:
            self.cut_off, self._warm = self.cut_off + 1, None
            return False
        finally:
            self.waits.append(self._current.waited)
        return True

    def _container(self) -> Publisher:
        """Raises Unavailable."""
        if self.taken.total() % 2:
            return self._new_container()
        self._warm = self._warm or self._new_container()
        return self._warm

    def _new_container(self) -> Publisher:
        deployment = Deployment(read_settings(self.environment))
        s3: Any = deployment._s3.meta.events
        kms: Any = deployment._kms.meta.events
        s3.register("before-send.s3", self._slow_down)
        kms.register("before-send.kms", self._throttle)
        # One request after the other, so that a seed tells which are refused.
        keys = KeysOf([load_signer(self.key, deployment._kms, deployment.staging)])
        return Publisher(deployment.staging, deployment.public, keys, lambda _: None, workers=1, announcer=RecordingAnnouncer())

    def _slow_down(self, request: Any, **_: Any) -> AWSResponse | None:
        return answer(request.url, 503, SLOW_DOWN) if self.chance.random() < SHARE_OF_503 else None

    def _throttle(self, request: Any, **_: Any) -> AWSResponse | None:
        return answer(request.url, 400, THROTTLED) if self.chance.random() < SHARE_OF_THROTTLES else None


def answer(url: str, status: int, body: bytes) -> AWSResponse:
    """Given back by a hook on `before-send`, it is what the service said, and nothing is sent."""
    return AWSResponse(url, status, HTTPHeaders(), SimpleNamespace(stream=lambda *_, **__: iter([body])))


@contextmanager
def as_functions(environment: Mapping[str, str], sleep: Callable[[float], None], seed: int) -> Iterator[None]:
    """New clients are made from this environment, and wait between attempts by calling `sleep`."""
    with (
        patch.dict(os.environ, environment),
        patch("boto3.DEFAULT_SESSION", None),
        patch("botocore.endpoint.time", SimpleNamespace(sleep=sleep)),
        patch("botocore.retryhandler.random", random.Random(seed)),
    ):
        yield


def run(publishes: int, seed: int, progress: Progress) -> Figures:
    """Publish so often; raises AssertionError, or what a client raised, where an invariant is violated."""
    task = progress.add_task("publishes in a storm", total=publishes)
    with tempfile.TemporaryDirectory() as folder, running_place("ministack", Path(folder)) as place:
        key = place.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        online = load_signer(f"awskms:{key}", place.client("kms"), place.store(STAGING)).public_key
        storm = Storm(place.environment, f"awskms:{key}", random.Random(seed))
        with as_functions(place.environment, storm.sleep, seed):
            for number in range(publishes):
                if number % PUBLISHES_PER_REPOSITORY == 0:
                    owner = Owner(place, f"storm/{number}", online, Path(folder) / f"clients-{number}")
                    owner.upload("root", "targets")
                else:
                    owner.upload_next()
                storm.publish(owner.name)
                if number % PUBLISHES_PER_REPOSITORY == PUBLISHES_PER_REPOSITORY - 1 or number == publishes - 1:
                    owner.onlooker.expect_all_published()
                progress.advance(task)
        return storm.figures(seed)
