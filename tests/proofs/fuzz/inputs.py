"""One input for each number: what is uploaded, under which name, to which published repository.

An input is a good upload and a list of changes. Each change draws from a source of its own, so that leaving one out does
not change what the others do: that is how a failing input is made small.
"""

from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.proofs.fuzz import bundles, fields, signatures, spelling, trees
from tests.proofs.fuzz.scenes import Scene, scenes
from tests.proofs.fuzz.uploads import Good, Role, Upload

FILENAMES = [
    "root.json", "targets.json", "docs.json", "bundle.json", "bundle.root.json", "snapshot.json", "timestamp.json", "mirrors.json",
    "news.json", "bin-0.json", "bin-9.json", "Targets.json",
    "TARGETS.JSON", "0.targets.json", "9.targets.json", "3.docs.json", "1.1.docs.json", "12345678901.docs.json", "__proto__.json",
    "constructor.json", "7.json", "..json",
    "...json", ".json", "", "targets", "targets.json.gz", "a/targets.json", "../targets.json", "a b.json", "\u00e9.json", "a\n.json",
    "targets.json\n", "x" * 100 + ".json",
    "x" * 900 + ".json",
]  # fmt: skip

_SCENE_WEIGHTS = {"paths": 60, "files": 8, "bins": 22, "first": 10}


@dataclass(frozen=True)
class Input:
    """`changes` are the kinds of change made, in order."""

    scene: Scene
    filename: str
    body: bytes
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A good upload and the changes to make to it: each a kind and a seed."""

    scene: Scene
    good: Good
    changes: tuple[tuple[str, int], ...]

    def make(self, without: Collection[int] = ()) -> Input:
        """Make the input, some of its changes left out."""
        changes = [change for number, change in enumerate(self.changes) if number not in without]
        upload = self.good.start()
        for make in (_change_bundle, _change_content, _sign, _change_signatures):
            make(self, upload, changes)
        body = upload.with_raws(_spell(upload.value(), changes))
        return Input(self.scene, _name(upload.filename, changes), _damage(self, body, changes), tuple(kind for kind, _ in changes))


Changes = list[tuple[str, int]]


def plan(seed: int, index: int) -> Plan:
    """What input number `index` of a campaign is."""
    rng = Random(f"{seed} {index}")
    scene = rng.choices(scenes(), [_SCENE_WEIGHTS[scene.name] for scene in scenes()])[0]
    good = rng.choices(scene.uploads, [1 / (len(good.signed) + 3 * ("root" in good.signed)) for good in scene.uploads])[0]
    kinds = [rng.choice(["field", "field", "tree"]) for _ in range(rng.choices([0, 1, 2, 3], [15, 55, 20, 10])[0])]
    for kind, chance in (("bundle", 0.12), ("stale", 0.12), ("signature", 0.15), ("spelling", 0.3), ("filename", 0.04)):
        kinds += [kind] * (rng.random() < chance)
    kinds += ["damage"] * rng.choices([0, 1, 2, 4], [86, 8, 4, 2])[0]
    return Plan(scene, good, tuple((kind, rng.getrandbits(48)) for kind in kinds))


def _sources(changes: Changes, *kinds: str) -> list[tuple[str, Random]]:
    return [(kind, Random(seed)) for kind, seed in changes if kind in kinds]


def _change_bundle(self: Plan, upload: Upload, changes: Changes) -> None:
    for _, rng in _sources(changes, "bundle"):
        bundles.change(rng, upload, self.scene.uploads)


def _change_content(self: Plan, upload: Upload, changes: Changes) -> None:
    stale = bool(_sources(changes, "stale"))
    if stale:
        _sign(self, upload, [])
    for kind, rng in _sources(changes, "field", "tree"):
        role = rng.choice(list(upload.roles.values()))
        if kind == "field" and isinstance(role.signed, dict):
            fields.change(rng, upload, role.signed)
        else:
            trees.change(rng, upload, role.signed)


def _sign(self: Plan, upload: Upload, changes: Changes) -> None:
    """Sign what is there now, unless the signatures are to be stale."""
    if not _sources(changes, "stale"):
        for role in upload.roles.values():
            _sign_role(upload, role)


def _sign_role(upload: Upload, role: Role) -> None:
    try:
        upload.sign(role, role.signed)
    except TypeError:  # a number that no encoder of canonical JSON writes
        role.envelope = {"signatures": [{"keyid": key.public_key.keyid, "sig": "00" * 64} for key in role.signers], "signed": role.signed}


def _change_signatures(self: Plan, upload: Upload, changes: Changes) -> None:
    for _, rng in _sources(changes, "signature"):
        signatures.change(rng, upload, rng.choice(list(upload.roles.values())))


def _spell(value: Any, changes: Changes) -> bytes:
    for _, rng in _sources(changes, "spelling"):
        return spelling.respell(rng, value)
    return spelling.compact(value)


def _damage(self: Plan, body: bytes, changes: Changes) -> bytes:
    other = b""
    for _, rng in _sources(changes, "damage"):
        other = other or rng.choice(list(self.good.signed.values()))
        body = spelling.damage(rng, body, other)
    return body


def _name(filename: str, changes: Changes) -> str:
    for _, rng in _sources(changes, "filename"):
        filename = rng.choice(FILENAMES)
    return filename
