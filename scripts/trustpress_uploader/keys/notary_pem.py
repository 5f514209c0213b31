"""PKCS#8 under a passphrase, and Notary's dialect of it: what `notary` and `docker trust` keep in private/KEYID.key.

Encryption is PBES2 (RFC 8018) with PBKDF2 and AES-CBC. Notary knows one kind: HMAC-SHA1, which the file does not name, and
AES-256. It also has its own idea of what is inside: a version 1 without what version 1 stands for, algorithms without
their parameters, and Ed25519 as public key, seed and public key again under an identifier of GNU's (notary 0.7.0,
tuf/utils/pkcs8.go). OpenSSL and cryptography refuse that, so it is taken apart here, by a reader of strict DER.
"""

import base64
import hashlib
import os
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from trustpress.core.canonical import encode_canonical
from trustpress.core.keys import PublicKey
from trustpress_uploader.errors import BadKeyFile
from trustpress_uploader.keys.passphrases import Passphrase, WrongPassphrase
from trustpress_uploader.keys.pem import write_pem
from trustpress_uploader.keys.private_keys import PrivateKey, RawPrivateKey

_INTEGER, _OCTETS, _NULL, _OID, _SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
_LONG_LENGTH = 0x80

_PBES2 = bytes.fromhex("2a864886f70d01050d")  # 1.2.840.113549.1.5.13
_PBKDF2 = bytes.fromhex("2a864886f70d01050c")  # 1.2.840.113549.1.5.12
_PRFS = {bytes.fromhex(f"2a864886f70d02{n:02x}"): name for n, name in enumerate(("sha1", "sha224", "sha256", "sha384", "sha512"), 7)}
_AES_CBC = {bytes.fromhex(f"60864801650304{n:04x}"): length for n, length in ((0x0102, 16), (0x0116, 24), (0x012A, 32))}
_EC = bytes.fromhex("2a8648ce3d0201")  # 1.2.840.10045.2.1
_P256 = bytes.fromhex("2a8648ce3d030107")  # 1.2.840.10045.3.1.7
_RSA = bytes.fromhex("2a864886f70d010101")  # 1.2.840.113549.1.1.1
_GNU_ED25519 = bytes.fromhex("2b06010401da470f01")  # 1.3.6.1.4.1.11591.15.1

# What OWASP advises for each. OpenSSL and Notary write 2,048, and read any number.
ITERATIONS = {"sha1": 1_300_000, "sha256": 600_000}
# More than anybody writes, and a few seconds: a file that was tampered with must not keep us busy for hours.
_MAX_ITERATIONS = 10_000_000

# PKCS#8 of an RSA key of 8,192 bits, the largest that is portable, takes 4,680 bytes; one of 16,384 is checked for half a minute.
MAX_DER = 5_000

_SALT_LENGTH, _BLOCK_LENGTH, _KEY_LENGTH = 16, 16, 32
_RAW_LENGTH = 32
_HINT = "`openssl pkcs8 -topk8 -in FILE` writes a private key in the usual encryption."


class _Unreadable(ValueError):
    """Not strict DER, or not what is expected; its text never quotes what was read."""


class _Lock(NamedTuple):
    """How a key is encrypted."""

    prf: str
    salt: bytes
    iterations: int
    key_length: int
    iv: bytes


def write_notary_pem(key: PrivateKey, passphrase: Passphrase, role: str | None, gun: str | None) -> bytes:
    """The file that `notary key import` and `docker trust key load` take; `notary` refuses an encrypted key without `path`.

    Raises BadKeyFile for a role or GUN that is not a header.
    """
    headers = {name: value for name, value in (("gun", gun), ("path", notary_keyid(key.public_key)), ("role", role)) if value}
    for name, value in headers.items():
        if not value.isprintable():
            raise BadKeyFile(name, "expected one line of printable characters", "Give another role or GUN.")
    return write_pem("ENCRYPTED PRIVATE KEY", headers, encrypt_pkcs8(_notary_pkcs8(key.reveal()), passphrase, "sha1"))


