"""What a crowd of publishers uploads, what must be there afterwards, and what it took."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.developer import Developer
from trustpress.core.keys import PublicKey
from trustpress.ports import ObjectStore

REPOSITORY = "load/crowd"
_MAX_LENGTH = 4_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What a crowd needed. `attempts` are those of each look at the inbox, one that gave up included; `orphans` are snapshots
    that a loser of a race has left behind, and `reads` are whole refreshes of clients, cold and warm.
    """

    store: str
    publishers: int
    uploads: int
    seconds: float
    attempts: Sequence[int] = field(repr=False)
    orphans: int
    cold_reads: int
    warm_reads: int

    @property
    def rate(self) -> float:
        """Uploads a second, from the first upload to the last receipt."""
        return self.uploads / self.seconds

    def attempts_at(self, share: float) -> int:
        """As many attempts or fewer were enough for this share of the looks."""
        return sorted(self.attempts)[min(int(share * len(self.attempts)), len(self.attempts) - 1)]

    def __str__(self) -> str:
        half, nearly_all, most = self.attempts_at(0.5), self.attempts_at(0.99), max(self.attempts)
        return (
            f"{self.store}: {self.publishers} publishers, {self.uploads} uploads in {self.seconds:.1f} s ({self.rate:.1f}/s), all there; "
            f"{len(self.attempts)} looks, attempts p50 {half}, p99 {nearly_all}, most {most}; {self.orphans} orphans; "
            f"{self.cold_reads} cold and {self.warm_reads} warm refreshes, none failed"
        )


class Work:
    """What the crowd is going to upload, signed beforehand: `versions` are those of each role, from version 2 on."""

    def __init__(self, online: Sequence[PublicKey], publishers: int, uploads: int) -> None:
        developer = Developer(online, datetime.now(UTC).replace(microsecond=0) + timedelta(days=300))
        rolenames = [f"team-{number:02}" for number in range(publishers)]
        self.files = {f"{rolename}/app": rolename.encode() for rolename in rolenames}
        for rolename in rolenames:
            developer.delegate(rolename, f"{rolename}/*")
            developer.next_version(rolename, {f"{rolename}/app": rolename.encode()}).version = 1
        self.root = developer.signed("root")
        self.first = developer.bundle("root", "targets", *rolenames)
        self.versions = {rolename: [_next_version(developer, rolename) for _ in range(uploads)] for rolename in rolenames}

    @property
    def count(self) -> int:
        return sum(map(len, self.versions.values()))


def _next_version(developer: Developer, rolename: str) -> bytes:
    developer.next_version(rolename)
    return developer.signed(rolename)


def receipt_key(upload: bytes) -> str:
    return f"receipts/{REPOSITORY}/{hashlib.sha256(upload).hexdigest()}.json"


def says_published(receipt: bytes) -> bool:
    """Whether an upload is; one that is rejected fails the run."""
    said = json.loads(receipt)
    assert said["status"] != "rejected", said
    return bool(said["status"] == "published")


def verify_all_published(staging: ObjectStore, public: ObjectStore, versions: Mapping[str, Sequence[bytes]]) -> int:
    """Every upload is public, byte for byte, listed and acknowledged, none waits, and nothing was ever written twice.

    Returns how many snapshots no timestamp ever listed.
    """
    listed = _signed(public, f"{_signed(public, 'timestamp')['meta']['snapshot.json']['version']}.snapshot")["meta"]
    for rolename, bodies in versions.items():
        assert listed[f"{rolename}.json"]["version"] == 1 + len(bodies), rolename
        for version, body in enumerate(bodies, start=2):
            assert _read(public, f"{version}.{rolename}") == body, (rolename, version)
            receipt = staging.get(receipt_key(body), _MAX_LENGTH)
            assert receipt, (rolename, version)
            assert says_published(receipt.body), (rolename, version)
    assert list(staging.list_versions(f"inbox/{REPOSITORY}/")) == []
    written = Counter(version.key for version in public.list_versions(f"{REPOSITORY}/metadata/"))
    releases = written.pop(f"{REPOSITORY}/metadata/timestamp.json")
    assert set(written.values()) == {1}, written.most_common(3)
    return sum(key.endswith(".snapshot.json") for key in written) - releases


def _signed(public: ObjectStore, name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(_read(public, name))["signed"]
    return value


def _read(public: ObjectStore, name: str) -> bytes:
    found = public.get(f"{REPOSITORY}/metadata/{name}.json", _MAX_LENGTH)
    assert found, name
    return found.body
