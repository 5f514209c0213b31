"""What may become of an upload, and what may not.

Every input is parsed and judged by the publisher's own code, against a repository that stays as it is. It may be accepted,
rejected or wait, with a receipt; anything else is a finding. What is accepted is published for real, in a copy of the two
buckets: a new container has to be able to read it, and so do two clients that share no code, which have to find the same.
"""

import itertools
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.proofs.fuzz import clients
from tests.proofs.fuzz.clients import Reading, Release
from tests.proofs.fuzz.inputs import Input
from tests.proofs.fuzz.scenes import NAME, Scene, new_publisher
from trustpress.core.metadata import Targets
from trustpress.ports import StoredVersion
from trustpress.publish.inbox import Inbox, Upload
from trustpress.publish.judgement import Judgement
from trustpress.store.loading import Repositories
from trustpress.store.receipts import Receipt
from trustpress.verdicts import Rejected

MAX_RECEIPT = 20_000
_MAX_TARGETPATHS = 60
_PREFIX = f"{NAME}/metadata/"


class Finding(AssertionError):
    """Something that must not happen, by what an input led to."""


@dataclass(frozen=True)
class Outcome:
    """`code` is the reason, empty for what is accepted; `content` tells accepted uploads apart; `seconds` of CPU time."""

    status: str
    code: str
    content: tuple[str, ...]
    seconds: float


def judge(made: Input) -> Outcome:
    """Parse and judge one upload as a drain does. Raises Finding, or whatever escapes from the publisher."""
    scene = made.scene
    began = time.process_time()
    upload = _upload(scene, made.filename, made.body)
    judgement = _judge(scene, [upload])
    seconds = time.process_time() - began
    error = judgement.verdicts[0].error
    if error is None:
        content = tuple(f"{scene.name} {document.sha256}" for _, document in judgement.draft.documents)
        return Outcome("accepted", "", content, seconds)
    status = "rejected" if isinstance(error, Rejected) else "waiting"
    version = upload.version
    receipt = Receipt(NAME, version.key, version.version_id, upload.sha256, status, scene.clock.now(), upload.roles, error=error)
    if len(receipt.encode()) > MAX_RECEIPT or not str(error) or not error.hint:
        raise Finding(f"a receipt of {len(receipt.encode())} bytes for {type(error).__name__}, with the hint {error.hint!r}")
    return Outcome(status, error.code, (), seconds)


def judge_beside_a_neighbour(made: Input) -> None:
    """A good upload for another role goes through, unless this one is accepted and changes that. Raises Finding."""
    scene = made.scene
    if scene.neighbour is None:
        return
    bad, good = _upload(scene, made.filename, made.body), _upload(scene, scene.neighbour.filename, scene.neighbour.body())
    verdicts = _judge(scene, [bad, good]).verdicts
    if verdicts[0].error is not None and verdicts[1].error is not None:
        raise Finding(f"a good upload beside it got {verdicts[1].error!r}")


def publish(made: Input) -> Release:
    """Publish an accepted upload in a copy of the scene: what clients can read then. Raises Finding."""
    scene = made.scene
    staging, public = scene.copy()
    key = f"inbox/{NAME}/metadata/{made.filename}"
    staging.upload(key, made.body)
    [receipt] = [receipt for receipt in new_publisher(staging, public).drain(NAME, scene.clock).receipts if receipt.upload == key]
    if receipt.status != "published":
        raise Finding(f"accepted, then {receipt.status}: {receipt.error!r}")
    repository = Repositories(staging, public).load(NAME)
    roles = [repository.role(rolename) for rolename in receipt.roles if rolename != "root"]
    files = {key.removeprefix(_PREFIX): public.body(key) for key in public.objects if key.startswith(_PREFIX)}
    before = _remembered(scene)
    wanted = list(dict.fromkeys(itertools.chain(*(_targetpaths(role.signed) for role in roles if role), _known_targetpaths(scene))))
    return Release(files["1.root.json"], files, before, scene.clock.now(), wanted[:_MAX_TARGETPATHS])


def read_with_python_tuf(release: Release) -> Reading:
    """What python-tuf verifies and finds. Raises Finding if it refuses the release."""
    reading = clients.read_with_python_tuf(release)
    if reading.refusal:
        raise Finding(f"python-tuf refuses what was accepted: {reading.refusal}")
    return reading


def compare(release: Release, by_python_tuf: Reading, by_tuf_js: Reading) -> None:
    """The second client gets through, and finds the same. Raises Finding."""
    if by_tuf_js.refusal:
        raise Finding(f"tuf-js refuses what was accepted: {by_tuf_js.refusal.partition(' at ')[0].strip()}")
    if by_python_tuf.seen != by_tuf_js.seen:
        raise Finding(f"python-tuf verified {by_python_tuf.seen}, tuf-js {by_tuf_js.seen}")
    for targetpath, one, other in zip(release.targetpaths, by_python_tuf.found, by_tuf_js.found, strict=True):
        if one != other:
            raise Finding(f"for {targetpath!r} python-tuf finds {one}, tuf-js {other}")


def _upload(scene: Scene, filename: str, body: bytes) -> Upload:
    inbox = Inbox(scene.staging, NAME, scene.publisher._workers, {})
    key = f"inbox/{NAME}/metadata/{filename}"
    return inbox._parse(StoredVersion(key, "fuzz", len(body), scene.clock.now()), body)


def _judge(scene: Scene, uploads: list[Upload]) -> Judgement:
    return scene.publisher._judge(scene.repository, uploads, {}, scene.clock)


def _remembered(scene: Scene) -> dict[str, bytes]:
    """What a client that has followed so far keeps; nothing before the first publish."""
    head = scene.repository.head
    if head is None:
        return {}
    names = [name.removesuffix(".json") for name in head.snapshot.signed.meta]
    roles = {name: role.body for name in names if (role := scene.repository.role(name))}
    return {"timestamp": head.timestamp.body, "snapshot": head.snapshot.body, **roles}


def _known_targetpaths(scene: Scene) -> Iterator[str]:
    head = scene.repository.head
    for name in head.snapshot.signed.meta if head else []:
        role = scene.repository.role(name.removesuffix(".json"))
        yield from itertools.islice(role.signed.targets.targetpaths() if role else [], 5)
    yield "never/published.txt"


def _targetpaths(targets: Targets) -> Iterator[str]:
    """What the role lists, and something that each of its patterns matches."""
    yield from itertools.islice(targets.targets.targetpaths(), 30)
    for role in targets.delegations.roles.values():
        yield from (re.sub(r"[*?]", "x", pattern) for pattern in role.patterns.patterns[:3])
