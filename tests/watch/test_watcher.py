"""What the watch sees through the edge: figures while all is well, a failure for everything that clients would refuse."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Snapshot, Timestamp

from tests.fakes import FakeClock, KeysOf
from tests.publish.world import HELLO, ONLINE_SEED, World
from tests.watch.canary import DAY, HOUR, Canary
from trustpress.adapters.kms import Ed25519Signer
from trustpress.core.metadata import Signature
from trustpress.core.parse import parse_root, parse_targets, parse_timestamp
from trustpress.core.release import compose, envelop
from trustpress.errors import OutOfTime, Unavailable
from trustpress.publish.commit import Change, Committer
from trustpress.store.loading import Repositories
from trustpress.store.register import Register, write_register
from trustpress.watch.sightings import overall

TIMESTAMP = "acme/api/metadata/timestamp.json"


def overwrite(world: World, filename: str, body: bytes) -> None:
    """Change what is published behind everybody's back."""
    world.public.objects.pop(f"acme/api/metadata/{filename}", None)
    world.public.upload(f"acme/api/metadata/{filename}", body)


def put_timestamp(world: World, version: int) -> None:
    """As a thief of the online key may: a timestamp of any version in the place of the present one."""
    current = parse_timestamp(world.public.body(TIMESTAMP)).signed
    signed = replace(current, version=version)
    signature = Signature(world.online.public_key.keyid, world.online.sign(compose(signed)))
    overwrite(world, "timestamp.json", envelop(signed, compose(signed), (signature,)).body)


def test_figures_of_a_repository_that_was_just_published(canary: Canary) -> None:
    assert canary.expect_success().figures == {
        "EdgeFailed": 0,
        "TimestampSecondsToExpiry": 24 * 3600,
        "TimestampAgeSeconds": 0,
        "TimestampLifeLeft": 100,
        "SnapshotSecondsToExpiry": 7 * 24 * 3600,
        "RootDaysToExpiry": 300,
        "TargetsDaysToExpiry": 300,
        "DaysToExpiry": 300,
    }


def test_figures_change_as_time_passes(canary: Canary) -> None:
    canary.look()
    canary.world.clock.pass_time(6 * HOUR)
    figures = canary.expect_success().figures
    assert (figures["TimestampSecondsToExpiry"], figures["TimestampAgeSeconds"]) == (18 * 3600, 6 * 3600)
    assert (figures["TimestampLifeLeft"], figures["RootDaysToExpiry"]) == (75, 299.75)


def test_life_is_what_root_says(world: World) -> None:
    short = World(world.onlookers.state / "short", policy={"timestamp_seconds": 4 * 3600})
    short.publish_first()
    short.clock.pass_time(HOUR)
    figures = Canary(short).expect_success().figures
    assert (figures["TimestampLifeLeft"], figures["TimestampAgeSeconds"]) == (75, 3600)


def test_the_role_that_expires_first_counts(canary: Canary) -> None:
    developer = canary.world.developer
    developer.next_version()
    developer.delegate("alice", "alice/*")
    developer.roles["alice"].expires = canary.world.clock.now() + 20 * DAY
    canary.world.publish(developer.bundle("targets", "alice"), "bundle.json")
    figures = canary.expect_success().figures
    assert (figures["DaysToExpiry"], figures["TargetsDaysToExpiry"]) == (20, 300)


def test_it_still_counts_for_a_watch_that_starts_anew(canary: Canary) -> None:
    developer = canary.world.developer
    developer.next_version()
    developer.delegate("alice", "alice/*")
    developer.roles["alice"].expires = canary.world.clock.now() + 20 * DAY
    canary.world.publish(developer.bundle("targets", "alice"), "bundle.json")
    canary.look()
    canary.start_anew()
    canary.fetched()
    assert canary.expect_success().figures["DaysToExpiry"] == 20
    assert "1.alice.json" not in canary.fetched()


