"""Keys made from their names, whose signatures are the same in every run: a seed has to replay byte for byte."""

import functools
import hashlib
from dataclasses import dataclass
from typing import Protocol

import nacl.bindings
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.signer import Key, SSlibKey

from tests.builders import JsonObject, ed25519_signer, key_object, p256_signer


class SigningKey(Protocol):
    """A key that signs; `public_key` is as python-tuf knows it."""

    @property
    def public_key(self) -> Key: ...

    def sign(self, message: bytes) -> str: ...


@dataclass(frozen=True)
class Ed25519:
    name: str

    @property
    def public_key(self) -> Key:
        return ed25519_signer(self.name).public_key

    def sign(self, message: bytes) -> str:
        return nacl.bindings.crypto_sign(message, _ed25519_secret(self.name))[:64].hex()


@dataclass(frozen=True)
class P256:
    """Signs as RFC 6979 says, without chance."""

    name: str

    @property
    def public_key(self) -> Key:
        return p256_signer(self.name).public_key

    def sign(self, message: bytes) -> str:
        return _p256_secret(self.name).sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)).hex()


def key_json(key: SigningKey) -> JsonObject:
    """The key object of specification 4.2."""
    public = key.public_key
    assert isinstance(public, SSlibKey)
    return key_object(public.keytype, public.scheme, public.keyval["public"])


@functools.cache
def _ed25519_secret(name: str) -> bytes:
    return nacl.bindings.crypto_sign_seed_keypair(hashlib.sha256(name.encode()).digest())[1]


@functools.cache
def _p256_secret(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big"), ec.SECP256R1())