def notary_keyid(key: PublicKey) -> str:
    """The keyid by which Notary knows a key: over its own key object, whose private half is null."""
    verifier = key.verifier
    if isinstance(verifier, ed25519.Ed25519PublicKey):
        public = verifier.public_bytes_raw()
    else:
        public = verifier.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    keyval = {"private": None, "public": base64.b64encode(public).decode()}
    return hashlib.sha256(encode_canonical({"keytype": key.material[0], "keyval": keyval})).hexdigest()


def encrypt_pkcs8(plaintext: bytes, passphrase: Passphrase, prf: str) -> bytes:
    """EncryptedPrivateKeyInfo, by HMAC-SHA1 (for Notary) or HMAC-SHA256, and AES-256-CBC."""
    lock = _Lock(prf, os.urandom(_SALT_LENGTH), ITERATIONS[prf], _KEY_LENGTH, os.urandom(_BLOCK_LENGTH))
    padder = padding.PKCS7(8 * _BLOCK_LENGTH).padder()
    encryptor = _cipher(lock, passphrase).encryptor()
    ciphertext = encryptor.update(padder.update(plaintext) + padder.finalize()) + encryptor.finalize()
    return _der(_SEQUENCE, _encode_lock(lock), _der(_OCTETS, ciphertext))


def decrypt_pkcs8(encrypted: bytes, passphrase: Passphrase, what: str) -> bytes:
    """The PKCS#8 inside. `what` names it in messages. Raises WrongPassphrase, also for a changed ciphertext, or BadKeyFile."""
    try:
        lock, ciphertext = _parse_encrypted(encrypted)
    except _Unreadable as error:
        raise BadKeyFile(what, str(error), _HINT) from None
    plaintext = _decrypt(lock, ciphertext, passphrase)
    if plaintext is None:
        raise WrongPassphrase(what)
    return plaintext


def load_pkcs8(der: bytes) -> RawPrivateKey | None:
    """A private key from PKCS#8, everybody's or Notary's; None if there is none, since an exception would show what was read."""
    return load_der(der) or _load_notary_pkcs8(der)


def load_der(der: bytes) -> RawPrivateKey | None:
    """A private key from PKCS#8, PKCS#1 or SEC1."""
    if len(der) > MAX_DER:
        return None
    try:
        key = serialization.load_der_private_key(der, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RawPrivateKey) else None


def _load_notary_pkcs8(der: bytes) -> RawPrivateKey | None:
    try:
        (content,) = _fields(der, _SEQUENCE)
        _, algorithm, key = _fields(content, _INTEGER, _SEQUENCE, _OCTETS)
        identifier, _ = _read(algorithm, _OID)
    except _Unreadable:
        return None
    return _load_triple(key) if identifier == _GNU_ED25519 else load_der(key)


def _load_triple(raw: bytes) -> RawPrivateKey | None:
    """Ed25519 as Notary has it: public key, then Go's private key, which is the seed and the public key again."""
    if len(raw) != 3 * _RAW_LENGTH:
        return None
    key = ed25519.Ed25519PrivateKey.from_private_bytes(raw[_RAW_LENGTH : 2 * _RAW_LENGTH])
    public = key.public_key().public_bytes_raw()
    return key if raw.startswith(public) and raw.endswith(public) else None


def _notary_pkcs8(key: RawPrivateKey) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        public = key.public_key().public_bytes_raw()
        return _private_key_info(0, _der(_OID, _GNU_ED25519), public + key.private_bytes_raw() + public)
    raw = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _private_key_info(1, _der(_OID, _EC) + _der(_OID, _P256), raw)
    return _private_key_info(0, _der(_OID, _RSA), raw)


def _private_key_info(version: int, algorithm: bytes, key: bytes) -> bytes:
    return _der(_SEQUENCE, _der(_INTEGER, bytes([version])), _der(_SEQUENCE, algorithm), _der(_OCTETS, key))


def _cipher(lock: _Lock, passphrase: Passphrase) -> Cipher[modes.CBC]:
    key = hashlib.pbkdf2_hmac(lock.prf, passphrase.reveal(), lock.salt, lock.iterations, lock.key_length)
    return Cipher(algorithms.AES(key), modes.CBC(lock.iv))


