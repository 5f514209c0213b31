"""Keys in AWS KMS: `awskms:KEY`, where KEY is a key id, a key ARN, `alias/NAME` or an alias ARN.

For SIGN_VERIFY, of ECC_NIST_P256 or RSA_2048 and up. Credentials and region are those of the AWS CLI. Importing needs
kms:GetPublicKey, signing kms:Sign. KMS is spoken to by securesystemslib's AWSSigner: it sends digests, so that a message may
be of any length (KMS Sign takes 4,096 bytes at most, or a digest), and its keyids are ours.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trustpress.errors import NotPortable
from trustpress_uploader.errors import RemoteKeyFailed

if TYPE_CHECKING:
    from securesystemslib.signer import AWSSigner

    from trustpress.core.keys import PublicKey

_KMS_KEY = re.compile(r"[A-Za-z0-9:/_-]{1,2048}")

_THROTTLES = {"ThrottlingException", "Throttling"}
_FITS = "Make a key for SIGN_VERIFY, of ECC_NIST_P256 or RSA_2048 and up."
_HINTS = {
    "AccessDeniedException": "These credentials need kms:GetPublicKey to import the key, and kms:Sign to sign with it.",
    "NotFoundException": "Check the key's name, and that AWS_DEFAULT_REGION or AWS_PROFILE names its region and account.",
    "InvalidArnException": "Check the key's ARN.",
    "DisabledException": "Enable the key in KMS, or sign with another one.",
    "KMSInvalidStateException": "See the key's state in KMS: it may be waiting to be deleted.",
    "InvalidKeyUsageException": _FITS,
    "UnsupportedOperationException": _FITS,
    "ExpiredTokenException": "Sign in again: these credentials have expired.",
    "UnrecognizedClientException": "These credentials are unknown there: check AWS_PROFILE and AWS_ENDPOINT_URL.",
    "InvalidSignatureException": "Check AWS_SECRET_ACCESS_KEY, and this machine's clock.",
}


@dataclass(frozen=True, slots=True)
class KmsKey:
    uri: str
    name: str

    def find(self) -> "PublicKey":
        from securesystemslib.exceptions import UnsupportedAlgorithmError

        from trustpress.core.keys import parse_key

        try:
            with _translated(self.uri):
                _, key = _aws_signer().import_(self.name)
        except (KeyError, UnsupportedAlgorithmError):
            # KMS GetPublicKey tells signing algorithms of signing keys only: AWSSigner then stumbles over a missing member.
            raise NotPortable(self.uri, f"expected a KMS key that signs as ECDSA P-256 or RSA-PSS. {_FITS}") from None
        return parse_key(key.keyid, key.to_dict())

    def open(self, public_key: "PublicKey") -> Callable[[bytes], bytes]:
        from securesystemslib.signer import SSlibKey

        if public_key.scheme not in _aws_signer().aws_algos:
            raise RemoteKeyFailed(self.uri, f"KMS does not sign as {public_key.scheme}", _FITS)
        key = SSlibKey(public_key.keyid, public_key.keytype, public_key.scheme, {"public": public_key.public})
        with _translated(self.uri):
            signer = _aws_signer().from_priv_key_uri(self.uri, key)
        return lambda message: self._sign(signer, message)

    def _sign(self, signer: "AWSSigner", message: bytes) -> bytes:
        with _translated(self.uri):
            return bytes.fromhex(signer.sign(message).signature)


def _aws_signer() -> type["AWSSigner"]:
    from securesystemslib.signer import AWSSigner

    # It prints what it is about to raise; what it raises is told once, in our words.
    logging.getLogger(AWSSigner.__module__).setLevel(logging.CRITICAL)
    return AWSSigner


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    from botocore.exceptions import NoRegionError

    from trustpress_uploader.aws import briefly, translated

    with translated(uri, RemoteKeyFailed, _HINTS, "Check the key and the credentials.", busy=_THROTTLES, tell=briefly):
        try:
            yield
        except NoRegionError as error:
            raise RemoteKeyFailed(uri, "no AWS region", "Set AWS_DEFAULT_REGION to the region of the key.") from error


def parse_kms_key(uri: str) -> KmsKey:
    """Raises RemoteKeyFailed."""
    name = uri.partition(":")[2]
    if not _KMS_KEY.fullmatch(name):
        raise RemoteKeyFailed(uri, "expected awskms:KEY", "KEY is a key id, a key ARN, alias/NAME or an alias ARN.")
    return KmsKey(uri, name)
