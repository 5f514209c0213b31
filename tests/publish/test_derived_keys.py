"""Each repository has an online key of its own, derived from the master in use; nobody else's is ever published."""

import json
import os
import timeit
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tests.developer import Developer
from tests.fakes import FakeVault, KeysOf, derived_keys
from tests.publish.world import HELLO, World
from trustpress.adapters.kms import Ed25519Signer
from trustpress.core.derivation import derive_seed
from trustpress.core.keys import PublicKey, parse_key
from trustpress.core.overlap import OVERLAP
from trustpress.core.parse import parse_root
from trustpress.errors import BrokenRepository, Misconfigured, StillNeeded
from trustpress.online_keys import MAX_GENERATIONS, DerivedKeys, OnlyKey
from trustpress.ports import Caching, OnlineKeys
from trustpress.publish.publisher import Publisher
from trustpress.publish.refresher import Refresher
from trustpress.store.masters import Masters

FORMER = Ed25519Signer(bytes(31) + b"f")


class DerivedWorld(World):
    """A world whose online keys are the repository's own, as the template has them."""

    def __init__(self, state: Path, name: str = "acme/api", former: tuple[Ed25519Signer, ...] = ()) -> None:
        super().__init__(state, name)
        self.former = former
        self.masters = Masters(self.staging, FakeVault())
        self.masters.make_first()
        self.start()
        self.developer.list_online_keys(self.offered()[:1])

    @property
    def keys(self) -> OnlineKeys:
        """As a new container finds them."""
        return DerivedKeys(Masters(self.staging, FakeVault()), Ed25519Signer, self.former)

    def start(self, workers: int = 16) -> None:
        if hasattr(self, "masters"):
            self.publisher = Publisher(
                self.staging, self.public, self.keys, lambda attempt: None, workers, announcer=self.announcer, overlap=self.overlap
            )
            self.refresher = Refresher(self.staging, self.public, self.keys, overlap=self.overlap)

    def offered(self) -> list[PublicKey]:
        """What the publisher shows to whoever asks by an empty upload."""
        self.staging.upload(f"inbox/{self.name}/metadata/online-keys.json", b"")
        assert self.publisher.drain(self.name, self.clock).receipts == []
        assert f"inbox/{self.name}/metadata/online-keys.json" not in self.staging.objects
        return shown(json.loads(self.public.body(f"{self.name}/metadata/online-keys.json")))

    def rotate(self, key: PublicKey) -> None:
        """The owner signs a root that lists this key alone, and every cache forgets."""
        self.developer.next_root()
        self.developer.list_online_keys([key])
        self.wait(self.developer.signed("root"), "E_ROOT", "root.json")
        self.clock.pass_time(OVERLAP)
        assert [receipt.status for receipt in self.drain()] == ["published"]


def shown(value: Mapping[str, object]) -> list[PublicKey]:
    keys, roles = value["keys"], value["roles"]
    assert isinstance(keys, dict)
    assert isinstance(roles, dict)
    assert roles["snapshot"] == roles["timestamp"]
    return [parse_key(keyid, keys[keyid]) for keyid in roles["timestamp"]["keyids"]]


@pytest.fixture
def derived(tmp_path: Path) -> DerivedWorld:
    world = DerivedWorld(tmp_path)
    world.publish_first()
    return world


def test_a_new_repository_is_offered_one_key_and_a_published_one_the_next_too(tmp_path: Path) -> None:
    world = DerivedWorld(tmp_path)
    (first,) = world.offered()
    world.publish_first()
    assert world.signers_of("timestamp.json") == world.signers_of("1.snapshot.json") == {first.keyid}
    again, second = world.offered()
    assert again == first
    world.rotate(second)
    assert world.offered()[0] == second


def test_two_repositories_have_no_key_in_common(tmp_path: Path) -> None:
    keys = derived_keys(World(tmp_path).staging)
    offered = [keys.offered(name, None)[0].keyid for name in ("acme/api", "acme/web", "acme")]
    assert len(set(offered)) == 3


def test_a_rotation_is_the_next_generation_and_the_former_key_stops_when_caches_have_forgotten(derived: DerivedWorld) -> None:
    first, second = derived.offered()
    derived.rotate(second)
    assert derived.signers_of("timestamp.json") == {first.keyid, second.keyid}
    derived.clock.pass_time(OVERLAP - timedelta(seconds=1))
    derived.publish_files({"a.txt": b"a"})
    assert derived.signers_of("timestamp.json") == {first.keyid, second.keyid}
    derived.clock.pass_time(timedelta(seconds=1))
    derived.publish_files({"b.txt": b"b"})
    snapshot = derived.published("timestamp.json")["meta"]["snapshot.json"]["version"]
    assert derived.signers_of("timestamp.json") == derived.signers_of(f"{snapshot}.snapshot.json") == {second.keyid}


