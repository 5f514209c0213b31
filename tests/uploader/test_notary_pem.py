"""Notary's key files: its program reads what we write, we read what it writes, and DER has one spelling."""

import base64
import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from trustpress_uploader.errors import BadKeyFile
from trustpress_uploader.keys import notary_pem
from trustpress_uploader.keys.formats import is_encrypted, read_private_key, write_private_key
from trustpress_uploader.keys.notary_pem import (
    _der,
    _encode_lock,
    _Lock,
    _parse_encrypted,
    decrypt_pkcs8,
    encrypt_pkcs8,
    load_pkcs8,
    notary_keyid,
)
from trustpress_uploader.keys.passphrases import Passphrase, WrongPassphrase
from trustpress_uploader.keys.pem import write_pem
from trustpress_uploader.keys.private_keys import KEYTYPES, PrivateKey

VECTORS = Path(__file__).with_name("vectors")
PASSPHRASE = Passphrase("a known passphrase")
WRONG = Passphrase("not that passphrase")
ROLES = ("ROOT", "TARGETS", "SNAPSHOT", "DELEGATION")

# Written by notary 0.7.0; the names that it gave to the files. It makes ECDSA keys only: the others were imported, and
# written again with a passphrase of their own by `notary key passwd`.
KEYIDS = {
    "notary-ecdsa.key": "d34f86f760d7e5e9822263884f3451f037639ccc274fdab2136e4bd639c6c02e",
    "notary-export.pem": "d34f86f760d7e5e9822263884f3451f037639ccc274fdab2136e4bd639c6c02e",
    "notary-ed25519.key": "855f5695edc0399c792c9b24f5611c6667de9a4db05be9061af5b8e24add30dd",
    "notary-rsa.key": "203b415b2d99798db1aa568f4178273d621ed3b95371207197f20c61b938ff19",
}
DER, UNENCRYPTED = serialization.Encoding.DER, serialization.NoEncryption()

INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
PBES2, PBKDF2 = bytes.fromhex("2a864886f70d01050d"), bytes.fromhex("2a864886f70d01050c")
HMAC_SHA256, AES_256_CBC = bytes.fromhex("2a864886f70d0209"), bytes.fromhex("60864801650304012a")


@pytest.fixture(autouse=True)
def quick_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    for prf in notary_pem.ITERATIONS:
        monkeypatch.setitem(notary_pem.ITERATIONS, prf, 2048)


@pytest.fixture(scope="module", params=KEYTYPES)
def key(request: pytest.FixtureRequest) -> PrivateKey:
    return PrivateKey(rsa.generate_private_key(65537, 2048)) if request.param == "rsa" else PrivateKey.generate(request.param)


@pytest.fixture
def notary(tmp_path: Path) -> "Callable[..., str]":
    def run(*arguments: object, passphrase: str = "a known passphrase") -> str:
        environment = {**os.environ, **{f"NOTARY_{role}_PASSPHRASE": passphrase for role in ROLES}}
        command = ["notary", "-d", str(tmp_path / "notary"), *map(str, arguments)]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout

    return run


def content_of(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(line for line in pem.splitlines() if b":" not in line and b"-----" not in line))


def encrypted(plaintext: bytes) -> bytes:
    return write_pem("ENCRYPTED PRIVATE KEY", {"role": "root"}, encrypt_pkcs8(plaintext, PASSPHRASE, "sha1"))


# What Notary wrote, and what it makes of ours


@pytest.mark.parametrize("name", KEYIDS)
def test_a_file_of_notary_is_read(name: str) -> None:
    body = (VECTORS / name).read_bytes()
    assert is_encrypted(body, name)
    key = read_private_key(body, PASSPHRASE, name)
    assert notary_keyid(key.public_key) == KEYIDS[name]
    assert key.public_key.verifies(key.sign(b"message"), b"message")
    with pytest.raises(WrongPassphrase, match=name):
        read_private_key(body, WRONG, name)


def test_headers_may_be_missing_since_they_decide_nothing() -> None:
    body = write_pem("ENCRYPTED PRIVATE KEY", {}, content_of((VECTORS / "notary-ed25519.key").read_bytes()))
    assert notary_keyid(read_private_key(body, PASSPHRASE, "file").public_key) == KEYIDS["notary-ed25519.key"]


