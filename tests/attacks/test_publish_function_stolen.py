"""A thief who has broken into the publish function: he may put whatever he likes wherever the public bucket holds nothing.

He signs with none of the owner's keys. He wants the repository gone for good: no client, no owner and no recovery is to get past
what he has put in their way. The way back hides it and destroys nothing. Roots are denied to publish (tests/publish/test_roots.py
has what he gets from the function that writes them); here he has put some all the same, as whoever breaks into that one could.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadError, RepositoryError

from tests.attacks.both import Both, Lab
from tests.attacks.fleet import Network
from tests.fakes import InMemoryEdge, KeysOf, RecordingInvalidator
from tests.publish.troubles import Crash, calm, crash
from tests.publish.world import HELLO, World
from tests.readers import Seen
from trustpress.core.portable import MAX_VERSION
from trustpress.errors import BrokenRepository
from trustpress.ports import StoredVersion
from trustpress.recover.recovery import Recovered, Recovery
from trustpress.watch.watcher import Watcher

NEWS = {"news.txt": b"after the theft"}
REGISTER = "repositories/acme%2Fapi.json"
NO_METADATA = b"<html>no metadata</html>"


class Victim:
    """A repository with a past, in a deployment that somebody has broken into."""

    def __init__(self, lab: Lab, state: Path) -> None:
        self.world, self._lab = World(state), lab
        self.caches = RecordingInvalidator()
        self.world.publish_first()
        self._an_hour_passes()
        self.world.publish_files(HELLO)
        self._an_hour_passes()
        self.next_root()
        self._an_hour_passes()
        self.warm = self._cold()
        self.before = self.warm.refresh()

    def puts(self, filename: str, body: bytes = NO_METADATA) -> str:
        """The thief writes where nothing is; returns the key."""
        key = f"acme/api/metadata/{filename}"
        assert key not in self.world.public.objects
        self.world.public.upload(key, body)
        return key

    def next_root(self) -> None:
        """The owner replaces the offline key, and nobody notices."""
        self.sign_next_root()
        assert [receipt.status for receipt in self.world.drain()] == ["published"]

    def sign_next_root(self) -> None:
        self.world.developer.next_root()
        self.world.developer.replace_key("root")
        self.world.upload(self.world.developer.signed("root"), "root.json")

    def register(self) -> dict[str, object]:
        return dict(json.loads(self.world.staging.body(REGISTER)))

    def recover(self) -> Recovered:
        """A person's word, after the break-in was mended: containers start anew."""
        self.world.start()
        recovery = Recovery(self.world.staging, self.world.public, KeysOf(self.world.signers.values()), self.caches, workers=1)
        return recovery.recover(self.world.name, self.world.clock)

    def is_well(self) -> Seen:
        """Clients go on, the owner publishes the next targets and the next root, and the schedule runs."""
        assert not self.world.public.calls["DELETE"]
        seen = self._everybody_sees(HELLO)
        assert not seen.is_older_than(self.before)
        self.world.publish_files(HELLO | NEWS)
        self.next_root()
        self.world.clock.pass_time(timedelta(hours=13))
        assert self.world.refresher.refresh_all(self.world.clock) == (1, {})
        return self._everybody_sees(HELLO | NEWS)

    def nobody_gets_past(self) -> None:
        for reader in (self.warm, self._cold()):
            with pytest.raises((RepositoryError, DownloadError)):
                reader.refresh()

    def _everybody_sees(self, files: dict[str, bytes]) -> Seen:
        seen = self.warm.refresh()
        for reader in (self.warm, self._cold()):
            assert reader.refresh() == seen
            assert reader.download_all(files) == files
        return seen

    def _cold(self) -> Both:
        world, first_root = self.world, self.world.public.body("acme/api/metadata/1.root.json")
        return self._lab.behind(Network(world.public), world.name, world.onlookers.cold_reader(world.name), first_root, world.clock.now)

    def _an_hour_passes(self) -> None:
        self.world.clock.pass_time(timedelta(hours=1))


@pytest.fixture
def victim(lab: Lab, tmp_path: Path) -> Victim:
    return Victim(lab, tmp_path)


@pytest.mark.parametrize("number", [3, 4, 999])
def test_a_junk_root_is_hidden_and_only_one_that_verifies_follows_under_its_number(victim: Victim, number: int) -> None:
    key = victim.puts(f"{number}.root.json")
    if number == 3:
        victim.nobody_gets_past()
    recovered = victim.recover()
    assert recovered.hidden == [key]
    assert [version.body for version in victim.world.public.hidden[key]] == [NO_METADATA]
    assert victim.caches.invalidated == ["acme/api/metadata/"]
    assert victim.is_well().root == 3


