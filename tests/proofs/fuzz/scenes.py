"""Repositories that are published, in memory, and the good uploads that could come next.

Everything is made from names: two processes build the same scene, byte for byte.
"""

import copy
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tuf.api.metadata import DelegatedRole, Delegations, SuccinctRoles

from tests.builders import JsonObject, canonical, compact, root, target_file, targets
from tests.fakes import START, FakeClock, InMemoryStore, KeysOf, RecordingAnnouncer
from tests.proofs.fuzz.keys import P256, Ed25519, SigningKey, key_json
from tests.proofs.fuzz.uploads import Good
from trustpress.adapters.kms import Ed25519Signer
from trustpress.core.overlap import OVERLAP
from trustpress.publish.publisher import Publisher
from trustpress.store.repository import Repository

NAME = "acme/api"
EXPIRES = START + timedelta(days=300)
ONLINE = Ed25519Signer(bytes(31) + b"1")
SIGNERS = {ONLINE.public_key.keyid: ONLINE}

_ROOT = (Ed25519("root-1"), Ed25519("root-2"))
_TARGETS = (Ed25519("targets-1"), P256("targets-2"))
_DOCS = (Ed25519("docs"),)
_GERMAN = (Ed25519("german"),)
_RELEASES = (Ed25519("releases-1"), P256("releases-2"), Ed25519("releases-3"))
_BINS = (Ed25519("bins"),)
_FILES = {"one.txt": b"1", "dir/deep/two.bin": bytes(range(256)), "empty": b""}

Signed = Mapping[str, tuple[JsonObject, Sequence[SigningKey]]]


@dataclass(frozen=True)
class Scene:
    """A published repository (`publisher` has it loaded as `repository`), with the uploads that could come next.

    The `neighbour` is a good upload for a role of its own.
    """

    name: str
    staging: InMemoryStore
    public: InMemoryStore
    publisher: Publisher
    repository: Repository
    clock: FakeClock
    uploads: Sequence[Good]
    neighbour: Good | None = None

    def copy(self) -> tuple[InMemoryStore, InMemoryStore]:
        """Staging and public bucket, to be written to."""
        copies = []
        for store in (self.staging, self.public):
            objects = {key: list(versions) for key, versions in store.objects.items()}
            copies.append(InMemoryStore(self.clock, objects=objects, _numbers=copy.copy(store._numbers)))
        return copies[0], copies[1]


def new_publisher(staging: InMemoryStore, public: InMemoryStore) -> Publisher:
    return Publisher(staging, public, KeysOf(SIGNERS.values()), lambda attempt: None, workers=1, announcer=RecordingAnnouncer())


@functools.cache
def scenes() -> Sequence[Scene]:
    return [build() for build in (_paths, _files, _bins, _first)]


def envelope(signed: JsonObject, signers: Sequence[SigningKey]) -> JsonObject:
    message = canonical(signed)
    return {"signatures": [{"keyid": key.public_key.keyid, "sig": key.sign(message)} for key in signers], "signed": signed}


def _root(version: int = 1, external: bool = True, root_keys: Sequence[SigningKey] = _ROOT, **more: Sequence[SigningKey]) -> JsonObject:
    """Root 2 of 2, targets 1 of 2, and the online key of the deployment."""
    signed = root(version, EXPIRES)
    roles = {"root": root_keys, "targets": _TARGETS, **more}
    signed["keys"], online = {}, ONLINE.public_key
    for name, keys in roles.items():
        signed["keys"] |= {key.public_key.keyid: key_json(key) for key in keys}
        signed["roles"][name] = {"keyids": [key.public_key.keyid for key in keys], "threshold": 2 if name == "root" else 1}
    signed["keys"][online.keyid] = online.as_json()
    for name in ("snapshot", "timestamp"):
        signed["roles"][name] = {"keyids": [online.keyid], "threshold": 1}
    if external:
        signed["x-trustpress"] = {"targets": "external"}
    return signed


