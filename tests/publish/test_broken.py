"""What is published and does not verify stops everything: a person must look, and nothing is written over it."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Timestamp

from tests.publish.troubles import calm
from tests.publish.world import HELLO, ONLINE_SEED, World
from trustpress.errors import BrokenRepository, Unavailable

Damage = Callable[[World], None]


def overwrite(world: World, filename: str, body: bytes) -> None:
    key = f"acme/api/metadata/{filename}"
    world.public.objects.pop(key, None)
    world.public.upload(key, body)


def tampered(filename: str) -> Damage:
    """One digit of the expiry is another: the signature does not verify."""

    def damage(world: World) -> None:
        body = world.public.body(f"acme/api/metadata/{filename}")
        changed = body.replace(b'"expires":"2', b'"expires":"3', 1)
        assert changed != body
        overwrite(world, filename, changed)

    return damage


def gone(filename: str) -> Damage:
    def damage(world: World) -> None:
        del world.public.objects[f"acme/api/metadata/{filename}"]

    return damage


def garbled(filename: str) -> Damage:
    return lambda world: overwrite(world, filename, b"<html>")


def rolled_back(world: World) -> None:
    """The bucket was restored from a copy made after the first publish."""
    key = "acme/api/metadata/timestamp.json"
    world.public.objects[key] = world.public.objects[key][:1]


def without_register(world: World) -> None:
    world.staging.objects.pop("repositories/acme%2Fapi.json")


def with_unreadable_register(world: World) -> None:
    world.staging.upload("repositories/acme%2Fapi.json", b'{"first_root": 1}')


def with_another_pinned_root(world: World) -> None:
    register = json.loads(world.staging.body("repositories/acme%2Fapi.json"))
    world.staging.upload("repositories/acme%2Fapi.json", json.dumps(register | {"root": "0" * 64}).encode())


def with_a_forged_root(world: World) -> None:
    """The next root, well formed, signed by keys that nobody trusts."""
    stranger = world.stranger()
    stranger.next_root()
    world.public.upload("acme/api/metadata/2.root.json", stranger.signed("root"))


def with_a_strangers_roots(world: World) -> None:
    """A chain of their own from root 1 on, whose second root is newer than any in the register; it lists our online key."""
    stranger = world.stranger()
    overwrite(world, "1.root.json", stranger.signed("root"))
    stranger.next_root()
    overwrite(world, "2.root.json", stranger.signed("root"))


def put_timestamp(world: World, version: int, snapshot: int, seed: bytes) -> None:
    """What whoever has the key from this seed can make of what is there."""
    timestamp = Timestamp(version, expires=world.developer.expires, snapshot_meta=MetaFile(snapshot))
    metadata: Metadata[Timestamp] = Metadata(timestamp)
    metadata.sign(CryptoSigner(Ed25519PrivateKey.from_private_bytes(seed)))
    overwrite(world, "timestamp.json", metadata.to_bytes())


def with_a_forged_timestamp(world: World) -> None:
    put_timestamp(world, version=3, snapshot=2, seed=bytes(32))


def with_an_old_snapshot_under_a_new_timestamp(world: World) -> None:
    put_timestamp(world, version=3, snapshot=1, seed=ONLINE_SEED)


DAMAGES = {
    "timestamp tampered with": tampered("timestamp.json"),
    "snapshot tampered with": tampered("2.snapshot.json"),
    "targets tampered with": tampered("2.targets.json"),
    "root tampered with": tampered("1.root.json"),
    "timestamp gone": gone("timestamp.json"),
    "snapshot gone": gone("2.snapshot.json"),
    "targets gone": gone("2.targets.json"),
    "root gone": gone("1.root.json"),
    "timestamp garbled": garbled("timestamp.json"),
    "snapshot garbled": garbled("2.snapshot.json"),
    "targets garbled": garbled("2.targets.json"),
    "root garbled": garbled("1.root.json"),
    "a next root that does not verify": garbled("2.root.json"),
    "a next root that is forged": with_a_forged_root,
    "a stranger's chain of roots": with_a_strangers_roots,
    "a next timestamp that is forged": with_a_forged_timestamp,
    "an old snapshot under a new timestamp": with_an_old_snapshot_under_a_new_timestamp,
    "bucket rolled back": rolled_back,
    "register gone": without_register,
    "register unreadable": with_unreadable_register,
    "register pins another root": with_another_pinned_root,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_broken_repository_is_never_written_over(running: World, damage: Damage) -> None:
    running.publish_files(HELLO)
    damage(running)
    running.start()
    before = dict(running.public.objects)
    running.developer.next_version()
    running.upload(running.developer.signed())
    with pytest.raises(BrokenRepository) as caught:
        running.publisher.drain(running.name, running.clock)
    assert caught.value.code == "E_STATE"
    assert "acme/api" in str(caught.value)
    assert running.public.objects == before
    assert running.inbox() == ["inbox/acme/api/metadata/targets.json"]


SEEN_BY_WARM_CONTAINERS = {
    name: DAMAGES[name]
    for name in (
        "timestamp tampered with",
        "timestamp gone",
        "timestamp garbled",
        "a next root that does not verify",
        "a next root that is forged",
        "a next timestamp that is forged",
        "an old snapshot under a new timestamp",
        "bucket rolled back",
    )
}


@pytest.mark.parametrize("damage", SEEN_BY_WARM_CONTAINERS.values(), ids=SEEN_BY_WARM_CONTAINERS.keys())
def test_a_warm_container_trusts_nothing_that_changed(running: World, damage: Damage) -> None:
    running.publish_files(HELLO)
    damage(running)
    before = dict(running.public.objects)
    with pytest.raises(BrokenRepository):
        running.publisher.drain(running.name, running.clock)
    assert running.public.objects == before


def test_a_container_remembers_a_commit_that_no_register_shows(running: World) -> None:
    """Storage failed right after the commit: only this container knows of it."""
    running.developer.next_version()
    publish_without_receipt(running, running.developer.signed())
    rolled_back(running)
    with pytest.raises(BrokenRepository):
        running.publisher.drain(running.name, running.clock)


def test_a_container_remembers_a_first_commit_that_no_register_shows(world: World) -> None:
    publish_without_receipt(world, world.developer.bundle("root", "targets"))
    gone("timestamp.json")(world)
    with pytest.raises(BrokenRepository):
        world.publisher.drain(world.name, world.clock)


def publish_without_receipt(world: World, body: bytes) -> None:
    def fail(operation: str, key: str) -> None:
        if operation == "PUT" and key.startswith("receipts/"):
            raise Unavailable("storage is away")

    world.upload(body, "all.root.json" if b'"root"' in body[:8] else "targets.json")
    world.staging.before = fail
    with pytest.raises(Unavailable):
        world.publisher.drain(world.name, world.clock)
    world.staging.before = calm
    world.see_as_clients_do()


def test_a_refresh_that_was_rolled_back_is_noticed(running: World) -> None:
    """The snapshot is the same; a client that saw the later timestamp would refuse the earlier one."""
    running.clock.pass_time(timedelta(hours=13))
    running.refresher.refresh(running.name, running.clock)
    running.drain()
    rolled_back(running)
    running.start()
    with pytest.raises(BrokenRepository):
        running.publisher.drain(running.name, running.clock)


def test_a_missing_timestamp_is_never_taken_for_a_first_publish(running: World) -> None:
    """CVE-2022-29173: a missing previous state is an error, not version 0."""
    gone("timestamp.json")(running)
    running.start()
    running.upload(running.developer.bundle("root", "targets"), "first.root.json")
    with pytest.raises(BrokenRepository):
        running.publisher.drain(running.name, running.clock)
