"""The hunt: a publisher is killed at a random instant, over and over, and after each kill everybody looks."""

import multiprocessing
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from tests.clients.edge import serving
from tests.clients.tuf_js import TufJs, install_tuf_js
from tests.fakes import InMemoryStore, KeysOf, RecordingAnnouncer
from tests.proofs.kills.owner import Owner
from tests.proofs.kills.places import PUBLIC, SIGNER, STAGING, Place, StoreName, running_place
from tests.proofs.kills.victim import Life, Nursery, keep_nursery
from tests.seaweedfs.actors import SystemClock
from trustpress.core import layout
from trustpress.publish.publisher import Publisher

# So that what is listed and read after each kill stays small.
KILLS_PER_REPOSITORY = 40
MAX_WAITING = 8
MAX_ROLES = 5
SHARE_WITH_FILES = 0.7
RETRIES = 2

# When a victim dies: after so many steps, which is about a publish and a refresh, and so many seconds.
MAX_STEPS = 12
MAX_SECONDS = 0.05

# The clock of a refresh is as far ahead as leaves less than half of a timestamp's life, or of a snapshot's as well.
HOURS_AHEAD = (13, 90)


@dataclass(frozen=True)
class Figures:
    """What one hunt came to; that it ended is what says that no invariant was violated."""

    store: StoreName
    seed: int
    kills: int
    uploads: int
    releases: int
    orphans: int
    forgotten_files: int
    seconds: float
    falls: Counter[str] = field(repr=False)

    def __str__(self) -> str:
        falls = ", ".join(f"{count} {where}" for where, count in sorted(self.falls.items(), key=lambda item: -item[1]))
        return (
            f"{self.store}, seed {self.seed}: {self.kills} kills, 0 violations; {self.uploads} uploads in {self.releases} releases, "
            f"{self.orphans} orphan snapshots, {self.forgotten_files} staged files left, {self.seconds / self.kills:.2f} s a kill; "
            f"killed {falls}"
        )


class Era:
    """One repository of the hunt, from its first upload to its last release: what is uploaded to it, and who looks at it."""

    def __init__(self, place: Place, name: str, chance: random.Random, state: Path) -> None:
        self.name, self._chance = name, chance
        self._staging, self._public = place.store(STAGING), place.store(PUBLIC)
        self.owner = Owner(place, name, SIGNER.public_key, state)
        self.owner.developer.delegate("team-1", "team-1/*")
        self.owner.upload("root", "targets", "team-1")

    def kill(self, nursery: Nursery) -> str:
        """Have a publisher killed while uploads come in, then look; where in its work it was."""
        chance = self._chance
        self._upload_some()
        nursery.start(Life(self.name, chance.choice(HOURS_AHEAD), chance.randint(1, MAX_STEPS), chance.uniform(0, MAX_SECONDS)))
        self._upload_some()
        fall = nursery.mourn()
        self.owner.onlooker.look()
        return fall

    def end(self, tuf_js: TufJs) -> None:
        """I5: what waits is published by the first invocation after the last fault, or by one of two retries."""
        for _ in range(1 + RETRIES):
            Publisher(self._staging, self._public, KeysOf([SIGNER]), announcer=RecordingAnnouncer()).drain(self.name, SystemClock())
        self.owner.onlooker.expect_all_published()
        self._read_with(tuf_js)

    @property
    def orphans(self) -> int:
        """Snapshots that no timestamp ever named."""
        bucket = self.owner.onlooker.bucket
        return len(bucket.versions("snapshot")) - bucket.snapshots_committed()

    @property
    def forgotten_files(self) -> int:
        """Staged target files of uploads whose publisher died between its commit and its last deletion."""
        return len(list(self._staging.list_keys(layout.inbox_target(self.name, ""))))

    def _upload_some(self) -> None:
        """Up to two uploads, unless as many wait as there should."""
        for _ in range(self._chance.randint(0, 2)):
            if len(self.owner.onlooker.uploads) < MAX_WAITING:
                self._chance.choices([self._upload_role, self._upload_delegation, self._upload_root], [10, 1, 1])[0]()

    def _upload_role(self) -> None:
        rolename = self._chance.choice(list(self.owner.developer.roles))
        self.owner.upload_next(rolename, with_file=self._chance.random() < SHARE_WITH_FILES)

    def _upload_delegation(self) -> None:
        developer = self.owner.developer
        rolename = f"team-{len(developer.roles)}"
        if len(developer.roles) < MAX_ROLES:
            developer.next_version()
            developer.delegate(rolename, f"{rolename}/*")
            self.owner.upload("targets", rolename)

    def _upload_root(self) -> None:
        self.owner.developer.next_root()
        self.owner.developer.replace_key("root")
        self.owner.upload("root")

    def _read_with(self, tuf_js: TufJs) -> None:
        """I9: another client, that starts now, finds the same files."""
        onlooker, copy = self.owner.onlooker, InMemoryStore()
        for key in onlooker.bucket.histories:
            copy.upload(key, onlooker.bucket.body(key) or b"")
        with serving(copy) as url:
            found = tuf_js.read(self.name, f"{url}{self.name}/", onlooker.first_root(), onlooker.files)
        assert found.files == onlooker.files, "I9: tuf-js finds other files than python-tuf"


def run(kills: int, store: StoreName, seed: int, progress: Progress) -> Figures:
    """Kill so often; raises AssertionError, or what a client raised, at the first violation of an invariant."""
    task = progress.add_task(f"kills on {store}", total=kills)
    install_tuf_js()
    chance, falls, eras = random.Random(seed), Counter[str](), list[Era]()
    with tempfile.TemporaryDirectory() as folder, running_place(store, Path(folder)) as place:
        started = time.monotonic()
        with _nursery(place, Path(folder) / "last-words") as nursery, TufJs(Path(folder) / "tuf-js") as tuf_js:
            for number in range(1, kills + 1):
                if number % KILLS_PER_REPOSITORY == 1:
                    eras.append(Era(place, f"hunt/{len(eras)}", chance, Path(folder) / f"clients-{len(eras)}"))
                falls[eras[-1].kill(nursery)] += 1
                if number == kills or number % KILLS_PER_REPOSITORY == 0:
                    eras[-1].end(tuf_js)
                progress.advance(task)
        return _figures(store, seed, eras, falls, time.monotonic() - started)


def _figures(store: StoreName, seed: int, eras: Sequence[Era], falls: Counter[str], seconds: float) -> Figures:
    releases = sum(len(era.owner.onlooker.bucket.timestamps) for era in eras)
    return Figures(
        store,
        seed,
        falls.total(),
        uploads=sum(era.owner.uploaded for era in eras),
        releases=releases,
        orphans=sum(era.orphans for era in eras),
        forgotten_files=sum(era.forgotten_files for era in eras),
        seconds=seconds,
        falls=falls,
    )


@contextmanager
def _nursery(place: Place, last_words: Path) -> Iterator[Nursery]:
    spawn = multiprocessing.get_context("spawn")
    near, far = spawn.Pipe()
    process = spawn.Process(target=keep_nursery, args=(place, far, last_words))
    process.start()
    try:
        nursery = Nursery(near)
        yield nursery
        nursery.close()
        process.join(10)
    finally:
        process.kill()
        process.join()
