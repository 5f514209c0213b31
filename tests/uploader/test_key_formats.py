"""Key files: what comes back, what other programs make of it, and how a broken file is told."""

import base64
import hashlib
import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import get_args

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x448
from hypothesis import given
from hypothesis import strategies as st

from trustpress.core.keys import PublicKey
from trustpress.errors import NotPortable
from trustpress_uploader.errors import BadKeyFile
from trustpress_uploader.keys import envelope, formats, notary_pem, pem
from trustpress_uploader.keys.envelope import seal, unseal
from trustpress_uploader.keys.formats import (
    MAX_LENGTH,
    Format,
    is_encrypted,
    read_private_key,
    read_public_key,
    write_private_key,
    write_public_key,
)
from trustpress_uploader.keys.passphrases import Passphrase, WrongPassphrase
from trustpress_uploader.keys.private_keys import KEYTYPES, PrivateKey

VECTORS = Path(__file__).with_name("vectors")
PASSPHRASE = Passphrase("a known passphrase")
WRONG = Passphrase("not that passphrase")
PASSIN, PASSOUT = "-passin 'pass:a known passphrase'", "-passout 'pass:a known passphrase'"

# SHA-256 of SubjectPublicKeyInfo, by `openssl pkey -pubout -outform DER`. The files of go-tuf and cosign were made by the
# libraries of Go that those use: crypto/x509, encoding/json, x/crypto/scrypt and x/crypto/nacl/secretbox.
FINGERPRINTS = {
    "openssl-ed25519.pem": "89e0175523b3864c0eb5320328e74f4f12ce046bbec5a4e3a76db159cbb0928b",
    "openssl-pkcs8.pem": "ace517043f6ee8945ea62392ea44edfa15823f55355dc1992c518507a6878151",
    "openssl-sec1.pem": "0dbb851c46c1309efaa0294f1b64b9840fd2c6d3fda1874c7ac1291b3bf44257",
    "openssl-pkcs1.pem": "8e4760912efbc882d19e113a4a3d260320cbdbf78e6865a84096e2d7194fe21f",
    "go-tuf-ecdsa.json": "2cd5b71e53810ea442540b08a4c223705a9631e721cb3801cb70023dd775f0d0",
    "go-tuf-rsa.json": "29f48e936bd9530966088c4e1d1a85ce5bfb688ae63955eecaef57547585bc90",
    "cosign.key": "f2a58d7c1e6d5e793a509abc9c5013e08348145068b17b4bcda16ee7fbc2542d",
    "sigstore.key": "937788ba310f63138a17831eecce043998808ae9005cba386b24fac85985980d",
}
GO_TUF_ED25519 = "0e8436cde8f70f3a9c4ec0b2f07566aa3f3c87d0d6196b1bc5e3019c7e266da9"
CERTIFICATE_FINGERPRINT = "b2cb314d05e8a047795a336da2c97d3873f5de142f01c97ddab2fb5606f61a85"

FORMATS: tuple[Format, ...] = get_args(Format)
EACH_FORMAT = pytest.mark.parametrize("form", FORMATS)
EACH_KEYTYPE = pytest.mark.parametrize("keytype", KEYTYPES)

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
PKCS8, TRADITIONAL = serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL
UNENCRYPTED = serialization.NoEncryption()


@pytest.fixture(autouse=True)
def quick_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope, "_COST", 32768)
    for prf in notary_pem.ITERATIONS:
        monkeypatch.setitem(notary_pem.ITERATIONS, prf, 2048)


@cache
def a_key(keytype: str) -> PrivateKey:
    return PrivateKey(rsa.generate_private_key(65537, 2048)) if keytype == "rsa" else PrivateKey.generate(keytype)


@cache
def a_file(form: Format, keytype: str = "ecdsa") -> bytes:
    return write_private_key(a_key(keytype), PASSPHRASE, form, role="targets", gun="example.com/app")


def plain(keytype: str = "ecdsa") -> bytes:
    return write_private_key(a_key(keytype), None, "pem")


def fingerprint(key: PublicKey) -> str:
    return hashlib.sha256(key.verifier.public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def openssl(command: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *shlex.split(command)], input=stdin, check=True, capture_output=True).stdout


def go_tuf_file(entries: object, **members: object) -> bytes:
    return json.dumps({"encrypted": True, "data": seal(json.dumps(entries).encode(), PASSPHRASE), **members}).encode()


@cache
def entry_of(keytype: str) -> dict[str, dict[str, str]]:
    ((entry),) = json.loads(unseal(json.loads(a_file("trustpress", keytype))["data"], PASSPHRASE, "file"))
    assert isinstance(entry, dict)
    return entry


