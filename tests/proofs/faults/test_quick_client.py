"""The quick client is believed as far as python-tuf's agrees with it: on what is right, and on everything that may be wrong."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import DownloadError, RepositoryError

from tests.builders import compact, envelope
from tests.clients.journey import Journey
from tests.proofs.faults.quick_client import QuickClient, RefusedError
from tests.publish.world import HELLO, ONLINE_SEED, World
from tests.readers import Seen

Damage = Callable[[World], None]

ONLINE = CryptoSigner(Ed25519PrivateKey.from_private_bytes(ONLINE_SEED))
PLACE = "acme/api/metadata/"
WARM_AND_COLD = range(2)  # a warm client looks at no snapshot that it holds already, a cold one does not know what goes back


def quick(world: World, client: QuickClient) -> Seen:
    def fetch(path: str) -> bytes | None:
        versions = world.public.objects.get(f"{world.name}/{path}")
        return versions[-1].body if versions else None

    return client.refresh(fetch, world.clock.now())


def test_both_clients_see_the_same_after_every_publish(world: World) -> None:
    steps = Journey(world).steps()
    next(steps)
    warm = QuickClient(world.public.body(f"{PLACE}1.root.json"))
    for step in steps:
        seen = world.see_as_clients_do()
        if "bin" in step:
            break  # the quick client knows no bins
        assert quick(world, warm) == seen, step
        assert quick(world, QuickClient(warm.first_root)) == seen, step


def overwrite(world: World, filename: str, body: bytes) -> None:
    world.public.objects.pop(PLACE + filename, None)
    world.public.upload(PLACE + filename, body)


def signed_online(world: World, filename: str, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The same metadata changed, and signed by the online key: what whoever holds it can do."""
    signed = json.loads(world.public.body(PLACE + filename))["signed"]
    change(signed)
    return compact(envelope(signed, ONLINE))


def commit_snapshot(world: World, change: Callable[[dict[str, Any]], None]) -> None:
    """A next snapshot and the timestamp that commits it."""
    version = world.published("timestamp.json")["meta"]["snapshot.json"]["version"]

    def next_snapshot(signed: dict[str, Any]) -> None:
        signed["version"] += 1
        change(signed)

    def next_timestamp(signed: dict[str, Any]) -> None:
        signed["version"] += 1
        signed["meta"] = {"snapshot.json": {"version": version + 1}}

    overwrite(world, f"{version + 1}.snapshot.json", signed_online(world, f"{version}.snapshot.json", next_snapshot))
    overwrite(world, "timestamp.json", signed_online(world, "timestamp.json", next_timestamp))


def change_timestamp(**members: Any) -> Damage:
    return lambda world: overwrite(world, "timestamp.json", signed_online(world, "timestamp.json", lambda signed: signed.update(members)))


def change_meta(change: Callable[[dict[str, Any]], None]) -> Damage:
    return lambda world: commit_snapshot(world, lambda signed: change(signed["meta"]))


def with_a_digit_changed(filename: str) -> Damage:
    def damage(world: World) -> None:
        body = world.public.body(PLACE + filename)
        overwrite(world, filename, body.replace(b'"expires":"2', b'"expires":"3'))

    return damage


def gone(key: str) -> Damage:
    def damage(world: World) -> None:
        del world.public.objects[next(found for found in world.public.objects if found.endswith(key))]

    return damage


def with_another_file(world: World) -> None:
    key = next(found for found in world.public.objects if found.endswith("hello.txt"))
    del world.public.objects[key]
    world.public.upload(key, b"jello")


def years_later(world: World) -> None:
    world.clock.pass_time(timedelta(days=2))


def with_a_forged_root(world: World) -> None:
    stranger = world.stranger()
    stranger.next_root()
    overwrite(world, "2.root.json", stranger.signed("root"))


DAMAGES = {
    "timestamp tampered with": with_a_digit_changed("timestamp.json"),
    "timestamp goes back": change_timestamp(version=1),
    "timestamp of a snapshot that goes back": change_timestamp(version=9, meta={"snapshot.json": {"version": 1}}),
    "timestamp of another snapshot hash": change_timestamp(
        version=9, meta={"snapshot.json": {"version": 3, "hashes": {"sha256": "0" * 64}}}
    ),
    "snapshot gone": gone("3.snapshot.json"),
    "snapshot tampered with": with_a_digit_changed("3.snapshot.json"),
    "a role dropped from snapshot": change_meta(lambda meta: meta.pop("docs.json")),
    "a role goes back": change_meta(lambda meta: meta.update({"targets.json": {"version": 1}})),
    "a role of another length": change_meta(lambda meta: meta["targets.json"].update(length=3)),
    "a role that is not there": change_meta(lambda meta: meta.update({"targets.json": {"version": 4}})),
    "a delegated role tampered with": with_a_digit_changed("1.docs.json"),
    "a target file gone": gone("hello.txt"),
    "a target file changed": with_another_file,
    "a forged root": with_a_forged_root,
    "everything expired": years_later,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_what_python_tuf_refuses_the_quick_client_refuses(world: World, damage: Damage) -> None:
    world.publish_first()
    world.developer.next_version()
    world.developer.delegate("docs", "docs/*")
    world.publish(world.developer.bundle("targets", "docs"))
    world.publish_files(HELLO)
    quick_clients = [QuickClient(world.public.body(f"{PLACE}1.root.json")) for _ in WARM_AND_COLD]
    readers = [world.onlookers.cold_reader(world.name) for _ in WARM_AND_COLD]
    quick(world, quick_clients[0])
    readers[0].refresh()
    damage(world)
    with pytest.raises((RepositoryError, DownloadError)):
        _ = [reader.download_all(["dir/hello.txt", "docs/none"]) for reader in readers]
    with pytest.raises(RefusedError):
        _ = [quick(world, client) for client in quick_clients]
