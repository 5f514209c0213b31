"""Signed metadata of any shape, made with python-tuf and securesystemslib: no code of Trustpress has a part in it.

`root`, `targets`, `snapshot` and `timestamp` return the `signed` member as python-tuf writes it, a dict that tests may
break on purpose; `envelope` signs it, whatever it is. Keys made from a name are the same in every run.
"""

import base64
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, Signer, SSlibKey
from tuf.api.metadata import DelegatedRole, Delegations, Key, MetaFile, Role, Root, Snapshot, SuccinctRoles, TargetFile, Targets, Timestamp

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
EXPIRES = datetime(2031, 1, 1, tzinfo=UTC)

JsonObject = dict[str, Any]

# The one other spelling of a PEM key that every client reads.
PORTABLE_SPELLING = "no last line feed"


@functools.cache
def ed25519_signer(name: str) -> CryptoSigner:
    return CryptoSigner(ed25519.Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()))


@functools.cache
def p256_signer(name: str) -> CryptoSigner:
    return CryptoSigner(ec.derive_private_key(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"), ec.SECP256R1()))


@functools.cache
def rsa_signer(name: str, bits: int = 2048) -> CryptoSigner:
    """An RSA-PSS key; the name keeps several apart within a run, as these cannot be made from a name."""
    return CryptoSigner.generate_rsa(size=bits)


def p384_public_key() -> ec.EllipticCurvePublicKey:
    return ec.derive_private_key(1, ec.SECP384R1()).public_key()


def rsa_public_key(bits: int, exponent: int = 65537) -> rsa.RSAPublicKey:
    """A modulus of so many bits, the same in every run, whose factors nobody knows."""
    modulus = int.from_bytes(hashlib.shake_256(b"modulus").digest(bits // 8), "big") | 1 << (bits - 1) | 1
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def canonical(value: Any) -> bytes:
    """What signatures cover, by securesystemslib."""
    text = encode_canonical(value)
    assert text is not None
    return text.encode()


def keyid_of(key: Mapping[str, Any]) -> str:
    """The right keyid of a key object, by securesystemslib's canonical JSON."""
    return hashlib.sha256(canonical(dict(key))).hexdigest()


def key_object(keytype: str, scheme: str, public: str) -> JsonObject:
    return {"keytype": keytype, "scheme": scheme, "keyval": {"public": public}}


def pem_of(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def pem_block(label: str, der: bytes) -> str:
    text = base64.b64encode(der).decode()
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def respelled(key: Mapping[str, Any]) -> dict[str, JsonObject]:
    """The same PEM key in other spellings, each with a right keyid of its own, by how it is spelled."""
    public = serialization.load_pem_public_key(key["keyval"]["public"].encode())
    pem = key["keyval"]["public"]
    spellings = {
        "CRLF": pem.replace("\n", "\r\n"),
        "a space behind": f"{pem} \n",
        "text before": f"A key:\n{pem}",
        "two blocks": pem + pem,
        PORTABLE_SPELLING: pem.rstrip("\n"),
    }
    if isinstance(public, ec.EllipticCurvePublicKey):
        spellings["compressed point"] = pem_block("PUBLIC KEY", _compressed(public))
    if isinstance(public, rsa.RSAPublicKey):
        spellings["PKCS1"] = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1).decode()
    return {how: {**key, "keyval": {"public": text}} for how, text in spellings.items()}


def _compressed(key: ec.EllipticCurvePublicKey) -> bytes:
    """SubjectPublicKeyInfo with the point compressed, which cryptography reads but does not write."""
    p256_with_33_byte_bit_string = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    return p256_with_33_byte_bit_string + key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)


def root(
    version: int = 1,
    expires: datetime = EXPIRES,
    signers: Mapping[str, Sequence[Signer]] | None = None,
    thresholds: Mapping[str, int] | None = None,
) -> JsonObject:
    """Root with the keys of these signers by role; a role left out has the Ed25519 key of its name, and threshold 1."""
    by_role = {rolename: [ed25519_signer(rolename)] for rolename in ("root", "targets", "snapshot", "timestamp")} | dict(signers or {})
    keys: dict[str, Key] = {signer.public_key.keyid: signer.public_key for role in by_role.values() for signer in role}
    roles = {
        rolename: Role([signer.public_key.keyid for signer in role], (thresholds or {}).get(rolename, 1))
        for rolename, role in by_role.items()
    }
    return Root(version, "1.0.34", expires, keys, roles, consistent_snapshot=True).to_dict()


def target_file(data: bytes, *algorithms: str) -> JsonObject:
    return TargetFile.from_data("unused", data, list(algorithms) or ["sha256"]).to_dict()


def targets(
    files: Mapping[str, bytes] | None = None, version: int = 1, expires: datetime = EXPIRES, delegations: Delegations | None = None
) -> JsonObject:
    entries = {targetpath: TargetFile.from_data(targetpath, data, ["sha256"]) for targetpath, data in (files or {}).items()}
    return Targets(version, "1.0.34", expires, entries, delegations).to_dict()


def delegated(name: str, signers: Iterable[Signer], *paths: str, threshold: int = 1, terminating: bool = False) -> DelegatedRole:
    return DelegatedRole(name, [signer.public_key.keyid for signer in signers], threshold, terminating, list(paths))


def delegations(signers: Iterable[Signer], *roles: DelegatedRole) -> Delegations:
    """Delegations to these roles, whose keys are those of `signers`."""
    return Delegations({signer.public_key.keyid: signer.public_key for signer in signers}, {role.name: role for role in roles})


def succinct(signer: Signer, bit_length: int, name_prefix: str) -> Delegations:
    key = signer.public_key
    return Delegations({key.keyid: key}, None, SuccinctRoles([key.keyid], 1, bit_length, name_prefix))


def snapshot(versions: Mapping[str, int], version: int = 1, expires: datetime = EXPIRES) -> JsonObject:
    """Snapshot that lists these role versions."""
    meta = {f"{rolename}.json": MetaFile(number) for rolename, number in versions.items()}
    return Snapshot(version, "1.0.34", expires, meta).to_dict()


def timestamp(snapshot_version: int = 1, version: int = 1, expires: datetime = EXPIRES) -> JsonObject:
    return Timestamp(version, "1.0.34", expires, MetaFile(snapshot_version)).to_dict()


def envelope(signed: JsonObject, *signers: Signer) -> JsonObject:
    """`signed` with the signatures of these signers over its canonical form, in their order."""
    message = canonical(signed)
    return {
        "signatures": [{"keyid": signer.public_key.keyid, "sig": signer.sign(message).signature} for signer in signers],
        "signed": signed,
    }


def compact(value: Any) -> bytes:
    """One line, members sorted, UTF-8: how Trustpress stores metadata."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pretty(value: Any) -> bytes:
    """Another spelling of the same value: indented, unsorted, all but ASCII escaped."""
    return json.dumps(value, indent=2).encode()


def tuf_key(signer: Signer) -> JsonObject:
    """The key object of a signer."""
    key = signer.public_key
    assert isinstance(key, SSlibKey)
    return key_object(key.keytype, key.scheme, key.keyval["public"])
