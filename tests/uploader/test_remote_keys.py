"""Keys in KMS and on tokens: what they sign verifies everywhere, and each way to fail has its words."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast
from uuid import uuid4

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.signer import AWSSigner, HSMSigner, Signature, SSlibKey

from local.ministack import ADMINISTRATOR, Cloud, Credentials, running_cloud
from local.processes import free_port
from tests.uploader.softhsm import PIN, SoftHsm, softhsm, token
from trustpress.core.keys import PublicKey
from trustpress.errors import NotPortable
from trustpress.ports import Signer
from trustpress_uploader.errors import RemoteKeyFailed, Unreachable
from trustpress_uploader.keys.passphrases import Passphrase, WrongPassphrase
from trustpress_uploader.keys.private_keys import PrivateKey
from trustpress_uploader.keys.remote import RemoteKey, find_key, open_key

__all__ = ["softhsm", "token"]

LARGE = b"targets!" * 640_000  # 5 MB: KMS takes 4,096 bytes, cards less
WRONG_PIN = "not the PIN at all"
USES_A_TOKEN = """
import sys
from trustpress_uploader.keys.passphrases import Passphrase
from trustpress_uploader.keys.remote import RemoteKeyFailed, find_key, open_key

pin = Passphrase(sys.stdin.read())
open_key("hsm:2", find_key("hsm:2", lambda what: pin), lambda what: pin).sign(b"message")
try:
    find_key("hsm:3", lambda what: pin)
except RemoteKeyFailed as error:
    print(error.code)
