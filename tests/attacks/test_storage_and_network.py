"""A thief who holds every byte on its way: storage, CDN, DNS or the network. He has no key.

He can withhold, and replay what is younger than a timestamp's life. Clients refuse the rest, and go on by themselves afterwards.
"""

from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import ExpiredMetadataError, RepositoryError

from tests.attacks.fleet import Clients, Fleet
from tests.developer import Developer

NAME, LIFE = "acme/api", timedelta(hours=24)
OLD, NEW = {"app.bin": b"old, with a hole"}, {"app.bin": b"new, mended"}


@pytest.fixture
def owner(fleet: Fleet) -> Developer:
    owner = fleet.owner(NAME)
    owner.next_version(files=OLD).version = 1
    assert fleet.publish(NAME, owner.bundle("root", "targets"), OLD, "root.json").status == "published"
    return owner


def publish_the_mend(fleet: Fleet, owner: Developer) -> None:
    owner.next_version(files=NEW)
    assert fleet.publish(NAME, owner.signed(), NEW).status == "published"


def shown_now(fleet: Fleet) -> dict[str, bytes]:
    """Everything that is public of the repository at this moment."""
    return {key: fleet.public.body(key) for key in fleet.public.objects if key.startswith(f"{NAME}/")}


@pytest.mark.parametrize("name", ["metadata/timestamp.json", "metadata/2.snapshot.json", "metadata/2.targets.json"])
def test_a_changed_byte_is_refused(fleet: Fleet, owner: Developer, tmp_path: Path, name: str) -> None:
    clients = Clients(fleet, NAME, tmp_path)
    warm = clients.new()
    warm.refresh()
    publish_the_mend(fleet, owner)
    body = fleet.public.body(f"{NAME}/{name}")
    clients.network.replaced = {f"{NAME}/{name}": body.replace(b'"version":2', b'"version":3')}
    for client in (warm, clients.new()):
        with pytest.raises(RepositoryError):
            client.refresh()
    clients.network.replaced = {}
    for client in (warm, clients.new()):
        client.refresh()
        assert client.download("app.bin") == NEW["app.bin"]


def test_a_changed_file_is_refused(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    clients = Clients(fleet, NAME, tmp_path)
    client = clients.new()
    client.refresh()
    (place,) = [key for key in fleet.public.objects if key.endswith(".app.bin")]
    clients.network.replaced = {place: b"old, with a hol3"}
    with pytest.raises(RepositoryError):
        client.download("app.bin")


def test_who_has_seen_a_number_takes_no_lower_one(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    before = shown_now(fleet)
    publish_the_mend(fleet, owner)
    clients = Clients(fleet, NAME, tmp_path)
    warm = clients.new()
    seen = warm.refresh()
    clients.network.replaced = before
    with pytest.raises(RepositoryError):
        warm.refresh()
    clients.network.replaced = {}
    assert warm.refresh() == seen


def test_what_is_replayed_to_a_newcomer_is_at_most_a_timestamps_life_old(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    before = shown_now(fleet)
    publish_the_mend(fleet, owner)
    clients = Clients(fleet, NAME, tmp_path)
    clients.network.replaced = before
    fleet.clock.pass_time(LIFE - timedelta(minutes=1))
    newcomer = clients.new()
    newcomer.refresh()
    assert newcomer.download("app.bin") == OLD["app.bin"]
    fleet.clock.pass_time(timedelta(minutes=2))
    for client in (newcomer, clients.new()):
        with pytest.raises(ExpiredMetadataError):
            client.refresh()


def test_whoever_is_shown_nothing_new_knows_after_a_day_and_goes_on_afterwards(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    clients = Clients(fleet, NAME, tmp_path)
    warm = clients.new()
    warm.refresh()
    clients.network.replaced = shown_now(fleet)
    publish_the_mend(fleet, owner)
    fleet.pass_time(timedelta(days=1))
    fleet.clock.pass_time(timedelta(minutes=1))
    with pytest.raises(ExpiredMetadataError):
        warm.refresh()
    clients.network.replaced = {}
    warm.refresh()
    assert warm.download("app.bin") == NEW["app.bin"]
