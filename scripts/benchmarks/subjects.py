"""The same publish twice: by Trustpress as it runs in Lambda, and by python-tuf's Metadata API as one would write it.

Both are warm: what a container remembers between two publishes is remembered. Both write the same objects into the same
kind of store in memory, and both sign with Ed25519. Target files are external, so that neither looks for them. python-tuf's
side checks less: signatures, version and expiry.
"""

import hashlib
from datetime import UTC, datetime, timedelta

from securesystemslib.signer import CryptoSigner, Key, SSlibKey
from tests.fakes import FakeClock, InMemoryStore
from tuf.api.metadata import Delegations, Metadata, MetaFile, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from trustpress.adapters.signing import Ed25519Signer
from trustpress.commit import Committer
from trustpress.core import layout, release
from trustpress.core.canonical import encode_compact
from trustpress.core.parse import parse_timestamp
from trustpress.ports import Caching
from trustpress.publisher import Publisher
from trustpress.refresher import Refresher

REPOSITORY = "acme/bench"
NOW = datetime.now(UTC).replace(microsecond=0)
EXPIRES = NOW + timedelta(days=90)
BIN = "bin-002a"
COMPACT = JSONSerializer(compact=True)
SEED = bytes(range(32))


class Developer:
    """Signs uploads: a first bundle, then one role again and again, each time with one more target."""

    def __init__(self, count: int, bits: int = 0) -> None:
        self._offline, self._tagging = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()
        targets = Targets(version=1, expires=EXPIRES, targets={path: _target_file(path) for path in _paths(count)})
        self.bundle: dict[str, Metadata[Root] | Metadata[Targets]] = {"root": self._root(), "targets": self._sign(targets)}
        self.rolename, self._role, self._bins = "targets", targets, None
        if bits:
            key = self._tagging.public_key
            self._bins = SuccinctRoles([key.keyid], 1, bits, "bin")
            targets.delegations = Delegations({key.keyid: key}, succinct_roles=self._bins)
            self.bundle["targets"] = self._sign(targets)
            self.bundle |= {name: self._sign(Targets(version=1, expires=EXPIRES)) for name in self._bins.get_roles()}
            self.rolename, self._role = BIN, Targets(version=1, expires=EXPIRES)

    def next_upload(self) -> bytes:
        """The role's next version in compact JSON, as the `trustpress` command writes it."""
        self._role.version += 1
        numbers = range(self._role.version * 10_000_000, (self._role.version + 1) * 10_000_000)
        paths = (f"new/{number}.bin" for number in numbers)
        path = next(path for path in paths if not self._bins or self._bins.get_role_for_target(path) == BIN)
        self._role.targets[path] = _target_file(path)
        return encode_compact(self._sign(self._role).to_dict())

    def _root(self) -> Metadata[Root]:
        root = Root(version=1, expires=EXPIRES, consistent_snapshot=True)
        root.unrecognized_fields["x-trustpress"] = {"targets": "external"}
        online = Ed25519Signer(SEED).public_key
        keys: dict[str, Key] = dict.fromkeys(("snapshot", "timestamp"), SSlibKey.from_dict(online.keyid, online.as_json()))
        for rolename, key in {"root": self._offline.public_key, "targets": self._tagging.public_key, **keys}.items():
            root.add_key(key, rolename)
        metadata = Metadata(root)
        metadata.sign(self._offline)
        return metadata

    def _sign(self, targets: Targets) -> Metadata[Targets]:
        metadata = Metadata(targets)
        metadata.sign(self._tagging)
        return metadata


class WithTrustpress:
    """The publisher and the refresher, over stores in memory."""

    def __init__(self, developer: Developer) -> None:
        self._clock = FakeClock(NOW)
        self._staging, self._public = InMemoryStore(self._clock), InMemoryStore(self._clock)
        signer = Ed25519Signer(SEED)
        signers = {signer.public_key.keyid: signer}
        self._committer = Committer(self._public, signers)
        self._publisher = Publisher(self._staging, self._public, signers)
        self._refresher = Refresher(self._staging, self._public, signers)
        self.publish("root", encode_compact({name: metadata.to_dict() for name, metadata in developer.bundle.items()}))
        self._timestamp = parse_timestamp(self._public.body(layout.timestamp(REPOSITORY)))

    def publish(self, filename: str, upload: bytes) -> None:
        self._staging.upload(f"inbox/{REPOSITORY}/metadata/{filename}.json", upload)
        outcome = self._publisher.drain(REPOSITORY, self._clock)
        assert [receipt.status for receipt in outcome.receipts] == ["published"], outcome.receipts

    def refresh(self) -> None:
        """A whole refresh: read, compare, derive, sign, verify what was signed, write."""
        self._clock.pass_time(timedelta(hours=13))
        assert self._refresher.refresh(REPOSITORY, self._clock)

    def sign_timestamp(self) -> None:
        """Only derive, sign and encode the next timestamp."""
        expires = release.expiry(self._clock.now(), timedelta(days=1))
        signed = release.next_timestamp(self._timestamp.signed, self._timestamp.signed.snapshot, expires)
        self._timestamp = self._committer.sign(signed, list(self._committer.held_keyids))