def test_notarys_ed25519_is_read_without_encryption_too_where_pkcs8_belongs() -> None:
    content = decrypt_pkcs8(content_of((VECTORS / "notary-ed25519.key").read_bytes()), PASSPHRASE, "file")
    key = read_private_key(write_pem("PRIVATE KEY", {}, content), None, "file")
    assert notary_keyid(key.public_key) == KEYIDS["notary-ed25519.key"]
    with pytest.raises(BadKeyFile):
        read_private_key(write_pem("EC PRIVATE KEY", {}, content), None, "file")


@pytest.mark.notary
def test_notary_takes_and_uses_the_keys_that_we_write(key: PrivateKey, notary: Callable[..., str], tmp_path: Path) -> None:
    keyid = notary_keyid(key.public_key)
    file = tmp_path / "key.pem"
    file.write_bytes(write_private_key(key, PASSPHRASE, "notary", role="targets/releases"))
    notary("key", "import", file)
    assert keyid in notary("key", "list")
    # A new passphrase: Notary decrypts the key, finds its keyid by itself, and encrypts it anew.
    assert keyid in notary("key", "passwd", keyid)
    (stored,) = (tmp_path / "notary" / "private").iterdir()
    assert stored.stem == keyid
    assert content_of(stored.read_bytes()) != content_of(file.read_bytes())
    assert read_private_key(stored.read_bytes(), PASSPHRASE, "stored").public_key == key.public_key


