"""Keys on PKCS#11 tokens: `hsm:[ID][?label=TOKEN]`.

ID is the key's CKA_ID as a decimal number, 2 unless given (PIV's slot 9c); TOKEN is the label of its token, URL-encoded, for
machines that have several. PYKCS11LIB in the environment names the token's module, such as
/usr/lib/x86_64-linux-gnu/libykcs11.so. Keys are ECDSA P-256, RSA of 2048 bits and up, or Ed25519.

URIs are securesystemslib's; its HSMSigner is not used: it knows ECDSA keys only, says every failure as a ValueError, and does
not give a key its PIN again that asks for it each time (CKA_ALWAYS_AUTHENTICATE, as in slot 9c).
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from trustpress.errors import NotPortable
from trustpress_uploader.errors import RemoteKeyFailed
from trustpress_uploader.keys.passphrases import AskPin, Passphrase, WrongPin

if TYPE_CHECKING:
    import pkcs11

    from trustpress.core.keys import PublicKey

_TOKEN_KEY = re.compile(r"[1-9][0-9]{0,76}")
_PIV_SIGNATURE = "2"
_MODULE = "PYKCS11LIB"
_EXPECTED = "expected hsm:[ID][?label=TOKEN]"

_SHA256_LENGTH = 32
_WRAPPED_ED25519_LENGTH = 34

_LIST_TOKENS = f"`pkcs11-tool --module ${_MODULE} --list-token-slots` lists the tokens."
_LIST_KEYS = f"`pkcs11-tool --module ${_MODULE} --list-objects` lists the keys; the ID it shows is hexadecimal, here it is decimal."
_NO_SUCH_KEY = ("the token has no such key", _LIST_KEYS)
_SEVERAL_KEYS = ("several keys on the token have this ID", f"Give one of them another ID. {_LIST_KEYS}")
_TOKEN_FAILURES = {
    "NoSuchToken": ("there is no such token", f"Plug it in, and compare its label. {_LIST_TOKENS}"),
    "MultipleTokensReturned": ("several tokens match", f"Name one by ?label=TOKEN. {_LIST_TOKENS}"),
    "PinLocked": ("the token's PIN is locked", "Unblock it with the tool of the token's vendor."),
    "UserPinNotInitialized": ("the token has no PIN yet", "Set one with the tool of the token's vendor."),
}
_WRONG_PINS = {"PinIncorrect", "PinInvalid", "PinLenRange"}


@dataclass(frozen=True, slots=True)
class TokenKey:
    uri: str
    identifier: bytes
    label: str | None

    def find(self, ask_pin: AskPin) -> "PublicKey":
        with self._session() as session:
            if found := self._public_key(session):
                return found
        # Or it is CKA_PRIVATE: not to be seen without logging in.
        with self._session(self._ask(ask_pin)) as session:
            if found := self._public_key(session):
                return found
        raise RemoteKeyFailed(self.uri, *_NO_SUCH_KEY)

    def open(self, public_key: "PublicKey", ask_pin: AskPin) -> Callable[[bytes], bytes]:
        self._token()  # nobody is asked for the PIN of a token that is not there
        pin = self._ask(ask_pin)
        with self._session(pin) as session:
            self._private_key(session, public_key)
        return lambda message: self._sign(public_key, pin, message)

    def _ask(self, ask_pin: AskPin) -> Passphrase:
        return ask_pin(f"PIN for {self.uri}")

    def _token(self) -> "pkcs11.Token":
        library = _load_module(self.uri)
        from pkcs11 import TokenFlag

        with _translated(self.uri):
            token: pkcs11.Token = library.get_token(token_label=self.label, token_flags=TokenFlag.TOKEN_INITIALIZED)
            return token

    @contextmanager
    def _session(self, pin: Passphrase | None = None) -> "Iterator[pkcs11.Session]":
        """A short one: cards want the PIN right before they sign, and a login is shared by all sessions of a process."""
        token = self._token()
        with _translated(self.uri), token.open(user_pin=_reveal(pin)) as session:
            yield session

    def _public_key(self, session: "pkcs11.Session") -> "PublicKey | None":
        from pkcs11 import Attribute, ObjectClass

        found = self._keys(session, {Attribute.CLASS: ObjectClass.PUBLIC_KEY})
        return _read_public_key(self.uri, found[0]) if found else None

    def _private_key(self, session: "pkcs11.Session", public_key: "PublicKey") -> "pkcs11.SignMixin":
        from pkcs11 import Attribute, KeyType, ObjectClass, SignMixin

        types = {"ecdsa-sha2-nistp256": KeyType.EC, "ed25519": KeyType.EC_EDWARDS, "rsassa-pss-sha256": KeyType.RSA}
        found = self._keys(session, {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.KEY_TYPE: types[public_key.scheme]})
        if not found:
            raise RemoteKeyFailed(self.uri, *_NO_SUCH_KEY)
        key = found[0]
        if not isinstance(key, SignMixin):
            raise RemoteKeyFailed(self.uri, "the token does not let this key sign", "Make a key whose CKA_SIGN is true.")
        return key

    def _keys(self, session: "pkcs11.Session", template: "Mapping[pkcs11.Attribute, Any]") -> list[Any]:
        """At most one. The search is read to its end, which `Session.get_key` does not: left open, it outlives the session."""
        from pkcs11 import Attribute

        found = list(session.get_objects({**template, Attribute.ID: self.identifier}))
        if len(found) > 1:
            raise RemoteKeyFailed(self.uri, *_SEVERAL_KEYS)
        return found

    def _sign(self, public_key: "PublicKey", pin: Passphrase, message: bytes) -> bytes:
        with self._session(pin) as session:
            key = self._private_key(session, public_key)
            return _SIGN[public_key.scheme](key, message, pin if _wants_pin_each_time(key) else None)


def _load_module(uri: str) -> Any:
    """The token's PKCS#11 module: loaded once per process."""
    try:
        import pkcs11
    except ImportError as error:
        raise RemoteKeyFailed(uri, "python-pkcs11 is not installed", "pip install 'trustpress[hsm]'") from error
    path = os.environ.get(_MODULE)
    if not path:
        hint = "Set it to the PKCS#11 module of the token, such as /usr/lib/x86_64-linux-gnu/libykcs11.so."
        raise RemoteKeyFailed(uri, f"{_MODULE} is not set", hint)
    try:
        return pkcs11.lib(path)
    except pkcs11.PKCS11Error as error:
        hint = f"Set {_MODULE} to the PKCS#11 module of the token; its package installs it."
        raise RemoteKeyFailed(uri, f"{_MODULE}={path} cannot be loaded: {_describe(error)}", hint) from error


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """The return values of PKCS #11 (v3.0, section 5.1) in Trustpress's words."""
    from pkcs11 import PKCS11Error

    try:
        yield
    except PKCS11Error as error:
        name = type(error).__name__
        if name in _WRONG_PINS:
            raise WrongPin(uri) from None
        unknown = (f"the token failed: {_describe(error)}", f"Is the token plugged in, and its module the one that {_MODULE} names?")
        raise RemoteKeyFailed(uri, *_TOKEN_FAILURES.get(name, unknown)) from error


