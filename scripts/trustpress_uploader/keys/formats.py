"""The files that hold keys: what other tools write is read, and the formats that they read are written.

| format       | what it is                                                                                 |
|--------------|--------------------------------------------------------------------------------------------|
| "trustpress" | go-tuf's file, `{"encrypted": true, "data": envelope}`, with the public key in plain `key` |
| "pem"        | PKCS#8                                                                                     |
| "notary"     | PKCS#8 as Notary and `docker trust` keep it (notary_pem.py)                                |

Also read: go-tuf's file without encryption, cosign's PEM, whose body is go-tuf's envelope, the PEM of PKCS#1 and SEC1, OpenSSH's
where it has no passphrase, and key objects of securesystemslib.

A parser's exception may hold the text it could not parse, and that text may be a secret, even behind `from None`. So what
parses secrets returns None where it fails, and the error is raised by its caller, where no other exception is at hand.
"""

import json
import re
from typing import Any, Literal, NamedTuple

import orjson
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from trustpress.core.keys import PublicKey, compute_keyid, parse_key
from trustpress.errors import NotPortable
from trustpress_uploader.errors import BadKeyFile
from trustpress_uploader.keys.envelope import NotAnEnvelope, seal, unseal
from trustpress_uploader.keys.notary_pem import MAX_DER, decrypt_pkcs8, encrypt_pkcs8, load_der, load_pkcs8, write_notary_pem
from trustpress_uploader.keys.passphrases import Passphrase, WrongPassphrase
from trustpress_uploader.keys.pem import Block, has_several_blocks, is_pem, parse_pem, write_pem
from trustpress_uploader.keys.private_keys import PrivateKey, RawPrivateKey, RawPublicKey, public_key_of
from trustpress_uploader.keys.recognise import recognise, recognise_foreign

Format = Literal["trustpress", "pem", "notary"]

MAX_LENGTH = 64_000

_COSIGN = {"ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"}
_ENCRYPTED = {"ENCRYPTED PRIVATE KEY", *_COSIGN}
_OPENSSH = "OPENSSH PRIVATE KEY"
_PLAIN = {"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", _OPENSSH}
_OLD_KEYTYPES = {"ecdsa-sha2-nistp256": "ecdsa"}

_DEK_INFO = re.compile(r"(AES-(128|192|256)-CBC,[0-9A-Fa-f]{32}|DES-EDE3-CBC,[0-9A-Fa-f]{16})")
_ED25519_PRIVATE = re.compile(r"[0-9a-f]{128}")
_SEED_DIGITS = 64
_OPENSSH_PLAIN = b"openssh-key-v1\0\0\0\0\x04none"  # openssh/PROTOCOL.key: the magic, then the name of the cipher

_HINT_PRIVATE = "Private keys are read from files of Trustpress, go-tuf, cosign and Notary, and from PEM as OpenSSL writes it."
_HINT_CHANGED = "Fetch the file from a backup, or have its tool write it once more."
_HINT_OPENSSH = "`ssh-keygen -p -f COPY` takes the passphrase off a copy; import that."
_HINT_PUBLIC = "Public keys are read from PEM (`openssl pkey -pubout`), certificates, and key objects of TUF metadata."


class _Entry(NamedTuple):
    """A private key, and what stands beside it."""

    raw: RawPrivateKey
    keytype: str
    scheme: str
    public: str

    def belongs_to(self, key: PublicKey) -> bool:
        return (self.keytype, self.scheme, self.public) == (key.keytype, key.scheme, key.public)


def is_encrypted(body: bytes, what: str) -> bool:
    """Whether a private key needs a passphrase, by the file's outer form. Raises BadKeyFile if that is no private key's."""
    return _needs_passphrase(_parse_file(body, what), what)


def read_private_key(body: bytes, passphrase: Passphrase | None, what: str) -> PrivateKey:
    """The one private key in a file of any format; `what` names it in messages.

    Raises WrongPassphrase, also where a changed file cannot be told from that and where a passphrase is needed and not
    given, or BadKeyFile, also for keys that some clients refuse.
    """
    try:
        return _read_private_key(body, passphrase, what)
    except NotPortable as error:
        reason = str(error)
    raise BadKeyFile(what, reason, NotPortable.hint)


def _read_private_key(body: bytes, passphrase: Passphrase | None, what: str) -> PrivateKey:
    file = _parse_file(body, what)
    if not _needs_passphrase(file, what):
        passphrase = None
    elif passphrase is None:
        raise WrongPassphrase(what)
    if isinstance(file, dict):
        return _read_json(file, passphrase, what)
    raw = _read_plain(file) if passphrase is None else _read_encrypted(file, passphrase, what)
    if raw is None:
        raise BadKeyFile(what, "expected an Ed25519, ECDSA or RSA private key", _HINT_PRIVATE)
    return PrivateKey(raw)