def _decrypt(lock: _Lock, ciphertext: bytes, passphrase: Passphrase) -> bytes | None:
    decryptor = _cipher(lock, passphrase).decryptor()
    unpadder = padding.PKCS7(8 * _BLOCK_LENGTH).unpadder()
    try:
        plaintext = unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()
        # One wrong passphrase in 256 gives the right padding; this tells it from a key that we do not know.
        _fields(plaintext, _SEQUENCE)
    except ValueError:
        return None
    return plaintext


def _encode_lock(lock: _Lock) -> bytes:
    """AlgorithmIdentifier of PBES2; HMAC-SHA1 is the default, which DER leaves out."""
    iterations = lock.iterations.to_bytes(lock.iterations.bit_length() // 8 + 1)
    prfs = [_der(_SEQUENCE, _der(_OID, oid), _der(_NULL)) for oid, name in _PRFS.items() if name == lock.prf != "sha1"]
    derivation = _der(_SEQUENCE, _der(_OCTETS, lock.salt), _der(_INTEGER, iterations), *prfs)
    (aes,) = (oid for oid, length in _AES_CBC.items() if length == lock.key_length)
    return _der(
        _SEQUENCE,
        _der(_OID, _PBES2),
        _der(_SEQUENCE, _der(_SEQUENCE, _der(_OID, _PBKDF2), derivation), _der(_SEQUENCE, _der(_OID, aes), _der(_OCTETS, lock.iv))),
    )


def _parse_encrypted(der: bytes) -> tuple[_Lock, bytes]:
    (content,) = _fields(der, _SEQUENCE)
    algorithm, ciphertext = _fields(content, _SEQUENCE, _OCTETS)
    scheme, parameters = _fields(algorithm, _OID, _SEQUENCE)
    if scheme != _PBES2:
        raise _Unreadable("expected encryption by PBES2")
    derivation, encryption = _fields(parameters, _SEQUENCE, _SEQUENCE)
    function, derivation_parameters = _fields(derivation, _OID, _SEQUENCE)
    cipher, iv = _fields(encryption, _OID, _OCTETS)
    if function != _PBKDF2 or cipher not in _AES_CBC or len(iv) != _BLOCK_LENGTH:
        raise _Unreadable("expected encryption by PBKDF2 and AES-CBC")
    prf, salt, iterations = _parse_derivation(derivation_parameters)
    if not 0 < iterations <= _MAX_ITERATIONS:
        raise _Unreadable(f"expected at most {_MAX_ITERATIONS:,} iterations of PBKDF2")
    return _Lock(prf, salt, iterations, _AES_CBC[cipher], iv), ciphertext


def _parse_derivation(parameters: bytes) -> tuple[str, bytes, int]:
    """PRF, salt and iterations. The length of the key, which nearly nobody writes, is not understood."""
    salt, rest = _read(parameters, _OCTETS)
    iterations, rest = _read(rest, _INTEGER)
    prf = _PRFS.get(_fields(_fields(rest, _SEQUENCE)[0], _OID, _NULL)[0]) if rest else "sha1"
    if prf is None:
        raise _Unreadable("expected PBKDF2 with HMAC and SHA-1 or SHA-2")
    return prf, salt, int.from_bytes(iterations, signed=True)


def _fields(der: bytes, *tags: int) -> list[bytes]:
    """The contents of elements that have these tags and nothing behind them."""
    contents = []
    for tag in tags:
        content, der = _read(der, tag)
        contents.append(content)
    if der:
        raise _Unreadable("not a private key in DER: something follows it")
    return contents


def _read(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """The contents of the first element, and what follows it. Lengths have their one, shortest form."""
    start = 2 + (max(0, der[1] - _LONG_LENGTH) if len(der) > 1 else 0)
    length = int.from_bytes(der[2:start] or der[1:2])
    if der[:1] != bytes([tag]) or der[1:start] != _encode_length(length) or len(der) < start + length:
        raise _Unreadable("not a private key in DER")
    return der[start : start + length], der[start + length :]


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes([tag]) + _encode_length(len(content)) + content


def _encode_length(length: int) -> bytes:
    if length < _LONG_LENGTH:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes([_LONG_LENGTH + len(octets)]) + octets
