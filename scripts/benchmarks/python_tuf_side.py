"""Publishing with python-tuf's Metadata API, as one would write it.

It checks less than Trustpress does: signatures, version and expiry.
"""

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from benchmarks.bench import EXPIRES, NOW, ONLINE_SEED, REPOSITORY
from tests.fakes import FakeClock, InMemoryStore
from trustpress.core import layout
from trustpress.core.parse import MAX_LENGTH
from trustpress.ports import Caching

if TYPE_CHECKING:
    from benchmarks.developer import Developer

COMPACT = JSONSerializer(compact=True)


class WithPythonTuf:
    """A publisher on python-tuf's Metadata API that reads the state it builds on from the store, as python-tuf's do."""

    def __init__(self, public: InMemoryStore, root: bytes, delegator: bytes, timestamp: bytes) -> None:
        self._public = public
        self._online = CryptoSigner(Ed25519PrivateKey.from_private_bytes(ONLINE_SEED))
        self._root = Metadata[Root].from_bytes(root)
        self._delegator = delegator
        self._timestamp = Metadata[Timestamp].from_bytes(timestamp)

    @classmethod
    def begin(cls, developer: "Developer") -> "WithPythonTuf":
        """With the developer's first bundle published."""
        root, delegator = (developer.bundle[rolename].to_bytes(COMPACT) for rolename in ("root", "targets"))
        timestamp = Metadata(Timestamp(version=1, expires=EXPIRES)).to_bytes(COMPACT)
        subject = cls(InMemoryStore(FakeClock(NOW)), root, delegator, timestamp)
        snapshot = Metadata(Snapshot(version=1, expires=EXPIRES))
        for rolename, metadata in developer.bundle.items():
            if rolename != "root":
                body = metadata.to_bytes(COMPACT)
                snapshot.signed.meta[f"{rolename}.json"] = subject._listed(rolename, metadata.signed.version, body)
        subject._commit(snapshot)
        return subject

    @classmethod
    def resume(cls, public: dict[str, Any], root: bytes, timestamp: bytes) -> "WithPythonTuf":
        """In a new process."""
        return cls(InMemoryStore(FakeClock(NOW), objects=public), root, b"", timestamp)

    @property
    def state(self) -> tuple[dict[str, Any], bytes, bytes]:
        return self._public.objects, self._root.to_bytes(COMPACT), self._timestamp.to_bytes(COMPACT)

    def publish(self, rolename: str, upload: bytes) -> None:
        metadata = Metadata[Targets].from_bytes(upload)
        delegator = self._root if rolename == "targets" else Metadata[Targets].from_bytes(self._delegator)
        delegator.verify_delegate(rolename, metadata)
        snapshot = self._open_snapshot()
        assert metadata.signed.version == snapshot.signed.meta[f"{rolename}.json"].version + 1
        assert not metadata.signed.is_expired()
        self._public.put_new(layout.metadata(REPOSITORY, rolename, metadata.signed.version), upload, Caching.IMMUTABLE)
        snapshot.signed.meta[f"{rolename}.json"] = self._listed(rolename, metadata.signed.version, upload)
        self._commit(snapshot)

    def refresh(self) -> None:
        """A whole refresh: read, verify, derive, sign, verify what was signed, write; and remember the highest number elsewhere."""
        key, marks_key = layout.timestamp(REPOSITORY), layout.register(REPOSITORY)
        found, marks = self._public.get(key, 16_384), self._public.get(marks_key, 16_384)
        assert found is not None
        timestamp = Metadata[Timestamp].from_bytes(found.body)
        self._root.verify_delegate("timestamp", timestamp)
        assert marks is None or timestamp.signed.version >= json.loads(marks.body)["timestamp"]
        timestamp.signed.version += 1
        timestamp.signed.expires = NOW + timedelta(days=1)
        timestamp.sign(self._online)
        self._root.verify_delegate("timestamp", timestamp)
        self._public.replace(key, timestamp.to_bytes(COMPACT), Caching.COMMIT, found.etag)
        self._public.put(marks_key, json.dumps({"timestamp": timestamp.signed.version}).encode(), Caching.PRIVATE)

    def sign_timestamp(self) -> None:
        """Only derive, sign and encode the next timestamp."""
        self._timestamp.signed.version += 1
        self._timestamp.signed.expires = NOW + timedelta(days=1)
        self._timestamp.sign(self._online)
        self._timestamp.to_bytes(COMPACT)

    def _open_snapshot(self) -> Metadata[Snapshot]:
        version = self._timestamp.signed.snapshot_meta.version
        found = self._public.get(layout.metadata(REPOSITORY, "snapshot", version), MAX_LENGTH["snapshot"])
        assert found is not None
        return Metadata[Snapshot].from_bytes(found.body)

    @staticmethod
    def _listed(rolename: str, version: int, body: bytes) -> MetaFile:
        """Bins are listed by version alone, as Trustpress lists them."""
        return MetaFile(version) if rolename.startswith("bin-") else _meta_file(version, body)

    def _commit(self, snapshot: Metadata[Snapshot]) -> None:
        snapshot.signed.version += 1
        snapshot.sign(self._online)
        body = snapshot.to_bytes(COMPACT)
        self._public.put_new(layout.metadata(REPOSITORY, "snapshot", snapshot.signed.version), body, Caching.IMMUTABLE)
        self._timestamp.signed.version += 1
        self._timestamp.signed.snapshot_meta = _meta_file(snapshot.signed.version, body)
        self._timestamp.sign(self._online)
        self._public.put(layout.timestamp(REPOSITORY), self._timestamp.to_bytes(COMPACT), Caching.COMMIT)
        marks = {"timestamp": self._timestamp.signed.version, "roles": {name: meta.version for name, meta in snapshot.signed.meta.items()}}
        self._public.put(layout.register(REPOSITORY), json.dumps(marks).encode(), Caching.PRIVATE)


class WithWarmPythonTuf(WithPythonTuf):
    """The same, keeping its parsed snapshot in memory between publishes."""

    _snapshot: Metadata[Snapshot]

    def _open_snapshot(self) -> Metadata[Snapshot]:
        return self._snapshot

    def _commit(self, snapshot: Metadata[Snapshot]) -> None:
        self._snapshot = snapshot
        super()._commit(snapshot)


def _meta_file(version: int, body: bytes) -> MetaFile:
    return MetaFile(version, len(body), {"sha256": hashlib.sha256(body).hexdigest()})