"""
needs_softhsm = pytest.mark.softhsm


class Person:
    """Who is asked for PINs, and remembers for what."""

    def __init__(self, pin: str = PIN) -> None:
        self.pin = Passphrase(pin)
        self.asked: list[str] = []

    def __call__(self, what: str) -> Passphrase:
        self.asked.append(what)
        return self.pin


def nobody(what: str) -> Passphrase:
    raise AssertionError(f"asked for {what}")


def as_python_tuf_has_it(key: PublicKey) -> SSlibKey:
    return SSlibKey.from_dict(key.keyid, key.as_json())


def verifies_everywhere(signer: Signer, message: bytes) -> bool:
    signature = signer.sign(message)
    as_python_tuf_has_it(signer.public_key).verify_signature(Signature(signer.public_key.keyid, signature.hex()), message)
    return signer.public_key.verifies(signature, message)


def refused(attempt: Callable[[], object]) -> RemoteKeyFailed:
    with pytest.raises(RemoteKeyFailed) as caught:
        attempt()
    assert caught.value.code == "E_SIGNER"
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "awskms:",
        "awskms:key?x",
        "file:/key",
        "alias/dev",
        "hsm:x",
        "hsm:0",
        "hsm:-1",
        "hsm:1_0",
        "hsm:2?slot=1",
        "hsm:2?label=",
        "hsm:2#x",
    ],
)
def test_a_uri_that_names_no_key_is_refused(uri: str) -> None:
    expected = {"awskms": "expected awskms:KEY", "hsm": "expected hsm:"}.get(uri.partition(":")[0], "expected awskms:KEY, hsm:")
    assert expected in str(refused(lambda: find_key(uri, nobody)))


def test_nothing_slow_is_imported_before_a_key_is_used() -> None:
    slow = {"boto3", "botocore", "cryptography", "nacl", "pkcs11", "securesystemslib"}
    program = f"import sys, trustpress_uploader.keys.remote; print(sorted({slow} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60).stdout == "[]\n"


@needs_softhsm
@pytest.mark.parametrize("make", [SoftHsm.make_p256, SoftHsm.make_rsa, SoftHsm.make_ed25519])
def test_what_a_token_signs_verifies_everywhere(token: SoftHsm, make: Callable[[SoftHsm], None]) -> None:
    make(token)
    key = open_key("hsm:2?label=release", find_key("hsm:2?label=release", nobody), Person())
    assert verifies_everywhere(key, b"message")
    assert verifies_everywhere(key, LARGE)


@needs_softhsm
def test_the_pin_is_asked_for_once(token: SoftHsm) -> None:
    token.make_p256()
    person = Person()
    key = open_key("hsm:", find_key("hsm:", nobody), person)
    assert verifies_everywhere(key, b"root")
    assert verifies_everywhere(key, b"targets")
    assert person.asked == ["PIN for hsm:"]


@needs_softhsm
def test_uri_keyid_and_signatures_are_those_of_securesystemslib(softhsm: SoftHsm) -> None:
    softhsm.make_token("YubiKey PIV #1")
    softhsm.make_p256(label="YubiKey PIV #1")
    uri, key = HSMSigner.import_()
    ours = find_key(uri, nobody)
    assert uri == "hsm:2?label=YubiKey+PIV+%231"
    assert (key.keyid, key.to_dict()) == (ours.keyid, ours.as_json())
    theirs = HSMSigner.from_priv_key_uri(uri, key, lambda _: PIN).sign(LARGE)
    assert ours.verifies(bytes.fromhex(theirs.signature), LARGE)
    assert verifies_everywhere(open_key(uri, ours, Person()), LARGE)


@needs_softhsm
def test_of_two_keys_on_a_token_the_one_named_signs(token: SoftHsm) -> None:
    token.make_p256(2)
    token.make_rsa(200)
    first, second = find_key("hsm:2", nobody), find_key("hsm:200", nobody)
    assert (first.keytype, second.keytype) == ("ecdsa", "rsa")
    assert verifies_everywhere(open_key("hsm:2", first, Person()), b"message")
    assert verifies_everywhere(open_key("hsm:200", second, Person()), b"message")
    assert "no such key" in str(refused(lambda: open_key("hsm:200", first, Person())))


@needs_softhsm
def test_a_key_that_wants_the_pin_for_every_signature_gets_it(token: SoftHsm) -> None:
    from pkcs11 import Attribute

    token.make_p256(private_template={Attribute.ALWAYS_AUTHENTICATE: True})
    person = Person()
    key = open_key("hsm:2", find_key("hsm:2", nobody), person)
    assert verifies_everywhere(key, b"root")
    assert verifies_everywhere(key, b"targets")
    assert len(person.asked) == 1


@needs_softhsm
def test_a_public_key_that_the_token_hides_is_found_with_the_pin(token: SoftHsm) -> None:
    from pkcs11 import Attribute

    token.make_p256(public_template={Attribute.PRIVATE: True})
    person = Person()
    assert find_key("hsm:2", person).keytype == "ecdsa"
    assert person.asked == ["PIN for hsm:2"]


@needs_softhsm
def test_a_process_that_used_a_token_ends_quietly(token: SoftHsm) -> None:
    token.make_p256(2)
    token.make_p256(3)
    token.make_p256(3)
    ended = subprocess.run([sys.executable, "-c", USES_A_TOKEN], check=False, input=PIN, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "E_SIGNER\n", "")


@needs_softhsm
def test_a_wrong_pin_is_a_wrong_passphrase_and_never_shown(token: SoftHsm) -> None:
    token.make_p256()
    public_key = find_key("hsm:2", nobody)
    with pytest.raises(WrongPassphrase, match="token of hsm:2") as caught:
        open_key("hsm:2", public_key, Person(WRONG_PIN))
    key = open_key("hsm:2", public_key, Person())
    assert verifies_everywhere(key, b"message")
    for shown in (str(caught.value), repr(caught.value), caught.value.hint, repr(key), str(key), f"{key}"):
        assert PIN not in shown
        assert WRONG_PIN not in shown


@needs_softhsm
def test_a_token_that_signs_with_another_key_now_is_noticed(token: SoftHsm) -> None:
    token.make_p256()
    key = open_key("hsm:2", find_key("hsm:2", nobody), Person())
    token.destroy_keys()
    token.make_p256()
    assert f"expected a signature by {key.public_key.keyid}" in str(refused(lambda: key.sign(b"message")))


@needs_softhsm
@pytest.mark.parametrize(
    "make", [lambda token: token.make_ec("secp384r1"), lambda token: token.make_ec("secp256k1"), lambda token: token.make_rsa(bits=1024)]
)
def test_keys_that_some_clients_refuse_are_not_found(token: SoftHsm, make: Callable[[SoftHsm], None]) -> None:
    make(token)
    with pytest.raises(NotPortable):
        find_key("hsm:2", nobody)


@needs_softhsm
def test_a_key_that_may_not_sign_is_refused(token: SoftHsm) -> None:
    from pkcs11 import Attribute

    token.make_p256(private_template={Attribute.SIGN: False})
    public_key = find_key("hsm:2", nobody)
    assert "does not let this key sign" in str(refused(lambda: open_key("hsm:2", public_key, Person())))


@needs_softhsm
def test_a_missing_key_is_said_to_be_missing(token: SoftHsm) -> None:
    token.make_p256(2)
    assert "no such key" in str(refused(lambda: find_key("hsm:3", Person())))
    public_key = find_key("hsm:2", nobody)
    assert "no such key" in str(refused(lambda: open_key("hsm:3", public_key, Person())))


@needs_softhsm
def test_two_keys_with_one_id_are_not_guessed_between(token: SoftHsm) -> None:
    token.make_p256(2)
    token.make_p256(2)
    assert "several keys" in str(refused(lambda: find_key("hsm:2", nobody)))


@needs_softhsm
def test_a_token_is_named_where_there_are_several_and_no_pin_goes_to_a_missing_one(softhsm: SoftHsm) -> None:
    softhsm.make_token("release")
    softhsm.make_token("spare")
    softhsm.make_p256(label="spare")
    assert "several tokens" in str(refused(lambda: find_key("hsm:2", nobody)))
    public_key = find_key("hsm:2?label=spare", nobody)
    assert "no such token" in str(refused(lambda: open_key("hsm:2?label=lost", public_key, nobody)))
    assert verifies_everywhere(open_key("hsm:2?label=spare", public_key, Person()), b"message")


@needs_softhsm
def test_a_module_that_is_not_there_is_said_to_be_missing(token: SoftHsm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYKCS11LIB", str(tmp_path / "none.so"))
    assert "none.so cannot be loaded" in str(refused(lambda: find_key("hsm:2", nobody)))
    monkeypatch.delenv("PYKCS11LIB")
    assert "PYKCS11LIB is not set" in str(refused(lambda: find_key("hsm:2", nobody)))


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    assert refused(lambda: find_key("hsm:2", nobody)).hint == "pip install 'trustpress[hsm]'"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


Become = Callable[[Mapping[str, str]], None]


@pytest.fixture
def become(monkeypatch: pytest.MonkeyPatch) -> Become:
    """Change what this process's AWS clients are configured with."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_KMS"):
        monkeypatch.delenv(name, raising=False)

    def become(environment: Mapping[str, str]) -> None:
        for name, value in environment.items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    return become


