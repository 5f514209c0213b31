"""A developer who signs with python-tuf alone: no code of Trustpress has a part in what is uploaded."""

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import DelegatedRole, Delegations, Key, Metadata, Root, SuccinctRoles, TargetFile, Targets

from trustpress.core.keys import PublicKey

S = TypeVar("S", Root, Targets)


class Developer:
    """Holds the newest version of each role, signed or about to be, and the keys that sign it, which are random unless told."""

    def __init__(
        self,
        online: Iterable[PublicKey],
        expires: datetime,
        policy: Mapping[str, object] | None = None,
        new_key: Callable[[], CryptoSigner] = CryptoSigner.generate_ed25519,
        new_tagging_key: Callable[[], CryptoSigner] = CryptoSigner.generate_ecdsa,
    ) -> None:
        self.expires, self._new_key = expires, new_key
        self.signers = {"root": [new_key()], "targets": [new_tagging_key()]}
        self.roles = {"targets": Targets(version=1, expires=expires)}
        self.root = Root(
            version=1, expires=expires, consistent_snapshot=True, unrecognized_fields={"x-trustpress": policy} if policy else {}
        )
        self._former_root = self.root
        for rolename, signers in self.signers.items():
            self.root.add_key(signers[0].public_key, rolename)
        self.list_online_keys(online)

    def list_online_keys(self, online: Iterable[PublicKey]) -> None:
        for rolename in ("snapshot", "timestamp"):
            for keyid in list(self.root.roles[rolename].keyids):
                self.root.revoke_key(keyid, rolename)
            for key in online:
                self.root.add_key(as_tuf_key(key), rolename)

    def expires_in(self, life: timedelta) -> None:
        """Have what is signed from now on expire so long after now, by this machine's clock."""
        self.expire_at(datetime.now(UTC).replace(microsecond=0) + life)

    def expire_at(self, expires: datetime) -> None:
        """Have what is signed from now on expire at this instant."""
        self.expires = self.root.expires = expires
        for role in self.roles.values():
            role.expires = expires

    def next_root(self) -> Root:
        """Version N+1 to be changed; it is signed by the root keys of both versions."""
        self._former_root = copy.deepcopy(self.root)
        self.root.version += 1
        return self.root

    def next_root_at_once(self) -> Root:
        """The same, to be published with targets that its predecessors do not verify: a key is stolen."""
        root = self.next_root()
        root.unrecognized_fields["x-trustpress-at-once"] = root.version
        return root

    def replace_key(self, rolename: str) -> None:
        """Replace a key that root lists by a new one."""
        former = self.signers[rolename][-1].public_key.keyid
        self.signers[rolename].append(self._new_key())
        self.root.revoke_key(former, rolename)
        self.root.add_key(self.signers[rolename][-1].public_key, rolename)

    def next_version(self, rolename: str = "targets", files: Mapping[str, bytes] | None = None) -> Targets:
        """Version N+1 of a targets role, with these files added."""
        role = self.roles[rolename] = copy.deepcopy(self.roles[rolename])
        role.version += 1
        for targetpath, data in (files or {}).items():
            role.targets[targetpath] = TargetFile.from_data(targetpath, data, ["sha256"])
        return role

    def delegate(self, rolename: str, *paths: str, delegator: str = "targets", terminating: bool = False) -> None:
        """Have `delegator` delegate these paths to a role, which is new unless it is known already."""
        signers = self.signers.setdefault(rolename, [self._new_key()])
        self.roles.setdefault(rolename, Targets(version=1, expires=self.expires))
        role = DelegatedRole(rolename, [], 1, terminating, list(paths))
        delegations = self.roles[delegator].delegations or Delegations({}, {})
        assert delegations.roles is not None
        delegations.roles[rolename] = role
        self.roles[delegator].delegations = delegations
        self.roles[delegator].add_key(signers[-1].public_key, rolename)

    def replace_delegated_key(self, rolename: str, delegator: str = "targets") -> None:
        former = self.signers[rolename][-1].public_key.keyid
        self.signers[rolename] = [self._new_key()]
        self.roles[delegator].revoke_key(former, rolename)
        self.roles[delegator].add_key(self.signers[rolename][-1].public_key, rolename)

    def delegate_bins(self, bit_length: int, prefix: str) -> list[str]:
        """Have targets delegate everything to succinct bins; returns their names."""
        signer = self._new_key()
        succinct = SuccinctRoles([signer.public_key.keyid], 1, bit_length, prefix)
        self.roles["targets"].delegations = Delegations({signer.public_key.keyid: signer.public_key}, None, succinct)
        bins = list(succinct.get_roles())
        for rolename in bins:
            self.signers[rolename] = [signer]
            self.roles[rolename] = Targets(version=1, expires=self.expires)
        return bins

    def signed(self, rolename: str = "targets") -> bytes:
        """The newest version of a role in its envelope."""
        if rolename == "root":
            return _envelope(self.root, [signer for signer in self.signers["root"] if self._signs_root(signer)])
        return _envelope(self.roles[rolename], self.signers[rolename][-1:])

    def bundle(self, *rolenames: str) -> bytes:
        return json.dumps({rolename: json.loads(self.signed(rolename)) for rolename in rolenames}).encode()

    def _signs_root(self, signer: CryptoSigner) -> bool:
        keyid = signer.public_key.keyid
        return any(keyid in root.roles["root"].keyids for root in (self._former_root, self.root))


def as_tuf_key(key: PublicKey) -> Key:
    return SSlibKey.from_dict(key.keyid, key.as_json())


def _envelope(signed: S, signers: Iterable[CryptoSigner]) -> bytes:
    metadata: Metadata[S] = Metadata(signed)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()
