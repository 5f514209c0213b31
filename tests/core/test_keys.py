"""Keys: read as python-tuf writes them, recognised whatever their spelling, and verifying what securesystemslib signs."""

from collections.abc import Callable
from typing import Any

import nacl.bindings
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.signer import CryptoSigner, SSlibKey

from tests.builders import (
    PORTABLE_SPELLING,
    JsonObject,
    ed25519_signer,
    key_object,
    keyid_of,
    p256_signer,
    p384_public_key,
    pem_block,
    pem_of,
    respelled,
    rsa_public_key,
    rsa_signer,
    tuf_key,
)
from trustpress.core.keys import NACL_LIMIT, PublicKey, compute_keyid, ed25519_public_key, p256_public_key, parse_key
from trustpress.errors import NotPortable, SchemaViolation

FAMILIES = pytest.mark.parametrize("make", [ed25519_signer, p256_signer, rsa_signer], ids=["Ed25519", "P-256", "RSA-PSS"])
SIZES = pytest.mark.parametrize("length", [0, 1, NACL_LIMIT - 1, NACL_LIMIT, NACL_LIMIT + 1, 4 * NACL_LIMIT])
Make = Callable[[str], CryptoSigner]

ORDER = 2**252 + 27742317777372353535851937790883648493


def parse(key: JsonObject) -> PublicKey:
    return parse_key(keyid_of(key), key)


@FAMILIES
def test_a_key_is_read_as_python_tuf_lists_it(make: Make) -> None:
    signer = make("alice")
    key = parse(tuf_key(signer))
    assert key.keyid == signer.public_key.keyid
    assert key.as_json() == signer.public_key.to_dict()
    assert compute_keyid(key.keytype, key.scheme, key.public) == signer.public_key.keyid


@FAMILIES
@SIZES
def test_a_signature_by_securesystemslib_verifies(make: Make, length: int) -> None:
    message = b"m" * length
    signature = bytes.fromhex(make("alice").sign(message).signature)
    assert parse(tuf_key(make("alice"))).verifies(signature, message)


@FAMILIES
@SIZES
def test_a_changed_signature_message_or_key_does_not_verify(make: Make, length: int) -> None:
    message = b"m" * length
    signature = bytes.fromhex(make("alice").sign(message).signature)
    alice, bob = parse(tuf_key(make("alice"))), parse(tuf_key(make("bob")))
    assert not alice.verifies(bytes([*signature[:-1], signature[-1] ^ 1]), message)
    assert not alice.verifies(bytes([signature[0] ^ 1, *signature[1:]]), message)
    assert not alice.verifies(signature, message + b"m")
    assert not bob.verifies(signature, message)


@FAMILIES
@pytest.mark.parametrize("length", [0, NACL_LIMIT])
@pytest.mark.parametrize("wrong", [b"", b"0", b"0" * 63, b"0" * 65, b"0" * 4096])
def test_a_signature_of_another_length_does_not_verify(make: Make, length: int, wrong: bytes) -> None:
    message = b"m" * length
    key = parse(tuf_key(make("alice")))
    signature = bytes.fromhex(make("alice").sign(message).signature)
    for bytes_ in (wrong, signature[:-1], signature + b"\0", b"\0" + signature):
        assert not key.verifies(bytes_, message)


@SIZES
def test_an_ed25519_signature_with_the_group_order_added_does_not_verify(length: int) -> None:
    """Malleability: the same signature in other bytes."""
    message = b"m" * length
    signature = bytes.fromhex(ed25519_signer("alice").sign(message).signature)
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not parse(tuf_key(ed25519_signer("alice"))).verifies(signature[:32] + scalar.to_bytes(32, "little"), message)


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_no_bytes_make_verification_fail_otherwise_than_by_saying_no(signature: bytes, message: bytes) -> None:
    for make in (ed25519_signer, p256_signer, rsa_signer):
        assert not parse(tuf_key(make("alice"))).verifies(signature, message)