def cosign_file(plaintext: bytes, label: str = "ENCRYPTED SIGSTORE PRIVATE KEY") -> bytes:
    return pem.write_pem(label, {}, json.dumps(seal(plaintext, PASSPHRASE)).encode())


# What comes back


@EACH_FORMAT
@EACH_KEYTYPE
def test_a_key_comes_back_from_every_format(keytype: str, form: Format) -> None:
    body = a_file(form, keytype)
    assert is_encrypted(body, "file")
    key = read_private_key(body, PASSPHRASE, "file")
    assert key.public_key == a_key(keytype).public_key
    assert a_key(keytype).public_key.verifies(key.sign(b"message"), b"message")


@EACH_FORMAT
def test_two_files_of_one_key_have_nothing_in_common(form: Format) -> None:
    first, second = (write_private_key(a_key("ed25519"), PASSPHRASE, form) for _ in range(2))
    lines = [set(body.splitlines()) for body in (first, second)]
    assert {line for line in lines[0] & lines[1] if b"-----" not in line and b":" not in line} <= {b""}


@EACH_KEYTYPE
def test_a_pem_without_passphrase_needs_none_and_minds_none(keytype: str) -> None:
    body = plain(keytype)
    assert body.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert not is_encrypted(body, "file")
    for passphrase in (None, PASSPHRASE):
        assert read_private_key(body, passphrase, "file").public_key == a_key(keytype).public_key


@pytest.mark.parametrize("form", ["trustpress", "notary"])
def test_no_other_format_is_written_without_passphrase(form: Format) -> None:
    with pytest.raises(AssertionError):
        write_private_key(a_key("ed25519"), None, form)


@EACH_KEYTYPE
def test_our_own_file_is_go_tufs_and_shows_the_public_key(keytype: str) -> None:
    file = json.loads(a_file("trustpress", keytype))
    public_key = a_key(keytype).public_key
    assert set(file) == {"encrypted", "data", "key"}
    assert file["encrypted"] is True
    assert file["key"] == public_key.as_json()
    assert read_public_key(a_file("trustpress", keytype), "file") == public_key
    entry = entry_of(keytype)
    assert {**entry, "keyval": {"public": entry["keyval"]["public"]}} == public_key.as_json()
    assert set(entry["keyval"]) == {"private", "public"}
    begin = {"ecdsa": "-----BEGIN EC PRIVATE KEY-----\n", "rsa": "-----BEGIN RSA PRIVATE KEY-----\n", "ed25519": ""}[keytype]
    assert entry["keyval"]["private"].startswith(begin)
    if keytype == "ed25519":
        assert entry["keyval"]["private"].endswith(entry["keyval"]["public"])
        assert len(entry["keyval"]["private"]) == 128


@EACH_KEYTYPE
def test_go_tufs_file_is_read_with_and_without_encryption(keytype: str) -> None:
    entry = {**entry_of(keytype), "keyid_hash_algorithms": ["sha256", "sha512"]}
    encrypted, bare = go_tuf_file([entry]), json.dumps({"encrypted": False, "data": [entry]}).encode()
    assert (is_encrypted(encrypted, "file"), is_encrypted(bare, "file")) == (True, False)
    for body, passphrase in ((encrypted, PASSPHRASE), (bare, None), (bare, WRONG)):
        assert read_private_key(body, passphrase, "file").public_key == a_key(keytype).public_key


def test_go_tufs_older_name_of_ecdsa_is_read_as_todays() -> None:
    entry = {**entry_of("ecdsa"), "keytype": "ecdsa-sha2-nistp256"}
    assert read_private_key(go_tuf_file([entry]), PASSPHRASE, "file").public_key == a_key("ecdsa").public_key