def _delegations(*more: str) -> JsonObject:
    """Docs, which delegates further; releases, two of three keys and terminating; news as often as it is asked for."""
    return _delegating(
        (_delegated("docs", _DOCS, "docs/*", "docs/*/*"), _DOCS),
        *((_delegated(name, [Ed25519(name)], f"{name}/*"), [Ed25519(name)]) for name in more),
        (_delegated("releases", _RELEASES, "releases/v?.*", "*.bin", threshold=2, terminating=True), _RELEASES),
    )


def _delegated(name: str, keys: Sequence[SigningKey], *paths: str, threshold: int = 1, terminating: bool = False) -> DelegatedRole:
    return DelegatedRole(name, [key.public_key.keyid for key in keys], threshold, terminating, list(paths))


def _delegating(*roles: tuple[DelegatedRole, Sequence[SigningKey]]) -> JsonObject:
    public = [key.public_key for _, keys in roles for key in keys]
    return Delegations({key.keyid: key for key in public}, {role.name: role for role, _ in roles}).to_dict()


def _delegating_to_bins(key: SigningKey) -> JsonObject:
    public = key.public_key
    return Delegations({public.keyid: public}, None, SuccinctRoles([public.keyid], 1, 2, "bin")).to_dict()


def _bin_of(targetpath: str) -> str:
    return SuccinctRoles([], 1, 2, "bin").get_role_for_target(targetpath)


def _targets(version: int, files: Mapping[str, bytes], delegating: JsonObject | None = None) -> JsonObject:
    signed = targets(files, version, EXPIRES)
    return {**signed, "delegations": delegating} if delegating else signed


def _docs(version: int, files: Mapping[str, bytes]) -> JsonObject:
    return _targets(version, files, _delegating((_delegated("german", _GERMAN, "docs/de-*"), _GERMAN)))


def _scene(name: str, published: Sequence[Signed], uploads: Sequence[Good], staged: Mapping[str, bytes], neighbour: Good | None) -> Scene:
    """Publish one bundle after the other with the real publisher; the last an hour ago."""
    clock = FakeClock()
    staging, public = InMemoryStore(clock), InMemoryStore(clock)
    publisher = new_publisher(staging, public)
    for targetpath, data in staged.items():
        staging.upload(f"inbox/{NAME}/targets/{targetpath}", data)
    for roles in published:
        clock.pass_time(OVERLAP * 2)
        body = compact({rolename: envelope(signed, signers) for rolename, (signed, signers) in roles.items()})
        staging.upload(f"inbox/{NAME}/metadata/bundle.root.json", body)
        receipts = publisher.drain(NAME, clock).receipts
        assert [receipt.status for receipt in receipts] == ["published"], receipts
    clock.pass_time(timedelta(hours=1))
    for targetpath, data in staged.items():
        staging.upload(f"inbox/{NAME}/targets/{targetpath}", data)
    return Scene(name, staging, public, publisher, publisher._repositories.load(NAME), clock, uploads, neighbour)


