"""One key that counts twice: clients let it pass, so the publisher must not (CVE-2020-6174, CVE-2026-6966)."""

from collections.abc import Iterator

import pytest
from securesystemslib.signer import Signer

from tests.builders import (
    EXPIRES,
    NOW,
    JsonObject,
    compact,
    ed25519_signer,
    envelope,
    keyid_of,
    p256_signer,
    respelled,
    root,
    rsa_signer,
    snapshot,
    targets,
    timestamp,
    tuf_key,
)
from tests.proofs.fuzz.clients import Release, TufJsReleases, read_with_python_tuf
from trustpress.core.parse import parse_upload
from trustpress.errors import Invalid

SIGNERS: dict[str, Signer] = {"P-256": p256_signer("double"), "RSA": rsa_signer("double")}

# What Node does not read as a key; python-tuf reads all of them.
UNREADABLE_TO_NODE = {"text before", "PKCS1"}
SPELLINGS = [(kind, how) for kind, signer in SIGNERS.items() for how in respelled(tuf_key(signer))]


@pytest.fixture(scope="module")
def tuf_js(installed_tuf_js: None) -> Iterator[TufJsReleases]:
    with TufJsReleases() as reader:
        yield reader


def release_of(first_root: JsonObject, signed_targets: JsonObject) -> Release:
    """A release with this root and these targets; the rest is in order."""
    signed_root = compact(envelope(first_root, ed25519_signer("root")))
    files = {
        "1.root.json": signed_root,
        "timestamp.json": compact(envelope(timestamp(), ed25519_signer("timestamp"))),
        "1.snapshot.json": compact(envelope(snapshot({"targets": 1}), ed25519_signer("snapshot"))),
        "1.targets.json": compact(signed_targets),
    }
    return Release(signed_root, files, {}, NOW, ["a.txt"])


def counted_twice(signer: Signer, *keys: JsonObject) -> Release:
    """Targets asks for two keys, which are one; it signs once, and its signature is there twice."""
    first_root = root(expires=EXPIRES)
    first_root["keys"] |= {keyid_of(key): key for key in keys}
    first_root["roles"]["targets"] = {"keyids": [keyid_of(key) for key in keys], "threshold": 2}
    signed = envelope(targets({"a.txt": b"a"}), signer)
    [signature] = signed["signatures"]
    return release_of(first_root, {**signed, "signatures": [{**signature, "keyid": keyid_of(key)} for key in keys]})


@pytest.mark.parametrize(("kind", "how"), SPELLINGS)
def test_one_key_under_two_keyids_meets_threshold_two_for_clients_and_not_for_us(kind: str, how: str, tuf_js: TufJsReleases) -> None:
    key = tuf_key(SIGNERS[kind])
    release = counted_twice(SIGNERS[kind], key, respelled(key)[how])
    assert read_with_python_tuf(release).refusal == ""
    assert (tuf_js.read([release])[0].refusal == "") == (how not in UNREADABLE_TO_NODE)
    with pytest.raises(Invalid):
        parse_upload("root.json", release.first_root)


def test_one_key_under_two_keytypes_does_too_in_tuf_js(tuf_js: TufJsReleases) -> None:
    """python-tuf counts what is the same text once."""
    key = tuf_key(SIGNERS["P-256"])
    release = counted_twice(SIGNERS["P-256"], key, {**key, "keytype": "ecdsa-sha2-nistp256"})
    assert "1/2 keys" in read_with_python_tuf(release).refusal
    assert tuf_js.read([release])[0].refusal == ""
    with pytest.raises(Invalid, match="one key is listed twice"):
        parse_upload("root.json", release.first_root)


def test_a_second_key_is_what_both_ask_for(tuf_js: TufJsReleases) -> None:
    """The control: with one signature by one key, neither client accepts threshold two."""
    key, other = tuf_key(SIGNERS["P-256"]), tuf_key(p256_signer("another"))
    release = counted_twice(SIGNERS["P-256"], key, other)
    assert "UnsignedMetadataError" in read_with_python_tuf(release).refusal
    assert tuf_js.read([release])[0].refusal != ""
    parse_upload("root.json", release.first_root)


def test_a_root_key_that_signs_timestamps_is_accepted_by_clients(tuf_js: TufJsReleases) -> None:
    """Refused by the publisher: in docs/refusals.md it is `the root key is a timestamp key too`."""
    first_root = root(expires=EXPIRES, signers={"timestamp": [ed25519_signer("timestamp"), ed25519_signer("root")]})
    release = release_of(first_root, envelope(targets(), ed25519_signer("targets")))
    assert read_with_python_tuf(release).refusal == ""
    assert tuf_js.read([release])[0].refusal == ""
