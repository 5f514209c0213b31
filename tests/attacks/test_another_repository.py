"""A thief who has no key: somebody who may publish under another name, and sits between clients and the edge.

He has the victim serve as its own what the deployment has signed for others: an old release that he keeps fresh in a
repository of his own (a freeze), or a timestamp with a higher number (a fast-forward).
"""

import copy
import json
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from tests.attacks.both import Lab
from tests.attacks.fleet import Clients, Fleet
from tests.developer import Developer
from tests.fakes import FakeClock, KeysOf
from trustpress.adapters.kms import Ed25519Signer

VICTIM, THIEF = "acme/api", "evil/mirror"
OLD, NEW = {"app.bin": b"old, with a hole"}, {"app.bin": b"new, mended"}


@pytest.fixture
def owner(fleet: Fleet) -> Developer:
    """The victim has published a version with a hole."""
    owner = fleet.owner(VICTIM)
    owner.next_version(files=OLD).version = 1
    assert fleet.publish(VICTIM, owner.bundle("root", "targets"), OLD).status == "published"
    return owner


def mirror(fleet: Fleet, owner: Developer) -> Developer:
    """A root of the thief's own, which lists the victim's public tagging key; targets are the victim's, replayed."""
    thief = fleet.owner(THIEF)
    thief.root.roles["targets"] = copy.deepcopy(owner.root.roles["targets"])
    thief.root.keys |= {keyid: owner.root.keys[keyid] for keyid in owner.root.roles["targets"].keyids}
    return thief


def release(fleet: Fleet, name: str) -> dict[str, bytes]:
    """The newest timestamp, the snapshot that it names, and the targets that this names, by file name."""
    timestamp = fleet.public.body(f"{name}/metadata/timestamp.json")
    number = json.loads(timestamp)["signed"]["meta"]["snapshot.json"]["version"]
    snapshot = fleet.public.body(f"{name}/metadata/{number}.snapshot.json")
    targets = f"{json.loads(snapshot)['signed']['meta']['targets.json']['version']}.targets.json"
    served = {"timestamp.json": timestamp, f"{number}.snapshot.json": snapshot}
    return {**served, targets: fleet.public.body(f"{name}/metadata/{targets}")}


