"""Whatever a repository has been through, what a client may still ask for is never garbage, and the rest is, in the end."""

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import START
from tests.publish.troubles import Crash, at_first, calm, crash
from tests.publish.world import World
from trustpress.core.metadata import MetaFile, Policy, Root, Snapshot
from trustpress.expire import MARGIN, TAG, Garbage, find_candidates, find_oldest_in_use, is_unbroken, longest_staleness
from trustpress.ports import StoredVersion

HOUR = timedelta(hours=1)
ROLES = ("targets", "docs", "tools")

lives = st.sampled_from([HOUR, 24 * HOUR, 7 * 24 * HOUR, 60 * 24 * HOUR])
policies = st.builds(Policy, lives, lives)
steps = st.tuples(
    st.sampled_from(["release", "renewal", "orphan", "recovery"]), st.integers(0, 24 * 20), st.sets(st.sampled_from(ROLES)), policies
)


@dataclass(frozen=True)
class Release:
    """What a timestamp committed, and until when that timestamp is valid."""

    snapshot: Snapshot
    expires: datetime


class History:
    """A repository without signatures: its objects as a store lists them, and what its timestamps led to."""

    def __init__(self) -> None:
        self.now = START
        self.objects: list[StoredVersion] = []
        self.timestamps: list[StoredVersion] = []
        self.policies: list[Policy] = []
        self.releases: list[Release] = []
        self._numbers: Counter[str] = Counter()
        self._left: dict[str, MetaFile] = {}
        self.take("release", 0, {"targets"}, Policy())

    @property
    def head(self) -> Snapshot:
        return self.releases[-1].snapshot

    def take(self, kind: str, hours: int, changed: set[str], policy: Policy) -> None:
        self.now += hours * HOUR
        self.policies.append(policy)
        if kind == "recovery":
            self._lose(changed)
        snapshot = self.head if kind == "renewal" else self._next_snapshot(set() if kind == "recovery" else changed, policy)
        if kind != "orphan":
            self.timestamps.insert(0, self._stored("timestamp.json"))
            self.releases.append(Release(snapshot, self.now + policy.timestamp_life))

    def candidates(self) -> set[str]:
        roots = [Root(1, START, {}, policy) for policy in self.policies]
        since = self.now - longest_staleness(roots)
        timestamp = find_oldest_in_use(self.timestamps, since)
        if timestamp is None:
            return set()
        oldest = self.releases[len(self.timestamps) - 1 - self.timestamps.index(timestamp)].snapshot
        if not is_unbroken(self.objects, oldest, self.head):
            return set()
        return {candidate.version.key for candidate in find_candidates(self.objects, oldest, self.head, since)}

    def asked_for(self) -> set[str]:
        """What follows from every timestamp that has not expired, and from every snapshot that a client may have got by one."""
        in_use = [release.snapshot for release in self.releases if max(release.expires, release.snapshot.expires) > self.now]
        return {key for snapshot in [*in_use, self.head] for key in keys(snapshot)}

    def below_the_head(self) -> set[str]:
        current = {"snapshot": self.head.version} | {rolename: entry["version"] for rolename, entry in self.head.meta.items()}
        parsed = {found.key: found.key.rpartition("/")[2].split(".") for found in self.objects}
        return {key for key, (number, rolename, _) in parsed.items() if int(number) < current.get(rolename, 0)}

    def _lose(self, rolenames: set[str]) -> None:
        """A recovery lists what is left of these roles, the version before, with a number that no client has seen."""
        self._numbers["snapshot"] += 100
        for rolename, entry in self.head.meta.items():
            lost = rolename in rolenames
            self._left[rolename] = {"version": max(1, entry["version"] - 1) if lost else entry["version"]}

    def _next_snapshot(self, changed: set[str], policy: Policy) -> Snapshot:
        meta: dict[str, MetaFile] = {**(self.head.meta if self.releases else {}), **self._left}
        self._left.clear()
        for rolename in changed:
            meta[rolename] = {"version": self._put_next(rolename)}
        return Snapshot(self._put_next("snapshot"), self.now + policy.snapshot_life, meta)

    def _put_next(self, rolename: str) -> int:
        """Numbers that an orphan has taken are stepped over."""
        self._numbers[rolename] += 1
        self.objects.append(self._stored(f"{self._numbers[rolename]}.{rolename}.json"))
        return self._numbers[rolename]

    def _stored(self, filename: str) -> StoredVersion:
        return StoredVersion(f"acme/api/metadata/{filename}", f"v{len(self.objects)}", 100, self.now)