def test_a_role_that_is_no_longer_delegated_to_does_not_count(canary: Canary) -> None:
    developer = canary.world.developer
    developer.next_version()
    developer.delegate("alice", "alice/*")
    developer.roles["alice"].expires = canary.world.clock.now() + 20 * DAY
    canary.world.publish(developer.bundle("targets", "alice"), "bundle.json")
    delegations = developer.next_version().delegations
    assert delegations is not None
    assert delegations.roles is not None
    del delegations.roles["alice"]
    delegations.keys.clear()
    canary.world.publish(developer.signed())
    assert canary.expect_success().figures["DaysToExpiry"] == 300


def test_delegated_roles_are_followed_to_the_end(canary: Canary) -> None:
    developer = canary.world.developer
    developer.next_version()
    developer.delegate("alice", "alice/*")
    developer.delegate("ben", "alice/*", delegator="alice")
    developer.roles["ben"].expires = canary.world.clock.now() + 20 * DAY
    canary.world.publish(developer.bundle("targets", "alice", "ben"), "bundle.json")
    assert canary.expect_success().figures["DaysToExpiry"] == 20


def test_nothing_is_expected_before_the_first_publish(canary: Canary) -> None:
    write_register(canary.world.staging, "acme/later", Register("0" * 64, "0" * 64, 1))
    assert [sighting.repository for sighting in canary.look_at_all()] == ["acme/api"]
    assert not canary.failures


def test_a_deployment_without_repositories_is_calm() -> None:
    assert overall([]) == {"EdgeFailed": 0, "TimestampLifeLeft": 100}


def test_the_least_over_all_repositories_counts(canary: Canary) -> None:
    neighbour = canary.world.neighbour("acme/web")
    canary.world.clock.pass_time(3 * HOUR)
    neighbour.publish_first()
    figures = overall(canary.look_at_all())
    assert (figures["TimestampSecondsToExpiry"], figures["SnapshotSecondsToExpiry"]) == (21 * 3600, (7 * 24 - 3) * 3600)


def test_one_that_fails_stops_no_other(canary: Canary) -> None:
    canary.world.neighbour("acme/web").publish_first()
    overwrite(canary.world, "timestamp.json", b"{}")
    broken, fine = canary.look_at_all()
    assert (broken.repository, broken.error is None, fine.repository, fine.error) == ("acme/api", False, "acme/web", None)
    figures = overall([broken, fine])
    assert (figures["EdgeFailed"], figures["TimestampLifeLeft"], round(figures["DaysToExpiry"])) == (1, 0, 300)


Trouble = Callable[[Canary], None]


def of_a_body(key: str, change: Callable[[bytes], bytes]) -> Trouble:
    return lambda canary: overwrite(canary.world, key, change(canary.world.public.body(f"acme/api/metadata/{key}")))


def missing(key: str) -> Trouble:
    return lambda canary: canary.edge.stale.update({f"acme/api/metadata/{key}": None})


def another_first_root(canary: Canary) -> None:
    overwrite(canary.world, "1.root.json", canary.world.stranger().signed("root"))


def a_later_date(body: bytes) -> bytes:
    return body.replace(b'"expires":"2026-', b'"expires":"2027-')


