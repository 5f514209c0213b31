"""What a file is that holds no key which is read here: told by its outer form, to whoever gave the wrong one or an unusual one.

Nothing of its content is ever shown, for it may be a secret.
"""

import re
from typing import NamedTuple

_READ = "Private keys are read from files of Trustpress, go-tuf, cosign and Notary, and from PEM as OpenSSL writes it."
_MAKE = "`trustpress key generate` makes a key."

_PKCS7_DATA = bytes.fromhex("06092a864886f70d010701")  # 1.2.840.113549.1.7.1, in every PKCS#12 (RFC 7292)
_OPENPGP_SECRET_KEY = (b"\x94", b"\x95", b"\xc5")  # RFC 9580, section 4.2: a packet of tag 5
_SEQUENCE, _TAB = b"\x30", 9


class Form(NamedTuple):
    """What a file is, and what its owner can do about it."""

    name: str
    advice: str


EMPTY = Form("an empty file", "Name the file that holds the key.")
DER = Form("DER, not PEM", "If it is a private key, `openssl pkey -inform DER -in FILE -out key.pem` writes it as PEM.")
AMID_TEXT = Form("a PEM block with text around it", "Keep the block alone in a file: from its BEGIN line to its END line.")
CUT_OFF = Form("a PEM block without its END line", "Copy the file once more, whole.")
BROKEN_PEM = Form("a PEM block that is not one", "Its lines are base64, behind headers at most: copy it once more, whole.")
BROKEN_JSON = Form("JSON that is not one object whose members have different names", _READ)
NOTHING_KNOWN = Form("neither one PEM block nor one JSON object", _READ)

# What a file of a known form begins with, or holds.
_BEGINNINGS = (
    (rb"-----BEGIN PGP ", Form("a file of GnuPG", f"Keys of GnuPG are not read. {_MAKE}")),
    (rb"AGE-SECRET-KEY-|# created: .*\n# public key: age1|age-encryption\.org/", Form("a file of age", f"age's keys do not sign. {_MAKE}")),
    (rb"untrusted comment:", Form("a file of minisign or signify", f"Their keys are not read. {_MAKE}")),
    (rb"PuTTY-User-Key-File-", Form("a key of PuTTY", "`puttygen FILE -O private-openssh -o key` writes it as OpenSSH does.")),
    (
        rb"(ssh-|ecdsa-sha2-|sk-)\S+ AAAA",
        Form("a public key of OpenSSH", "The private key is in the file without .pub."),
    ),
    (rb"[0-9a-f]+(@@@@[0-9a-f]+){4}\Z", Form("an encrypted key of securesystemslib", "Have the tool that wrote it write PEM instead.")),
)


def recognise_foreign(body: bytes) -> Form | None:
    """A file of a program whose keys are never read, None if it is none."""
    return next((form for beginning, form in _BEGINNINGS if re.match(beginning, body.lstrip())), None)


def recognise(body: bytes) -> Form:
    """Of a file that is neither one well-formed PEM block nor one JSON object."""
    text = body.strip()
    if not text:
        return EMPTY
    if text.startswith(b"{"):
        return BROKEN_JSON
    return recognise_foreign(text) or _recognise_binary(text) or _recognise_pem(text) or NOTHING_KNOWN


def _recognise_binary(text: bytes) -> Form | None:
    if text.startswith(_OPENPGP_SECRET_KEY):
        return _BEGINNINGS[0][1]
    if not text.startswith(_SEQUENCE) or min(text) >= _TAB:
        return None
    if _PKCS7_DATA in text[:64]:
        return Form("PKCS#12", "`openssl pkcs12 -in FILE -nocerts -out key.pem` writes its key as PEM.")
    return DER


def _recognise_pem(text: bytes) -> Form | None:
    if b"-----BEGIN " not in text:
        return None
    if b"-----END " not in text:
        return CUT_OFF
    return BROKEN_PEM if text.startswith(b"-----BEGIN ") and text.endswith(b"-----") else AMID_TEXT