@pytest.fixture
def administrator(cloud: Cloud, become: Become) -> Cloud:
    become(cloud.environment(ADMINISTRATOR))
    return cloud


def make_kms_key(cloud: Cloud, spec: str, usage: str = "SIGN_VERIFY") -> str:
    return str(cloud.client("kms").create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"])


def make_user(cloud: Cloud, *actions: str) -> Credentials:
    iam, name = cloud.client("iam"), uuid4().hex
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def open_in_kms(name: str) -> RemoteKey:
    return open_key(f"awskms:{name}", find_key(f"awskms:{name}", nobody), nobody)


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "RSA_2048"])
def test_what_kms_signs_verifies_everywhere(administrator: Cloud, spec: str) -> None:
    key = open_in_kms(make_kms_key(administrator, spec))
    assert verifies_everywhere(key, b"message")
    assert verifies_everywhere(key, LARGE)


def test_kms_is_sent_a_digest_as_messages_end_at_4096_bytes(administrator: Cloud) -> None:
    key = open_in_kms(make_kms_key(administrator, "ECC_NIST_P256"))
    requests: list[Any] = []
    events = cast("boto3.Session", boto3.DEFAULT_SESSION).events
    events.register("before-parameter-build.kms.Sign", lambda params, **_: requests.append(params))
    key = open_key(key._uri, key.public_key, nobody)
    assert verifies_everywhere(key, LARGE)
    assert [(request["MessageType"], len(request["Message"])) for request in requests] == [("DIGEST", 32)]


def test_a_kms_key_has_four_names_and_one_keyid(administrator: Cloud) -> None:
    arn, alias = make_kms_key(administrator, "ECC_NIST_P256"), f"alias/{uuid4().hex}"
    administrator.client("kms").create_alias(AliasName=alias, TargetKeyId=arn)
    account, identifier = arn.split(":key/")
    names = (identifier, arn, alias, f"{account}:{alias}")
    keys = [open_in_kms(name) for name in names]
    assert {key.public_key.keyid for key in keys} == {AWSSigner.import_(arn)[1].keyid}
    assert all(verifies_everywhere(key, b"message") for key in keys)


def test_an_alias_that_moved_to_another_key_is_noticed(administrator: Cloud) -> None:
    kms, alias = administrator.client("kms"), f"alias/{uuid4().hex}"
    kms.create_alias(AliasName=alias, TargetKeyId=make_kms_key(administrator, "ECC_NIST_P256"))
    key = open_in_kms(alias)
    kms.update_alias(AliasName=alias, TargetKeyId=make_kms_key(administrator, "ECC_NIST_P256"))
    assert f"expected a signature by {key.public_key.keyid}" in str(refused(lambda: key.sign(b"message")))


@pytest.mark.parametrize(
    ("spec", "usage"),
    [
        ("ECC_NIST_P384", "SIGN_VERIFY"),
        ("ECC_NIST_P521", "SIGN_VERIFY"),
        ("ECC_SECG_P256K1", "SIGN_VERIFY"),
        ("ECC_NIST_EDWARDS25519", "SIGN_VERIFY"),
        ("RSA_2048", "ENCRYPT_DECRYPT"),
    ],
)
def test_kms_keys_that_some_clients_refuse_are_not_found(administrator: Cloud, spec: str, usage: str) -> None:
    name = make_kms_key(administrator, spec, usage)
    with pytest.raises(NotPortable):
        find_key(f"awskms:{name}", nobody)