class WithPythonTuf:
    """A straightforward publisher on python-tuf's Metadata API, which keeps its parsed state between publishes."""

    def __init__(self, developer: Developer) -> None:
        self._public = InMemoryStore(FakeClock(NOW))
        self._online = _crypto_signer()
        self._root = developer.bundle["root"]
        self._delegators = {"targets": developer.bundle["root"], BIN: developer.bundle["targets"]}
        self._snapshot = Metadata(Snapshot(version=1, expires=EXPIRES))
        self._timestamp = Metadata(Timestamp(version=1, expires=EXPIRES))
        for rolename, metadata in developer.bundle.items():
            if rolename != "root":
                body = metadata.to_bytes(COMPACT)
                self._snapshot.signed.meta[f"{rolename}.json"] = self._listed(rolename, metadata.signed.version, body)
        self._commit()

    def publish(self, rolename: str, upload: bytes) -> None:
        metadata = Metadata[Targets].from_bytes(upload)
        self._delegators[rolename].verify_delegate(rolename, metadata)
        assert metadata.signed.version == self._snapshot.signed.meta[f"{rolename}.json"].version + 1
        assert not metadata.signed.is_expired()
        self._public.put_new(f"{REPOSITORY}/metadata/{metadata.signed.version}.{rolename}.json", upload, Caching.IMMUTABLE)
        self._snapshot.signed.meta[f"{rolename}.json"] = self._listed(rolename, metadata.signed.version, upload)
        self._commit()

    def refresh(self) -> None:
        """A whole refresh: read, verify, derive, sign, verify what was signed, write."""
        key = layout.timestamp(REPOSITORY)
        found = self._public.get(key, 16_384)
        assert found is not None
        timestamp = Metadata[Timestamp].from_bytes(found.body)
        self._root.verify_delegate("timestamp", timestamp)
        timestamp.signed.version += 1
        timestamp.signed.expires = NOW + timedelta(days=1)
        timestamp.sign(self._online)
        self._root.verify_delegate("timestamp", timestamp)
        self._public.replace(key, timestamp.to_bytes(COMPACT), Caching.COMMIT, found.etag)

    def sign_timestamp(self) -> None:
        """Only derive, sign and encode the next timestamp."""
        self._timestamp.signed.version += 1
        self._timestamp.signed.expires = NOW + timedelta(days=1)
        self._timestamp.sign(self._online)
        self._timestamp.to_bytes(COMPACT)

    @staticmethod
    def _listed(rolename: str, version: int, body: bytes) -> MetaFile:
        """Bins are listed by version alone, as Trustpress lists them."""
        return MetaFile(version) if rolename.startswith("bin-") else _meta_file(version, body)

    def _commit(self) -> None:
        snapshot = self._snapshot.signed
        snapshot.version += 1
        self._snapshot.sign(self._online)
        body = self._snapshot.to_bytes(COMPACT)
        self._public.put_new(f"{REPOSITORY}/metadata/{snapshot.version}.snapshot.json", body, Caching.IMMUTABLE)
        self._timestamp.signed.version += 1
        self._timestamp.signed.snapshot_meta = _meta_file(snapshot.version, body)
        self._timestamp.sign(self._online)
        self._public.put(f"{REPOSITORY}/metadata/timestamp.json", self._timestamp.to_bytes(COMPACT), Caching.COMMIT)


def _paths(count: int) -> list[str]:
    return [f"packages/{number % 100:02d}/file-{number:06d}.tar.gz" for number in range(count)]


def _target_file(path: str) -> TargetFile:
    return TargetFile(len(path), {"sha256": hashlib.sha256(path.encode()).hexdigest()}, path)


def _meta_file(version: int, body: bytes) -> MetaFile:
    return MetaFile(version, len(body), {"sha256": hashlib.sha256(body).hexdigest()})


def _crypto_signer() -> CryptoSigner:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(SEED))
