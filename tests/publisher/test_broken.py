"""What is published and does not verify stops everything: a person must look, and nothing is written over it."""

import json
from collections.abc import Callable

import pytest

from tests.publisher.world import HELLO, World
from trustpress.errors import BrokenRepository

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


def test_a_warm_container_notices_a_rollback_that_its_register_does_not_show(running: World) -> None:
    """The register is raised after the commit; a crash between the two leaves it behind."""
    running.publish_files(HELLO)
    register = json.loads(running.staging.body("repositories/acme%2Fapi.json"))
    running.staging.upload("repositories/acme%2Fapi.json", json.dumps(register | {"snapshot": 1, "timestamp": 1}).encode())
    rolled_back(running)
    with pytest.raises(BrokenRepository):
        running.publisher.drain(running.name, running.clock)


def test_a_missing_timestamp_is_never_taken_for_a_first_publish(running: World) -> None:
    """CVE-2022-29173: a missing previous state is an error, not version 0."""
    gone("timestamp.json")(running)
    running.start()
    running.upload(running.developer.bundle("root", "targets"), "first.json")
    with pytest.raises(BrokenRepository):
        running.publisher.drain(running.name, running.clock)
