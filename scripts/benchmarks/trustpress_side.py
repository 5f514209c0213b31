"""Publishing with Trustpress, as it runs in Lambda."""

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from benchmarks.bench import NOW, ONLINE_SEED, REPOSITORY
from tests.fakes import FakeClock, InMemoryStore, KeysOf, RecordingAnnouncer
from trustpress.adapters.kms import Ed25519Signer
from trustpress.core import layout, release
from trustpress.core.metadata import Document, Timestamp
from trustpress.core.parse import parse_timestamp
from trustpress.publish.commit import sign
from trustpress.publish.publisher import Publisher
from trustpress.publish.refresher import Refresher

if TYPE_CHECKING:
    from benchmarks.developer import Developer


Objects = dict[str, Any]


class WithTrustpress:
    """The publisher and the refresher, over stores in memory."""

    def __init__(self, staging: InMemoryStore, public: InMemoryStore, clock: FakeClock) -> None:
        self._staging, self._public, self._clock = staging, public, clock
        signer = Ed25519Signer(ONLINE_SEED)
        signers = [signer]
        self._signer = signer
        self._publisher = Publisher(self._staging, self._public, KeysOf(signers), announcer=RecordingAnnouncer())
        self._refresher = Refresher(self._staging, self._public, KeysOf(signers))

    @classmethod
    def begin(cls, developer: "Developer") -> "WithTrustpress":
        """With the developer's first bundle published."""
        clock = FakeClock(NOW)
        subject = cls(InMemoryStore(clock), InMemoryStore(clock), clock)
        subject.publish("root", developer.first_upload())
        return subject

    @classmethod
    def resume(cls, staging: Objects, public: Objects) -> "WithTrustpress":
        """In a new process, cold."""
        clock = FakeClock(NOW)
        return cls(InMemoryStore(clock, objects=staging), InMemoryStore(clock, objects=public), clock)

    @property
    def state(self) -> tuple[Objects, Objects]:
        return self._staging.objects, self._public.objects

    def publish(self, filename: str, upload: bytes) -> None:
        self._staging.upload(f"inbox/{REPOSITORY}/metadata/{filename}.json", upload)
        outcome = self._publisher.drain(REPOSITORY, self._clock)
        assert [receipt.status for receipt in outcome.receipts] == ["published"], outcome.receipts[0].error

    def refresh(self) -> None:
        """A whole refresh: read, compare, derive, sign, verify what was signed, write; and raise the register."""
        self._clock.pass_time(timedelta(hours=13))
        assert self._refresher.refresh(REPOSITORY, self._clock)

    def sign_timestamp(self) -> None:
        """Only derive, sign and encode the next timestamp."""
        previous = self._timestamp.signed
        signed = release.next_timestamp(previous, previous.snapshot, release.expiry(self._clock.now(), timedelta(days=1)))
        self._timestamp = sign(signed, release.compose(signed), {self._signer.public_key.keyid: self._signer})

    @cached_property
    def _timestamp(self) -> Document[Timestamp]:
        return parse_timestamp(self._public.body(layout.timestamp(REPOSITORY)))