@pytest.mark.parametrize("warm", [True, False])
def test_a_refresh_while_a_new_root_waits_keeps_the_coming_key_signing(derived: DerivedWorld, *, warm: bool) -> None:
    first, second = derived.offered()
    derived.refresher.refresh(derived.name, derived.clock)
    derived.clock.pass_time(timedelta(hours=11, minutes=58))
    derived.publish_files(HELLO)
    derived.developer.next_root()
    derived.developer.list_online_keys([second])
    derived.wait(derived.developer.signed("root"), "E_ROOT", "root.json")
    derived.clock.pass_time(timedelta(hours=13))
    if not warm:
        derived.start()
    assert derived.refresher.refresh(derived.name, derived.clock)
    assert derived.signers_of("timestamp.json") == {first.keyid, second.keyid}
    assert [receipt.status for receipt in derived.drain()] == ["published"]


@pytest.mark.parametrize("warm", [True, False])
def test_a_refresh_while_a_root_with_a_key_of_a_new_master_waits_keeps_that_key_signing(derived: DerivedWorld, *, warm: bool) -> None:
    first, _ = derived.offered()
    derived.refresher.refresh(derived.name, derived.clock)
    derived.clock.pass_time(timedelta(hours=11, minutes=58))
    derived.publish_files(HELLO)
    derived.masters.make_next()
    (moved,) = derived.offered()
    derived.developer.next_root()
    derived.developer.list_online_keys([moved])
    derived.wait(derived.developer.signed("root"), "E_ROOT", "root.json")
    derived.clock.pass_time(timedelta(hours=13))
    if not warm:
        derived.start()
    assert derived.refresher.refresh(derived.name, derived.clock)
    assert derived.signers_of("timestamp.json") == {first.keyid, moved.keyid}
    assert [receipt.status for receipt in derived.drain()] == ["published"]


def test_under_a_new_master_every_repository_moves_by_one_root(derived: DerivedWorld) -> None:
    assert derived.masters.make_next() == 2
    derived.publish_files(HELLO)
    (moved,) = derived.offered()
    derived.rotate(moved)
    derived.clock.pass_time(OVERLAP)
    derived.masters.drop(1)
    derived.start()
    derived.publish_files({"c.txt": b"c"})
    assert derived.signers_of("timestamp.json") == {moved.keyid}


def test_a_warm_container_learns_of_a_new_master(derived: DerivedWorld) -> None:
    warm = derived.publisher
    derived.masters.make_next()
    derived.start()
    (moved,) = derived.offered()
    derived.publisher = warm
    derived.rotate(moved)
    derived.publish_files(HELLO)


def test_a_repository_whose_master_was_dropped_is_not_signed_for(derived: DerivedWorld) -> None:
    derived.masters.make_next()
    derived.masters.drop(1)
    derived.start()
    derived.developer.next_version()
    derived.upload(derived.developer.signed())
    with pytest.raises(Misconfigured, match="too few of the snapshot keys"):
        derived.drain()


def test_the_master_in_use_is_never_dropped(derived: DerivedWorld) -> None:
    with pytest.raises(StillNeeded, match="master 1 cannot be dropped"):
        derived.masters.drop(1)
    derived.masters.make_next()
    with pytest.raises(StillNeeded, match="master 2 cannot be dropped"):
        derived.masters.drop(2)


def test_the_first_master_is_made_once(derived: DerivedWorld) -> None:
    before = {key: derived.staging.body(key) for key in derived.staging.objects if "masters" in key}
    Masters(derived.staging, FakeVault()).make_first()
    assert {key: derived.staging.body(key) for key in derived.staging.objects if "masters" in key} == before


def test_a_secret_is_opened_once_for_each_container_and_master_in_use(derived: DerivedWorld) -> None:
    vault = FakeVault()
    masters = Masters(derived.staging, vault)
    keys = DerivedKeys(masters, Ed25519Signer)
    masters.make_next()
    root = parse_root(derived.public.body("acme/api/metadata/1.root.json")).signed
    for number in range(100):
        keys.offered(f"acme/{number}", None)
    assert vault.calls == {"make": 1, "open": 1}
    for _ in range(100):
        keys.of("acme/api", root)
    assert vault.calls == {"make": 1, "open": 2}


def test_secrets_are_not_shown(derived: DerivedWorld) -> None:
    secret = derived.masters.open(1)
    keys = DerivedKeys(derived.masters, Ed25519Signer)
    for thing in (derived.masters, keys):
        assert secret.hex() not in repr(thing)
        assert repr(secret) not in repr(thing)


# Whose key it is


@pytest.mark.parametrize("other", ["evil/mirror", "acme", "acme/api/v3"])
def test_a_root_that_lists_another_repositorys_key_is_refused(derived: DerivedWorld, other: str) -> None:
    foreign = derived.keys.offered(other, None)[0]
    for keys in ([foreign], [*derived.offered(), foreign]):
        derived.developer.next_root()
        derived.developer.list_online_keys(keys)
        receipt = derived.refuse(derived.developer.signed("root"), "E_ONLINE", "root.json")
        assert receipt.error is not None
        assert "acme/api/metadata/online-keys.json" in receipt.error.hint
        derived.developer.root.version -= 1


