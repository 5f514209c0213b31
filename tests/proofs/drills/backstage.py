"""What happens behind the functions' backs: the operator's own look at both buckets, with the deployment's online keys."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.stack import Stack
from tests.fakes import FakeClock, RecordingAnnouncer
from tests.stack.actors import ACCOUNT, Operator
from trustpress.adapters.s3 import S3Store
from trustpress.core import layout
from trustpress.ports import Signer
from trustpress.publish.commit import Change, Committer
from trustpress.publish.draft import Draft
from trustpress.publish.publisher import Publisher
from trustpress.publish.refresher import Refresher
from trustpress.publish.roots import Roots
from trustpress.store.loading import Repositories
from trustpress.store.repository import Repository

MAX_LENGTH = 1_000_000


class Backstage:
    def __init__(self, stack: Stack, operator: Operator) -> None:
        self._operator, self._kms = operator, stack.cloud.client("kms")
        deployment = stack.deployment
        self._staging, self._public = (
            S3Store(operator.s3, name, ACCOUNT) for name in (deployment.staging_bucket, deployment.public_bucket)
        )

    def newest(self, repository: str, rolename: str) -> Any:
        """The newest version of a role but root, in its envelope."""
        timestamp = self._read(layout.timestamp(repository))
        if rolename == "timestamp":
            return timestamp
        snapshot = self._read(layout.metadata(repository, "snapshot", timestamp["signed"]["meta"]["snapshot.json"]["version"]))
        if rolename == "snapshot":
            return snapshot
        return self._read(layout.metadata(repository, rolename, snapshot["signed"]["meta"][f"{rolename}.json"]["version"]))

    def root(self, repository: str, version: int | None = None) -> Any:
        """A version of root, by default the newest, in its envelope."""
        if version is None:
            keys = (layout.metadata(repository, "root", number) for number in itertools.count(1))
            version = sum(1 for _ in itertools.takewhile(self._public.head, keys))
        return self._read(layout.metadata(repository, "root", version))

    def renew(self, repository: str) -> bool:
        """Refresh as if half a day had gone by, so that there is something to sign; whether nobody else was first."""
        refresher = Refresher(self._staging, self._public, self._operator.online_keys())
        return refresher.refresh(repository, FakeClock(datetime.now(UTC) + timedelta(hours=13)))

    def age(self, repository: str, ago: timedelta) -> None:
        """Sign the timestamp again as of some time ago, so that there is something to renew. Raises Conflict if somebody else was first."""
        loaded = Repositories(self._staging, self._public).load(repository)
        Committer(self._public, self._operator.online_keys()).renew_timestamp(loaded, datetime.now(UTC) - ago)

    def publisher(self) -> Publisher:
        """One that looks at an inbox when it is told to."""
        return Publisher(self._staging, self._public, self._operator.online_keys(), announcer=RecordingAnnouncer())

    def _read(self, key: str) -> Any:
        found = self._public.get(key, MAX_LENGTH)
        assert found, key
        return json.loads(found.body)


def without_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishers in this process show a root as soon as it comes, and sign with the keys that it lists, and no others."""

    def listed_keys(self: Committer, rolename: str, repository: Repository, change: Change, _now: datetime) -> dict[str, Signer]:
        held = {signer.public_key.material: signer for signer in self._keys.of(repository.name, change.root.signed)}
        return {keyid: held[key.material] for keyid, key in change.root.signed.roles[rolename].keys.items()}

    monkeypatch.setattr(Committer, "_signing", listed_keys)
    monkeypatch.setattr(Draft, "_verify_overlapped", lambda *_: None)
    monkeypatch.setattr(Roots, "_verify_overlap", lambda *_: None)