def write_private_key(
    key: PrivateKey,
    passphrase: Passphrase | None,
    format: Format,  # noqa: A002  # what it is called on the command line as well
    *,
    role: str | None = None,
    gun: str | None = None,
) -> bytes:
    """A file with this key. Only "pem" may be without passphrase; role and GUN are for "notary", whose headers they become."""
    if format == "pem" and passphrase is None:
        return write_pem("PRIVATE KEY", {}, _pkcs8(key))
    assert passphrase is not None
    if format == "pem":
        return write_pem("ENCRYPTED PRIVATE KEY", {}, encrypt_pkcs8(_pkcs8(key), passphrase, "sha256"))
    if format == "notary":
        return write_notary_pem(key, passphrase, role, gun)
    envelope = seal(json.dumps([_encode_entry(key)]).encode(), passphrase)
    return json.dumps({"encrypted": True, "data": envelope, "key": key.public_key.as_json()}).encode()


def read_public_key(body: bytes, what: str) -> PublicKey:
    """A public key from PEM, a certificate or a key object, or what a private key's file says in plain. Raises BadKeyFile."""
    file = _parse_file(body, what)
    try:
        key = _find_key_object(file) if isinstance(file, dict) else _load_public(file)
    except NotPortable as error:
        raise BadKeyFile(what, str(error), error.hint) from error
    if key is None:
        raise BadKeyFile(what, "expected a public key", _HINT_PUBLIC)
    return key


def write_public_key(key: PublicKey) -> bytes:
    """PEM of SubjectPublicKeyInfo."""
    return key.verifier.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _parse_file(body: bytes, what: str) -> Block | dict[str, Any]:
    if len(body) > MAX_LENGTH:
        raise BadKeyFile(what, f"expected at most {MAX_LENGTH:,} bytes", _HINT_PRIVATE)
    if is_pem(body) and has_several_blocks(body):
        raise BadKeyFile(what, "expected one key, found several PEM blocks", "Put each into a file of its own.")
    foreign = recognise_foreign(body)
    file = parse_pem(body) if is_pem(body) else _load_json(body)
    if foreign or not isinstance(file, Block | dict):
        form = foreign or recognise(body)
        raise BadKeyFile(what, f"not a key file: it is {form.name}", form.advice)
    return file


def _load_json(body: bytes) -> Any:
    """Strict JSON, without members of one name, or None."""
    try:
        json.loads(body.decode(), object_pairs_hook=_refuse_duplicates)
        return orjson.loads(body)
    except (ValueError, RecursionError):
        return None


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("two members of one object have the same name")


def _needs_passphrase(file: Block | dict[str, Any], what: str) -> bool:
    if isinstance(file, dict) and _load_key_object(file):
        return False
    if isinstance(file, dict):
        encrypted = file.get("encrypted")
        if not isinstance(encrypted, bool) or "data" not in file:
            raise BadKeyFile(what, "not a key file: expected the members encrypted and data", _HINT_PRIVATE)
        return encrypted
    if file.label in _ENCRYPTED:
        return True
    if file.label not in _PLAIN:
        raise BadKeyFile(what, f"expected a private key, found {file.label}", _HINT_PRIVATE)
    if file.label == _OPENSSH and not file.content.startswith(_OPENSSH_PLAIN):
        raise BadKeyFile(
            what, "a key of OpenSSH under a passphrase", "`ssh-keygen -p -f COPY` takes the passphrase off a copy; import that."
        )
    return "DEK-Info" in file.headers


def _read_json(file: dict[str, Any], passphrase: Passphrase | None, what: str) -> PrivateKey:
    entry = _load_key_object(file)
    if entry is None:
        entry = _load_entry(file["data"] if passphrase is None else _load_json(_unseal(file["data"], passphrase, what)))
    key = PrivateKey(entry.raw) if entry else None
    if entry is None or key is None or not entry.belongs_to(key.public_key):
        raise BadKeyFile(what, "expected exactly one key inside, with the public half that belongs to it", _HINT_CHANGED)
    if "key" in file and file["key"] != key.public_key.as_json():
        raise BadKeyFile(what, "the public key that it shows does not belong to the private key inside", _HINT_CHANGED)
    return key


def _unseal(envelope: Any, passphrase: Passphrase, what: str) -> bytes:
    try:
        return unseal(envelope, passphrase, what)
    except (ValueError, TypeError, KeyError) as error:
        reason = str(error) if isinstance(error, NotAnEnvelope) else "not an encrypted key"
        raise BadKeyFile(what, reason, _HINT_CHANGED) from None