def keys(snapshot: Snapshot) -> set[str]:
    files = {f"{entry['version']}.{rolename}.json" for rolename, entry in snapshot.meta.items()} | {f"{snapshot.version}.snapshot.json"}
    return {f"acme/api/metadata/{filename}" for filename in files}


@given(st.lists(steps, max_size=12), st.integers(0, 24 * 80))
def test_what_may_still_be_asked_for_is_never_garbage(taken: Sequence[Any], hours: int) -> None:
    history = History()
    for step in taken:
        history.take(*step)
        assert not history.candidates() & history.asked_for()
    history.now += hours * HOUR
    assert not history.candidates() & history.asked_for()


@given(st.lists(steps, max_size=12))
def test_in_the_end_everything_below_the_head_is(taken: Sequence[Any]) -> None:
    history = History()
    for step in taken:
        history.take(*step)
    history.now += 61 * 24 * HOUR
    assert history.candidates() == history.below_the_head()


@given(st.lists(steps, max_size=12), st.lists(steps, max_size=6))
def test_what_is_above_what_is_published_is_never_garbage_whatever_the_oldest_release_says(
    taken: Sequence[Any], more: Sequence[Any]
) -> None:
    """Were a timestamp put into the past that is newer than what is published, that would still stand."""
    history = History()
    for step in taken:
        history.take(*step)
    published = history.head
    for step in more:
        history.take(*step)
    found = find_candidates(history.objects, oldest=history.head, newest=published, since=history.now)
    assert not {candidate.version.key for candidate in found} & keys(published)


def test_what_a_recovery_went_back_to_stays_while_its_release_is_in_use() -> None:
    history, lost = History(), "acme/api/metadata/1.targets.json"
    history.take("release", 24, {"targets"}, Policy())
    history.take("recovery", 24 * 20, {"targets"}, Policy())
    history.take("release", 24, {"targets"}, Policy())
    history.now += HOUR
    assert lost in history.asked_for()
    assert history.candidates() == set()
    history.now += 9 * 24 * HOUR
    assert lost in history.candidates()


world_steps = st.lists(st.sampled_from(["publish", "refresh", "crash", "root", "wait", "expire"]), min_size=4, max_size=14)


@settings(max_examples=8, deadline=None)
@given(world_steps, st.randoms(use_true_random=False))
def test_clients_of_a_real_repository_never_miss_anything(taken: Sequence[str], random: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.publish_first()
        for step in taken:
            world.clock.pass_time(timedelta(hours=random.randint(1, 11)))
            world.refresher.refresh(world.name, world.clock)
            take_for_real(world, step)
            world.see_as_clients_do()
        live_on(world, 9)
        expire(world)
        assert world.onlookers.cold_reader(world.name).refresh() == world.see_as_clients_do()


def take_for_real(world: World, step: str) -> None:
    if step == "root":
        world.developer.next_root()
        world.publish(world.developer.signed("root"), "root.json")
    elif step in {"publish", "crash"}:
        world.developer.next_version()
        world.upload(world.developer.signed())
        world.public.before = at_first("timestamp.json", crash) if step == "crash" else calm
        try:
            world.publisher.drain(world.name, world.clock)
        except Crash:
            world.public.before = calm
            world.clock.pass_time(timedelta(seconds=1))
            world.drain()
    elif step == "wait":
        live_on(world, 3)
    elif step == "expire":
        expire(world)


def live_on(world: World, days: int) -> None:
    for _ in range(days * 2):
        world.clock.pass_time(timedelta(hours=12, seconds=1))
        world.refresher.refresh(world.name, world.clock)


def expire(world: World) -> None:
    """Every release of the last days is as whole afterwards as before, whoever has a timestamp that is valid."""
    garbage = Garbage(world.staging, world.public)
    garbage.expire(garbage.find(world.name, world.clock.now()))
    world.public.let_a_month_pass_for_lifecycle(*TAG)
    for version in world.public.objects[f"{world.name}/metadata/timestamp.json"]:
        timestamp = json.loads(version.body)["signed"]
        if version.last_modified > world.clock.now() - timedelta(days=7) - MARGIN:
            snapshot = world.published(f"{timestamp['meta']['snapshot.json']['version']}.snapshot.json")
            for metapath, entry in snapshot["meta"].items():
                assert f"{world.name}/metadata/{entry['version']}.{metapath}" in world.public.objects