@EACH_KEYTYPE
@pytest.mark.parametrize("label", ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"])
def test_cosigns_file_is_read(label: str, keytype: str) -> None:
    body = cosign_file(a_key(keytype).reveal().private_bytes(DER, PKCS8, UNENCRYPTED), label)
    assert is_encrypted(body, "file")
    assert read_private_key(body, PASSPHRASE, "file").public_key == a_key(keytype).public_key


def test_cosigns_file_with_an_empty_passphrase_is_encrypted_all_the_same() -> None:
    sealed = json.dumps(seal(a_key("ecdsa").reveal().private_bytes(DER, PKCS8, UNENCRYPTED), Passphrase("")))
    body = pem.write_pem("ENCRYPTED SIGSTORE PRIVATE KEY", {}, sealed.encode())
    assert is_encrypted(body, "file")
    assert read_private_key(body, Passphrase(""), "file").public_key == a_key("ecdsa").public_key


@pytest.mark.parametrize("change", [lambda body: body.replace(b"\n", b"\r\n"), lambda body: b"\n " + body + b"\n\n", bytes.strip])
def test_line_ends_and_white_space_around_do_not_matter(change: Callable[[bytes], bytes]) -> None:
    for form in FORMATS:
        assert read_private_key(change(a_file(form)), PASSPHRASE, "file").public_key == a_key("ecdsa").public_key


# What other programs make of it


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_a_file_of_another_program_is_read(name: str) -> None:
    key = read_private_key((VECTORS / name).read_bytes(), PASSPHRASE, name)
    assert fingerprint(key.public_key) == FINGERPRINTS[name]
    assert key.public_key.verifies(key.sign(b"message"), b"message")


def test_an_old_file_of_notary_is_openssls_with_a_header_more() -> None:
    body = (VECTORS / "openssl-pkcs1.pem").read_bytes().replace(b"\n\n", b"\nrole: root\n\n", 1)
    assert b"\nrole: root\n\n" in body
    assert fingerprint(read_private_key(body, PASSPHRASE, "file").public_key) == FINGERPRINTS["openssl-pkcs1.pem"]


def test_go_tufs_ed25519_is_read() -> None:
    assert read_private_key((VECTORS / "go-tuf-key.json").read_bytes(), PASSPHRASE, "file").public_key.public == GO_TUF_ED25519


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
@EACH_KEYTYPE
def test_openssl_reads_the_private_keys_that_we_write(keytype: str, passphrase: Passphrase | None) -> None:
    body = write_private_key(a_key(keytype), passphrase, "pem")
    assert (b"hmacWithSHA256" in openssl("asn1parse", body)) == (passphrase is not None)
    assert openssl(f"pkey -pubout {PASSIN}", body) == write_public_key(a_key(keytype).public_key)


@EACH_KEYTYPE
def test_openssl_reads_the_public_keys_that_we_write(keytype: str) -> None:
    public = write_public_key(a_key(keytype).public_key)
    assert openssl("pkey -pubin -pubout", public) == public
    assert read_public_key(public, "file") == a_key(keytype).public_key


@pytest.mark.parametrize(
    "command",
    [
        "genpkey -algorithm ed25519",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048",
        "ecparam -genkey -name prime256v1",
        "ecparam -genkey -name prime256v1 -noout",
        "genrsa -traditional 2048",
        "genpkey -algorithm ed25519 -aes256 -pass 'pass:a known passphrase'",
        f"genrsa -traditional -aes128 {PASSOUT} 2048",
        f"genrsa -traditional -des3 {PASSOUT} 2048",
    ],
)
def test_we_read_what_openssl_generates(command: str) -> None:
    body = openssl(command)
    assert is_encrypted(body, "file") == ("pass:" in command)
    key = read_private_key(body, PASSPHRASE, "file")
    assert write_public_key(key.public_key) == openssl(f"pkey -pubout {PASSIN}", body)
    if "pass:" in command:
        with pytest.raises(WrongPassphrase):
            read_private_key(body, WRONG, "file")


@pytest.mark.parametrize(
    "options",
    [
        "",
        "-iter 100000",
        "-v2 aes-128-cbc",
        "-v2 aes-192-cbc -v2prf hmacWithSHA1",
        "-v2 aes-256-cbc -v2prf hmacWithSHA1",
        "-v2prf hmacWithSHA224",
        "-v2prf hmacWithSHA384",
        "-v2prf hmacWithSHA512",
    ],
)
@EACH_KEYTYPE
def test_we_read_what_openssl_encrypts(keytype: str, options: str) -> None:
    body = openssl(f"pkcs8 -topk8 {options} {PASSOUT}", plain(keytype))
    assert is_encrypted(body, "file")
    assert read_private_key(body, PASSPHRASE, "file").public_key == a_key(keytype).public_key
    with pytest.raises(WrongPassphrase):
        read_private_key(body, WRONG, "file")


@pytest.mark.parametrize("options", ["-scrypt -scrypt_N 16", "-v1 PBE-SHA1-3DES", "-v2 des3", "-v2 camellia-256-cbc"])
def test_openssls_other_encryptions_are_refused_with_a_way_out(options: str) -> None:
    with pytest.raises(BadKeyFile, match="expected encryption by PB") as caught:
        read_private_key(openssl(f"pkcs8 -topk8 {options} {PASSOUT}", plain()), PASSPHRASE, "file")
    assert "openssl pkcs8 -topk8" in caught.value.hint


# Wrong passphrases


def encrypted_files() -> Iterator[tuple[str, bytes]]:
    yield from ((form, a_file(form)) for form in FORMATS)
    yield from (
        (name, (VECTORS / name).read_bytes()) for name in ("sigstore.key", "openssl-pkcs8.pem", "openssl-pkcs1.pem", "notary-rsa.key")
    )


@pytest.mark.parametrize("passphrase", [WRONG, Passphrase(""), Passphrase("a known passphras\u00e9"), Passphrase("x" * 2000), None])
def test_a_wrong_passphrase_is_told_as_such_in_every_format(passphrase: Passphrase | None) -> None:
    for name, body in encrypted_files():
        with pytest.raises(WrongPassphrase, match=f"does not open {name}$"):
            read_private_key(body, passphrase, name)


def test_a_wrong_passphrase_that_gives_right_padding_is_still_told_as_such() -> None:
    body = a_file("pem", "ed25519")
    for attempt in range(1000):
        with pytest.raises(WrongPassphrase):
            read_private_key(body, Passphrase(f"guess {attempt}"), "file")


# Broken files


def test_a_file_that_ends_early_is_told_from_one_that_cannot_be_opened() -> None:
    for name, body in encrypted_files():
        for length in range(0, len(body.rstrip()), max(1, len(body) // 40)):
            with pytest.raises(BadKeyFile):
                read_private_key(body[:length], PASSPHRASE, name)


@pytest.mark.parametrize("form", ["trustpress", "pem"])
@EACH_KEYTYPE
def test_unencrypted_keys_that_end_early_are_no_keys(keytype: str, form: Format) -> None:
    bare = json.dumps({"encrypted": False, "data": [entry_of(keytype)]}).encode()
    body = bare if form == "trustpress" else plain(keytype)
    der = a_key(keytype).reveal().private_bytes(DER, PKCS8, UNENCRYPTED)
    cuts = [body[:length] for length in range(0, len(body.rstrip()), 7)]
    cuts += [pem.write_pem("PRIVATE KEY", {}, der[:length]) for length in range(1, len(der), 11)]
    for cut in cuts:
        with pytest.raises(BadKeyFile):
            read_private_key(cut, None, "file")


@pytest.mark.parametrize("garbage", [b"x", b"\0", b"{}", b"\n# a comment\n", b"\xef\xbb\xbf"])
def test_nothing_may_stand_around_a_key(garbage: bytes) -> None:
    for name, body in [*encrypted_files(), ("plain", plain())]:
        for changed in (body + garbage, garbage + body):
            with pytest.raises(BadKeyFile, match="not a key file"):
                read_private_key(changed, PASSPHRASE, name)


@pytest.mark.parametrize("encrypted", [True, False])
def test_nothing_may_stand_behind_the_der_of_a_key(encrypted: bool) -> None:
    for keytype in KEYTYPES:
        der = a_key(keytype).reveal().private_bytes(DER, PKCS8, UNENCRYPTED) + b"\0"
        body = cosign_file(der) if encrypted else pem.write_pem("PRIVATE KEY", {}, der)
        with pytest.raises(BadKeyFile, match="expected an Ed25519, ECDSA or RSA private key"):
            read_private_key(body, PASSPHRASE, "file")


def test_two_keys_in_one_file_are_too_many() -> None:
    public = write_public_key(a_key("ecdsa").public_key)
    for body in (plain() + plain("rsa"), a_file("notary") + a_file("pem"), plain() + public, public + plain()):
        for read in (is_encrypted, read_public_key):
            with pytest.raises(BadKeyFile, match="several PEM blocks"):
                read(body, "file")
    for count in (0, 2):
        with pytest.raises(BadKeyFile, match="exactly one key inside"):
            read_private_key(go_tuf_file([entry_of("ecdsa")] * count), PASSPHRASE, "file")


@pytest.mark.parametrize("keytype", ["ecdsa", "rsa"])
@EACH_FORMAT
def test_a_changed_file_is_never_read_as_another_key(keytype: str, form: Format) -> None:
    """Ed25519 in PBES2 is left out: its seed has no checksum there, whoever writes it."""
    body = a_file(form, keytype)
    for position in range(5, len(body), len(body) // 12):
        changed = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
        try:
            key = read_private_key(changed, PASSPHRASE, "file")
        except (BadKeyFile, WrongPassphrase):
            continue
        assert key.public_key == a_key(keytype).public_key


@EACH_KEYTYPE
def test_a_changed_ciphertext_is_not_opened(keytype: str) -> None:
    file = json.loads(a_file("trustpress", keytype))
    ciphertext = bytearray(base64.b64decode(file["data"]["ciphertext"]))
    ciphertext[len(ciphertext) // 2] ^= 1
    file["data"]["ciphertext"] = base64.b64encode(ciphertext).decode()
    with pytest.raises(WrongPassphrase):
        read_private_key(json.dumps(file).encode(), PASSPHRASE, "file")


@pytest.mark.parametrize("shown", [None, {}, "x", "another"])
def test_the_plain_public_key_must_be_the_one_inside(shown: object) -> None:
    file = json.loads(a_file("trustpress"))
    file["key"] = PrivateKey.generate("ecdsa").public_key.as_json() if shown == "another" else shown
    with pytest.raises(BadKeyFile, match="does not belong to the private key inside"):
        read_private_key(json.dumps(file).encode(), PASSPHRASE, "file")


def broken_entries() -> Iterator[tuple[str, object]]:
    for keytype in KEYTYPES:
        entry, other = entry_of(keytype), PrivateKey.generate("ecdsa" if keytype == "rsa" else keytype).public_key
        keyval = entry["keyval"]
        yield f"{keytype}: of another public key", {**entry, "keyval": {**keyval, "public": other.public}}
        yield f"{keytype}: of another scheme", {**entry, "scheme": "rsa-pkcs1v15-sha256"}
        yield f"{keytype}: cut", {**entry, "keyval": {**keyval, "private": keyval["private"][:-40]}}
        yield f"{keytype}: followed", {**entry, "keyval": {**keyval, "private": keyval["private"] + "00"}}
        yield f"{keytype}: no text", {**entry, "keyval": {**keyval, "private": 7}}
        yield f"{keytype}: absent", {**entry, "keyval": {"public": keyval["public"]}}
    for keytype, claimed in (("rsa", "ecdsa"), ("ecdsa", "rsa"), ("ecdsa", "ed25519"), ("ed25519", "rsa"), ("ecdsa", "dsa")):
        yield f"{keytype} called {claimed}", {**entry_of(keytype), "keytype": claimed}
    seed, public = entry_of("ed25519")["keyval"]["private"], a_key("ed25519").public_key.public
    for name, private in (("upper case", seed.upper()), ("white space", f" {seed}"), ("another's half", seed[:64] + "0" * 64)):
        yield f"ed25519: {name}", {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"private": private, "public": public}}
    encrypted = openssl(f"ec -aes128 {PASSOUT}", plain()).decode()
    yield "encrypted twice", {**entry_of("ecdsa"), "keyval": {**entry_of("ecdsa")["keyval"], "private": encrypted}}
    yield from [("a string", "x"), ("nothing", None), ("empty", {}), ("a list", [[]])]


def test_a_broken_key_inside_is_a_bad_key_file_whatever_is_wrong_with_it() -> None:
    for name, entry in broken_entries():
        body = json.dumps({"encrypted": False, "data": [entry]}).encode()
        with pytest.raises(BadKeyFile, match="exactly one key inside"):
            pytest.fail(f"{name}: {read_private_key(body, None, 'file')}")


@pytest.mark.parametrize("entries", [None, {}, "x", 7, {"keytype": "ed25519"}])
def test_what_is_inside_must_be_a_list(entries: object) -> None:
    with pytest.raises(BadKeyFile, match="exactly one key inside"):
        read_private_key(go_tuf_file(entries), PASSPHRASE, "file")


@pytest.mark.parametrize("plaintext", [b"", b"{", b"\xff", b"[" * 5000, b'[{"a":1,"a":2}]'])
def test_what_is_inside_must_be_json(plaintext: bytes) -> None:
    body = json.dumps({"encrypted": True, "data": seal(plaintext, PASSPHRASE)}).encode()
    with pytest.raises(BadKeyFile, match="exactly one key inside"):
        read_private_key(body, PASSPHRASE, "file")


def broken_envelopes() -> Iterator[object]:
    whole = json.loads(a_file("trustpress"))["data"]
    yield from (None, [], "x", 7, {}, {**whole, "kdf": "x"}, {**whole, "cipher": []}, {**whole, "ciphertext": 7})
    for name in ("name", "params", "salt"):
        yield {**whole, "kdf": {key: value for key, value in whole["kdf"].items() if key != name}}
    yield {**whole, "kdf": {**whole["kdf"], "params": {"N": 32768.0, "r": 8, "p": 1}}}
    yield {**whole, "kdf": {**whole["kdf"], "params": {"N": 2**40, "r": 8, "p": 1}}}
    yield {**whole, "cipher": {**whole["cipher"], "nonce": "AAAA"}}
    yield {**whole, "ciphertext": whole["ciphertext"] + "!"}


def test_a_broken_envelope_is_a_bad_key_file() -> None:
    for broken in broken_envelopes():
        file = json.dumps({"encrypted": True, "data": broken}).encode()
        cosigns = pem.write_pem("ENCRYPTED SIGSTORE PRIVATE KEY", {}, json.dumps(broken).encode())
        for body in (file, cosigns):
            with pytest.raises(BadKeyFile):
                pytest.fail(f"{broken}: {read_private_key(body, PASSPHRASE, 'file')}")


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\n",
        b"junk",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"encrypted": true}',
        b'{"encrypted": 1, "data": {}}',
        b'{"encrypted": "true", "data": {}}',
        b'{"encrypted": false, "data": [NaN]}',
        b"[" * 60_000,
        b'{"a":' * 12_000,
        "{}".encode("utf-16"),
        b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nA AA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nA=AA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nrole: x\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
        b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: ROT13,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
        write_public_key(PrivateKey.generate().public_key),
        json.dumps(PrivateKey.generate().public_key.as_json()).encode(),
        (VECTORS / "openssl-certificate.pem").read_bytes(),
    ],
)
def test_a_world_of_junk_holds_no_private_key(junk: bytes) -> None:
    with pytest.raises(BadKeyFile, match=r"^file: ") as caught:
        read_private_key(junk, PASSPHRASE, "file")
    assert caught.value.hint


def test_two_members_of_one_name_are_not_json_to_everybody_alike() -> None:
    entries = json.dumps([entry_of("ecdsa")])
    assert read_private_key(f'{{"encrypted": false, "data": {entries}}}'.encode(), None, "file")
    for twice in ('"encrypted": true, "encrypted": false', '"data": 7, "encrypted": false', '"key": 7, "key": 7, "encrypted": false'):
        with pytest.raises(BadKeyFile, match="not one object"):
            read_private_key(f'{{{twice}, "data": {entries}}}'.encode(), None, "file")


@pytest.mark.parametrize("change", [(b"\n-----END", b"=\n-----END"), (b"\n-----END", b"==\nAAAA\n-----END"), (b"\nM", b"\n=M")])
def test_base64_has_one_spelling(change: tuple[bytes, bytes]) -> None:
    body = plain("ed25519")
    assert body.count(b"=") == 0
    with pytest.raises(BadKeyFile, match="not a key file"):
        read_private_key(body.replace(*change), None, "file")


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(junk: bytes) -> None:
    labels = ("PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY")
    for body in (junk, b"{" + junk, *(pem.write_pem(label, {}, junk) for label in labels)):
        with pytest.raises(BadKeyFile):
            read_private_key(body, PASSPHRASE, "file")
    for body in (junk, b"{" + junk, pem.write_pem("PUBLIC KEY", {}, junk), pem.write_pem("CERTIFICATE", {}, junk)):
        with pytest.raises(BadKeyFile):
            read_public_key(body, "file")


@pytest.mark.parametrize("wrap", [lambda body: body + b"\n" * MAX_LENGTH, lambda body: body[:1] + b" " * MAX_LENGTH + body[1:]])
def test_a_file_that_is_too_long_is_not_looked_at(wrap: Callable[[bytes], bytes]) -> None:
    for body in (a_file("trustpress"), plain(), write_public_key(a_key("rsa").public_key)):
        for read in (is_encrypted, read_public_key):
            with pytest.raises(BadKeyFile, match="at most 64,000 bytes"):
                read(wrap(body), "file")


def test_a_file_of_the_greatest_length_is_read() -> None:
    body = plain() + b"\n" * (MAX_LENGTH - len(plain()))
    assert read_private_key(body, None, "file").public_key == a_key("ecdsa").public_key


# Keys that are not portable


@pytest.mark.parametrize("make", [lambda: ec.generate_private_key(ec.SECP384R1()), lambda: rsa.generate_private_key(65537, 1024)])
def test_a_key_that_some_clients_refuse_is_refused_as_such(make: Callable[[], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]) -> None:
    key = make()
    der, text = key.private_bytes(DER, PKCS8, UNENCRYPTED), key.private_bytes(PEM, TRADITIONAL, UNENCRYPTED)
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    entry = {"keytype": "ecdsa", "scheme": "x", "keyval": {"private": text.decode(), "public": "x"}}
    bodies = [
        pem.write_pem("PRIVATE KEY", {}, der),
        pem.write_pem("ENCRYPTED PRIVATE KEY", {}, notary_pem.encrypt_pkcs8(der, PASSPHRASE, "sha1")),
        text,
        cosign_file(der),
        go_tuf_file([entry]),
    ]
    for body in bodies:
        with pytest.raises(BadKeyFile, match=r"^file: .*expected an (ECDSA key on P-256|RSA key of 2048 to 8192 bits)") as refused:
            read_private_key(body, PASSPHRASE, "file")
        assert refused.value.hint == NotPortable.hint
    with pytest.raises(BadKeyFile, match=r"^file: .*expected an (ECDSA key on P-256|RSA key of 2048 to 8192 bits)") as caught:
        read_public_key(public, "file")
    assert caught.value.hint == NotPortable.hint


@pytest.mark.parametrize("make", [x448.X448PrivateKey.generate, lambda: dsa.generate_private_key(1024)])
def test_a_key_of_another_kind_is_a_bad_key_file_even_where_the_passphrase_is_right(
    make: Callable[[], x448.X448PrivateKey | dsa.DSAPrivateKey],
) -> None:
    der = make().private_bytes(DER, PKCS8, UNENCRYPTED)
    encrypted = pem.write_pem("ENCRYPTED PRIVATE KEY", {}, notary_pem.encrypt_pkcs8(der, PASSPHRASE, "sha256"))
    for body in (pem.write_pem("PRIVATE KEY", {}, der), encrypted, cosign_file(der)):
        with pytest.raises(BadKeyFile, match="expected an Ed25519, ECDSA or RSA private key"):
            read_private_key(body, PASSPHRASE, "file")
    with pytest.raises(BadKeyFile, match="expected a public key"):
        read_public_key(openssl("pkey -pubout", pem.write_pem("PRIVATE KEY", {}, der)), "file")


def test_an_rsa_key_that_would_take_half_a_minute_to_check_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialization, "load_der_private_key", lambda *_: pytest.fail("it was looked at"))
    monkeypatch.setattr(serialization, "load_pem_private_key", lambda *_: pytest.fail("it was looked at"))
    for headers in ({}, {"Proc-Type": "4,ENCRYPTED", "DEK-Info": f"AES-256-CBC,{'0' * 32}"}):
        body = pem.write_pem("RSA PRIVATE KEY", headers, bytes(notary_pem.MAX_DER + 1))
        with pytest.raises(BadKeyFile):
            read_private_key(body, PASSPHRASE, "file")