@pytest.mark.notary
def test_notary_takes_role_and_gun_from_the_file(notary: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(write_private_key(PrivateKey.generate("ecdsa"), PASSPHRASE, "notary", role="targets", gun="example.com/app"))
    notary("key", "import", file)
    (line,) = (line for line in notary("key", "list").splitlines() if "example.com" in line)
    assert line.split()[0] == "targets"


@pytest.mark.notary
def test_notary_takes_the_role_from_the_command_line_where_the_file_has_none(notary: Callable[..., str], tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(write_private_key(PrivateKey.generate("ecdsa"), PASSPHRASE, "notary"))
    notary("key", "import", file, "--role", "root")
    assert "root" in notary("key", "list")


@pytest.mark.notary
def test_notary_does_not_open_our_file_with_another_passphrase(notary: Callable[..., str], tmp_path: Path) -> None:
    key = PrivateKey.generate("ecdsa")
    file = tmp_path / "key.pem"
    file.write_bytes(write_private_key(key, PASSPHRASE, "notary", role="root"))
    notary("key", "import", file)
    with pytest.raises(subprocess.CalledProcessError):
        notary("key", "passwd", notary_keyid(key.public_key), passphrase="another passphrase")


@pytest.mark.notary
def test_we_read_the_keys_that_notary_generates_and_exports(notary: Callable[..., str], tmp_path: Path) -> None:
    notary("key", "generate", "ecdsa", "--role", "root")
    (stored,) = (tmp_path / "notary" / "private").iterdir()
    exported = tmp_path / "exported.pem"
    notary("key", "export", "--key", stored.stem, "-o", exported)
    for body in (stored.read_bytes(), exported.read_bytes()):
        assert notary_keyid(read_private_key(body, PASSPHRASE, "file").public_key) == stored.stem
        with pytest.raises(WrongPassphrase):
            read_private_key(body, WRONG, "file")


# What is written


def test_headers_stand_in_the_order_of_go(key: PrivateKey) -> None:
    lines = write_private_key(key, PASSPHRASE, "notary", role="targets", gun="example.com/app").decode().splitlines()
    keyid = notary_keyid(key.public_key)
    expected = ["-----BEGIN ENCRYPTED PRIVATE KEY-----", "gun: example.com/app", f"path: {keyid}", "role: targets", ""]
    assert lines[:5] == expected
    assert lines[-1] == "-----END ENCRYPTED PRIVATE KEY-----"
    assert max(map(len, lines[5:-1])) == 64


def test_what_we_write_differs_from_what_notary_writes_in_salt_and_iterations_only() -> None:
    for name in ("notary-ecdsa.key", "notary-ed25519.key", "notary-rsa.key"):
        theirs = (VECTORS / name).read_bytes()
        key = read_private_key(theirs, PASSPHRASE, name)
        ours = write_private_key(key, PASSPHRASE, "notary", role="root")
        plaintexts = {notary_pem.decrypt_pkcs8(content_of(body), PASSPHRASE, name) for body in (theirs, ours)}
        assert len(plaintexts) == 1
        locks = [_parse_encrypted(content_of(body))[0] for body in (theirs, ours)]
        assert {(lock.prf, lock.key_length, lock.iterations) for lock in locks} == {("sha1", 32, 2048)}
        # The longer salt is all that makes ours longer: HMAC-SHA1 is the default, and goes without saying.
        lengths = [len(_encode_lock(lock)) - len(lock.salt) for lock in locks]
        assert lengths[0] == lengths[1]
        assert _encode_lock(locks[0]) in content_of(theirs)


@pytest.mark.parametrize(("prf", "iterations"), [("sha1", 1_300_000), ("sha256", 600_000)])
def test_the_derivation_is_as_slow_as_owasp_advises(prf: str, iterations: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    lock, _ = _parse_encrypted(encrypt_pkcs8(b"", PASSPHRASE, prf))
    assert (lock.prf, lock.iterations, len(lock.salt), lock.key_length) == (prf, iterations, 16, 32)


@pytest.mark.parametrize("role", ["targets\nDEK-Info: x", "targets\r", "a\0b", "targets\u2028x"])
def test_a_role_cannot_write_headers(role: str) -> None:
    for arguments in ({"role": role}, {"gun": role}):
        with pytest.raises(BadKeyFile, match="expected one line") as caught:
            write_private_key(PrivateKey.generate(), PASSPHRASE, "notary", **arguments)
        assert caught.value.hint


# What is inside


def test_pkcs8_is_read_in_either_version_and_with_or_without_parameters() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    sec1 = key.private_bytes(DER, serialization.PrivateFormat.TraditionalOpenSSL, UNENCRYPTED)
    curve = _der(OID, notary_pem._EC) + _der(OID, notary_pem._P256)
    for version in (0, 1):
        info = _der(SEQUENCE, _der(INTEGER, bytes([version])), _der(SEQUENCE, curve), _der(OCTETS, sec1))
        found = load_pkcs8(info)
        assert isinstance(found, ec.EllipticCurvePrivateKey)
        assert found.private_numbers() == key.private_numbers()
    assert load_pkcs8(key.private_bytes(DER, serialization.PrivateFormat.PKCS8, UNENCRYPTED))


@pytest.mark.parametrize("position", [0, 31, 64, 95])
def test_an_ed25519_key_whose_halves_differ_is_a_bad_key_file(position: int) -> None:
    raw = ed25519.Ed25519PrivateKey.generate()
    public = raw.public_key().public_bytes_raw()
    triple = bytearray(public + raw.private_bytes_raw() + public)
    triple[position] ^= 1
    info = _der(SEQUENCE, _der(INTEGER, b"\0"), _der(SEQUENCE, _der(OID, notary_pem._GNU_ED25519)), _der(OCTETS, bytes(triple)))
    with pytest.raises(BadKeyFile, match="expected an Ed25519"):
        read_private_key(encrypted(info), PASSPHRASE, "file")


@pytest.mark.parametrize("length", [0, 32, 64, 95, 97, 128])
def test_an_ed25519_key_of_another_length_is_a_bad_key_file(length: int) -> None:
    info = _der(SEQUENCE, _der(INTEGER, b"\0"), _der(SEQUENCE, _der(OID, notary_pem._GNU_ED25519)), _der(OCTETS, bytes(length)))
    with pytest.raises(BadKeyFile, match="expected an Ed25519"):
        read_private_key(encrypted(info), PASSPHRASE, "file")


@pytest.mark.parametrize("plaintext", [b"", b"\0" * 16, b"\x30\x01", b"\x30\x00x", b"\x31\x00", b"\x30\x80\x00\x00"])
def test_what_is_not_one_der_sequence_was_not_decrypted(plaintext: bytes) -> None:
    with pytest.raises(WrongPassphrase):
        read_private_key(encrypted(plaintext), PASSPHRASE, "file")


def test_padding_is_checked() -> None:
    info = notary_pem._notary_pkcs8(PrivateKey.generate().reveal())
    lock = _Lock("sha1", b"12345678", 2048, 32, bytes(16))
    length = 16 - len(info) % 16
    for padding, is_right in ((bytes([length] * length), True), (bytes(length - 1) + bytes([length]), length == 1), (bytes(length), False)):
        encryptor = notary_pem._cipher(lock, PASSPHRASE).encryptor()
        ciphertext = encryptor.update(info + padding) + encryptor.finalize()
        body = write_pem("ENCRYPTED PRIVATE KEY", {}, _der(SEQUENCE, _encode_lock(lock), _der(OCTETS, ciphertext)))
        if is_right:
            assert read_private_key(body, PASSPHRASE, "file")
            continue
        with pytest.raises(WrongPassphrase):
            read_private_key(body, PASSPHRASE, "file")


# The encryption's parameters


def locked(
    *,
    iterations: bytes = b"\x08\x00",
    scheme: bytes = PBES2,
    function: bytes = PBKDF2,
    cipher: bytes = AES_256_CBC,
    iv: bytes = bytes(16),
    after: bytes = b"",
) -> bytes:
    """EncryptedPrivateKeyInfo, put together by hand."""
    derivation = _der(SEQUENCE, _der(OID, function), _der(SEQUENCE, _der(OCTETS, b"12345678"), _der(INTEGER, iterations), after))
    encryption = _der(SEQUENCE, _der(OID, cipher), _der(OCTETS, iv))
    return _der(SEQUENCE, _der(SEQUENCE, _der(OID, scheme), _der(SEQUENCE, derivation, encryption)), _der(OCTETS, bytes(32)))


def test_the_form_made_by_hand_is_the_right_one() -> None:
    for body in (locked(), locked(after=_der(SEQUENCE, _der(OID, HMAC_SHA256), _der(NULL)))):
        with pytest.raises(WrongPassphrase):
            read_private_key(write_pem("ENCRYPTED PRIVATE KEY", {}, body), PASSPHRASE, "file")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (locked(iterations=(10_000_001).to_bytes(4)), "at most 10,000,000 iterations"),
        (locked(iterations=b"\x7f" + b"\xff" * 2000), "at most 10,000,000 iterations"),
        (locked(iterations=b"\0"), "iterations"),
        (locked(iterations=b"\xff"), "iterations"),
        (locked(iterations=b""), "iterations"),
        (locked(scheme=PBKDF2), "PBES2"),
        (locked(function=PBES2), "PBKDF2 and AES-CBC"),
        (locked(cipher=HMAC_SHA256), "PBKDF2 and AES-CBC"),
        (locked(iv=bytes(8)), "PBKDF2 and AES-CBC"),
        (locked(after=_der(INTEGER, b"\x20")), "not a private key in DER"),
        (locked(after=_der(NULL)), "not a private key in DER"),
        (locked(after=_der(SEQUENCE, _der(OID, PBKDF2), _der(NULL))), "HMAC and SHA"),
        (locked() + b"\0", "something follows"),
        (locked()[:-1], "not a private key in DER"),
        (b"\x30\x80" + locked()[2:] + b"\0\0", "not a private key in DER"),
        (b"\x30\x82\x00" + locked()[1:], "not a private key in DER"),
        (b"\x30", "not a private key in DER"),
        (b"\x30\x84", "not a private key in DER"),
        (b"\x30\xff" + b"\xff" * 200, "not a private key in DER"),
    ],
)
def test_parameters_that_nobody_writes_are_not_followed(body: bytes, reason: str) -> None:
    with pytest.raises(BadKeyFile, match=reason) as caught:
        read_private_key(write_pem("ENCRYPTED PRIVATE KEY", {}, body), PASSPHRASE, "file")
    assert "openssl pkcs8 -topk8" in caught.value.hint


def test_the_keyid_is_over_notarys_own_key_object() -> None:
    """Worked out by the description of the format alone (docs of notary: canonical JSON, a private half of null)."""
    key = PrivateKey.from_seed(bytes(32)).public_key
    public = base64.b64encode(bytes.fromhex(key.public)).decode()
    canonical = json.dumps({"keytype": "ed25519", "keyval": {"private": None, "public": public}}, separators=(",", ":"))
    assert notary_keyid(key) == hashlib.sha256(canonical.encode()).hexdigest()
