"""Encryption at rest: scrypt and NaCl secretbox, in the JSON envelope of go-securesystemslib, go-tuf and cosign.

{"kdf": {"name": "scrypt", "params": {"N": 131072, "r": 8, "p": 1}, "salt": base64},
 "cipher": {"name": "nacl/secretbox", "nonce": base64}, "ciphertext": base64}
"""

import base64
import hashlib
from typing import Any

import nacl.exceptions
import nacl.secret
import nacl.utils

from trustpress_uploader.keys.passphrases import Passphrase, WrongPassphrase

_SALT_LENGTH = 32
_BLOCK_SIZE, _PARALLELISM = 8, 1

# What those tools write: formerly, by default, and as OWASP advises. Nothing else is opened, so that a file that was
# tampered with can neither weaken the derivation nor exhaust memory.
_COSTS = (32768, 65536, 131072)
_COST = 131072


class NotAnEnvelope(ValueError):
    """Not in the envelope's format, or with parameters that nobody writes."""


def seal(plaintext: bytes, passphrase: Passphrase) -> dict[str, Any]:
    salt, nonce = nacl.utils.random(_SALT_LENGTH), nacl.utils.random(nacl.secret.SecretBox.NONCE_SIZE)
    return _seal(plaintext, passphrase, _COST, salt, nonce)


def unseal(envelope: Any, passphrase: Passphrase, what: str) -> bytes:
    """The plaintext. `what` names the envelope in messages. Raises WrongPassphrase or NotAnEnvelope."""
    cost, salt, nonce, ciphertext = _parts(envelope)
    try:
        return _secret_box(passphrase, salt, cost).decrypt(ciphertext, nonce)
    except nacl.exceptions.CryptoError:
        raise WrongPassphrase(what) from None


def _seal(plaintext: bytes, passphrase: Passphrase, cost: int, salt: bytes, nonce: bytes) -> dict[str, Any]:
    ciphertext = _secret_box(passphrase, salt, cost).encrypt(plaintext, nonce).ciphertext
    return {
        "kdf": {"name": "scrypt", "params": {"N": cost, "r": _BLOCK_SIZE, "p": _PARALLELISM}, "salt": _encode(salt)},
        "cipher": {"name": "nacl/secretbox", "nonce": _encode(nonce)},
        "ciphertext": _encode(ciphertext),
    }


def _parts(envelope: Any) -> tuple[int, bytes, bytes, bytes]:
    try:
        kdf, cipher = envelope["kdf"], envelope["cipher"]
        cost = kdf["params"]["N"]
        salt, nonce, ciphertext = (_decode(text) for text in (kdf["salt"], cipher["nonce"], envelope["ciphertext"]))
    except (KeyError, TypeError, ValueError) as error:
        raise NotAnEnvelope("not an encrypted key") from error
    if (kdf["name"], cipher["name"]) != ("scrypt", "nacl/secretbox") or len(nonce) != nacl.secret.SecretBox.NONCE_SIZE:
        raise NotAnEnvelope("not encrypted by scrypt and NaCl's secretbox")
    if cost not in _COSTS or kdf["params"] != {"N": cost, "r": _BLOCK_SIZE, "p": _PARALLELISM}:
        raise NotAnEnvelope("unusual scrypt parameters")
    return cost, salt, nonce, ciphertext


def _secret_box(passphrase: Passphrase, salt: bytes, cost: int) -> nacl.secret.SecretBox:
    # scrypt fills 128 * N * r bytes; twice that leaves room for its own bookkeeping.
    memory = 256 * cost * _BLOCK_SIZE
    key = hashlib.scrypt(
        passphrase.reveal(), salt=salt, n=cost, r=_BLOCK_SIZE, p=_PARALLELISM, maxmem=memory, dklen=nacl.secret.SecretBox.KEY_SIZE
    )
    return nacl.secret.SecretBox(key)


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
