"""Public keys: parsing, identity and verification.

The scheme is fixed by the key, never read from a signature (NCC Group on Notary, 2015). Two keys are the same key when
their *material* is the same, whatever their keyids and encodings say; thresholds count material (CVE-2020-6174).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from trustpress.core.canonical import encode_canonical
from trustpress.errors import NotPortable, SchemaViolation

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192
MAX_RSA_EXPONENT = 2**31 - 1

# PyNaCl is faster on small messages, cryptography above about 16 KiB, where it also needs no copy.
NACL_LIMIT = 16 * 1024

_ED25519_PUBLIC = re.compile(r"[0-9a-f]{64}")

Material = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key as metadata lists it.

    `material` is the identity: the family with 32 raw bytes (Ed25519), the uncompressed point (P-256) or modulus and
    exponent (RSA). Equal material means the same key.
    """

    keyid: str
    keytype: str
    scheme: str
    public: str
    material: Material
    verifier: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey = field(repr=False, compare=False)

    def as_json(self) -> dict[str, Any]:
        """The key object of specification section 4.2."""
        return {"keytype": self.keytype, "scheme": self.scheme, "keyval": {"public": self.public}}

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is this key's signature over `message`."""
        if isinstance(self.verifier, ed25519.Ed25519PublicKey):
            return self._verifies_ed25519(signature, message)
        try:
            if isinstance(self.verifier, ec.EllipticCurvePublicKey):
                self.verifier.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            else:
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
                self.verifier.verify(signature, message, pss, hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def _verifies_ed25519(self, signature: bytes, message: bytes) -> bool:
        # A signature of another length is not a signature; PyNaCl would raise ValueError for it, not BadSignatureError.
        if len(signature) != nacl.bindings.crypto_sign_BYTES:
            return False
        assert isinstance(self.verifier, ed25519.Ed25519PublicKey)
        try:
            if len(message) < NACL_LIMIT:
                nacl.bindings.crypto_sign_open(signature + message, self.material[1])
            else:
                self.verifier.verify(signature, message)
        except (nacl.exceptions.BadSignatureError, InvalidSignature):
            return False
        return True


def compute_keyid(keytype: str, scheme: str, public: str) -> str:
    """SHA-256 of the canonical key object (specification section 4.2)."""
    return hashlib.sha256(encode_canonical({"keytype": keytype, "scheme": scheme, "keyval": {"public": public}})).hexdigest()


def ed25519_public_key(raw: bytes) -> PublicKey:
    """The public key with these 32 bytes."""
    return parse_key(
        compute_keyid("ed25519", "ed25519", raw.hex()), {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": raw.hex()}}
    )


def ed25519_own_public_key(raw: bytes) -> PublicKey:
    """The public half of a key pair that was made from a seed just now, so it is a point of the curve: no check, a fifth of the time."""
    public = raw.hex()
    return _ed25519(compute_keyid("ed25519", "ed25519", public), public, raw)


def p256_public_key(key: ec.EllipticCurvePublicKey) -> PublicKey:
    """The public key for an ECDSA key on P-256."""
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    value = {"keytype": "ecdsa", "scheme": "ecdsa-sha2-nistp256", "keyval": {"public": pem}}
    return parse_key(compute_keyid("ecdsa", "ecdsa-sha2-nistp256", pem), value)


def parse_key(keyid: str, value: Mapping[str, Any]) -> PublicKey:
    """Parse one entry of `keys`, whose shape the schema has checked.

    Raises SchemaViolation for a keyid that is not the hash of its key, and NotPortable for keys that some clients refuse.
    """
    keytype, scheme, public = value["keytype"], value["scheme"], value["keyval"]["public"]
    if keyid != compute_keyid(keytype, scheme, public):
        raise SchemaViolation(f"keys.{keyid[:64]}", "the keyid is not the SHA-256 of its key")
    match keytype, scheme:
        case "ed25519", "ed25519":
            return _parse_ed25519(keyid, public)
        case (("ecdsa" | "ecdsa-sha2-nistp256"), "ecdsa-sha2-nistp256"):
            return _parse_p256(keyid, keytype, public)
        case "rsa", "rsassa-pss-sha256":
            return _parse_rsa(keyid, public)
    raise NotPortable(f"keys.{keyid}", f"expected ed25519, ECDSA P-256 or RSA-PSS, found {keytype[:100]!r} with {scheme[:100]!r}")


def _parse_ed25519(keyid: str, public: str) -> PublicKey:
    if not _ED25519_PUBLIC.fullmatch(public):
        raise NotPortable(f"keys.{keyid}", "an Ed25519 key is 64 lower-case hexadecimal digits")
    raw = bytes.fromhex(public)
    if not nacl.bindings.crypto_core_ed25519_is_valid_point(raw):
        raise NotPortable(f"keys.{keyid}", "not a point of Ed25519's main subgroup")
    return _ed25519(keyid, public, raw)


def _ed25519(keyid: str, public: str, raw: bytes) -> PublicKey:
    return PublicKey(keyid, "ed25519", "ed25519", public, ("ed25519", raw), ed25519.Ed25519PublicKey.from_public_bytes(raw))


def _parse_p256(keyid: str, keytype: str, public: str) -> PublicKey:
    key = _load_pem(keyid, public)
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise NotPortable(f"keys.{keyid}", "expected an ECDSA key on P-256")
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return PublicKey(keyid, keytype, "ecdsa-sha2-nistp256", public, ("ecdsa", point), key)


def _parse_rsa(keyid: str, public: str) -> PublicKey:
    key = _load_pem(keyid, public)
    if (
        not isinstance(key, rsa.RSAPublicKey)
        or key.public_numbers().e > MAX_RSA_EXPONENT
        or not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS
    ):
        raise NotPortable(f"keys.{keyid}", f"expected an RSA key of {MIN_RSA_BITS} to {MAX_RSA_BITS} bits")
    numbers = key.public_numbers()
    material = b"%x:%x" % (numbers.n, numbers.e)
    return PublicKey(keyid, "rsa", "rsassa-pss-sha256", public, ("rsa", material), key)


def _load_pem(keyid: str, public: str) -> object:
    """Read a PEM in its one portable spelling: Go refuses compressed points, and others what surrounds a PEM."""
    try:
        key = serialization.load_pem_public_key(public.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NotPortable(f"keys.{keyid}", "not a readable PEM public key") from error
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    if public.strip("\n") != pem.strip("\n"):
        raise NotPortable(f"keys.{keyid}", "expected one PEM block of SubjectPublicKeyInfo, uncompressed, with plain line ends")
    return key