def test_the_longest_rsa_keys_that_are_portable_are_not_too_long() -> None:
    # All but a constant part grows with the modulus.
    assert 4 * len(a_key("rsa").reveal().private_bytes(DER, PKCS8, UNENCRYPTED)) < notary_pem.MAX_DER


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_a_key_of_the_greatest_length_is_read_and_no_longer_one(monkeypatch: pytest.MonkeyPatch, *, is_encrypted: bool) -> None:
    passphrase = PASSPHRASE if is_encrypted else None
    encryption = serialization.BestAvailableEncryption(PASSPHRASE.reveal()) if is_encrypted else UNENCRYPTED
    body = a_key("rsa").reveal().private_bytes(PEM, TRADITIONAL, encryption)
    block = pem.parse_pem(body)
    assert block is not None
    for module in (formats, notary_pem):
        monkeypatch.setattr(module, "MAX_DER", len(block.content))
    assert read_private_key(body, passphrase, "file").public_key == a_key("rsa").public_key
    for module in (formats, notary_pem):
        monkeypatch.setattr(module, "MAX_DER", len(block.content) - 1)
    with pytest.raises(BadKeyFile):
        read_private_key(body, passphrase, "file")


# Public keys


def test_a_certificate_gives_its_key() -> None:
    key = read_public_key((VECTORS / "openssl-certificate.pem").read_bytes(), "file")
    assert (key.keytype, fingerprint(key)) == ("ed25519", CERTIFICATE_FINGERPRINT)