def _describe(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()


def _read_public_key(uri: str, found: Any) -> "PublicKey":
    from cryptography.exceptions import UnsupportedAlgorithm

    from trustpress_uploader.keys.private_keys import public_key_of

    try:
        return public_key_of(_as_cryptography(uri, found))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NotPortable(uri, f"not a readable public key: {error}") from error


def _as_cryptography(uri: str, found: Any) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
    from cryptography.hazmat.primitives.serialization import load_der_public_key
    from pkcs11 import Attribute, KeyType
    from pkcs11.util.ec import encode_ec_public_key

    if found.key_type == KeyType.EC:
        return load_der_public_key(encode_ec_public_key(found))
    if found.key_type == KeyType.EC_EDWARDS:
        point = found[Attribute.EC_POINT]  # an OCTET STRING in DER, which some tokens leave bare
        return Ed25519PublicKey.from_public_bytes(point[2:] if len(point) == _WRAPPED_ED25519_LENGTH else point)
    if found.key_type == KeyType.RSA:
        exponent, modulus = (int.from_bytes(found[name]) for name in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS))
        return RSAPublicNumbers(exponent, modulus).public_key()
    raise NotPortable(uri, f"expected ed25519, ECDSA P-256 or RSA-PSS, found a key of PKCS#11's type {found.key_type!r}")


def _reveal(pin: Passphrase | None) -> str | None:
    return None if pin is None else pin.reveal().decode()


def _wants_pin_each_time(key: Any) -> bool:
    from pkcs11 import Attribute, AttributeTypeInvalid

    try:
        return bool(key[Attribute.ALWAYS_AUTHENTICATE])
    except AttributeTypeInvalid:
        return False


def _sign_p256(key: "pkcs11.SignMixin", message: bytes, pin: Passphrase | None) -> bytes:
    from pkcs11 import Mechanism
    from pkcs11.util.ec import encode_ecdsa_signature

    return encode_ecdsa_signature(key.sign(hashlib.sha256(message).digest(), mechanism=Mechanism.ECDSA, pin=_reveal(pin)))


def _sign_rsa(key: "pkcs11.SignMixin", message: bytes, pin: Passphrase | None) -> bytes:
    from pkcs11 import MGF, Mechanism

    pss = (Mechanism.SHA256, MGF.SHA256, _SHA256_LENGTH)
    return key.sign(hashlib.sha256(message).digest(), mechanism=Mechanism.RSA_PKCS_PSS, mechanism_param=pss, pin=_reveal(pin))


def _sign_ed25519(key: "pkcs11.SignMixin", message: bytes, pin: Passphrase | None) -> bytes:
    from pkcs11 import Mechanism

    # Over the message itself (RFC 8032); the others give the token a digest, so that it never sees megabytes.
    return key.sign(message, mechanism=Mechanism.EDDSA, pin=_reveal(pin))


_SIGN = {"ecdsa-sha2-nistp256": _sign_p256, "ed25519": _sign_ed25519, "rsassa-pss-sha256": _sign_rsa}


def parse_token_key(uri: str) -> TokenKey:
    """Raises RemoteKeyFailed."""
    parts = urlsplit(uri)
    number = parts.path or _PIV_SIGNATURE
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    label = options.pop("label", None)
    if parts.netloc or parts.fragment or options or label == "" or not _TOKEN_KEY.fullmatch(number):
        raise RemoteKeyFailed(uri, _EXPECTED, "ID is a decimal number above 0, TOKEN the token's label, URL-encoded. For example hsm:2.")
    # A PKCS #11 ID is bytes; as in securesystemslib, the number is their big-endian value without leading zeros.
    return TokenKey(uri, int(number).to_bytes((int(number).bit_length() + 7) // 8), label)
