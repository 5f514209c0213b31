"""The invariants I1 to I10 of a repository in a real bucket, read from outside after every step.

What is immutable is read once, and its version ids are compared from then on: a second version of an immutable key is read
as well, and has to have the same bytes.
"""

import itertools
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tuf.api.exceptions import DownloadHTTPError, UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.ngclient.fetcher import FetcherInterface

from tests.readers import Reader, Seen
from trustpress.adapters.s3 import S3Store
from trustpress.core import layout

_MAX_LENGTH = 1_000_000
_FRESH = timedelta(hours=6)  # with less than that left of a timestamp, somebody is woken


@dataclass(frozen=True)
class Uploaded:
    """Metadata that the store has taken: its hash, and the versions in it by role."""

    sha256: str
    roles: dict[str, int]


@dataclass
class Bucket:
    """What was ever seen in one repository's part of the public bucket. `histories` are version ids by key, newest first."""

    store: S3Store
    name: str
    bodies: dict[str, bytes] = field(default_factory=dict)
    timestamps: dict[str, bytes] = field(default_factory=dict)
    histories: dict[str, list[str]] = field(default_factory=dict)

    def look(self) -> None:
        """I3: what was there is there, and no versioned key has other bytes; of timestamps none is lower than the one before."""
        histories: dict[str, list[str]] = {}
        for version in self.store.list_versions(f"{self.name}/"):
            histories.setdefault(version.key, []).append(version.version_id)
        for key, before in self.histories.items():
            assert histories.get(key, [])[-len(before) :] == before, f"I3: {key} had versions {before}, now {histories.get(key)}"
        for key, versions in histories.items():
            for version_id in versions[: len(versions) - len(self.histories.get(key, []))]:
                self._read(key, version_id)
        self.histories = histories
        self._see_history_of_timestamps(histories.get(layout.timestamp(self.name), []))

    def body(self, key: str) -> bytes | None:
        if key in self.bodies:
            return self.bodies[key]
        found = self.store.get(key, _MAX_LENGTH)
        return found.body if found else None

    def versions(self, rolename: str) -> dict[int, bytes]:
        """The files of a role by version."""
        prefix, suffix = f"{self.name}/metadata/", f".{rolename}.json"
        found = {key.removeprefix(prefix).removesuffix(suffix): body for key, body in self.bodies.items() if key.endswith(suffix)}
        return {int(number): body for number, body in found.items() if number.isdigit()}

    def snapshots_committed(self) -> int:
        """How many snapshots a timestamp has ever named."""
        return len({json.loads(body)["signed"]["meta"]["snapshot.json"]["version"] for body in self.timestamps.values()})

    def _read(self, key: str, version_id: str) -> None:
        found = self.store.get(key, _MAX_LENGTH, version_id)
        assert found is not None, f"I3: version {version_id} of {key} was listed and is gone"
        if key == layout.timestamp(self.name):
            self.timestamps[version_id] = found.body
        else:
            assert self.bodies.setdefault(key, found.body) == found.body, f"I3: {key} has two versions with different bytes"

    def _see_history_of_timestamps(self, newest_first: Iterable[str]) -> None:
        signed = [json.loads(self.timestamps[version_id])["signed"] for version_id in newest_first]
        for newer, older in itertools.pairwise(signed):
            assert newer["version"] == older["version"] + 1, f"I2: timestamp {newer['version']} came after {older['version']}"
            numbers = [timestamp["meta"]["snapshot.json"]["version"] for timestamp in (older, newer)]
            assert numbers == sorted(numbers), f"I2: snapshot {numbers[1]} came after {numbers[0]}"


