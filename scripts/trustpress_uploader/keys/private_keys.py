"""A private key that is at hand: it signs, and it never shows itself."""

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from trustpress.core.keys import PublicKey, compute_keyid, ed25519_public_key, p256_public_key, parse_key

RawPrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
RawPublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey

KEYTYPES = ("ed25519", "ecdsa", "rsa")
_RSA_BITS = 3072
_RSA_EXPONENT = 65537


class PrivateKey:
    """An Ed25519, ECDSA P-256 or RSA key: a Signer whose text is its keyid. Raises NotPortable for keys that some clients refuse."""

    def __init__(self, key: RawPrivateKey) -> None:
        self.__key = key
        self.public_key: PublicKey = public_key_of(key.public_key())

    @classmethod
    def generate(cls, keytype: str = "ed25519") -> "PrivateKey":
        if keytype == "ecdsa":
            return cls(ec.generate_private_key(ec.SECP256R1()))
        if keytype == "rsa":
            return cls(rsa.generate_private_key(_RSA_EXPONENT, _RSA_BITS))
        return cls(ed25519.Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> "PrivateKey":
        """The Ed25519 key of these 32 bytes."""
        return cls(ed25519.Ed25519PrivateKey.from_private_bytes(seed))

    def __repr__(self) -> str:
        return f"PrivateKey({self.public_key.keyid})"

    def sign(self, message: bytes) -> bytes:
        """The signature over `message` by the one scheme that belongs to the key."""
        if isinstance(self.__key, ed25519.Ed25519PrivateKey):
            return self.__key.sign(message)
        if isinstance(self.__key, ec.EllipticCurvePrivateKey):
            return self.__key.sign(message, ec.ECDSA(hashes.SHA256()))
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        return self.__key.sign(message, pss, hashes.SHA256())

    def reveal(self) -> RawPrivateKey:
        """The key itself, to be written to an encrypted file and nowhere else."""
        return self.__key


def public_key_of(key: RawPublicKey) -> PublicKey:
    """A public key as metadata lists it. Raises NotPortable for keys that some clients refuse."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return ed25519_public_key(key.public_bytes_raw())
    if isinstance(key, ec.EllipticCurvePublicKey):
        return p256_public_key(key)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    keyid = compute_keyid("rsa", "rsassa-pss-sha256", pem)
    return parse_key(keyid, {"keytype": "rsa", "scheme": "rsassa-pss-sha256", "keyval": {"public": pem}})
