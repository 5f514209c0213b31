"""The uploads to publish: made by python-tuf, signed by a developer."""

import hashlib

from securesystemslib.signer import CryptoSigner, Key, SSlibKey
from tuf.api.metadata import Delegations, Metadata, Root, SuccinctRoles, TargetFile, Targets

from benchmarks.bench import BIN, EXPIRES, ONLINE_SEED
from trustpress.adapters.kms import Ed25519Signer
from trustpress.core.canonical import encode_compact


class Developer:
    """Signs uploads: a first bundle, then one role again and again, each time with one more target."""

    def __init__(self, count: int, bits: int = 0) -> None:
        self._offline, self._tagging, self._bins_key = (CryptoSigner.generate_ed25519() for _ in range(3))
        targets = Targets(version=1, expires=EXPIRES, targets={path: _target_file(path) for path in _paths(count)})
        self.bundle: dict[str, Metadata[Root] | Metadata[Targets]] = {"root": self._root(), "targets": self._sign(targets, self._tagging)}
        self.rolename, self._role, self._bins = "targets", targets, None
        if bits:
            key = self._bins_key.public_key
            self._bins = SuccinctRoles([key.keyid], 1, bits, "bin")
            targets.delegations = Delegations({key.keyid: key}, succinct_roles=self._bins)
            self.bundle["targets"] = self._sign(targets, self._tagging)
            self.bundle |= {name: self._sign(Targets(version=1, expires=EXPIRES), self._bins_key) for name in self._bins.get_roles()}
            self.rolename, self._role = BIN, Targets(version=1, expires=EXPIRES)

    def first_upload(self) -> bytes:
        """The bundle that begins the repository."""
        return encode_compact({rolename: metadata.to_dict() for rolename, metadata in self.bundle.items()})

    def next_upload(self) -> bytes:
        """The role's next version in compact JSON, as the `trustpress` command writes it."""
        self._role.version += 1
        numbers = range(self._role.version * 10_000_000, (self._role.version + 1) * 10_000_000)
        paths = (f"new/{number}.bin" for number in numbers)
        path = next(path for path in paths if not self._bins or self._bins.get_role_for_target(path) == BIN)
        self._role.targets[path] = _target_file(path)
        return encode_compact(self._sign(self._role, self._bins_key if self._bins else self._tagging).to_dict())

    def _root(self) -> Metadata[Root]:
        root = Root(version=1, expires=EXPIRES, consistent_snapshot=True)
        root.unrecognized_fields["x-trustpress"] = {"targets": "external"}
        online = Ed25519Signer(ONLINE_SEED).public_key
        keys: dict[str, Key] = dict.fromkeys(("snapshot", "timestamp"), SSlibKey.from_dict(online.keyid, online.as_json()))
        for rolename, key in {"root": self._offline.public_key, "targets": self._tagging.public_key, **keys}.items():
            root.add_key(key, rolename)
        metadata = Metadata(root)
        metadata.sign(self._offline)
        return metadata

    @staticmethod
    def _sign(targets: Targets, signer: CryptoSigner) -> Metadata[Targets]:
        metadata = Metadata(targets)
        metadata.sign(signer)
        return metadata


def _paths(count: int) -> list[str]:
    return [f"packages/{number % 100:02d}/file-{number:06d}.tar.gz" for number in range(count)]


def _target_file(path: str) -> TargetFile:
    return TargetFile(len(path), {"sha256": hashlib.sha256(path.encode()).hexdigest()}, path)