def test_an_rsa_signature_with_the_other_padding_does_not_verify() -> None:
    signer = rsa_signer("alice")
    other = SSlibKey.from_dict("x", {**tuf_key(signer), "scheme": "rsa-pkcs1v15-sha256"})
    signature = CryptoSigner(signer._private_key, other).sign(b"message").signature
    assert not parse(tuf_key(signer)).verifies(bytes.fromhex(signature), b"message")


PEM_KEYS = [tuf_key(p256_signer("alice")), key_object("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(2048)))]
SPELLINGS = [pytest.param(key, how, other, id=f"{key['keytype']}, {how}") for key in PEM_KEYS for how, other in respelled(key).items()]


@pytest.mark.parametrize(("key", "how", "other"), SPELLINGS)
def test_one_key_in_another_spelling_is_refused_or_the_same_key(key: JsonObject, how: str, other: JsonObject) -> None:
    """Other keyids, one key: a threshold of two must not be met by it alone."""
    assert keyid_of(other) != keyid_of(key)
    if how == PORTABLE_SPELLING:
        assert parse(other).material == parse(key).material
    else:
        with pytest.raises(NotPortable, match="expected one PEM block"):
            parse(other)


def test_material_is_the_same_under_both_keytypes_of_ecdsa() -> None:
    key = tuf_key(p256_signer("alice"))
    other = parse({**key, "keytype": "ecdsa-sha2-nistp256"})
    assert other.keytype == "ecdsa-sha2-nistp256"
    assert other.material == parse(key).material


@FAMILIES
def test_material_of_different_keys_differs(make: Make) -> None:
    assert parse(tuf_key(make("alice"))).material != parse(tuf_key(make("bob"))).material


def test_rsa_material_is_modulus_and_exponent() -> None:
    keys = [key_object("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(2048, exponent))) for exponent in (3, 65537)]
    assert parse(keys[0]).material != parse(keys[1]).material


@FAMILIES
def test_a_keyid_that_is_not_the_hash_of_its_key_is_refused(make: Make) -> None:
    with pytest.raises(SchemaViolation, match="the keyid is not the SHA-256 of its key"):
        parse_key(make("bob").public_key.keyid, tuf_key(make("alice")))


PEM = pem_of(p256_signer("alice")._private_key.public_key())  # type: ignore[arg-type]
ED25519 = ed25519_signer("alice").public_key.keyval["public"]


@pytest.mark.parametrize(
    ("keytype", "scheme", "public", "reason"),
    [
        ("ed25519", "ed25519", ED25519.upper(), "64 lower-case hexadecimal digits"),
        ("ed25519", "ed25519", ED25519[:-2], "64 lower-case hexadecimal digits"),
        ("ed25519", "ed25519", ED25519 + "\n", "64 lower-case hexadecimal digits"),
        ("ed25519", "ed25519", f" {ED25519[1:]}", "64 lower-case hexadecimal digits"),
        ("ed25519", "ed25519", "00" * 32, "main subgroup"),
        ("ed25519", "ed25519", "01" + "00" * 31, "main subgroup"),
        ("ed25519", "ed25519", "02" + "00" * 31, "main subgroup"),
        ("ed25519", "ed25519", "ff" * 31 + "7f", "main subgroup"),
        ("ecdsa", "ecdsa-sha2-nistp256", "04" + "00" * 64, "not a readable PEM"),
        ("ecdsa", "ecdsa-sha2-nistp256", "", "not a readable PEM"),
        ("ecdsa", "ecdsa-sha2-nistp256", PEM.replace("PUBLIC", "PRIVATE"), "not a readable PEM"),
        ("ecdsa", "ecdsa-sha2-nistp256", pem_block("PUBLIC KEY", b"\x30\x00"), "not a readable PEM"),
        ("ecdsa", "ecdsa-sha2-nistp256", pem_of(p384_public_key()), "on P-256"),
        ("ecdsa", "ecdsa-sha2-nistp256", pem_of(rsa_public_key(2048)), "on P-256"),
        ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", pem_of(p384_public_key()), "on P-256"),
        ("rsa", "rsassa-pss-sha256", PEM, "RSA key of 2048 to 8192 bits"),
        ("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(2040)), "RSA key of 2048 to 8192 bits"),
        ("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(8200)), "RSA key of 2048 to 8192 bits"),
        ("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(2048, 2**31 + 1)), "RSA key of 2048 to 8192 bits"),
        ("rsa", "rsassa-pss-sha256", "AAAA", "not a readable PEM"),
        ("ecdsa", "ecdsa-sha2-nistp384", pem_of(p384_public_key()), "expected ed25519, ECDSA P-256 or RSA-PSS, found 'ecdsa'"),
        ("rsa", "rsa-pkcs1v15-sha256", pem_of(rsa_public_key(2048)), "expected ed25519, ECDSA P-256 or RSA-PSS, found 'rsa'"),
        ("rsa", "ed25519", ED25519, "expected ed25519, ECDSA P-256 or RSA-PSS, found 'rsa'"),
        ("ed25519", "ecdsa-sha2-nistp256", PEM, "expected ed25519, ECDSA P-256 or RSA-PSS, found 'ed25519'"),
        ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp256", PEM, "expected ed25519, ECDSA P-256 or RSA-PSS"),
    ],
)  # fmt: skip
def test_a_key_that_some_client_refuses_is_refused(keytype: str, scheme: str, public: str, reason: str) -> None:
    with pytest.raises(NotPortable, match=reason):
        parse(key_object(keytype, scheme, public))


@pytest.mark.parametrize(("bits", "exponent"), [(2048, 3), (8192, 65537), (2048, 2**31 - 1)])
def test_rsa_keys_of_the_limits_are_read(bits: int, exponent: int) -> None:
    assert parse(key_object("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(bits, exponent)))).keytype == "rsa"


def test_a_key_of_a_family_unknown_to_metadata_is_refused_as_such() -> None:
    public: Any = ed448.Ed448PrivateKey.generate().public_key()
    with pytest.raises(NotPortable, match="on P-256"):
        parse(key_object("ecdsa", "ecdsa-sha2-nistp256", pem_of(public)))


@given(st.text(max_size=60))
def test_no_public_key_text_raises_anything_else(text: str) -> None:
    pem = f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"
    for keytype, scheme, public in (("ed25519", "ed25519", text), ("ecdsa", "ecdsa-sha2-nistp256", pem), ("rsa", "rsassa-pss-sha256", pem)):
        with pytest.raises(NotPortable):
            parse(key_object(keytype, scheme, public))


def test_a_public_key_made_from_its_bytes_is_the_one_python_tuf_lists() -> None:
    signer = ed25519_signer("alice")
    key = ed25519_public_key(bytes.fromhex(signer.public_key.keyval["public"]))
    assert (key.keyid, key.as_json()) == (signer.public_key.keyid, signer.public_key.to_dict())
    assert key.verifies(bytes.fromhex(signer.sign(b"message").signature), b"message")


def test_a_public_key_made_from_a_p256_key_is_the_one_python_tuf_lists() -> None:
    signer = p256_signer("alice")
    public = signer._private_key.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    key = p256_public_key(public)
    assert (key.keyid, key.as_json()) == (signer.public_key.keyid, signer.public_key.to_dict())


def test_small_and_large_messages_are_verified_by_different_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyNaCl below the limit, cryptography from it on."""
    used: list[int] = []
    original = nacl.bindings.crypto_sign_open

    def open_signed(signed: bytes, public: bytes) -> bytes:
        used.append(len(signed) - 64)
        return original(signed, public)

    monkeypatch.setattr(nacl.bindings, "crypto_sign_open", open_signed)
    key, signer = parse(tuf_key(ed25519_signer("alice"))), ed25519_signer("alice")
    for length in (NACL_LIMIT - 1, NACL_LIMIT):
        assert key.verifies(bytes.fromhex(signer.sign(b"m" * length).signature), b"m" * length)
    assert used == [NACL_LIMIT - 1]