def test_a_root_that_the_thief_signs_himself_is_junk_too(victim: Victim) -> None:
    stranger = victim.world.stranger()
    stranger.root.version = 3
    key = victim.puts("3.root.json", stranger.signed("root"))
    victim.nobody_gets_past()
    assert victim.recover().hidden == [key]
    victim.is_well()


def test_the_next_root_is_not_published_over_what_is_hidden_without_verifying(victim: Victim) -> None:
    """Hiding a number gives it away to nobody: the publisher judges what comes."""
    victim.puts("3.root.json")
    victim.recover()
    stranger = victim.world.stranger()
    stranger.root.version = 3
    victim.world.refuse(stranger.signed("root"), "E_SIG", "root.json")
    victim.is_well()


def test_a_root_of_the_owners_is_not_taken_for_junk_because_the_one_before_it_came_too_late(
    victim: Victim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 lists page by page. Between two pages the owner publishes root 3, somebody else recovers, and the owner publishes root 4."""
    key = victim.puts("4.root.json")
    list_all_versions = victim.world.public.list_all_versions

    def page_by_page(prefix: str) -> Iterator[StoredVersion]:
        yield from [stored for stored in list_all_versions(prefix) if stored.key < key]
        monkeypatch.undo()
        victim.sign_next_root()
        victim.world.publisher.drain(victim.world.name, victim.world.clock)
        assert victim.recover().hidden == [key]
        victim.next_root()
        yield from (stored for stored in list_all_versions(prefix) if stored.key >= key)

    monkeypatch.setattr(victim.world.public, "list_all_versions", page_by_page)
    assert victim.recover().hidden == []
    assert victim.is_well().root == 5


def test_any_number_of_junk_snapshots_is_passed_at_once(victim: Victim) -> None:
    first = victim.before.snapshot + 1
    for number in [*range(first, first + 1_001), *range(first + 100_000, first + 102_000)]:
        victim.puts(f"{number}.snapshot.json")
    victim.world.developer.next_version()
    victim.world.upload(victim.world.developer.signed())
    with pytest.raises(BrokenRepository, match="snapshots without a timestamp"):
        victim.world.publisher.drain(victim.world.name, victim.world.clock)
    victim.world.public.calls.clear()
    recovered = victim.recover()
    assert recovered.hidden == []
    assert recovered.release["snapshot"] == first + 102_000
    assert victim.world.public.calls["PUT"] < 10
    victim.world.drain()
    victim.is_well()


def test_junk_snapshots_that_leave_no_gap_large_enough_are_passed_in_the_widest(victim: Victim) -> None:
    for number in [*range(100_000, MAX_VERSION, 90_000_000), MAX_VERSION]:
        for at in range(number - 2, number):
            victim.puts(f"{at}.snapshot.json")
    assert victim.recover().release["snapshot"] < MAX_VERSION / 2
    victim.is_well()


@pytest.mark.parametrize("filename", ["3.targets.json", "4.targets.json", "1.alice.json"])
def test_junk_in_the_way_of_a_role_is_hidden(victim: Victim, filename: str) -> None:
    key = victim.puts(filename)
    assert victim.recover().hidden == [key]
    victim.is_well()


def test_what_the_owner_signed_and_a_crash_left_is_not_hidden(victim: Victim) -> None:
    victim.world.developer.next_version()
    victim.puts("3.targets.json", victim.world.developer.signed())
    assert victim.recover().hidden == []
    victim.is_well()


def too_high(register: dict[str, object]) -> bytes:
    return json.dumps({**register, "timestamp": MAX_VERSION, "snapshot": MAX_VERSION}).encode()


def too_low(register: dict[str, object]) -> bytes:
    return json.dumps({**register, "timestamp": 0, "snapshot": 0, "roles": {}}).encode()


def a_role_too_high(register: dict[str, object]) -> bytes:
    return json.dumps({**register, "roles": {"targets": MAX_VERSION}}).encode()


def a_role_said_to_be_lost(register: dict[str, object]) -> bytes:
    return json.dumps({**register, "roles": {"targets": MAX_VERSION}, "lost": {"targets": 1}}).encode()


def another_first_root(register: dict[str, object]) -> bytes:
    return json.dumps({**register, "first_root": "ab" * 32}).encode()


def another_root(register: dict[str, object]) -> bytes:
    return json.dumps({**register, "root": "ab" * 32}).encode()


def no_register(_register: dict[str, object]) -> bytes:
    return NO_METADATA


JUNK_REGISTERS = [no_register, too_high, too_low, a_role_too_high, a_role_said_to_be_lost, another_first_root, another_root]


@pytest.mark.parametrize("forged", JUNK_REGISTERS)
def test_of_a_register_the_newest_version_that_agrees_with_what_is_signed_is_taken(
    victim: Victim, forged: Callable[[dict[str, object]], bytes]
) -> None:
    genuine = victim.register()
    for _ in range(3):
        victim.world.staging.upload(REGISTER, forged(genuine))
    recovered = victim.recover()
    assert recovered.to_sign == []
    assert recovered.release["timestamp"] == victim.before.timestamp + 100_001
    assert victim.register()["first_root"] == genuine["first_root"]
    assert victim.register()["roles"] == genuine["roles"]
    victim.is_well()


@pytest.mark.parametrize("forged", [no_register, too_high, a_role_too_high])
def test_a_junk_register_stops_publishers_until_it_is_recovered(victim: Victim, forged: Callable[[dict[str, object]], bytes]) -> None:
    victim.world.staging.upload(REGISTER, forged(victim.register()))
    victim.world.start()
    with pytest.raises(BrokenRepository):
        victim.world.publisher.drain(victim.world.name, victim.world.clock)


def test_a_register_that_cannot_be_read_is_written_over(victim: Victim) -> None:
    victim.world.staging.upload(REGISTER, NO_METADATA)
    victim.world.staging.archive(REGISTER)
    victim.recover()
    victim.is_well()


def test_a_timestamp_in_an_archive_is_hidden_and_a_new_one_takes_its_place(victim: Victim) -> None:
    key = "acme/api/metadata/timestamp.json"
    victim.world.public.upload(key, victim.world.public.body(key))
    victim.world.public.archive(key)
    recovered = victim.recover()
    assert recovered.hidden == [key]
    victim.is_well()


def test_a_timestamp_too_long_for_anybody_is_hidden_too(victim: Victim) -> None:
    key = "acme/api/metadata/timestamp.json"
    victim.world.public.upload(key, b" " * 1_000_000)
    assert victim.recover().hidden == [key]
    victim.is_well()


def test_what_lies_in_an_archive_in_the_way_is_hidden(victim: Victim) -> None:
    keys = [victim.puts("3.root.json"), victim.puts("3.targets.json")]
    for key in keys:
        victim.world.public.archive(key)
    assert victim.recover().hidden == keys
    victim.is_well()


def test_all_of_it_at_once(victim: Victim) -> None:
    keys = [victim.puts(name) for name in ("3.root.json", "4.root.json", "3.targets.json")]
    for number in range(victim.before.snapshot + 1, victim.before.snapshot + 1_100):
        victim.puts(f"{number}.snapshot.json")
    victim.world.staging.upload(REGISTER, NO_METADATA)
    assert victim.recover().hidden == sorted(keys)
    victim.is_well()


def test_caches_that_could_not_be_told_are_named(victim: Victim) -> None:
    victim.puts("3.root.json")
    victim.caches.broken = True
    assert "invalidate /acme/api/metadata/* at the distribution" in victim.recover().note
    victim.caches.broken = False
    assert victim.recover().note == ""
    assert victim.caches.invalidated == ["acme/api/metadata/"]


def test_a_refresh_that_is_due_asks_for_the_next_root_and_rings(victim: Victim) -> None:
    """A container that remembers the repository would not have asked: python-tuf's clients do, each time."""
    victim.world.refresher.refresh_all(victim.world.clock)
    victim.puts("3.root.json")
    victim.world.clock.pass_time(timedelta(hours=13))
    for _ in range(2):
        refreshed, failures = victim.world.refresher.refresh_all(victim.world.clock)
        assert (refreshed, [error.code for error in failures.values()]) == (0, ["E_STATE"])
        assert "trustpress admin recover acme/api" in failures["acme/api"].hint
    victim.recover()
    victim.is_well()


def test_the_watch_sees_a_junk_root_at_its_next_look(victim: Victim) -> None:
    watcher = Watcher(victim.world.staging, InMemoryEdge(victim.world.public), None)
    watcher.watch_all(victim.world.clock)
    victim.puts("3.root.json")
    ((sighting,), failures) = watcher.watch_all(victim.world.clock)
    assert failures == {}
    assert sighting.figures["EdgeFailed"] == 1
    victim.recover()
    ((sighting,), _) = watcher.watch_all(victim.world.clock)
    assert sighting.figures["EdgeFailed"] == 0


def test_a_crash_after_any_step_of_the_way_back_is_healed_by_the_next_run(victim: Victim) -> None:
    keys = [victim.puts(name) for name in ("3.root.json", "3.targets.json")]

    def crash_after(operation: str, _key: str) -> None:
        if operation in {"HIDE", "PUT"}:
            crash()

    runs = 0
    while any(key in victim.world.public.objects for key in keys):
        victim.world.public.after = crash_after
        with pytest.raises(Crash):
            victim.recover()
        runs += 1
    victim.world.public.after = calm
    assert runs == len(keys)
    assert victim.recover().hidden == []
    assert victim.caches.invalidated == ["acme/api/metadata/"]
    victim.is_well()
