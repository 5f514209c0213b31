"""A thief who may upload to an inbox and read what waits there, and has no key: he has a rotation break its clients.

New targets wait until no cache remembers the root that lists their key as missing. Only whoever replaces a stolen key may have
them shown at once, together with that root, and clients fail for a while. The thief brings both together: they are public.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError

from tests.attacks.fleet import Clients, Fleet
from tests.developer import Developer

REPOSITORY, OLD, NEW = "acme/api", {"app.bin": b"old"}, {"app.bin": b"new"}


@pytest.fixture
def owner(fleet: Fleet) -> Developer:
    """In the middle of a rotation: root 2 lists the new tagging key next to the old one, and the new one signs targets."""
    owner = fleet.owner(REPOSITORY)
    owner.next_version(files=OLD).version = 1
    assert fleet.publish(REPOSITORY, owner.bundle("root", "targets"), OLD).status == "published"
    former = owner.signers["targets"][-1].public_key
    owner.next_root()
    owner.replace_key("targets")
    owner.root.add_key(former, "targets")
    fleet.clock.pass_time(timedelta(hours=1))
    assert fleet.publish(REPOSITORY, owner.signed("root"), filename="root.json").status == "published"
    owner.next_version(files=NEW)
    assert fleet.publish(REPOSITORY, owner.signed(), NEW).status == "waiting"
    return owner


def behind_a_cache(fleet: Fleet, state: Path) -> Clients:
    """Clients to whom a cache still says that there is no root 2."""
    clients = Clients(fleet, REPOSITORY, state)
    clients.network.missing.add(f"{REPOSITORY}/metadata/2.root.json")
    return clients


def test_who_brings_targets_that_wait_and_the_public_root_together_shows_them_no_sooner(
    fleet: Fleet, owner: Developer, tmp_path: Path
) -> None:
    clients = behind_a_cache(fleet, tmp_path)
    warm = clients.new()
    warm.refresh()
    fleet.staging.upload(f"inbox/{REPOSITORY}/metadata/both.root.json", owner.bundle("root", "targets"))
    assert {receipt.status for receipt in fleet.publisher.drain(REPOSITORY, fleet.clock).receipts} == {"waiting"}
    for client in (warm, clients.new()):
        client.refresh()
        assert client.download("app.bin") == OLD["app.bin"]
    fleet.clock.pass_time(fleet.publisher._overlap)
    assert {receipt.status for receipt in fleet.publisher.drain(REPOSITORY, fleet.clock).receipts} == {"published"}
    assert Clients(fleet, REPOSITORY, tmp_path / "later").new().download("app.bin") == NEW["app.bin"]


def test_the_owner_who_says_so_in_root_has_them_shown_at_once(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    """The price is what the thief was after, and the owner is told it."""
    clients = behind_a_cache(fleet, tmp_path)
    owner.next_root_at_once()
    fleet.staging.upload(f"inbox/{REPOSITORY}/metadata/both.root.json", owner.bundle("root", "targets"))
    receipts = fleet.publisher.drain(REPOSITORY, fleet.clock).receipts
    assert {receipt.status for receipt in receipts} == {"published"}
    assert any(receipt.note for receipt in receipts)
    with pytest.raises(RepositoryError):
        clients.new().refresh()
    clients.network.missing.clear()
    assert clients.new().download("app.bin") == NEW["app.bin"]


def test_a_root_that_replaces_a_key_at_once_says_so_itself(fleet: Fleet, owner: Developer) -> None:
    """One who has begun to replace a stolen key, and put root and targets into the inbox one by one, has not said it."""
    fleet.clock.pass_time(timedelta(hours=1))
    fleet.publisher.drain(REPOSITORY, fleet.clock)
    owner.next_root()
    owner.replace_key("targets")
    owner.root.roles["targets"].keyids = owner.root.roles["targets"].keyids[-1:]
    owner.next_version()
    receipt = fleet.publish(REPOSITORY, owner.bundle("root", "targets"), filename="both.root.json")
    assert receipt.error is not None
    assert (receipt.status, receipt.error.code) == ("rejected", "E_ROOT")
