"""Whatever is thrown into the inbox ends in a receipt, changes nothing public, and stands in nobody's way."""

import copy
import hashlib
import json

import pytest

from tests.builders import compact, envelope, key_object, keyid_of
from tests.publish import refusals_page as page
from tests.publish.world import HELLO, World
from tests.refusals import CASES, Case, Kit
from trustpress.core.parse import MAX_TARGETS_LENGTH


@pytest.fixture(scope="module")
def delegating(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A running repository with `poison/*` delegated to docs, and a target file staged. Every case leaves it as good as it was."""
    world = World(tmp_path_factory.mktemp("delegating"))
    world.publish_first()
    world.developer.next_version()
    world.developer.delegate("docs", "poison/*")
    world.publish(world.developer.bundle("targets", "docs"), "bundle.json")
    world.upload_files({"poison/file.txt": b"poison"})
    return world


def kit_of(world: World) -> Kit:
    """The next versions, of which none is kept: what comes after a refusal has their numbers."""
    developer = copy.deepcopy(world.developer)
    goods = {
        "root": developer.next_root(),
        "targets": developer.next_version(),
        "docs": developer.next_version("docs", {"poison/file.txt": b"poison"}),
    }
    signers = {rolename: world.developer.signers[rolename][0] for rolename in goods}
    return Kit({rolename: signed.to_dict() for rolename, signed in goods.items()}, signers, world.clock.now())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_what_is_refused_ends_in_a_receipt_and_the_next_good_upload_goes_through(delegating: World, case: Case) -> None:
    receipt = delegating.refuse(case.build(kit_of(delegating)), case.code, case.file)
    page.expect(case, delegating.receipt(receipt.sha256)["hint"])
    delegating.publish_files(HELLO)
    assert delegating.download("dir/hello.txt") == b"hello"


def test_the_page_of_refusals_has_every_case_and_no_other() -> None:
    assert page.cases() == [(case.file, case.name, case.code) for case in CASES]


def test_what_cases_are_made_from_is_good(delegating: World) -> None:
    """Else they might be refused for another reason than their name says."""
    delegating.developer.next_root()
    delegating.developer.next_version()
    delegating.developer.next_version("docs", {"poison/file.txt": b"poison"})
    for rolename in ("root", "targets", "docs"):
        delegating.publish(delegating.developer.signed(rolename), f"{rolename}.json")


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


def test_one_bad_role_spoils_its_bundle(running: World) -> None:
    """All of a bundle becomes visible or nothing of it."""
    running.developer.next_version()
    running.developer.delegate("docs", "docs/*")
    running.developer.signers["docs"] = running.developer.signers["root"]
    running.refuse(running.developer.bundle("targets", "docs"), "E_SIG", "bundle.json")
