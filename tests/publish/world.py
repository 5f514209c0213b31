"""A deployment in memory, a developer who uploads to it, and everybody who looks at what it publishes."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from tests.developer import Developer
from tests.fakes import FakeClock, InMemoryStore, KeysOf, RecordingAnnouncer
from tests.readers import Reader, Seen
from trustpress.adapters.kms import Ed25519Signer
from trustpress.core.keys import PublicKey
from trustpress.core.overlap import OVERLAP
from trustpress.ports import Signer
from trustpress.publish.publisher import Publisher
from trustpress.publish.refresher import Refresher
from trustpress.store.receipts import Receipt

HELLO = {"dir/hello.txt": b"hello"}

ONLINE_SEED = bytes(31) + b"1"

# max-age of timestamp.json, and how long we ask the world to survive that a cache remembers a missing root.
TIMESTAMP_CACHED = timedelta(seconds=60)
MISSING_ROOT_CACHED = timedelta(seconds=90)


class World:
    """One repository, unless a story asks for more; `see_as_clients_do` is called after every step."""

    def __init__(
        self, state: Path, name: str = "acme/api", policy: Mapping[str, object] | None = None, clock: FakeClock | None = None
    ) -> None:
        self.name = name
        self.clock = clock or FakeClock()
        self.staging, self.public = InMemoryStore(self.clock), InMemoryStore(self.clock)
        self.online = Ed25519Signer(ONLINE_SEED)
        self.signers: dict[str, Signer] = {self.online.public_key.keyid: self.online}
        self.overlap = OVERLAP
        self.announcer = RecordingAnnouncer()
        self.developer = Developer([self.online.public_key], self.clock.now().replace(microsecond=0) + timedelta(days=300), policy)
        self.onlookers = Onlookers(self.public, self.clock, state)
        self.start()

    def neighbour(self, name: str) -> "World":
        """Another repository of the same deployment."""
        other = World(self.onlookers.state / name, name, clock=self.clock)
        other.staging, other.public = self.staging, self.public
        other.onlookers = Onlookers(self.public, self.clock, self.onlookers.state / name)
        other.start()
        return other

    def stranger(self) -> Developer:
        """Somebody with other keys, who knows the deployment's."""
        return Developer([self.online.public_key], self.developer.expires)

    def start(self, workers: int = 16) -> None:
        """Start anew, as a container does: nothing is remembered. With one worker, requests have an order."""
        self.publisher = self.new_publisher(workers)
        self.refresher = Refresher(self.staging, self.public, KeysOf(self.signers.values()))

    def new_publisher(self, workers: int = 16) -> Publisher:
        return Publisher(
            self.staging,
            self.public,
            KeysOf(self.signers.values()),
            lambda attempt: None,
            workers,
            announcer=self.announcer,
            overlap=self.overlap,
        )

    def add_online_key(self) -> PublicKey:
        """Give the deployment a second online key."""
        signer = Ed25519Signer(bytes(31) + b"2")
        self.signers[signer.public_key.keyid] = signer
        self.start()
        return signer.public_key

    def upload(self, body: bytes, filename: str = "targets.json") -> str:
        """Drop metadata into the inbox; returns its SHA-256."""
        self.staging.upload(f"inbox/{self.name}/metadata/{filename}", body)
        return hashlib.sha256(body).hexdigest()

    def upload_files(self, files: Mapping[str, bytes], with_checksum: bool = True) -> None:
        for targetpath, data in files.items():
            self.staging.upload(f"inbox/{self.name}/targets/{targetpath}", data, with_checksum)

    def drain(self) -> list[Receipt]:
        receipts = self.publisher.drain(self.name, self.clock).receipts
        self.see_as_clients_do()
        return receipts

    def publish(self, body: bytes, filename: str = "targets.json", files: Mapping[str, bytes] | None = None) -> Receipt:
        """Upload, drain, and expect nothing but success."""
        self.upload_files(files or {})
        self.upload(body, filename)
        receipts = self.drain()
        assert [receipt.status for receipt in receipts] == ["published"], receipts
        return receipts[0]

    def publish_first(self) -> Receipt:
        """Version 1 of root and targets, without any target."""
        return self.publish(self.developer.bundle("root", "targets"), "first.root.json")

    def publish_files(self, files: Mapping[str, bytes]) -> Receipt:
        """The next version of targets, with these files."""
        self.developer.next_version(files=files)
        return self.publish(self.developer.signed(), files=files)

    def refuse(self, body: bytes, code: str, filename: str = "targets.json") -> Receipt:
        """Upload, drain, and expect a rejection that changes nothing public and leaves the inbox empty."""
        before = {key: self.public.body(key) for key in self.public.objects}
        self.upload(body, filename)
        receipt = next(receipt for receipt in self.drain() if receipt.upload == f"inbox/{self.name}/metadata/{filename}")
        assert (receipt.status, receipt.error and receipt.error.code) == ("rejected", code), receipt
        written = self.receipt(receipt.sha256)
        assert (written["status"], written["code"]) == ("rejected", code)
        assert written["hint"]
        assert written["message"]
        assert {key: self.public.body(key) for key in self.public.objects} == before
        assert f"inbox/{self.name}/metadata/{filename}" not in self.staging.objects
        return receipt

    def wait(self, body: bytes, code: str, filename: str = "targets.json") -> Receipt:
        """Upload, drain, and expect the upload to stay in the inbox, with a receipt that says what for."""
        sha256 = self.upload(body, filename)
        receipt = next(receipt for receipt in self.drain() if receipt.sha256 == sha256)
        assert (receipt.status, receipt.error and receipt.error.code) == ("waiting", code), receipt
        assert self.receipt(sha256)["status"] == "waiting"
        assert f"inbox/{self.name}/metadata/{filename}" in self.staging.objects
        return receipt

    def receipt(self, sha256: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.staging.body(f"receipts/{self.name}/{sha256}.json"))
        return value

    def inbox(self) -> list[str]:
        return sorted(key for key in self.staging.objects if key.startswith("inbox/"))

    def published(self, filename: str) -> dict[str, Any]:
        """The signed part of a public metadata file."""
        value: dict[str, Any] = json.loads(self.public.body(f"{self.name}/metadata/{filename}"))["signed"]
        return value

    def signers_of(self, filename: str) -> set[str]:
        """The keyids whose signatures a public metadata file carries."""
        envelope = json.loads(self.public.body(f"{self.name}/metadata/{filename}"))
        return {signature["keyid"] for signature in envelope["signatures"]}

    def bin_of(self, targetpath: str) -> str:
        """The bin that a target belongs to, where targets delegates to bins."""
        delegations = self.developer.roles["targets"].delegations
        assert delegations is not None
        assert delegations.succinct_roles is not None
        return delegations.succinct_roles.get_role_for_target(targetpath)

    def see_as_clients_do(self) -> Seen | None:
        """None before the first publish."""
        return self.onlookers.look(self.name)

    def download(self, targetpath: str) -> bytes | None:
        return self.onlookers.cold_reader(self.name).download(targetpath)