def test_kms_does_not_sign_for_keys_of_another_kind(administrator: Cloud) -> None:
    public_key = PrivateKey.generate("ed25519").public_key
    assert "does not sign as ed25519" in str(refused(lambda: open_key("awskms:alias/dev", public_key, nobody)))


def test_a_symmetric_or_missing_kms_key_is_refused(administrator: Cloud) -> None:
    secret = make_kms_key(administrator, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")
    assert "SIGN_VERIFY" in refused(lambda: find_key(f"awskms:{secret}", nobody)).hint
    missing = refused(lambda: find_key("awskms:alias/none", nobody))
    assert "awskms:alias/none: NotFoundException" in str(missing)
    assert "AWS_DEFAULT_REGION" in missing.hint


def test_a_disabled_kms_key_does_not_sign(administrator: Cloud) -> None:
    arn = make_kms_key(administrator, "ECC_NIST_P256")
    key = open_in_kms(arn)
    administrator.client("kms").disable_key(KeyId=arn)
    assert "Enable the key" in refused(lambda: key.sign(b"message")).hint


def test_who_may_not_sign_is_told_what_is_missing_once(cloud: Cloud, become: Become, caplog: pytest.LogCaptureFixture) -> None:
    arn = make_kms_key(cloud, "ECC_NIST_P256")
    become(cloud.environment(make_user(cloud, "kms:GetPublicKey")))
    key = open_in_kms(arn)
    assert "kms:Sign" in refused(lambda: key.sign(b"message")).hint
    become(cloud.environment(make_user(cloud, "kms:Sign")))
    assert "kms:GetPublicKey" in refused(lambda: find_key(f"awskms:{arn}", nobody)).hint
    assert verifies_everywhere(open_key(f"awskms:{arn}", key.public_key, nobody), b"message")
    assert not caplog.records


def test_unknown_credentials_and_a_missing_region_have_hints(cloud: Cloud, become: Become, monkeypatch: pytest.MonkeyPatch) -> None:
    become(cloud.environment(Credentials("AKIAUNKNOWN", "unknown")))
    assert "AWS_PROFILE" in refused(lambda: find_key("awskms:alias/dev", nobody)).hint
    become({})
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "AWS_DEFAULT_REGION" in refused(lambda: find_key("awskms:alias/dev", nobody)).hint
    become({"AWS_PROFILE": "nobody"})
    assert "AWS configuration" in refused(lambda: find_key("awskms:alias/dev", nobody)).hint


def test_no_credentials_at_all_have_a_hint(cloud: Cloud, become: Become, monkeypatch: pytest.MonkeyPatch) -> None:
    become({**cloud.environment(ADMINISTRATOR), "AWS_EC2_METADATA_DISABLED": "true"})
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    assert "aws sso login" in refused(lambda: find_key("awskms:alias/dev", nobody)).hint


def test_kms_that_nobody_answers_for_is_unreachable(become: Become, cloud: Cloud) -> None:
    become({**cloud.environment(ADMINISTRATOR), "AWS_ENDPOINT_URL": f"https://127.0.0.1:{free_port()}", "AWS_MAX_ATTEMPTS": "1"})
    with pytest.raises(Unreachable, match="awskms:alias/dev"):
        find_key("awskms:alias/dev", nobody)


@contextmanager
def kms_that_answers(status: int, answer: Mapping[str, object]) -> Iterator[str]:
    """An endpoint with one answer: what MiniStack never says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.dumps(answer).encode()
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not on the test's output."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "code"), [(400, "ThrottlingException"), (500, "KMSInternalException"), (503, "DependencyTimeoutException")]
)
def test_kms_that_cannot_answer_now_is_unreachable(cloud: Cloud, become: Become, status: int, code: str) -> None:
    with kms_that_answers(status, {"__type": code, "message": "later"}) as endpoint:
        become({**cloud.environment(ADMINISTRATOR), "AWS_ENDPOINT_URL": endpoint, "AWS_MAX_ATTEMPTS": "1"})
        with pytest.raises(Unreachable, match=f"{code}: later"):
            find_key("awskms:alias/dev", nobody)


def test_a_kms_key_that_only_encrypts_is_not_found_where_kms_tells_no_signing_algorithms(cloud: Cloud, become: Become) -> None:
    public = rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    answer = {"KeyId": "a", "PublicKey": base64.b64encode(public).decode(), "KeyUsage": "ENCRYPT_DECRYPT"}
    with kms_that_answers(200, {**answer, "EncryptionAlgorithms": ["RSAES_OAEP_SHA_256"]}) as endpoint:
        become({**cloud.environment(ADMINISTRATOR), "AWS_ENDPOINT_URL": endpoint})
        with pytest.raises(NotPortable, match="SIGN_VERIFY"):
            find_key("awskms:alias/dev", nobody)