TROUBLES: dict[str, tuple[Trouble, str]] = {
    "another first root": (another_first_root, "1.root.json is not the one in the register"),
    "no first root": (missing("1.root.json"), "1.root.json is missing"),
    "no timestamp": (missing("timestamp.json"), "timestamp.json is missing"),
    "no snapshot": (missing("1.snapshot.json"), "1.snapshot.json is missing"),
    "no targets": (missing("1.targets.json"), "1.targets.json is missing"),
    "an unsigned timestamp": (of_a_body("timestamp.json", a_later_date), "timestamp: the threshold of keys did not sign it"),
    "another snapshot": (of_a_body("1.snapshot.json", a_later_date), "snapshot: expected hashes"),
    "a longer snapshot": (of_a_body("1.snapshot.json", lambda body: body + b" " * 1000), "at most"),
    "other targets": (of_a_body("1.targets.json", lambda body: body.replace(b'"targets":{}', b'"x":1,"targets":{}')), "targets.json"),
    "not JSON": (of_a_body("timestamp.json", lambda _: b"\xff"), "JSON"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_what_clients_refuse_has_no_time_left(canary: Canary, trouble: str) -> None:
    make, says = TROUBLES[trouble]
    make(canary)
    canary.expect_failure(says)


def test_targets_that_strangers_signed_are_refused(canary: Canary) -> None:
    """As a thief of the online key may: snapshot lists what the tagging key did not sign."""
    world = canary.world
    forged = parse_targets(world.stranger().signed())
    overwrite(world, "1.targets.json", forged.body)
    repository = Repositories(world.staging, world.public).load(world.name)
    assert repository.head
    change = Change(repository.head.root, {"targets": forged.meta_file})
    Committer(world.public, KeysOf(world.signers.values())).commit(repository, change, world.clock.now())
    canary.expect_failure("targets: the threshold of keys did not sign it")


def test_a_delegated_role_that_snapshot_does_not_list_is_missed(canary: Canary) -> None:
    """As a thief of the online key may: every search for a target that the role could list would fail."""
    world = canary.world
    world.developer.next_version()
    world.developer.delegate("alice", "alice/*")
    world.publish(world.developer.bundle("targets", "alice"), "bundle.json")
    canary.expect_success()
    signer = CryptoSigner(Ed25519PrivateKey.from_private_bytes(ONLINE_SEED))
    snapshot = Metadata(Snapshot(3, expires=world.developer.expires, meta={"targets.json": MetaFile(2)}))
    timestamp = Metadata(Timestamp(3, expires=world.developer.expires, snapshot_meta=MetaFile(3)))
    for forged in (snapshot, timestamp):
        forged.sign(signer)
    overwrite(world, "3.snapshot.json", snapshot.to_bytes())
    overwrite(world, "timestamp.json", timestamp.to_bytes())
    canary.start_anew()
    canary.expect_failure("snapshot.meta: expected alice, which is delegated to")


def test_an_older_version_of_a_role_in_the_place_of_the_new_one_is_refused(canary: Canary) -> None:
    canary.world.publish_files(HELLO)
    canary.edge.stale["acme/api/metadata/2.targets.json"] = canary.world.public.body("acme/api/metadata/1.targets.json")
    canary.expect_failure("targets: expected version 2, found 1")


def test_an_expired_timestamp_is_a_failure(canary: Canary) -> None:
    canary.expect_success()
    canary.world.clock.pass_time(DAY - timedelta(seconds=1))
    assert canary.expect_success().figures["TimestampSecondsToExpiry"] == 1
    canary.world.clock.pass_time(timedelta(seconds=1))
    canary.expect_failure("timestamp: expired at 2026-11-24T12:00:00Z")


def test_expired_offline_roles_are_their_owners_and_hide_nothing(canary: Canary) -> None:
    world = canary.world
    for _ in range(302):
        world.clock.pass_time(DAY)
        world.refresher.refresh_all(FakeClock(world.clock.now() - 6 * HOUR))
    figures = canary.expect_success().figures
    assert figures["RootDaysToExpiry"] == figures["TargetsDaysToExpiry"] == -2
    assert figures["TimestampLifeLeft"] >= 50


def test_an_older_timestamp_is_refused_by_a_watch_that_remembers(canary: Canary) -> None:
    older = canary.world.public.body(TIMESTAMP)
    canary.world.publish_files(HELLO)
    canary.expect_success()
    canary.edge.stale[TIMESTAMP] = older
    canary.expect_failure("timestamp: expected version 3, found 1")
    canary.edge.stale.clear()
    canary.expect_success()


def test_new_roots_are_followed(canary: Canary) -> None:
    canary.expect_success()
    canary.world.developer.next_root()
    canary.world.developer.replace_key("root")
    canary.world.publish(canary.world.developer.signed("root"), "root.json")
    canary.fetched()
    canary.expect_success()
    assert canary.fetched() == ["2.root.json", "3.root.json", "timestamp.json", "2.snapshot.json"]


def test_a_root_that_the_one_before_did_not_sign_is_refused(canary: Canary) -> None:
    canary.expect_success()
    stranger = canary.world.stranger()
    stranger.next_root()
    canary.world.public.upload("acme/api/metadata/2.root.json", stranger.signed("root"))
    canary.expect_failure("root: ")


def test_after_a_fast_forward_another_online_key_starts_anew(canary: Canary) -> None:
    """Specification 5.3.11: clients forget what the old keys have signed, and so the number that a thief drove up."""
    world = canary.world
    put_timestamp(world, 1_000_000)
    canary.expect_success()
    put_timestamp(world, 2)
    canary.expect_failure("timestamp: expected version 1000001, found 2")
    world.developer.next_root()
    world.developer.list_online_keys([world.online.public_key, Ed25519Signer(bytes(31) + b"2").public_key])
    overwrite(world, "2.root.json", parse_root(world.developer.signed("root")).body)
    canary.expect_success()


def test_an_edge_that_does_not_answer_is_a_failure(canary: Canary) -> None:
    def refuse(path: str) -> None:
        raise Unavailable(f"{path}: HTTP 503")

    canary.edge.before = refuse
    canary.expect_failure("HTTP 503")


def test_a_staging_bucket_that_does_not_answer_says_nothing_about_the_edge(canary: Canary) -> None:
    canary.world.neighbour("acme/web").publish_first()

    def refuse(operation: str, key: str) -> None:
        if operation == "GET" and "web" in key:
            raise Unavailable(key)

    canary.world.staging.before = refuse
    (sighting,) = canary.look_at_all()
    assert (sighting.repository, list(canary.failures)) == ("acme/api", ["acme/web"])


def test_without_time_left_nothing_is_begun(canary: Canary) -> None:
    sightings, failures = canary.watcher.watch_all(FakeClock(canary.world.clock.now(), seconds_left=10))
    assert (sightings, list(failures)) == ([], ["acme/api"])
    assert isinstance(failures["acme/api"], OutOfTime)


def test_a_warm_watch_fetches_the_timestamp_and_asks_for_the_next_root(canary: Canary) -> None:
    canary.look()
    assert canary.fetched() == ["1.root.json", "2.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"]
    canary.world.staging.calls.clear()
    canary.world.clock.pass_time(HOUR)
    canary.look()
    assert canary.fetched() == ["2.root.json", "timestamp.json"]
    assert canary.world.staging.calls == {"LIST": 1}


def test_roles_are_looked_at_when_snapshot_lists_others(canary: Canary) -> None:
    bins = publish_bins(canary.world)
    canary.look()
    canary.fetched()
    canary.world.developer.next_version(bins[3]).unrecognized_fields["x-trustpress-role"] = bins[3]
    canary.world.publish(canary.world.developer.signed(bins[3]), f"{bins[3]}.json")
    canary.look()
    assert canary.fetched() == ["2.root.json", "timestamp.json", "3.snapshot.json", f"2.{bins[3]}.json"]


def test_every_role_is_looked_at_once_a_day_and_not_after_every_start(canary: Canary) -> None:
    bins = publish_bins(canary.world)
    canary.look()
    for hours, looks in ((23, 0), (1, 1)):
        canary.world.clock.pass_time(hours * HOUR)
        canary.world.refresher.refresh_all(canary.world.clock)
        canary.start_anew()
        canary.fetched()
        assert canary.expect_success().figures["DaysToExpiry"] == pytest.approx(300, abs=1)
        assert sum(path.split(".")[1] in bins for path in canary.fetched()) == looks * len(bins)


def publish_bins(world: World) -> list[str]:
    world.developer.next_version()
    bins = world.developer.delegate_bins(3, "bin")
    world.publish(world.developer.bundle("targets", *bins), "bins.json")
    return bins


def test_a_watch_of_very_much_forgets_some_and_sees_all(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustpress.watch.watcher._MAX_REMEMBERED_BYTES", 1500)
    canary.start_anew()
    for number in range(3):
        canary.world.neighbour(f"acme/{number}").publish_first()
    for _ in range(3):
        assert [sighting.error for sighting in canary.look_at_all()] == [None] * 4
    assert 0 < len(canary.watcher._seen._values) < 4
