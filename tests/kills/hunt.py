"""The hunt: a publisher is killed at a random instant, over and over, and after each kill everybody looks."""

import hashlib
import multiprocessing
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.progress import Progress

from tests.clients.edge import serving
from tests.clients.tuf_js import TufJs, install_tuf_js
from tests.developer import Developer
from tests.fakes import InMemoryStore, RecordingAnnouncer
from tests.kills.onlooker import Onlooker, Uploaded
from tests.kills.places import PUBLIC, SEED, STAGING, Place, StoreName, running_place
from tests.kills.victim import Life, Nursery, keep_nursery
from tests.seaweedfs.actors import SystemClock
from trustpress.adapters.signing import Ed25519Signer
from trustpress.core import layout
from trustpress.publisher import Publisher

# So that what is listed and read after each kill stays small.
KILLS_PER_REPOSITORY = 40
MAX_WAITING = 8
MAX_ROLES = 5
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
        self._s3, self._staging, self._public = place.client(), place.store(STAGING), place.store(PUBLIC)
        self._online = Ed25519Signer(SEED)
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=300)
        self._developer = Developer([self._online.public_key], expires)
        self.onlooker = Onlooker(self._staging, self._public, name, state)
        self.uploaded = 0
        self._developer.delegate("team-1", "team-1/*")
        self._upload("first.json", "root", "targets", "team-1")

    def kill(self, nursery: Nursery) -> str:
        """Have a publisher killed while uploads come in, then look; where in its work it was."""
        chance = self._chance
        self._upload_some()
        nursery.start(Life(self.name, chance.choice(HOURS_AHEAD), chance.randint(1, MAX_STEPS), chance.uniform(0, MAX_SECONDS)))
        self._upload_some()
        fall = nursery.mourn()
        self.onlooker.look()
        return fall

    def end(self, tuf_js: TufJs) -> None:
        """I5: what waits is published by the first invocation after the last fault, or by one of two retries."""
        for _ in range(1 + RETRIES):
            Publisher(self._staging, self._public, {self._online.public_key.keyid: self._online}, announcer=RecordingAnnouncer()).drain(
                self.name, SystemClock()
            )
        self.onlooker.expect_all_published()
        self._read_with(tuf_js)

    @property
    def orphans(self) -> int:
        """Snapshots that no timestamp ever named."""
        return len(self.onlooker.bucket.versions("snapshot")) - self.onlooker.bucket.snapshots_committed()

    @property
    def forgotten_files(self) -> int:
        """Staged target files of uploads whose publisher died between its commit and its last deletion."""
        return len(list(self._staging.list_keys(layout.inbox_target(self.name, ""))))

    def _upload_some(self) -> None:
        """Up to two uploads, unless as many wait as there should."""
        for _ in range(self._chance.randint(0, 2)):
            if len(self.onlooker.uploads) < MAX_WAITING:
                self._chance.choices([self._upload_role, self._upload_delegation, self._upload_root], [10, 1, 1])[0]()

    def _read_with(self, tuf_js: TufJs) -> None:
        """I9: another client, that starts now, finds the same files."""
        bucket, copy = self.onlooker.bucket, InMemoryStore()
        for key in bucket.histories:
            copy.upload(key, bucket.body(key) or b"")
        files = self.onlooker.files
        with serving(copy) as url:
            assert tuf_js.read(self.name, f"{url}{self.name}/", self.onlooker.first_root(), files).files == files

    def _upload_role(self) -> None:
        developer = self._developer
        rolename = self._chance.choice(list(developer.roles))
        path = f"{rolename}/{developer.roles[rolename].version + 1}.bin"
        files = {path: self._chance.randbytes(100)} if self._chance.random() < 0.7 else {}
        for targetpath, data in files.items():
            key = layout.inbox_target(self.name, targetpath)
            self._s3.put_object(Bucket=STAGING, Key=key, Body=data, ChecksumAlgorithm="SHA256")
        developer.next_version(rolename, files)
        self._upload(f"{rolename}.json", rolename)

    def _upload_delegation(self) -> None:
        rolename = f"team-{len(self._developer.roles)}"
        if len(self._developer.roles) < MAX_ROLES:
            self._developer.next_version()
            self._developer.delegate(rolename, f"{rolename}/*")
            self._upload("bundle.json", "targets", rolename)

    def _upload_root(self) -> None:
        self._developer.next_root()
        self._developer.replace_key("root")
        self._upload("root.json", "root")

    def _upload(self, filename: str, *rolenames: str) -> None:
        developer = self._developer
        body = developer.signed(rolenames[0]) if len(rolenames) == 1 else developer.bundle(*rolenames)
        versions = {name: developer.root.version if name == "root" else developer.roles[name].version for name in rolenames}
        self._s3.put_object(Bucket=STAGING, Key=layout.inbox_metadata(self.name, filename), Body=body)
        self.onlooker.uploads.append(Uploaded(hashlib.sha256(body).hexdigest(), versions))
        self.uploaded += 1


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
    releases = sum(len(era.onlooker.bucket.timestamps) for era in eras)
    return Figures(
        store,
        seed,
        falls.total(),
        uploads=sum(era.uploaded for era in eras),
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
        yield Nursery(near)
        near.send(None)
        process.join(10)
    finally:
        process.kill()
        process.join()
