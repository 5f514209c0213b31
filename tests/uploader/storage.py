"""The two buckets of a deployment, which the command line reaches over HTTP: kept in memory, or by SeaweedFS."""

from pathlib import Path
from typing import Protocol

from tests.fakes import InMemoryStore
from tests.s3 import S3, Identity, SystemClock
from tests.seaweedfs.server import SeaweedFS
from trustpress.ports import HidingStore

STAGING, PUBLIC = "staging", "public"

# A developer is let into the staging bucket alone.
DEVELOPER, SECRET_KEY = "developer", "the-developers-secret-on-loopback"
_PEOPLE = {DEVELOPER: Identity(SECRET_KEY, frozenset({STAGING}))}


class Storage(Protocol):
    staging: HidingStore
    public: HidingStore
    port: int

    def stop(self) -> None: ...


class InMemory:
    """The fake that most tests trust, behind a look-alike of S3."""

    def __init__(self) -> None:
        self.staging: HidingStore = (staging := InMemoryStore(SystemClock()))
        self.public: HidingStore = (public := InMemoryStore(SystemClock()))
        self._s3 = S3({STAGING: staging, PUBLIC: public}, _PEOPLE)
        self.port = self._s3.port

    def stop(self) -> None:
        self._s3.stop()


class OnSeaweedFS:
    """Another program than ours, as S3 is."""

    def __init__(self, folder: Path) -> None:
        self._server = SeaweedFS(folder, _PEOPLE)
        self._server.wait_until_ready()
        endpoint = self._server.endpoint
        self.staging: HidingStore = endpoint.new_store(STAGING)
        self.public: HidingStore = endpoint.new_store(PUBLIC)
        self.port = endpoint.port

    def stop(self) -> None:
        self._server.stop()
