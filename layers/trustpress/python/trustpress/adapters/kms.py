"""Online keys by URI: in KMS, sealed by KMS, or (in tests) in a file.

`awskms:KEY`             ECDSA P-256 in KMS; the key never leaves it. KMS signs digests: a raw message ends at 4,096 bytes.
`sealed:NAME:KEY`        an Ed25519 seed, encrypted by KMS, unwrapped once per container and signed with locally.
`file:PATH`              an Ed25519 seed of 32 raw bytes in a file of mode 0600. For tests.
"""

import hashlib
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair, crypto_sign_SEEDBYTES

from trustpress.adapters.aws import calling
from trustpress.core import layout
from trustpress.core.keys import NACL_LIMIT, PublicKey, ed25519_public_key, p256_public_key
from trustpress.errors import Conflict, Misconfigured, UnknownOutcome
from trustpress.ports import Caching, ObjectStore, Signer

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_MAX_SEALED_LENGTH = 6144


class Ed25519Signer:
    """Signs with an Ed25519 seed, which it never shows."""

    def __init__(self, seed: bytes) -> None:
        public, self.__secret = crypto_sign_seed_keypair(seed)
        self.__key_for_large = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key: PublicKey = ed25519_public_key(public)

    def __repr__(self) -> str:
        return f"Ed25519Signer({self.public_key.keyid})"

    def sign(self, message: bytes) -> bytes:
        # As for verifying: PyNaCl is faster on small messages, cryptography on large ones. Both give the same signature.
        if len(message) < NACL_LIMIT:
            return crypto_sign(message, self.__secret)[:crypto_sign_BYTES]
        return self.__key_for_large.sign(message)


class KmsSigner:
    """Signs with an ECC_NIST_P256 key in KMS."""

    def __init__(self, kms: "KMSClient", key: str) -> None:
        self._kms, self._key = kms, key
        with calling("kms"):
            answer = kms.get_public_key(KeyId=key)
        public = load_der_public_key(answer["PublicKey"])
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise Misconfigured(f"awskms:{key} is not an ECC_NIST_P256 key")
        self.public_key: PublicKey = p256_public_key(public)

    def sign(self, message: bytes) -> bytes:
        digest = hashlib.sha256(message).digest()
        with calling("kms"):
            return self._kms.sign(KeyId=self._key, Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")["Signature"]


def load_signer(uri: str, kms: "KMSClient", staging: ObjectStore) -> Signer:
    """The signer behind a URI. Raises Misconfigured for a URI that names none, Unavailable if KMS or S3 fail."""
    scheme, _, rest = uri.partition(":")
    if scheme == "awskms" and rest:
        return KmsSigner(kms, rest)
    if scheme == "sealed" and ":" in rest:
        name, _, key = rest.partition(":")
        return Ed25519Signer(_unseal(name, key, kms, staging))
    if scheme == "file" and rest:
        return Ed25519Signer(_read_seed(Path(rest)))
    raise Misconfigured(f"expected awskms:KEY, sealed:NAME:KEY or file:PATH, found {scheme}:")


def create_sealed_key(uri: str, kms: "KMSClient", staging: ObjectStore) -> None:
    """Make the seed of a `sealed:` key if it does not exist: 32 random bytes from KMS, which nobody sees unencrypted."""
    scheme, _, rest = uri.partition(":")
    name, _, key = rest.partition(":")
    if scheme != "sealed" or staging.head(layout.sealed_key(name)):
        return
    context = {"trustpress": name}
    with calling("kms"):
        answer = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=crypto_sign_SEEDBYTES, EncryptionContext=context)
    # Whoever was first made the key. Losing this race is fine, and whether it was won is seen when the key is read.
    with suppress(Conflict, UnknownOutcome):
        staging.put_new(layout.sealed_key(name), answer["CiphertextBlob"], Caching.IMMUTABLE)


def _unseal(name: str, key: str, kms: "KMSClient", staging: ObjectStore) -> bytes:
    found = staging.get(layout.sealed_key(name), _MAX_SEALED_LENGTH)
    if found is None:
        raise Misconfigured(f"{layout.sealed_key(name)} does not exist yet: run the refresh function once")
    context = {"trustpress": name}
    with calling("kms"):
        return kms.decrypt(CiphertextBlob=found.body, KeyId=key, EncryptionContext=context)["Plaintext"]


def _read_seed(path: Path) -> bytes:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Misconfigured(f"{path} can be read by others: chmod 600 it")
    return path.read_bytes()
