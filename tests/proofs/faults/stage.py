"""A published repository with work waiting for it, made once and handed out in copies: signing is what takes time."""

import functools
import itertools
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.builders import ed25519_signer
from tests.developer import Developer
from tests.fakes import START, FakeClock, InMemoryStore, KeysOf, ObjectVersion, RecordingAnnouncer
from tests.proofs.faults.faulty import Fate, FaultyAnnouncer, FaultySigner, FaultyStore, Trouble
from tests.publish.world import World
from trustpress.ports import Signer
from trustpress.publish.publisher import Outcome, Publisher
from trustpress.publish.refresher import Refresher

NAME = "acme/api"
SECONDS_OF_A_RUN = 60.0
FILES = {"dir/hello.txt": b"hello", "docs/manual.txt": b"read me", "docs/index.txt": b"index", "tools/saw.bin": b"saw"}

Objects = Mapping[str, list[ObjectVersion]]


@dataclass(frozen=True, eq=False)
class Work:
    """One upload of metadata, made by the right holders of keys or by nobody. `files` have to be staged as well."""

    filename: str
    body: bytes
    files: tuple[str, ...] = ()
    is_good: bool = True


@dataclass(frozen=True)
class Stage:
    """Version 1 of root, targets and docs is published; `work` is what may be uploaded next."""

    staging: Objects
    public: Objects
    signer: Signer
    first_root: bytes
    work: Mapping[str, Work]


@functools.cache
def stage() -> Stage:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), NAME)
        # The same keys in every process: a seed plays the same run everywhere.
        names = map(str, itertools.count())
        new_key = lambda: ed25519_signer(next(names))  # noqa: E731
        developer = Developer([world.online.public_key], world.developer.expires, new_key=new_key, new_tagging_key=new_key)
        developer.delegate("docs", "docs/*")
        world.publish(developer.bundle("root", "targets", "docs"), "first.root.json")
        work: dict[str, Work] = {}

        def add(filename: str, body: bytes, *files: str, is_good: bool = True) -> None:
            work[filename] = Work(filename, body, files, is_good)

        rival = developer.next_version("docs", {"docs/rival.txt": b"rival"})
        add("2.docs-rival.json", developer.bundle("docs"), "docs/rival.txt")
        del rival.targets["docs/rival.txt"]
        rival.version = 1
        for version, path in ((2, "docs/manual.txt"), (3, "docs/index.txt")):
            docs = developer.next_version("docs", {path: FILES[path]})
            add(f"{version}.docs.json", developer.signed("docs"), *docs.targets)
        developer.next_version(files={"dir/hello.txt": FILES["dir/hello.txt"]})
        developer.delegate("tools", "tools/*")
        add("2.targets.json", developer.bundle("targets", "tools"), "dir/hello.txt")
        developer.next_version("tools", {"tools/saw.bin": FILES["tools/saw.bin"]})
        add("2.tools.json", developer.signed("tools"), "tools/saw.bin")
        developer.next_version()
        add("3.targets.json", developer.signed())
        for version in (2, 3):
            developer.next_root()
            developer.replace_key("root")
            add(f"{version}.root.json", developer.signed("root"))
        add("junk.json", b"{", is_good=False)
        stranger = world.stranger()
        stranger.next_version().version = 4
        add("4.targets.json", stranger.signed(), is_good=False)
        first_root = world.public.body(f"{NAME}/metadata/1.root.json")
        return Stage(world.staging.objects, world.public.objects, world.online, first_root, work)


class Container:
    """What one Lambda container keeps between its invocations."""

    def __init__(self, deployment: "Deployment", fate: Fate) -> None:
        self._deployment = deployment
        self._trouble = Trouble(fate, FakeClock())
        staging, public = FaultyStore(deployment.staging, self._trouble), FaultyStore(deployment.public, self._trouble)
        signer = FaultySigner(deployment.signer, self._trouble)
        self._publisher = Publisher(
            staging,
            public,
            KeysOf([signer]),
            lambda attempt: None,
            workers=1,
            announcer=FaultyAnnouncer(deployment.announcer, self._trouble),
        )
        self._refresher = Refresher(staging, public, KeysOf([signer]))

    def drain(self) -> Outcome:
        return self._publisher.drain(NAME, self._begin())

    def refresh(self) -> bool:
        return self._refresher.refresh(NAME, self._begin())

    def _begin(self) -> FakeClock:
        self._trouble.clock = FakeClock(self._deployment.clock.now(), SECONDS_OF_A_RUN)
        return self._trouble.clock


@dataclass
class Deployment:
    """A copy of the stage that may be changed."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(START))
    staging: InMemoryStore = field(init=False)
    public: InMemoryStore = field(init=False)
    signer: Signer = field(init=False)
    announcer: RecordingAnnouncer = field(default_factory=RecordingAnnouncer)
    uploaded: dict[str, Work] = field(default_factory=dict)

    def __post_init__(self) -> None:
        made = stage()
        self.staging, self.public = (self._copy(objects) for objects in (made.staging, made.public))
        self.signer = made.signer

    def _copy(self, objects: Objects) -> InMemoryStore:
        copied = {key: list(versions) for key, versions in objects.items()}
        return InMemoryStore(self.clock, objects=copied, _numbers=itertools.count(1_000))

    def upload(self, filename: str) -> None:
        """Put a piece of the stage's work into the inbox."""
        work = stage().work[filename]
        self.uploaded[filename] = work
        self.staging.upload(f"inbox/{NAME}/metadata/{filename}", work.body)

    def upload_files(self, filename: str) -> None:
        """Stage the target files that this upload names."""
        for path in stage().work[filename].files:
            self.staging.upload(f"inbox/{NAME}/targets/{path}", FILES.get(path, b"rival"))

    def inbox(self) -> list[str]:
        return [key for key in self.staging.objects if key.startswith(f"inbox/{NAME}/metadata/")]


def signed_members(body: bytes) -> list[tuple[str, object]]:
    """The roles of an upload, each with its `signed` member; an envelope alone is of the role that its type names."""
    value = json.loads(body)
    if "signed" in value:
        return [(value["signed"]["_type"], value["signed"])]
    return [(rolename, envelope["signed"]) for rolename, envelope in value.items()]
