"""Private keys at rest: the format of go-tuf, the modes of the files, and nothing that shows a secret."""

import base64
import json
import stat
from pathlib import Path

import pytest

from trustpress_uploader.errors import BadKeyFile
from trustpress_uploader.keys.envelope import _seal, unseal
from trustpress_uploader.keys.formats import write_private_key
from trustpress_uploader.keys.keystore import Keystore
from trustpress_uploader.keys.passphrases import Passphrase, WrongPassphrase
from trustpress_uploader.keys.private_keys import PrivateKey

# Made by hashlib.scrypt and PyNaCl alone, with the parameters that go-tuf wrote first.
VECTOR = Path(__file__).with_name("vectors") / "go-tuf-key.json"
VECTOR_PASSPHRASE = Passphrase("a known passphrase")
VECTOR_SEED = "893625db16fdfc904414e71d9bd9485899ffe3b18025e3e616941cdf6789678e"
VECTOR_PUBLIC = "0e8436cde8f70f3a9c4ec0b2f07566aa3f3c87d0d6196b1bc5e3019c7e266da9"

PASSPHRASE = Passphrase("correct horse battery staple")


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    return Keystore(tmp_path / "keys")


def place_vector(keystore: Keystore, keyid: str) -> Path:
    keystore.folder.mkdir(mode=0o700)
    path = keystore.path(keyid)
    path.touch(mode=0o600)
    path.write_bytes(VECTOR.read_bytes())
    return path


def test_a_key_file_of_go_tuf_is_read(keystore: Keystore) -> None:
    expected = PrivateKey.from_seed(bytes.fromhex(VECTOR_SEED)).public_key
    place_vector(keystore, expected.keyid)
    key = keystore.load(expected.keyid, VECTOR_PASSPHRASE)
    assert key.public_key.public == VECTOR_PUBLIC
    assert key.public_key.verifies(key.sign(b"message"), b"message")


def test_the_envelope_is_written_byte_for_byte() -> None:
    envelope = json.loads(VECTOR.read_bytes())["data"]
    salt, nonce = (base64.b64decode(text) for text in (envelope["kdf"]["salt"], envelope["cipher"]["nonce"]))
    plaintext = unseal(envelope, VECTOR_PASSPHRASE, "vector")
    assert _seal(plaintext, VECTOR_PASSPHRASE, 32768, salt, nonce) == envelope


def test_a_key_comes_back_from_its_file(keystore: Keystore) -> None:
    key = PrivateKey.generate()
    path = keystore.add(key, PASSPHRASE)
    loaded = keystore.load(key.public_key.keyid, PASSPHRASE)
    assert loaded.sign(b"message") == key.sign(b"message")
    assert keystore.held([key.public_key.keyid, "f" * 64]) == [key.public_key.keyid]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_two_files_of_one_key_have_nothing_in_common(keystore: Keystore) -> None:
    key = PrivateKey.generate()
    first, second = (json.loads(write_private_key(key, PASSPHRASE, "trustpress"))["data"] for _ in range(2))
    assert first["kdf"]["params"] == {"N": 131072, "r": 8, "p": 1}
    assert first["kdf"]["salt"] != second["kdf"]["salt"]
    assert first["cipher"]["nonce"] != second["cipher"]["nonce"]
    assert first["ciphertext"] != second["ciphertext"]


def test_an_existing_key_file_is_never_overwritten(keystore: Keystore) -> None:
    key = PrivateKey.generate()
    before = keystore.add(key, PASSPHRASE).read_bytes()
    with pytest.raises(FileExistsError):
        keystore.add(key, Passphrase("another passphrase"))
    assert keystore.path(key.public_key.keyid).read_bytes() == before


def test_a_wrong_passphrase_is_told_from_a_broken_file(keystore: Keystore) -> None:
    key = PrivateKey.generate()
    path = keystore.add(key, PASSPHRASE)
    with pytest.raises(WrongPassphrase, match="does not open"):
        keystore.load(key.public_key.keyid, Passphrase("not that passphrase"))
    path.write_text("{}")
    with pytest.raises(BadKeyFile, match="not a key file"):
        keystore.load(key.public_key.keyid, PASSPHRASE)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_may_open_is_refused(keystore: Keystore, mode: int) -> None:
    key = PrivateKey.generate()
    path = keystore.add(key, PASSPHRASE)
    path.chmod(mode)
    with pytest.raises(BadKeyFile, match="other users") as caught:
        keystore.load(key.public_key.keyid, PASSPHRASE)
    assert f"chmod 600 {path}" in caught.value.hint


