"""Thieves at the ends: one with a build system's credentials and no key, one with every key and the right to upload."""

import copy
import json
from pathlib import Path

import pytest

from tests.attacks.fleet import Clients, Fleet
from tests.developer import Developer
from trustpress.publish.backlog import MAX_UNVERIFIED

NAME = "acme/api"
GOOD, NEW, EVIL = {"app.bin": b"good"}, {"app.bin": b"newer"}, {"app.bin": b"evil"}


@pytest.fixture
def owner(fleet: Fleet) -> Developer:
    owner = fleet.owner(NAME)
    owner.next_version(files=GOOD).version = 1
    assert fleet.publish(NAME, owner.bundle("root", "targets"), GOOD, "root.json").status == "published"
    return owner


def test_a_build_systems_credentials_publish_nothing_that_no_key_signed(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    stranger = Developer(fleet.shown(NAME)[:1], owner.expires)
    stranger.next_version(files=EVIL).version = 2
    receipt = fleet.publish(NAME, stranger.signed(), EVIL)
    assert (receipt.status, receipt.error and receipt.error.code) == ("rejected", "E_SIG")
    client = Clients(fleet, NAME, tmp_path).new()
    client.refresh()
    assert client.download("app.bin") == GOOD["app.bin"]


def test_nor_do_they_keep_the_owner_from_publishing(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    """He fills the inbox with what waits for something that never comes, and with files in the place of the owner's."""
    junk = json.dumps({"signatures": [], "signed": {}}).encode()
    for number in range(2 * MAX_UNVERIFIED):
        fleet.staging.upload(f"inbox/{NAME}/metadata/junk-{number}.json", junk)
    fleet.publisher.drain(NAME, fleet.clock)
    owner.next_version(files=NEW)
    receipts = fleet.publish_all(NAME, owner.signed(), NEW)
    assert "published" in {receipt.status for receipt in receipts}
    client = Clients(fleet, NAME, tmp_path).new()
    client.refresh()
    assert client.download("app.bin") == NEW["app.bin"]


def test_the_offline_key_decides_everything_and_nothing_undoes_its_theft(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    """Whoever has it makes the next root, with keys of his own: clients follow him, and take the owner for the thief."""
    clients = Clients(fleet, NAME, tmp_path)
    warm = clients.new()
    warm.refresh()
    thief = copy.copy(owner)
    thief.root, thief.roles = copy.deepcopy(owner.root), copy.deepcopy(owner.roles)
    thief.signers = {rolename: [*signers] for rolename, signers in owner.signers.items()}
    thief.next_root()
    thief.replace_key("root")
    assert fleet.publish(NAME, thief.signed("root"), filename="root.json").status == "published"
    thief.next_version(files=EVIL)
    assert fleet.publish(NAME, thief.signed(), EVIL).status == "published"
    for client in (warm, clients.new()):
        client.refresh()
        assert client.download("app.bin") == EVIL["app.bin"]
    owner.next_root()
    owner.replace_key("root")
    assert fleet.publish(NAME, owner.signed("root"), filename="root.json").status == "rejected"
