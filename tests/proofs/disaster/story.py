"""A repository with a past, clients that have followed it, and what can happen to its bucket."""

import itertools
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Timestamp

from tests.clients.tuf_js import TufJs
from tests.fakes import KeysOf, RecordingInvalidator
from tests.publish.world import HELLO, ONLINE_SEED, World
from tests.readers import Reader, Seen
from trustpress.errors import BrokenRepository
from trustpress.recover.plan import ToSign
from trustpress.recover.recovery import Recovered, Recovery

MANUAL = {"docs/manual.txt": b"read me"}
NEWS = {"news.txt": b"later than the backup"}
EVERYTHING = HELLO | MANUAL | NEWS

Bucket = dict[str, Any]


@dataclass
class Story:
    """`first_root` is what every client was given; `seen` is the highest that each kind of client has seen."""

    world: World
    tuf_js: TufJs
    url: str
    state: Path
    first_root: bytes = b""
    seen: Seen | None = None
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def begin(self) -> None:
        """targets 2 with a file, docs delegated and at version 2 with a file, root 2: this is what a backup is made of."""
        world, developer = self.world, self.world.developer
        world.publish_first()
        self.first_root = world.public.body("acme/api/metadata/1.root.json")
        developer.delegate("docs", "docs/*")
        developer.next_version(files=HELLO)
        world.publish(developer.bundle("targets", "docs"), "bundle.json", HELLO)
        developer.next_version("docs", MANUAL)
        world.publish(developer.signed("docs"), "docs.json", MANUAL)
        developer.next_root()
        developer.replace_key("root")
        world.publish(developer.signed("root"), "root.json")

    def go_on(self) -> None:
        """targets 3 with another file, docs 3 without one, root 3: this came after the backup."""
        world, developer = self.world, self.world.developer
        world.publish_files(NEWS)
        developer.next_version("docs")
        world.publish(developer.signed("docs"), "docs.json")
        developer.next_root()
        developer.replace_key("root")
        world.publish(developer.signed("root"), "root.json")

    def backup(self) -> Bucket:
        return {key: self.world.public.body(key) for key in self.world.public.objects}

    def restore_by_deleting(self, backup: Bucket) -> None:
        """What is newer gets a delete marker, what changed is written over: nothing is really gone."""
        public = self.world.public
        for key in list(public.objects):
            if key not in backup:
                public.withdraw(key)
            elif public.body(key) != backup[key]:
                public.upload(key, backup[key])
        self.world.start()

    def restore_into_a_new_bucket(self, backup: Bucket) -> None:
        """Former versions are gone for good, and all that is there is younger than the register."""
        self.world.clock.pass_time(timedelta(minutes=10))
        self.world.public.objects.clear()
        self.world.public.hidden.clear()
        for key, body in backup.items():
            self.world.public.upload(key, body)
        self.world.start()

    def everybody_refreshes(self, files: Mapping[str, bytes | None]) -> Seen:
        """Warm and cold clients of two kinds: no error, nothing older, the same for all, with these files."""
        seen = self.warm_refresh()
        self.cold_refresh(files, seen)
        assert self._python_tuf("warm").download_all(files) == files
        return seen

    def warm_refresh(self) -> Seen:
        seen = self._python_tuf("warm").refresh()
        reading = self.tuf_js.read("warm", self.url, self.first_root, [])
        assert reading.seen == {"root": seen.root, "timestamp": seen.timestamp, "snapshot": seen.snapshot}
        assert self.seen is None or not seen.is_older_than(self.seen)
        self.seen = seen
        return seen

    def cold_refresh(self, files: Mapping[str, bytes | None], seen: Seen | None = None) -> None:
        memory = f"cold-{next(self._numbers)}"
        reader = self._python_tuf(memory)
        assert reader.refresh() == (seen or reader.refresh())
        assert reader.download_all(files) == files
        assert self.tuf_js.read(memory, self.url, self.first_root, files).files == files

    def warm_clients_refuse(self) -> None:
        with pytest.raises(Exception, match="version"):
            self._python_tuf("warm").refresh()
        with pytest.raises(AssertionError):
            self.tuf_js.read("warm", self.url, self.first_root, [])

    def publishers_refuse(self) -> None:
        """Cold ones, which remember nothing; nothing changes."""
        self.world.start()
        before = self.backup()
        for work in (self.world.publisher.drain, self.world.refresher.refresh):
            with pytest.raises(BrokenRepository) as refused:
                work(self.world.name, self.world.clock)
            assert refused.value.code == "E_STATE"
            assert "trustpress admin recover acme/api" in refused.value.hint
        assert self.backup() == before

    def recover(self, first_root: str | None = None) -> Recovered:
        world = self.world
        recovery = Recovery(world.staging, world.public, KeysOf(world.signers.values()), RecordingInvalidator(), workers=1)
        return recovery.recover(world.name, world.clock, first_root)

    def publish_works(self, *rolenames: str, files: Mapping[str, bytes] | None = None) -> None:
        """What the owner signs now is published."""
        body = self.world.developer.bundle(*rolenames)
        self.world.upload_files(files or {})
        self.world.upload(body, "bundle.json")
        receipts = self.world.publisher.drain(self.world.name, self.world.clock).receipts
        assert {receipt.status for receipt in receipts} == {"published"}, receipts

    def steal_the_online_key(self, timestamp: int, snapshot: int, roles: Mapping[str, int] | None = None) -> None:
        """Whoever has it signs what is published once more, with numbers of their own, or these role files with others."""
        public, signer = self.world.public, CryptoSigner(Ed25519PrivateKey.from_private_bytes(ONLINE_SEED))
        if roles:
            meta = {name: MetaFile(version) for name, version in roles.items()}
        else:
            meta = {name: MetaFile(**entry) for name, entry in self.published_snapshot()["meta"].items()}
        forged: Metadata[Snapshot] = Metadata(Snapshot(snapshot, expires=self.world.developer.expires, meta=meta))
        forged.sign(signer)
        public.upload(f"acme/api/metadata/{snapshot}.snapshot.json", forged.to_bytes())
        commit: Metadata[Timestamp] = Metadata(Timestamp(timestamp, expires=self.world.developer.expires, snapshot_meta=MetaFile(snapshot)))
        commit.sign(signer)
        # Not written as we write: what clients read counts.
        public.upload("acme/api/metadata/timestamp.json", json.dumps(commit.to_dict(), indent=1).encode())
        self.world.start()

    def register(self) -> dict[str, Any]:
        return dict(json.loads(self.world.staging.body("repositories/acme%2Fapi.json")))

    def forget_roles(self) -> None:
        """Make the register one from before there were roles in it."""
        register = self.register()
        older = {name: register[name] for name in ("first_root", "root", "root_version", "snapshot", "timestamp")}
        self.world.staging.upload("repositories/acme%2Fapi.json", json.dumps(older).encode())
        self.world.start()

    def remember(self) -> Callable[[], None]:
        """Returns what takes buckets and warm clients back to this moment."""
        stores = (self.world.staging, self.world.public)
        contents = [(copied(store.objects), copied(store.hidden)) for store in stores]
        seen, memories = self.seen, [self.state / "python-tuf" / "warm", self.state / "tuf-js" / "warm"]
        for memory in memories:
            shutil.copytree(memory, memory.with_name("remembered"))

        def go_back() -> None:
            for store, (objects, hidden) in zip(stores, contents, strict=True):
                for part, content in ((store.objects, objects), (store.hidden, hidden)):
                    part.clear()
                    part.update(copied(content))
            for memory in memories:
                shutil.rmtree(memory)
                shutil.copytree(memory.with_name("remembered"), memory)
            self.seen = seen
            self.world.start()

        return go_back

    def published_snapshot(self) -> dict[str, Any]:
        version = self.world.published("timestamp.json")["meta"]["snapshot.json"]["version"]
        return self.world.published(f"{version}.snapshot.json")

    def _python_tuf(self, memory: str) -> Reader:
        return Reader(self.state / "python-tuf" / memory, self.url, self.first_root, now=self.world.clock.now)


def copied(objects: Bucket) -> Bucket:
    return {key: [*versions] for key, versions in objects.items()}


def to_sign(rolename: str, seen: int, available: int) -> ToSign:
    return ToSign(rolename, seen, available)