class Onlooker:
    """Whoever looks at one repository: a client that has followed every step, one that starts now, and one who reads receipts."""

    def __init__(self, staging: S3Store, public: S3Store, name: str, state: Path) -> None:
        self._staging, self._name, self._state = staging, name, state
        self.bucket = Bucket(public, name)
        self.uploads: list[Uploaded] = []
        self._last: Seen | None = None
        self._verified: set[tuple[bytes, bytes]] = set()
        self._folders = itertools.count()

    def look(self) -> None:
        """Raises AssertionError, whose message names the invariant, or what a client raised."""
        receipts = {upload.sha256: self._receipt(upload) for upload in self.uploads}
        self._see_that_nothing_is_lost(receipts)
        self.bucket.look()
        self._see_roots()
        if layout.timestamp(self._name) not in self.bucket.histories:
            assert not any(receipts.values())
            return
        seen = self._see_release()
        self._see_roles(seen)
        self._see_acknowledged(seen, receipts)

    def expect_all_published(self) -> None:
        """I4, I5, I10: to be asked when faults have stopped, after two retries."""
        self.look()
        assert not self.uploads, f"I5: not published: {self.uploads}"
        left = list(self._staging.list_keys(layout.inbox_metadata(self._name)))
        assert not left, f"I10: still in the inbox: {left}"

    @property
    def files(self) -> dict[str, bytes]:
        """What clients find under each target path, once there is a release."""
        assert self._last is not None
        return dict(self._listed_files(self._last))

    def first_root(self) -> bytes:
        return self.bucket.bodies[layout.metadata(self._name, "root", 1)]

    def _see_that_nothing_is_lost(self, receipts: dict[str, Any]) -> None:
        """I10: an upload is in the inbox or has a receipt, and in this test it is never refused."""
        if not all(receipts.values()):
            waiting = len(list(self._staging.list_versions(layout.inbox_metadata(self._name))))
            without = sum(not receipt for receipt in receipts.values())
            assert waiting >= without, f"I10: {without} uploads have no receipt, {waiting} are in the inbox"
        for receipt in receipts.values():
            assert not receipt or receipt["status"] in {"published", "waiting"}, f"I10: {receipt}"

    def _see_roots(self) -> None:
        """I7: roots 1..N, each signed by the one before and by itself."""
        roots = self.bucket.versions("root")
        assert sorted(roots) == list(range(1, len(roots) + 1)), f"I7: there are roots {sorted(roots)}"
        for number, body in roots.items():
            for delegator in {number, max(number - 1, 1)}:
                assert self._verifies("root", body, roots[delegator]), f"I7: root {number} does not verify under {delegator}"

    def _see_release(self) -> Seen:
        """I1, I2, I8, I9."""
        warm = self._reader("warm").refresh()
        assert self._last is None or not warm.is_older_than(self._last), f"I2: {self._last} came before {warm}"
        folder = f"cold-{next(self._folders)}"
        cold = self._reader(folder)
        seen = cold.refresh()
        # Whoever was killed may have left a request behind that the store carries out only now.
        assert not seen.is_older_than(warm), f"I9: {warm} was seen before {seen}"
        files = dict(self._listed_files(seen))
        assert cold.download_all(files) == files, "I1: a target that is listed cannot be had"
        shutil.rmtree(self._state / folder)
        self._last = seen
        newest = next(iter(self.bucket.histories[layout.timestamp(self._name)]))
        expires = datetime.fromisoformat(json.loads(self.bucket.timestamps[newest])["signed"]["expires"])
        assert expires - datetime.now(UTC) > _FRESH, f"I8: the timestamp expires at {expires}"
        return seen

    def _see_roles(self, seen: Seen) -> None:
        """I6: every role that is listed verifies under the one that delegates to it, as that is listed."""
        listed = self._listed(seen)
        root = self.bucket.body(layout.metadata(self._name, "root", seen.root)) or b""
        for rolename, body in listed.items():
            delegator = root if rolename == "targets" else listed["targets"]
            assert self._verifies(rolename, body, delegator), f"I6: {rolename} does not verify"

    def _see_acknowledged(self, seen: Seen, receipts: dict[str, Any]) -> None:
        """I4: what a receipt calls published is in the snapshot."""
        published = [upload for upload in self.uploads if receipts[upload.sha256].get("status") == "published"]
        for upload in published:
            for rolename, version in upload.roles.items():
                shown = seen.root if rolename == "root" else seen.meta.get(f"{rolename}.json", 0)
                assert shown >= version, f"I4: {rolename} {version} is said to be published, {shown} is"
        self.uploads = [upload for upload in self.uploads if upload not in published]

    def _listed(self, seen: Seen) -> dict[str, bytes]:
        bodies = {}
        for name, version in seen.meta.items():
            body = self.bucket.body(f"{self._name}/metadata/{version}.{name}")
            assert body is not None, f"I1: {version}.{name} is listed and missing"
            bodies[name.removesuffix(".json")] = body
        return bodies

    def _listed_files(self, seen: Seen) -> Iterator[tuple[str, bytes]]:
        for body in self._listed(seen).values():
            for targetpath, entry in json.loads(body)["signed"]["targets"].items():
                data = self.bucket.body(layout.target(self._name, targetpath, entry["hashes"]["sha256"]))
                assert data is not None, f"I1: {targetpath} is listed and missing"
                yield targetpath, data

    def _verifies(self, rolename: str, body: bytes, delegator: bytes) -> bool:
        if (body, delegator) not in self._verified:
            signed: Metadata[Any] = Metadata.from_bytes(body)
            signing: Metadata[Root] | Metadata[Targets] = Metadata.from_bytes(delegator)
            try:
                signing.signed.verify_delegate(rolename, signed.signed_bytes, signed.signatures)
            except (UnsignedMetadataError, ValueError):
                return False  # ValueError: it does not delegate this role
            self._verified.add((body, delegator))
        return True

    def _receipt(self, upload: Uploaded) -> Any:
        found = self._staging.get(layout.receipt(self._name, upload.sha256), _MAX_LENGTH)
        return json.loads(found.body) if found else {}

    def _reader(self, folder: str) -> Reader:
        return Reader(self._state / folder, f"s3:{self._name}/", self.first_root(), _Fetcher(self.bucket))


class _Fetcher(FetcherInterface):
    """Reads the timestamp and what is new from the bucket, and the rest from what was read there before."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def _fetch(self, url: str) -> Iterator[bytes]:
        body = self._bucket.body(url.removeprefix("s3:"))
        if body is None:
            raise DownloadHTTPError(f"{url} is missing", 404)
        yield body