def test_what_a_mirror_keeps_fresh_is_not_taken_for_the_repository_it_mirrors(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    old_targets = owner.signed()
    thief = mirror(fleet, owner)
    bundle = json.dumps({"root": json.loads(thief.signed("root")), "targets": json.loads(old_targets)}).encode()
    assert fleet.publish(THIEF, bundle, OLD).status == "published"
    clients = Clients(fleet, VICTIM, tmp_path)
    warm = clients.new()
    warm.refresh()
    owner.next_version(files=NEW)
    assert fleet.publish(VICTIM, owner.signed(), NEW).status == "published"
    fleet.pass_time(timedelta(days=60))

    clients.network.replaced = {f"{VICTIM}/metadata/{name}": body for name, body in release(fleet, THIEF).items()}
    for client in (warm, clients.new()):
        with pytest.raises(RepositoryError):
            client.refresh()

    clients.network.replaced = {}
    for client in (warm, clients.new()):
        client.refresh()
        assert client.download("app.bin") == NEW["app.bin"]


def test_where_one_key_signs_for_all_the_same_attack_works(lab: Lab, tmp_path: Path) -> None:
    """So it was once, and so it is for repositories whose root still lists a former key: what the tests here can see."""
    fleet = Fleet(FakeClock(), keys=KeysOf([Ed25519Signer(bytes(32))]), lab=lab)
    owner = fleet.owner(VICTIM)
    owner.next_version(files=OLD).version = 1
    assert fleet.publish(VICTIM, owner.bundle("root", "targets"), OLD).status == "published"
    old_targets = owner.signed()
    bundle = json.dumps({"root": json.loads(mirror(fleet, owner).signed("root")), "targets": json.loads(old_targets)}).encode()
    assert fleet.publish(THIEF, bundle, OLD).status == "published"
    owner.next_version(files=NEW)
    assert fleet.publish(VICTIM, owner.signed(), NEW).status == "published"
    fleet.pass_time(timedelta(days=60))
    clients = Clients(fleet, VICTIM, tmp_path)
    clients.network.replaced = {f"{VICTIM}/metadata/{name}": body for name, body in release(fleet, THIEF).items()}
    client = clients.new()
    client.refresh()
    assert client.download("app.bin") == OLD["app.bin"]


def test_a_mirror_cannot_list_the_key_of_the_repository_it_mirrors(fleet: Fleet, owner: Developer) -> None:
    thief = mirror(fleet, owner)
    listed = {keyid: owner.root.keys[keyid] for keyid in owner.root.roles["timestamp"].keyids}
    for rolename in ("snapshot", "timestamp"):
        thief.root.roles[rolename] = copy.deepcopy(owner.root.roles[rolename])
    thief.root.keys |= listed
    bundle = json.dumps({"root": json.loads(thief.signed("root")), "targets": json.loads(owner.signed())}).encode()
    receipt = fleet.publish(THIEF, bundle, OLD)
    assert receipt.error is not None
    assert receipt.error.code == "E_ONLINE"
    assert not [key for key in fleet.public.objects if key.startswith(f"{THIEF}/") and not key.endswith("online-keys.json")]


def test_the_number_of_a_busier_repository_is_not_remembered(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    busy = fleet.owner("acme/busy")
    assert fleet.publish("acme/busy", busy.bundle("root", "targets")).status == "published"
    for _ in range(20):
        busy.next_version()
        assert fleet.publish("acme/busy", busy.signed()).status == "published"
    clients = Clients(fleet, VICTIM, tmp_path)
    warm = clients.new()
    warm.refresh()
    clients.network.replaced = {f"{VICTIM}/metadata/timestamp.json": fleet.public.body("acme/busy/metadata/timestamp.json")}
    with pytest.raises(RepositoryError):
        warm.refresh()
    clients.network.replaced = {}
    assert warm.refresh().timestamp == 1


def test_no_release_of_a_fleet_is_taken_for_anothers(lab: Lab, tmp_path: Path) -> None:
    """Fifty repositories, under two masters and in two deployments: python-tuf's client of each is served every other one's release,
    tuf-js's that of a neighbour, of one under the other master and of its namesake.
    """
    clock = FakeClock()
    first, second = Fleet(clock, "first", lab=lab), Fleet(clock, "second")
    for number in range(50):
        if number == 25:
            first.masters.make_next()
        for fleet in (first, second):
            owner = fleet.owner(f"acme/{number}")
            assert fleet.publish(f"acme/{number}", owner.bundle("root", "targets")).status == "published"
            if number % 3:
                owner.next_version()
                assert fleet.publish(f"acme/{number}", owner.signed()).status == "published"
    others = [(fleet, f"acme/{number}") for fleet in (first, second) for number in range(50)]
    for number, (_, name) in enumerate(others[:50]):
        clients = Clients(first, name, tmp_path)
        warm, both = clients.python_tuf(), clients.new()
        seen = warm.refresh()
        assert both.refresh() == seen
        near = [others[(number + 1) % 50], others[(number + 25) % 50], others[number + 50]]  # the last: its namesake
        for fleet, other in others[:number] + others[number + 1 :]:
            clients.network.replaced = {f"{name}/metadata/{file}": body for file, body in release(fleet, other).items()}
            for client in (warm, both) if (fleet, other) in near else (warm,):
                with pytest.raises(RepositoryError):
                    client.refresh()
        clients.network.replaced = {}
        for client in (warm, both):
            assert client.refresh() == seen
    roots = [Metadata[Root].from_bytes(fleet.public.body(f"{name}/metadata/1.root.json")).signed for fleet, name in others]
    listed = [keyid for root in roots for keyid in root.roles["timestamp"].keyids]
    assert len(set(listed)) == len(listed)
