"""What KMS keeps: one key that signs there, and what seals the secrets that online keys are derived from.

`awskms:KEY`             ECDSA P-256 in KMS; the key never leaves it. KMS signs digests: a raw message ends at 4,096 bytes.
`sealed:NAME:KEY`        an Ed25519 seed, encrypted by KMS, that all repositories of a deployment shared once.
"""

import hashlib
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from nacl.bindings import crypto_sign, crypto_sign_BYTES, crypto_sign_seed_keypair

from trustpress.adapters.aws import calling
from trustpress.core import layout
from trustpress.core.derivation import SEED_LENGTH
from trustpress.core.keys import NACL_LIMIT, PublicKey, ed25519_own_public_key, p256_public_key
from trustpress.errors import Misconfigured
from trustpress.ports import ObjectStore, Signer

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_MAX_SEALED_LENGTH = 6144


class Ed25519Signer:
    """Signs with an Ed25519 seed, which it never shows."""

    def __init__(self, seed: bytes) -> None:
        public, self.__secret = crypto_sign_seed_keypair(seed)
        self.public_key: PublicKey = ed25519_own_public_key(public)

    def __repr__(self) -> str:
        return f"Ed25519Signer({self.public_key.keyid})"

    def sign(self, message: bytes) -> bytes:
        # As for verifying: PyNaCl is faster on small messages, cryptography on large ones. Both give the same signature.
        if len(message) < NACL_LIMIT:
            return crypto_sign(message, self.__secret)[:crypto_sign_BYTES]
        return Ed25519PrivateKey.from_private_bytes(self.__secret[:SEED_LENGTH]).sign(message)


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


class KmsVault:
    """Makes and opens secrets with a symmetric KMS key, under an encryption context that names them."""

    def __init__(self, kms: "KMSClient", key: str) -> None:
        self._kms, self._key = kms, key

    def make_secret(self, name: str) -> bytes:
        with calling("kms"):
            return self._kms.generate_data_key_without_plaintext(
                KeyId=self._key, NumberOfBytes=SEED_LENGTH, EncryptionContext=_context(name)
            )["CiphertextBlob"]

    def open_secret(self, name: str, sealed: bytes) -> bytes:
        with calling("kms"):
            return self._kms.decrypt(CiphertextBlob=sealed, KeyId=self._key, EncryptionContext=_context(name))["Plaintext"]


def load_signer(uri: str, kms: "KMSClient", staging: ObjectStore) -> Signer:
    """The signer behind a URI. Raises Misconfigured for a URI that names none, Unavailable if KMS or S3 fail."""
    scheme, _, rest = uri.partition(":")
    if scheme == "awskms" and rest:
        return KmsSigner(kms, rest)
    if scheme == "sealed" and ":" in rest:
        name, _, key = rest.partition(":")
        found = staging.get(layout.sealed_key(name), _MAX_SEALED_LENGTH)
        if found is None:
            raise Misconfigured(f"{layout.sealed_key(name)} does not exist")
        return Ed25519Signer(KmsVault(kms, key).open_secret(name, found.body))
    raise Misconfigured(f"expected awskms:KEY or sealed:NAME:KEY, found {scheme}:")


def _context(name: str) -> dict[str, str]:
    return {"trustpress": name}