def test_no_key_is_written_into_a_folder_that_others_may_open(keystore: Keystore) -> None:
    keystore.folder.mkdir()
    keystore.folder.chmod(0o755)
    with pytest.raises(BadKeyFile, match="other users"):
        keystore.add(PrivateKey.generate(), PASSPHRASE)
    assert not list(keystore.folder.iterdir())


@pytest.mark.parametrize(
    "parameters",
    [{"N": 2, "r": 8, "p": 1}, {"N": 2**30, "r": 8, "p": 1}, {"N": 32768, "r": 9, "p": 1}, {"N": 32768, "r": 8, "p": 99}, {"N": 32768}],
)
def test_parameters_that_nobody_writes_are_not_followed(keystore: Keystore, parameters: dict[str, int]) -> None:
    keyid = PrivateKey.from_seed(bytes.fromhex(VECTOR_SEED)).public_key.keyid
    path = place_vector(keystore, keyid)
    value = json.loads(path.read_bytes())
    value["data"]["kdf"]["params"] = parameters
    path.write_text(json.dumps(value))
    with pytest.raises(BadKeyFile, match="unusual scrypt parameters"):
        keystore.load(keyid, VECTOR_PASSPHRASE)


@pytest.mark.parametrize("cost", [1024, 16384])
def test_a_key_that_is_really_sealed_with_a_weak_derivation_is_not_opened(
    keystore: Keystore, monkeypatch: pytest.MonkeyPatch, cost: int
) -> None:
    """Whoever wrote it knows the key, and a passphrase given to it is guessed a hundred times faster."""
    monkeypatch.setattr("trustpress_uploader.keys.envelope._COST", cost)
    key = PrivateKey.generate()
    keystore.add(key, PASSPHRASE)
    with pytest.raises(BadKeyFile, match="unusual scrypt parameters"):
        keystore.load(key.public_key.keyid, PASSPHRASE)


@pytest.mark.parametrize(("part", "name"), [("kdf", "pbkdf2"), ("cipher", "aes-256-gcm")])
def test_a_derivation_or_cipher_of_another_name_is_not_taken_for_ours(keystore: Keystore, part: str, name: str) -> None:
    keyid = PrivateKey.from_seed(bytes.fromhex(VECTOR_SEED)).public_key.keyid
    path = place_vector(keystore, keyid)
    value = json.loads(path.read_bytes())
    value["data"][part]["name"] = name
    path.write_text(json.dumps(value))
    with pytest.raises(BadKeyFile, match="not encrypted by scrypt"):
        keystore.load(keyid, VECTOR_PASSPHRASE)


def test_a_nonce_of_another_length_is_a_broken_file(keystore: Keystore) -> None:
    keyid = PrivateKey.from_seed(bytes.fromhex(VECTOR_SEED)).public_key.keyid
    path = place_vector(keystore, keyid)
    value = json.loads(path.read_bytes())
    value["data"]["cipher"]["nonce"] = base64.b64encode(bytes(12)).decode()
    path.write_text(json.dumps(value))
    with pytest.raises(BadKeyFile, match="not encrypted by scrypt"):
        keystore.load(keyid, VECTOR_PASSPHRASE)


def test_a_key_under_another_keys_name_is_refused(keystore: Keystore) -> None:
    place_vector(keystore, "0" * 64)
    with pytest.raises(BadKeyFile, match="not the one in its name"):
        keystore.load("0" * 64, VECTOR_PASSPHRASE)


def test_secrets_have_no_text(keystore: Keystore) -> None:
    key = PrivateKey.from_seed(bytes.fromhex(VECTOR_SEED))
    keystore.add(key, VECTOR_PASSPHRASE)
    with pytest.raises(WrongPassphrase) as caught:
        keystore.load(key.public_key.keyid, PASSPHRASE)
    texts = [repr(key), str(key), f"{key}", repr(VECTOR_PASSPHRASE), f"{VECTOR_PASSPHRASE}", repr(caught.value), str(caught.value)]
    for text in texts:
        assert VECTOR_SEED not in text
        assert repr(bytes.fromhex(VECTOR_SEED))[2:-1] not in text
        assert "known passphrase" not in text
        assert "correct horse" not in text