@EACH_KEYTYPE
def test_a_certificate_and_a_pem_by_openssl_give_the_same_key(keytype: str, tmp_path: Path) -> None:
    private = tmp_path / "key.pem"
    private.write_bytes(plain(keytype))
    certificate = openssl(f"req -x509 -new -key {private} -subj /CN=test")
    for body in (certificate, openssl(f"pkey -in {private} -pubout"), json.dumps(a_key(keytype).public_key.as_json()).encode()):
        assert read_public_key(body, "file") == a_key(keytype).public_key


def test_a_key_object_keeps_the_name_that_it_has_in_metadata() -> None:
    value = {**a_key("ecdsa").public_key.as_json(), "keytype": "ecdsa-sha2-nistp256", "x-note": "kept by others"}
    key = read_public_key(json.dumps(value).encode(), "file")
    assert (key.keytype, key.material) == ("ecdsa-sha2-nistp256", a_key("ecdsa").public_key.material)
    assert key.keyid != a_key("ecdsa").public_key.keyid


@pytest.mark.parametrize(
    "change", [{"keytype": 1}, {"scheme": None}, {"keyval": "x"}, {"keyval": {}}, {"keyval": {"public": 1}}, {"scheme": "x"}]
)
def test_a_key_object_of_another_shape_is_a_bad_key_file(change: dict[str, object]) -> None:
    for value in ({**a_key("rsa").public_key.as_json(), **change}, {"encrypted": True, "data": {}, "key": change}):
        with pytest.raises(BadKeyFile):
            read_public_key(json.dumps(value).encode(), "file")


