"""Online keys: what is asked of KMS, and that no key is ever shown."""

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

import boto3
import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.builders import rsa_public_key
from tests.fakes import InMemoryStore
from trustpress.adapters.kms import Ed25519Signer, KmsVault, load_signer
from trustpress.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

SEED = bytes(range(32))
CONTEXT = {"trustpress": "online"}


@pytest.fixture
def answers() -> Iterator[Stubber]:
    client = boto3.client("kms", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def kms_of(answers: Stubber) -> "KMSClient":
    return cast("KMSClient", answers.client)


def test_kms_signs_digests_so_that_a_snapshot_may_be_of_any_length(answers: Stubber) -> None:
    key, message = ec.generate_private_key(ec.SECP256R1()), b"snapshot" * 1000
    digest = hashlib.sha256(message).digest()
    signature = key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    answers.add_response("get_public_key", {"PublicKey": public}, {"KeyId": "alias/online"})
    answers.add_response(
        "sign",
        {"Signature": signature},
        {"KeyId": "alias/online", "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"},
    )
    signer = load_signer("awskms:alias/online", kms_of(answers), InMemoryStore())
    assert signer.public_key.verifies(signer.sign(message), message)


def test_a_secret_is_made_without_being_seen_and_opens_under_its_name(answers: Stubber) -> None:
    context = {"trustpress": "master-0001"}
    answers.add_response(
        "generate_data_key_without_plaintext",
        {"CiphertextBlob": b"sealed"},
        {"KeyId": "alias/seal", "NumberOfBytes": 32, "EncryptionContext": context},
    )
    answers.add_response("decrypt", {"Plaintext": SEED}, {"CiphertextBlob": b"sealed", "KeyId": "alias/seal", "EncryptionContext": context})
    vault = KmsVault(kms_of(answers), "alias/seal")
    assert vault.make_secret("master-0001") == b"sealed"
    assert vault.open_secret("master-0001", b"sealed") == SEED


def test_a_sealed_key_is_unsealed_for_its_own_name_only(answers: Stubber) -> None:
    staging = InMemoryStore()
    staging.upload("online-keys/online.sealed", b"sealed")
    answers.add_response("decrypt", {"Plaintext": SEED}, {"CiphertextBlob": b"sealed", "KeyId": "alias/seal", "EncryptionContext": CONTEXT})
    signer = load_signer("sealed:online:alias/seal", kms_of(answers), staging)
    assert signer.public_key == Ed25519Signer(SEED).public_key
    assert signer.public_key.verifies(signer.sign(b"message"), b"message")


def test_a_sealed_key_that_was_not_made_yet_is_said_to_be_missing(answers: Stubber) -> None:
    with pytest.raises(Misconfigured, match=r"online\.sealed does not exist"):
        load_signer("sealed:online:alias/seal", kms_of(answers), InMemoryStore())


@pytest.mark.parametrize("code", ["ThrottlingException", "DisabledException", "AccessDeniedException"])
def test_kms_that_fails_commits_nothing(answers: Stubber, code: str) -> None:
    answers.add_client_error("get_public_key", code)
    with pytest.raises(Unavailable):
        load_signer("awskms:alias/online", kms_of(answers), InMemoryStore())


@pytest.mark.parametrize("uri", ["", "awskms:", "sealed:online", "file:seed", "master:key", "vault:key", "alias/online"])
def test_a_uri_that_names_no_key_is_refused(answers: Stubber, uri: str) -> None:
    with pytest.raises(Misconfigured):
        load_signer(uri, kms_of(answers), InMemoryStore())


def test_a_signer_never_shows_its_seed() -> None:
    signer = Ed25519Signer(SEED)
    for shown in (str(signer), repr(signer)):
        assert SEED.hex() not in shown
        assert str(SEED)[2:-1] not in shown


def test_a_key_of_another_kind_in_kms_is_refused(answers: Stubber) -> None:
    public = rsa_public_key(2048).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    answers.add_response("get_public_key", {"PublicKey": public}, {"KeyId": "alias/online"})
    with pytest.raises(Misconfigured, match="awskms:alias/online is not an ECC_NIST_P256 key"):
        load_signer("awskms:alias/online", kms_of(answers), InMemoryStore())
