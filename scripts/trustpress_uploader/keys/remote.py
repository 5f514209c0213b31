"""Signing keys that stay where they are, in AWS KMS or on a PKCS#11 token, named by URI as securesystemslib writes them.

awskms:KEY               see kms.py
hsm:[ID][?label=TOKEN]   see tokens.py

AWS's and the token's libraries are imported on first use.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trustpress_uploader.errors import RemoteKeyFailed
from trustpress_uploader.keys.kms import KmsKey, parse_kms_key
from trustpress_uploader.keys.passphrases import AskPin
from trustpress_uploader.keys.tokens import TokenKey, parse_token_key

if TYPE_CHECKING:
    from trustpress.core.keys import PublicKey

SCHEMES = ("awskms", "hsm")


class RemoteKey:
    """A Signer whose private half this process never holds. What the other side signs is verified before it is believed."""

    def __init__(self, uri: str, public_key: "PublicKey", sign: Callable[[bytes], bytes]) -> None:
        self.public_key = public_key
        self._uri, self._sign = uri, sign

    def __repr__(self) -> str:
        return f"RemoteKey({self._uri}, {self.public_key.keyid})"

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`, which verifies. Raises RemoteKeyFailed, WrongPassphrase or Unreachable."""
        signature = self._sign(message)
        if not self.public_key.verifies(signature, message):
            reason = f"expected a signature by {self.public_key.keyid}, found one that this key does not verify"
            raise RemoteKeyFailed(self._uri, reason, "Another key is there now: import it again, and have root list it.")
        return signature


def find_key(uri: str, ask_pin: AskPin) -> "PublicKey":
    """The public key behind a URI. A PIN is asked for only where a token hides its public keys.

    Raises RemoteKeyFailed, WrongPassphrase or Unreachable, and NotPortable for keys that some clients refuse.
    """
    place = _parse(uri)
    return place.find() if isinstance(place, KmsKey) else place.find(ask_pin)


def open_key(uri: str, public_key: "PublicKey", ask_pin: AskPin) -> RemoteKey:
    """A signer for exactly this key. A token's PIN is asked for once, and tried at once; KMS is asked when it signs.

    Raises RemoteKeyFailed, WrongPassphrase or Unreachable.
    """
    place = _parse(uri)
    sign = place.open(public_key) if isinstance(place, KmsKey) else place.open(public_key, ask_pin)
    return RemoteKey(uri, public_key, sign)


def _parse(uri: str) -> KmsKey | TokenKey:
    match uri.partition(":")[0]:
        case "awskms":
            return parse_kms_key(uri)
        case "hsm":
            return parse_token_key(uri)
    raise RemoteKeyFailed(uri, "expected awskms:KEY, hsm:[ID][?label=TOKEN] or file:PATH", "See `trustpress key import --help`.")