def test_a_first_root_that_lists_another_repositorys_key_is_refused(derived: DerivedWorld) -> None:
    derived.name = "evil/mirror"
    stranger = Developer(derived.keys.offered("acme/api", None), derived.developer.expires)
    derived.refuse(stranger.bundle("root", "targets"), "E_ONLINE", "first.root.json")


def test_a_key_past_the_last_generation_is_nobodys(derived: DerivedWorld) -> None:
    late = Ed25519Signer(derive_seed(derived.masters.open(1), derived.name, MAX_GENERATIONS + 1)).public_key
    derived.developer.next_root()
    derived.developer.list_online_keys([late])
    derived.refuse(derived.developer.signed("root"), "E_ONLINE", "root.json")


# Deployments that shared one key


def test_a_former_key_signs_for_whoever_lists_it_and_no_new_root_may(tmp_path: Path) -> None:
    world = DerivedWorld(tmp_path)
    world.developer.list_online_keys([FORMER.public_key])
    world.publisher = Publisher(world.staging, world.public, KeysOf([FORMER]), announcer=world.announcer)
    world.publish_first()
    world.former = (FORMER,)
    world.start()
    world.publish_files(HELLO)
    assert world.signers_of("timestamp.json") == {FORMER.public_key.keyid}
    world.developer.next_root()
    world.refuse(world.developer.signed("root"), "E_ONLINE", "root.json")
    world.developer.root.version -= 1
    (own,) = world.offered()
    world.rotate(own)
    world.publish_files({"a.txt": b"a"})
    assert world.signers_of("timestamp.json") == {FORMER.public_key.keyid, own.keyid}
    world.clock.pass_time(OVERLAP)
    world.publish_files({"b.txt": b"b"})
    assert world.signers_of("timestamp.json") == {own.keyid}


def test_a_refresh_while_the_first_own_key_waits_keeps_it_signing(tmp_path: Path) -> None:
    world = DerivedWorld(tmp_path)
    world.developer.list_online_keys([FORMER.public_key])
    world.publisher = Publisher(world.staging, world.public, KeysOf([FORMER]), announcer=world.announcer)
    world.publish_first()
    world.former = (FORMER,)
    world.start()
    (own,) = world.offered()
    world.developer.next_root()
    world.developer.list_online_keys([own])
    world.wait(world.developer.signed("root"), "E_ROOT", "root.json")
    world.clock.pass_time(timedelta(hours=13))
    assert world.refresher.refresh(world.name, world.clock)
    assert world.signers_of("timestamp.json") == {FORMER.public_key.keyid, own.keyid}


def test_without_its_former_key_nothing_is_signed_and_the_setting_is_named(tmp_path: Path) -> None:
    world = DerivedWorld(tmp_path)
    world.developer.list_online_keys([FORMER.public_key])
    world.publisher = Publisher(world.staging, world.public, KeysOf([FORMER]), announcer=world.announcer)
    world.publish_first()
    world.start()
    world.developer.next_version()
    world.upload(world.developer.signed())
    with pytest.raises(Misconfigured, match="SignerUris"):
        world.drain()


# One key in KMS


@pytest.fixture
def only(world: World) -> World:
    world.publisher = Publisher(world.staging, world.public, OnlyKey(world.staging, world.online), announcer=world.announcer)
    return world


def test_a_key_in_kms_serves_one_repository(only: World) -> None:
    only.publish_first()
    only.publish_files(HELLO)
    developer, only.name = only.stranger(), "acme/web"
    receipt = only.refuse(developer.bundle("root", "targets"), "E_ONLINE", "first.root.json")
    assert receipt.error is not None
    assert "It signs for acme/api too" in receipt.error.hint
    assert "OnlineKey=sealed" in receipt.error.hint


def test_of_two_first_roots_at_the_same_time_not_both_are_published(only: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one's register appears when this one was judged already."""
    only.upload(only.developer.bundle("root", "targets"), "first.root.json")
    register = json.dumps({"first_root": "0" * 64, "root": "0" * 64, "root_version": 1, "snapshot": 0, "timestamp": 0})
    put_new = only.staging.put_new

    def put_new_and_be_joined(key: str, body: bytes, caching: Caching) -> str:
        etag = put_new(key, body, caching)
        only.staging.upload("repositories/acme%2Fweb.json", register.encode())
        return etag

    monkeypatch.setattr(only.staging, "put_new", put_new_and_be_joined)
    with pytest.raises(BrokenRepository, match="is not an online key of acme/api alone"):
        only.drain()
    assert "acme/api/metadata/1.root.json" not in only.public.objects


def test_a_derived_key_takes_a_twentieth_of_a_millisecond() -> None:
    """A bound so wide that only another kind of work breaks it; docs/performance.md has the figure."""
    master = os.urandom(32)
    taken = min(timeit.repeat(lambda: Ed25519Signer(derive_seed(master, "acme/api", 1)), number=200, repeat=5)) / 200
    assert taken < 0.001