def test_a_private_key_is_no_public_key() -> None:
    bare = json.dumps({"encrypted": False, "data": [entry_of("ecdsa")]}).encode()
    for body in (plain(), a_file("pem"), a_file("notary"), bare, (VECTORS / "sigstore.key").read_bytes()):
        with pytest.raises(BadKeyFile, match="expected a public key"):
            read_public_key(body, "file")


# Secrets


def everything_in(error: BaseException | None) -> Iterator[str]:
    """All text that can be reached from an exception: its own, that of the chain, and the variables of our functions."""
    while error is not None:
        yield from (str(error), repr(error), repr(error.args), repr(vars(error)))
        yield from (repr(getattr(error, name, None)) for name in ("doc", "object"))
        yield from variables(error.__traceback__)
        error = error.__cause__ or error.__context__


def variables(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        if traceback.tb_frame.f_globals["__name__"] in {formats.__name__, notary_pem.__name__, envelope.__name__}:
            yield repr(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next


def secrets_of(keytype: str) -> list[str]:
    """A piece of the private half, as it would show in bytes, hexadecimal or PEM."""
    start, form = {"ed25519": (18, PKCS8), "ecdsa": (9, TRADITIONAL), "rsa": (300, TRADITIONAL)}[keytype]
    piece = a_key(keytype).reveal().private_bytes(DER, form, UNENCRYPTED)[start : start + 24]
    return [repr(piece)[2:-1], piece.hex(), base64.b64encode(piece).decode()]


def leaks(keytype: str) -> Iterator[tuple[bytes, Passphrase | None]]:
    entry = entry_of(keytype)
    text = json.dumps([entry])
    for plaintext in (text[:-3], f"{text} x", json.dumps([entry, entry]), json.dumps([{**entry, "scheme": "x"}]), "\ud800" + text):
        sealed = seal(plaintext.encode(errors="surrogatepass"), PASSPHRASE)
        yield json.dumps({"encrypted": True, "data": sealed}).encode(), PASSPHRASE
    der = a_key(keytype).reveal().private_bytes(DER, PKCS8, UNENCRYPTED)
    yield cosign_file(der + b"\0"), PASSPHRASE
    for wrapped in (der + b"\0", notary_pem._der(0x30, der)):
        encrypted = notary_pem.encrypt_pkcs8(wrapped, PASSPHRASE, "sha256")
        yield pem.write_pem("ENCRYPTED PRIVATE KEY", {}, encrypted), PASSPHRASE
    yield from ((a_file(form, keytype), WRONG) for form in FORMATS)


@EACH_KEYTYPE
def test_no_secret_can_be_reached_from_an_exception(keytype: str) -> None:
    for body, passphrase in leaks(keytype):
        with pytest.raises((BadKeyFile, WrongPassphrase)) as caught:
            read_private_key(body, passphrase, "file")
        reached = "\n".join(everything_in(caught.value))
        assert "'what': 'file'" in reached
        for secret in [*secrets_of(keytype), "a known passphrase", "not that passphrase"]:
            assert secret not in reached


def test_no_secret_can_be_reached_from_the_refusal_of_a_key_that_is_not_portable() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    text = key.private_bytes(PEM, TRADITIONAL, UNENCRYPTED).decode()
    entry = {"keytype": "ecdsa", "scheme": "x", "keyval": {"private": text, "public": "x"}}
    for body in (go_tuf_file([entry]), cosign_file(key.private_bytes(DER, PKCS8, UNENCRYPTED))):
        with pytest.raises(BadKeyFile) as caught:
            read_private_key(body, PASSPHRASE, "file")
        scalar = key.private_numbers().private_value.to_bytes(48)
        for secret in (text[40:80], repr(scalar[:16])[2:-1], scalar.hex()):
            assert secret not in "\n".join(everything_in(caught.value))


@pytest.mark.parametrize("body", [plain(), json.dumps({"encrypted": False, "data": ["a secret"]}).encode() + b"x"])
def test_a_file_without_encryption_is_not_quoted_in_messages_or_the_chain(body: bytes) -> None:
    with pytest.raises(BadKeyFile) as caught:
        read_private_key(body[:-30] + b"!" + body[-30:], None, "file")
    assert caught.value.__context__ is None
    assert body.decode()[40:80] not in f"{caught.value} {caught.value!r} {caught.value.args} {caught.value.hint}"


def hide_a_secret_behind_from_none() -> None:
    try:
        json.loads('["a secret"')
    except ValueError:
        raise BadKeyFile("file", "hidden", "none") from None


def test_this_search_for_secrets_finds_them_in_the_chain_and_in_variables() -> None:
    with pytest.raises(BadKeyFile) as caught:
        hide_a_secret_behind_from_none()
    assert "a secret" in "\n".join(everything_in(caught.value))
    with pytest.raises(BadKeyFile) as caught:
        read_private_key(plain("ed25519") + b"!", None, "file")
    assert secrets_of("ed25519")[2] in "\n".join(everything_in(caught.value))
