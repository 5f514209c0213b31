"""Whatever is thrown into the inbox ends in a receipt, changes nothing public, and stands in nobody's way."""

import hashlib
import json

import pytest

from tests.builders import compact, envelope, key_object, keyid_of
from tests.poison import POISON, Poison
from tests.publisher.world import HELLO, World
from trustpress.core.parse import MAX_TARGETS_LENGTH


@pytest.mark.parametrize("poison", POISON, ids=lambda poison: poison.name)
def test_poison_ends_in_a_receipt_and_the_next_good_upload_goes_through(running: World, poison: Poison) -> None:
    running.upload_files({"poison/file.txt": b"poison"})
    good, signer = running.developer.next_version(), running.developer.signers["targets"][0]
    running.refuse(poison.build(good.to_dict(), signer), poison.code)
    good.version = 1
    running.publish_files(HELLO)
    assert running.download("dir/hello.txt") == b"hello"


@pytest.mark.parametrize("filename", ["targets", "targets.json.gz", "dir/targets.json", "a b.json", "../targets.json", ".json", ""])
def test_a_name_that_stands_for_no_role_is_refused(running: World, filename: str) -> None:
    running.developer.next_version()
    running.refuse(running.developer.signed(), "E_KEY", filename)


@pytest.mark.parametrize("rolename", ["snapshot", "timestamp", "mirrors", "__proto__", "7"])
def test_a_role_that_nobody_may_upload_is_refused(running: World, rolename: str) -> None:
    running.developer.next_version()
    running.refuse(running.developer.signed(), "E_PORTABLE", f"{rolename}.json")


def test_an_upload_over_the_cap_is_not_even_read(running: World) -> None:
    """Its receipt is found under the hash of its version instead."""
    running.upload(b" " * (MAX_TARGETS_LENGTH + 1))
    version = running.staging.objects["inbox/acme/api/metadata/targets.json"][-1].version_id
    [receipt] = running.drain()
    assert receipt.sha256 == hashlib.sha256(version.encode()).hexdigest()
    assert running.receipt(receipt.sha256)["code"] == "E_SIZE"


@pytest.mark.parametrize("hidden", [b"[" * 1_010 + b"]" * 1_010, b'{"a":' * 1_010 + b"0" + b"}" * 1_010])
def test_nesting_that_a_member_of_the_same_name_hides_is_refused(running: World, hidden: bytes) -> None:
    """orjson reads 1,024 levels, and keeps the last of two members; the parser that sees both gives up earlier."""
    running.developer.next_version()
    body = running.developer.signed().replace(b'"signed":', b'"signed": {"x-a": %b, "x-a": 0}, "signed":' % hidden, 1)
    running.refuse(body, "E_JSON")


@pytest.mark.parametrize("depth", [250, 255, 1_000])
def test_an_entry_nested_deeper_than_it_can_be_written_is_refused(running: World, depth: int) -> None:
    """orjson writes 254 levels of the 1,024 that it reads."""
    running.developer.next_version()
    nested = b'{"a":%b%b}' % (b"[" * depth, b"]" * depth)
    entry = b'{"hashes":{"sha256":"%b"},"length":1,"custom":%b}' % (b"0" * 64, nested)
    compact_entry = b'{"custom":%b,"hashes":{"sha256":"%b"},"length":1}' % (nested, b"0" * 64)
    for text in (entry, compact_entry):
        good = compact(json.loads(running.developer.signed()))
        running.refuse(good.replace(b'"targets":{}', b'"targets":{"a":%b}' % text), "E_JSON")


def test_a_receipt_stays_small_whatever_was_uploaded(running: World) -> None:
    """A publisher reads receipts again, up to a size: the same upload once more would stop it for good."""
    root = running.developer.next_root().to_dict()
    key = key_object("ed25519", "x" * 400_000, "00" * 32)
    root["keys"][keyid_of(key)] = key
    body = compact(envelope(root, *running.developer.signers["root"]))
    for _ in range(2):
        receipt = running.refuse(body, "E_PORTABLE", "root.json")
    assert len(running.staging.body(f"receipts/{running.name}/{receipt.sha256}.json")) < 5_000


def test_root_metadata_under_the_name_of_targets_is_refused(running: World) -> None:
    running.developer.next_root()
    running.refuse(running.developer.signed("root"), "E_SCHEMA", "targets.json")


def test_an_empty_bundle_is_refused(running: World) -> None:
    running.refuse(b"{}", "E_JSON", "bundle.json")


def test_one_bad_role_spoils_its_bundle(running: World) -> None:
    """All of a bundle becomes visible or nothing of it."""
    running.developer.next_version()
    running.developer.delegate("docs", "docs/*")
    running.developer.signers["docs"] = running.developer.signers["root"]
    running.refuse(running.developer.bundle("targets", "docs"), "E_SIG", "bundle.json")