def _encode_entry(key: PrivateKey) -> dict[str, Any]:
    """The key object that go-tuf keeps: Go's form of Ed25519, or PEM of SEC1 and PKCS#1 (go-tuf 0.7, pkg/keys)."""
    raw = key.reveal()
    if isinstance(raw, ed25519.Ed25519PrivateKey):
        private = raw.private_bytes_raw().hex() + key.public_key.public
    else:
        traditional = serialization.PrivateFormat.TraditionalOpenSSL
        private = raw.private_bytes(serialization.Encoding.PEM, traditional, serialization.NoEncryption()).decode()
    return {**key.public_key.as_json(), "keyval": {"private": private, "public": key.public_key.public}}


def _load_key_object(file: dict[str, Any]) -> _Entry | None:
    """The key object of securesystemslib 0.x with a private half, whose Ed25519 is the seed alone."""
    match file:
        case {"keytype": "ed25519" as keytype, "scheme": str(scheme), "keyval": {"private": str(private), "public": str(public)}}:
            raw = _load_seed(private + public, public)
        case {"keytype": str(keytype), "scheme": str(scheme), "keyval": {"private": str(private), "public": str(public)}}:
            raw = _load_plain_pem(private)
        case _:
            return None
    return _Entry(raw, _OLD_KEYTYPES.get(keytype, keytype), scheme, public) if raw else None


def _load_entry(entries: Any) -> _Entry | None:
    """The key of a list of one key object."""
    match entries:
        case [{"keytype": str(keytype), "scheme": str(scheme), "keyval": {"private": str(private), "public": str(public)}}]:
            raw = _load_seed(private, public) if keytype == "ed25519" else _load_plain_pem(private)
            return _Entry(raw, _OLD_KEYTYPES.get(keytype, keytype), scheme, public) if raw else None
    return None


def _load_seed(private: str, public: str) -> RawPrivateKey | None:
    if not _ED25519_PRIVATE.fullmatch(private) or not private.endswith(public):
        return None
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(private[:_SEED_DIGITS]))


def _load_plain_pem(text: str) -> RawPrivateKey | None:
    block = parse_pem(text.encode())
    return _read_plain(block) if block and block.label in _PLAIN else None


def _read_plain(block: Block) -> RawPrivateKey | None:
    if block.label == _OPENSSH:
        return _load_openssh(block)
    return load_pkcs8(block.content) if block.label == "PRIVATE KEY" else load_der(block.content)


def _load_openssh(block: Block) -> RawPrivateKey | None:
    if len(block.content) > MAX_DER:
        return None
    try:
        key = serialization.load_ssh_private_key(write_pem(block.label, {}, block.content), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RawPrivateKey) else None


def _read_encrypted(block: Block, passphrase: Passphrase, what: str) -> RawPrivateKey | None:
    if block.label in _COSIGN:
        return load_pkcs8(_unseal(_load_json(block.content), passphrase, what))
    if block.label == "ENCRYPTED PRIVATE KEY":
        return load_pkcs8(decrypt_pkcs8(block.content, passphrase, what))
    if not _DEK_INFO.fullmatch(block.headers["DEK-Info"]):
        raise BadKeyFile(what, "expected encryption by AES-CBC or DES-EDE3-CBC", _HINT_PRIVATE)
    if len(block.content) > MAX_DER:
        raise BadKeyFile(what, f"expected a key of at most {MAX_DER:,} bytes", _HINT_PRIVATE)
    key = _load_traditional(block, passphrase)
    if key is None:
        raise WrongPassphrase(what)
    return key


def _load_traditional(block: Block, passphrase: Passphrase) -> RawPrivateKey | None:
    """PKCS#1 or SEC1 under OpenSSL's first encryption, without the headers that Notary adds."""
    headers = {"Proc-Type": "4,ENCRYPTED", "DEK-Info": block.headers["DEK-Info"]}
    try:
        key = serialization.load_pem_private_key(write_pem(block.label, headers, block.content), passphrase.reveal())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RawPrivateKey) else None


def _pkcs8(key: PrivateKey) -> bytes:
    return key.reveal().private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _find_key_object(file: dict[str, Any]) -> PublicKey | None:
    match file.get("key", file):
        case {"keytype": str(keytype), "scheme": str(scheme), "keyval": {"public": str(public)}} as value:
            return parse_key(compute_keyid(keytype, scheme, public), value)
    return None


def _load_public(block: Block) -> PublicKey | None:
    key: object
    try:
        if block.label == "CERTIFICATE":
            key = x509.load_der_x509_certificate(block.content).public_key()
        elif block.label == "PUBLIC KEY":
            key = serialization.load_der_public_key(block.content)
        else:
            return None
    except (ValueError, UnsupportedAlgorithm):
        return None
    return public_key_of(key) if isinstance(key, RawPublicKey) else None