def _paths() -> Scene:
    """External targets; delegations with paths, two deep."""
    first: Signed = {"root": (_root(), _ROOT), "targets": (_targets(1, _FILES), _TARGETS[:1])}
    second: Signed = {
        "targets": (_targets(2, _FILES, _delegations()), _TARGETS[1:]),
        "docs": (_docs(1, {"docs/manual.txt": b"read me"}), _DOCS),
        "german": (_targets(1, {"docs/de-manual.txt": b"lies mich"}), _GERMAN),
        "releases": (_targets(1, {"releases/v1.bin": b"1", "two.bin": b"2"}), _RELEASES[:2]),
    }
    third: Signed = {"root": (_root(2), _ROOT)}
    more = {**_FILES, "three.txt": b"3"}
    next_targets = _targets(3, more, _delegations())
    next_docs = _docs(2, {"docs/manual.txt": b"read on", "docs/a/b.txt": b"b"})
    new_key = (Ed25519("root-3"), _ROOT[0])
    uploads = [
        Good.of("targets.json", {"targets": (next_targets, _TARGETS[:1])}),
        Good.of("3.targets.json", {"targets": (next_targets, _TARGETS)}),
        Good.of("docs.json", {"docs": (next_docs, _DOCS)}),
        Good.of("german.json", {"german": (_targets(2, {"docs/de-x.txt": b"x"}), _GERMAN)}),
        Good.of("releases.json", {"releases": (_targets(2, {"releases/v2.bin": b"2"}), _RELEASES)}),
        Good.of("root.json", {"root": (_root(3, root_keys=new_key), (*_ROOT, new_key[0]))}),
        Good.of("root.json", {"root": (_root(3, targets=(*_TARGETS, Ed25519("targets-3"))), _ROOT)}),
        Good.of("bundle.json", {"targets": (next_targets, _TARGETS[:1]), "docs": (next_docs, _DOCS)}),
        Good.of(
            "bundle.json",
            {
                "targets": (_targets(3, more, _delegations("news")), _TARGETS[1:]),
                "news": (_targets(1, {"news/today.txt": b"today"}), [Ed25519("news")]),
            },
        ),
        Good.of(
            "bundle.root.json",
            {
                "root": (_root(3, targets=[Ed25519("targets-4")]) | {"x-trustpress-at-once": 3}, _ROOT),
                "targets": (next_targets, [Ed25519("targets-4")]),
            },
        ),
    ]
    return _scene("paths", [first, second, third], uploads, {}, Good.of("german.json", {"german": (_targets(2, {}), _GERMAN)}))


def _files() -> Scene:
    """Target files have to be staged."""
    staged = {**_FILES, "three.txt": b"3"}
    first: Signed = {"root": (_root(external=False), _ROOT), "targets": (_targets(1, _FILES), _TARGETS[:1])}
    signed = _targets(2, staged)
    signed["targets"]["three.txt"] = target_file(b"3", "sha256", "sha512")
    uploads = [Good.of("targets.json", {"targets": (signed, _TARGETS[:1])})]
    return _scene("files", [first], uploads, staged, None)


def _bins() -> Scene:
    """Targets delegates to four bins."""
    delegating = _delegating_to_bins(_BINS[0])
    names = [f"bin-{number}" for number in range(4)]
    first: Signed = {
        "root": (_root(), _ROOT),
        "targets": (_targets(1, {}, delegating), _TARGETS[:1]),
        **{name: (_targets(1, {}), _BINS) for name in names},
    }
    in_bin: dict[str, dict[str, bytes]] = {name: {} for name in names}
    for number in range(12):
        in_bin[_bin_of(f"file-{number}")][f"file-{number}"] = b"%d" % number
    nexts = {name: ({**_targets(2, in_bin[name]), "x-trustpress-role": name}, _BINS) for name in names}
    new = (Ed25519("bins-2"),)
    rekeyed: Signed = {
        "targets": (_targets(2, {}, _delegating_to_bins(new[0])), _TARGETS[1:]),
        **{name: (signed, new) for name, (signed, _) in nexts.items()},
    }
    uploads = [
        *(Good.of(f"{name}.json", {name: nexts[name]}) for name in names[:2]),
        Good.of("targets.json", {"targets": (_targets(2, {"top.txt": b"top"}, delegating), _TARGETS[:1])}),
        Good.of("bundle.json", nexts),
        Good.of("bundle.json", rekeyed),
    ]
    return _scene("bins", [first], uploads, {}, Good.of("bin-3.json", {"bin-3": nexts["bin-3"]}))


def _first() -> Scene:
    """Nothing is published yet."""
    key = [Ed25519("news")]
    root_and_targets = {"root": (_root(), _ROOT), "targets": (_targets(1, _FILES), _TARGETS[:1])}
    delegating = _targets(1, _FILES, _delegating((_delegated("news", key, "news/*"), key)))
    uploads = [
        Good.of("first.root.json", root_and_targets),
        Good.of(
            "first.root.json",
            {**root_and_targets, "targets": (delegating, _TARGETS[:1]), "news": (_targets(1, {"news/today.txt": b"today"}), key)},
        ),
        Good.of("root.json", {"root": (_root(), _ROOT)}),
    ]
    return _scene("first", [], uploads, {}, None)