class Edge(FetcherInterface):
    """Serves the public bucket as a cache may: a timestamp that is not the newest, a root that is still remembered as missing."""

    def __init__(self, public: InMemoryStore, stale: Mapping[str, bytes | None]) -> None:
        self._public, self._stale = public, stale

    def _fetch(self, url: str) -> Iterator[bytes]:
        key = url.removeprefix("memory:")
        body = self._stale[key] if key in self._stale else self._public.body(key) if key in self._public.objects else None
        if body is None:
            raise DownloadHTTPError(f"{key} is missing", 404)
        yield body


class Onlookers:
    """A client that has followed every step, one that starts now, and those behind caches that lag."""

    def __init__(self, public: InMemoryStore, clock: FakeClock, state: Path) -> None:
        self._public, self._clock, self.state = public, clock, state
        self._folders = itertools.count()
        self._warm: dict[str, Reader] = {}
        self._last: dict[str, Seen] = {}

    def look(self, name: str) -> Seen | None:
        assert not self._public.calls["DELETE"]
        if f"{name}/metadata/timestamp.json" not in self._public.objects:
            return None
        warm = self._warm.setdefault(name, self.cold_reader(name))
        seen = warm.refresh()
        assert self.cold_reader(name).refresh() == seen
        for stale in self._stale_views(name):
            self.cold_reader(name, stale).refresh()
        if name in self._last:
            assert not seen.is_older_than(self._last[name])
        self._last[name] = seen
        self._see_every_role(name, seen)
        return seen

    def cold_reader(self, name: str, stale: Mapping[str, bytes | None] | None = None) -> Reader:
        state = self.state / f"client-{next(self._folders)}"
        first_root = self._public.body(f"{name}/metadata/1.root.json")
        return Reader(state, f"memory:{name}/", first_root, Edge(self._public, stale or {}), self._clock.now)

    def _stale_views(self, name: str) -> Iterator[Mapping[str, bytes | None]]:
        """Every pair of a timestamp that a cache may serve and a newest root that it may not know yet, but the pair without a lag.

        While no root is young there is nothing to see: each timestamp was looked at under this root when it was new.
        """
        now, timestamp = self._clock.now(), f"{name}/metadata/timestamp.json"
        young_roots = list(self._young_roots(name))
        versions = self._public.objects[timestamp] if young_roots else []
        replaced = [following.last_modified for following in versions[1:]]
        bodies = [version.body for version, end in zip(versions, replaced, strict=False) if now - end < TIMESTAMP_CACHED][-3:]
        for body, missing in itertools.product([*bodies, None], [{}, *({key: None} for key in young_roots)]):
            if body or missing:
                yield {**missing, **({timestamp: body} if body else {})}

    def _young_roots(self, name: str) -> Iterator[str]:
        for number in itertools.count(2):
            key = f"{name}/metadata/{number}.root.json"
            if key not in self._public.objects:
                return
            if self._clock.now() - self._public.objects[key][0].last_modified < MISSING_ROOT_CACHED:
                yield key

    def _see_every_role(self, name: str, seen: Seen) -> None:
        """What snapshot lists is there, byte for byte, with every target file it names under each of its hashes."""
        external = json.loads(self._public.body(f"{name}/metadata/{seen.root}.root.json"))["signed"].get("x-trustpress", {})
        snapshot = json.loads(self._public.body(f"{name}/metadata/{seen.snapshot}.snapshot.json"))["signed"]
        for metapath, listed in snapshot["meta"].items():
            body = self._public.body(f"{name}/metadata/{listed['version']}.{metapath}")
            actual = {"version": listed["version"], "length": len(body), "hashes": {"sha256": hashlib.sha256(body).hexdigest()}}
            assert listed.items() <= actual.items()
            if external.get("targets") != "external":
                self._see_target_files(name, json.loads(body)["signed"]["targets"])

    def _see_target_files(self, name: str, targets: Mapping[str, Any]) -> None:
        for targetpath, entry in targets.items():
            directory, slash, filename = targetpath.rpartition("/")
            for algorithm, digest in entry["hashes"].items():
                body = self._public.body(f"{name}/targets/{directory}{slash}{digest}.{filename}")
                assert (len(body), hashlib.new(algorithm, body).hexdigest()) == (entry["length"], digest)
