"""A thief who broke into publish, refresh or recover, and left with the master secret: every online key of every generation.

He signs snapshots and timestamps as the deployment does. He can hide new versions, mix existing ones, and move numbers; he
cannot have a client install what no owner has signed. To rotate one key does not help, a new master does.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError

from tests.attacks.fleet import Clients, Fleet, MasterThief
from tests.developer import Developer
from tests.fakes import RecordingInvalidator
from trustpress.core import layout
from trustpress.core.metadata import MetaFile
from trustpress.core.overlap import OVERLAP
from trustpress.core.parse import parse_targets
from trustpress.ports import Caching
from trustpress.recover.recovery import Recovery
from trustpress.rekey import Rekeying

NAME = "acme/api"
OLD, NEW, EVIL = {"app.bin": b"old, with a hole"}, {"app.bin": b"new, mended"}, {"app.bin": b"evil"}


@pytest.fixture
def owner(fleet: Fleet) -> Developer:
    owner = fleet.owner(NAME)
    owner.next_version(files=OLD).version = 1
    assert fleet.publish(NAME, owner.bundle("root", "targets"), OLD, "root.json").status == "published"
    owner.next_version(files=NEW)
    assert fleet.publish(NAME, owner.signed(), NEW).status == "published"
    return owner


def listed(fleet: Fleet, version: int) -> MetaFile:
    return parse_targets(fleet.public.body(f"{NAME}/metadata/{version}.targets.json")).meta_file


def test_he_hides_the_mend_from_whoever_has_not_seen_it(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    clients = Clients(fleet, NAME, tmp_path)
    warm = clients.new()
    warm.refresh()
    MasterThief(fleet, NAME).show(listed(fleet, 1), 50)
    cold = clients.new()
    cold.refresh()
    assert cold.download("app.bin") == OLD["app.bin"]
    with pytest.raises(RepositoryError):
        warm.refresh()


def test_he_installs_nothing_that_the_owner_did_not_sign(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    stranger = Developer(fleet.keys.offered(NAME, None), owner.expires)
    stranger.next_version(files=EVIL).version = 3
    body = stranger.signed()
    fleet.public.put(f"{NAME}/metadata/3.targets.json", body, Caching.IMMUTABLE)
    MasterThief(fleet, NAME).show({"version": 3}, 50)
    with pytest.raises(RepositoryError):
        Clients(fleet, NAME, tmp_path).new().refresh()


def test_another_generation_keeps_him_in_and_a_new_master_does_not(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    thief, clients = MasterThief(fleet, NAME), Clients(fleet, NAME, tmp_path)
    warm = clients.new()
    rotate(fleet, owner)
    before = warm.refresh()
    thief.show(listed(fleet, 2), 1_000_000, generation=2)
    assert warm.refresh().timestamp == 1_000_000

    rekeying = Rekeying(fleet.staging, fleet.public, fleet.masters, fleet.derived)
    rekeying.begin()
    assert rekeying.survey(fleet.clock).behind == [NAME]
    Recovery(fleet.staging, fleet.public, fleet.keys, RecordingInvalidator(), workers=1).recover(NAME, fleet.clock)
    list_the_shown_key(fleet, owner)
    for client in (warm, clients.new()):
        seen = client.refresh()
        assert not seen.is_older_than(before)
        assert client.download("app.bin") == NEW["app.bin"]
    fleet.clock.pass_time(OVERLAP)
    for generation in (1, 2, 3):
        shown = {key: fleet.public.body(key) for key in fleet.public.objects}
        thief.show(listed(fleet, 2), 3_000_000 + generation, generation)
        with pytest.raises(RepositoryError):
            clients.new().refresh()
        fleet.public.put(layout.timestamp(NAME), shown[layout.timestamp(NAME)], Caching.COMMIT)
    fleet.pass_time(timedelta(days=1))
    assert warm.refresh().root == 3


def rotate(fleet: Fleet, owner: Developer) -> None:
    fleet.ask(NAME)
    list_the_shown_key(fleet, owner)


def list_the_shown_key(fleet: Fleet, owner: Developer) -> None:
    owner.next_root()
    owner.list_online_keys(fleet.shown(NAME)[-1:])
    assert fleet.publish(NAME, owner.signed("root"), filename="root.json").status == "waiting"
    fleet.clock.pass_time(OVERLAP)
    assert [receipt.status for receipt in fleet.publisher.drain(NAME, fleet.clock).receipts] == ["published"]
