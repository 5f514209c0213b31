"""A deployment that serves many owners, and clients of python-tuf whose network somebody else holds."""

import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from tests.attacks.both import Both, Lab
from tests.developer import Developer
from tests.fakes import FakeClock, FakeVault, InMemoryStore, RecordingAnnouncer
from tests.readers import Reader
from trustpress.adapters.kms import Ed25519Signer
from trustpress.core import layout
from trustpress.core.derivation import derive_seed
from trustpress.core.keys import PublicKey, parse_key
from trustpress.core.metadata import MetaFile, Root
from trustpress.core.release import compose
from trustpress.online_keys import DerivedKeys
from trustpress.ports import Caching, OnlineKeys
from trustpress.publish.commit import sign
from trustpress.publish.publisher import Publisher
from trustpress.publish.refresher import Refresher
from trustpress.store.loading import Repositories
from trustpress.store.masters import Masters
from trustpress.store.receipts import Receipt

LIFE = timedelta(days=300)


class Fleet:
    """Many repositories in one deployment. `clock` is everybody's, `account` tells one deployment from another, `lab` has tuf-js."""

    def __init__(self, clock: FakeClock, account: str = "", keys: OnlineKeys | None = None, lab: Lab | None = None) -> None:
        self.clock, self.lab = clock, lab
        self.staging, self.public = InMemoryStore(clock), InMemoryStore(clock)
        self.masters = Masters(self.staging, FakeVault(account))
        self.masters.make_first()
        self.derived = DerivedKeys(self.masters, Ed25519Signer)
        self.keys = keys or self.derived
        self.publisher = Publisher(self.staging, self.public, self.keys, announcer=RecordingAnnouncer())
        self.refresher = Refresher(self.staging, self.public, self.keys)

    def owner(self, name: str) -> Developer:
        """Somebody who has asked for the online key of a repository."""
        self.ask(name)
        return Developer(self.keys.offered(name, self.root(name))[:1], self.clock.now().replace(microsecond=0) + LIFE)

    def ask(self, name: str) -> None:
        """Have the publisher show the online keys that the next root may list."""
        self.staging.upload(f"inbox/{name}/metadata/online-keys.json", b"")
        self.publisher.drain(name, self.clock)

    def shown(self, name: str) -> list[PublicKey]:
        value = json.loads(self.public.body(f"{name}/metadata/online-keys.json"))
        return [parse_key(keyid, value["keys"][keyid]) for keyid in value["roles"]["timestamp"]["keyids"]]

    def publish(self, name: str, body: bytes, files: Mapping[str, bytes] | None = None, filename: str = "") -> Receipt:
        """What became of the only upload in the inbox."""
        (receipt,) = self.publish_all(name, body, files, filename)
        return receipt

    def publish_all(self, name: str, body: bytes, files: Mapping[str, bytes] | None = None, filename: str = "") -> list[Receipt]:
        """What became of one upload, and of whatever else lies in the inbox. It has a root in it or is targets metadata, unless its
        file name says otherwise."""
        filename = filename or ("first.root.json" if b'"root":' in body.partition(b'"signed"')[0] else "targets.json")
        for targetpath, data in (files or {}).items():
            self.staging.upload(f"inbox/{name}/targets/{targetpath}", data)
        self.staging.upload(f"inbox/{name}/metadata/{filename}", body)
        return self.publisher.drain(name, self.clock).receipts

    def root(self, name: str) -> Root | None:
        head = Repositories(self.staging, self.public).load(name).head
        return head.root.signed if head else None

    def pass_time(self, delta: timedelta) -> None:
        """With the schedule running."""
        for _ in range(int(delta / timedelta(hours=12))):
            self.clock.pass_time(timedelta(hours=12))
            _, failures = self.refresher.refresh_all(self.clock)
            assert not failures


class MasterThief:
    """Holds the first master secret, and so every online key of a repository under it."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self._name, self._public, self._staging, self._master = name, fleet.public, fleet.staging, fleet.masters.open(1)

    def show(self, targets: MetaFile, number: int, generation: int = 1) -> None:
        """Publish a release that lists these targets, under this number for timestamp and snapshot."""
        signer = Ed25519Signer(derive_seed(self._master, self._name, generation))
        signing, head = {signer.public_key.keyid: signer}, Repositories(self._staging, self._public).load(self._name).head
        assert head is not None
        listing = replace(head.snapshot.signed, version=number, meta={**head.snapshot.signed.meta, "targets": targets})
        snapshot = sign(listing, compose(listing), signing)
        naming = replace(head.timestamp.signed, version=number, snapshot=snapshot.meta_file)
        timestamp = sign(naming, compose(naming), signing)
        self._public.put(layout.metadata(self._name, "snapshot", number), snapshot.body, Caching.IMMUTABLE)
        self._public.put(layout.timestamp(self._name), timestamp.body, Caching.COMMIT)


class Network(FetcherInterface):
    """Between a client and the edge: `replaced` says which key's bytes are served in the place of another's, `missing` what is not."""

    def __init__(self, public: InMemoryStore) -> None:
        self.public, self.replaced, self.missing = public, dict[str, bytes](), set[str]()

    def body(self, key: str) -> bytes | None:
        if key in self.replaced:
            return self.replaced[key]
        return self.public.body(key) if key in self.public.objects and key not in self.missing else None

    def _fetch(self, url: str) -> Iterator[bytes]:
        key = url.removeprefix("memory:")
        body = self.body(key)
        if body is None:
            raise DownloadHTTPError(f"{key} is missing", 404)
        yield body


class Clients:
    """Unmodified clients that start from the right first root."""

    def __init__(self, fleet: Fleet, name: str, state: Path) -> None:
        self._fleet, self._name, self._state = fleet, name, state
        self._numbers = itertools.count()
        self.network = Network(fleet.public)

    def new(self) -> Both:
        """Of python-tuf and of tuf-js, which see the same."""
        assert self._fleet.lab
        return self._fleet.lab.behind(self.network, self._name, self.python_tuf(), self._first_root, self._fleet.clock.now)

    def python_tuf(self) -> Reader:
        """One of python-tuf alone, where there are very many."""
        folder = self._state / f"{self._name}-{next(self._numbers)}"
        return Reader(folder, f"memory:{self._name}/", self._first_root, self.network, self._fleet.clock.now)

    @property
    def _first_root(self) -> bytes:
        return self._fleet.public.body(f"{self._name}/metadata/1.root.json")
