"""Key files of other programs: what can be read is read, and of the rest it is said what they are, and what to do."""

import errno
import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.uploader.desk import Desk
from trustpress_uploader.commands import main
from trustpress_uploader.disk import refused_by_the_system
from trustpress_uploader.errors import BadKeyFile
from trustpress_uploader.keys.formats import is_encrypted, read_private_key, read_public_key, write_private_key
from trustpress_uploader.keys.passphrases import Passphrase
from trustpress_uploader.keys.private_keys import PrivateKey

PASSPHRASE = Passphrase("a known passphrase")
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OURS = PrivateKey(KEY)
PEM = write_private_key(OURS, None, "pem")

BINARY_PKCS12 = pkcs12.serialize_key_and_certificates(
    b"mine", ec.derive_private_key(7, ec.SECP256R1()), None, None, serialization.BestAvailableEncryption(b"x")
)
DER = KEY.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def openssh(encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()) -> bytes:  # noqa: B008
    return KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, encryption)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(PEM.replace(b"\n", b"\\n"), id="line ends written as backslash n, as in a variable"),
        pytest.param(PEM.replace(b"\n", b" "), id="on one line, as in a secret of CI"),
        pytest.param(openssh(), id="OpenSSH, without a passphrase"),
        pytest.param(
            json.dumps(
                {
                    "keytype": "ed25519",
                    "scheme": "ed25519",
                    "keyid": "x",
                    "keyval": {"public": OURS.public_key.public, "private": KEY.private_bytes_raw().hex()},
                }
            ).encode(),
            id="a key object of securesystemslib",
        ),
    ],
)
def test_what_can_be_read_is_read(body: bytes) -> None:
    assert not is_encrypted(body, "file")
    assert read_private_key(body, None, "file").public_key == OURS.public_key


def test_a_key_of_ssh_keygen_signs(tmp_path: Path) -> None:
    for keytype in ("ed25519", "ecdsa -b 256"):
        path = tmp_path / keytype[:5]
        subprocess.run(["ssh-keygen", "-q", "-N", "", "-f", path, "-t", *shlex.split(keytype)], check=True)
        key = read_private_key(path.read_bytes(), None, "file")
        assert key.public_key.verifies(key.sign(b"message"), b"message")


OPENSSH_ENCRYPTED = """-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABA=
-----END OPENSSH PRIVATE KEY-----
"""


@pytest.mark.parametrize(
    ("body", "said", "advice"),
    [
        (b"", "an empty file", "Name the file"),
        (b" \n\n", "an empty file", "Name the file"),
        (OPENSSH_ENCRYPTED.encode(), "a key of OpenSSH under a passphrase", "ssh-keygen -p"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA me@here\n", "a public key of OpenSSH", "without .pub"),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ==\n-----END PGP PRIVATE KEY BLOCK-----\n", "a file of GnuPG", "not read"),
        (b"\x95\x01\xd8\x04" + bytes(40), "a file of GnuPG", "not read"),
        (b"# created: 2026-11-24\n# public key: age1x\nAGE-SECRET-KEY-1X\n", "a file of age", "do not sign"),
        (b"AGE-SECRET-KEY-1X\n", "a file of age", "do not sign"),
        (b"age-encryption.org/v1\n-> scrypt x\n", "a file of age", "do not sign"),
        (b"untrusted comment: minisign encrypted secret key\nRWR\n", "a file of minisign or signify", "not read"),
        (b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "a key of PuTTY", "puttygen"),
        (b"0a@@@@100000@@@@0b@@@@0c@@@@0d\n", "an encrypted key of securesystemslib", "write PEM instead"),
        (BINARY_PKCS12, "PKCS#12", "openssl pkcs12"),
        (DER, "DER, not PEM", "openssl pkey -inform DER"),
        (b"my key:\n" + PEM, "a PEM block with text around it", "Keep the block alone"),
        (PEM + b"thanks\n", "a PEM block with text around it", "Keep the block alone"),
        (PEM[:60], "a PEM block without its END line", "whole"),
        (PEM.replace(b"\nM", b"\n!"), "a PEM block that is not one", "base64"),
        (b"just some text", "neither one PEM block nor one JSON object", "OpenSSL"),
        (b"\0\1\2", "neither one PEM block nor one JSON object", "OpenSSL"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_name(body: bytes, said: str, advice: str) -> None:
    with pytest.raises(BadKeyFile) as caught:
        read_private_key(body, PASSPHRASE, "file")
    assert said in str(caught.value)
    assert advice in caught.value.hint


def test_the_advice_for_der_and_pkcs12_works(tmp_path: Path) -> None:
    (tmp_path / "key.der").write_bytes(DER)
    subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", "key.der", "-out", "key.pem"], cwd=tmp_path, check=True)
    assert read_private_key((tmp_path / "key.pem").read_bytes(), None, "file").public_key == OURS.public_key
    (tmp_path / "key.p12").write_bytes(BINARY_PKCS12)
    command = "openssl pkcs12 -in key.p12 -nocerts -out key12.pem -passin pass:x -passout pass:y"
    subprocess.run(shlex.split(command), cwd=tmp_path, check=True, capture_output=True)
    text = (tmp_path / "key12.pem").read_bytes()
    block = text[text.index(b"-----BEGIN") :]
    assert read_private_key(block, Passphrase("y"), "file").public_key.keytype == "ecdsa"


def test_a_public_key_is_told_by_its_name_too() -> None:
    with pytest.raises(BadKeyFile, match="a file of GnuPG"):
        read_public_key(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nlQ==\n-----END PGP PUBLIC KEY BLOCK-----\n", "file")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}', "not a root"),
        ("not json", "not a root"),
        ("", "not a root"),
    ],
)
def test_a_file_that_is_no_root_is_not_said_to_be_unreadable(quiet_desk: Desk, text: str, said: str) -> None:
    path = quiet_desk.write("root.json", text)
    result = CliRunner().invoke(main, ["inspect", "-r", "acme/x", "--url", "https://localhost", "--root", path, "--json"])
    error = json.loads(result.stdout)["error"]
    assert said in error["message"]
    assert "1.root.json" in error["hint"]
    assert "permissions" not in error["hint"]
    assert "space" not in error["hint"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOENT, "Check the path."),
        (errno.EACCES, "Check the permissions"),
        (errno.ENOSPC, "Make room"),
        (errno.EISDIR, "Name another file or folder."),
    ],
)
def test_what_the_system_refuses_gets_the_advice_that_follows_from_it(number: int, said: str) -> None:
    error = refused_by_the_system(OSError(number, os.strerror(number), "there"))
    assert str(error) == f"there: {os.strerror(number)}"
    assert said in error.hint
