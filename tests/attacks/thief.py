"""A thief with keys and with credentials for the inbox. He uses no command of Trustpress: he composes, signs and uploads."""

import hashlib
import itertools
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.attacks.both import Both, Lab
from tests.readers import Reader
from tests.uploader.desk import Desk
from tests.uploader.holders import eventually
from trustpress.core.delegations import RoleKeys
from trustpress.ports import Caching, Signer
from trustpress_uploader.changes.change import compose_draft
from trustpress_uploader.keys.private_keys import PrivateKey
from trustpress_uploader.plans import targets_editor

EVIL = "evil"

Signed = dict[str, Any]


class Thief:
    """`key` is his own; what he stole he signs with as well. `upload` and `publish` take roles by name, and who signs each."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self.key = desk, PrivateKey.from_seed(b"the key of a thief, in 32 bytes.")

    @property
    def keys(self) -> RoleKeys:
        return RoleKeys({self.key.public_key.keyid: self.key.public_key}, 1)

    def current(self, rolename: str) -> Signed:
        """The newest version that the bucket has."""
        signed: Signed = self._desk.deployment.published(self._key(rolename, self._version(rolename)))
        return signed

    def new_role(self, rolename: str, *targetpaths: str) -> Signed:
        return self.listing(targets_editor.compose_targets(datetime.now(UTC) + timedelta(days=30), rolename), *targetpaths)

    def listing(self, signed: Signed, *targetpaths: str) -> Signed:
        """With these targets, all of which are his file; he uploads it as well."""
        body = EVIL.encode()
        for targetpath in targetpaths:
            self._put(f"targets/{targetpath}", body)
        entry = {"length": len(body), "hashes": {"sha256": hashlib.sha256(body).hexdigest()}}
        return signed | {"targets": signed["targets"] | dict.fromkeys(targetpaths, entry)}

    def delegating_first(self, signed: Signed, name: str, pattern: str) -> Signed:
        """Delegate to his own key in front of everybody else, and let clients ask nobody behind it."""
        delegated = targets_editor.delegate(name, self.keys, [pattern], terminating=True)(signed)
        *others, his = delegated["delegations"]["roles"]
        return delegated | {"delegations": delegated["delegations"] | {"roles": [his, *others]}}

    def publish(self, **roles: tuple[Signed, Signer]) -> None:
        assert self.upload(**roles)["status"] == "published"

    def upload(self, **roles: tuple[Signed, Signer]) -> Any:
        """Upload the next versions of these roles as one bundle; the publisher's receipt."""
        drafts = {
            name: compose_draft(name, signed | {"version": self._version(name) + 1}).sign(key) for name, (signed, key) in roles.items()
        }
        body = json.dumps({name: json.loads(draft.envelope()) for name, draft in drafts.items()}).encode()
        first = next(iter(drafts.values()))
        self._put(f"metadata/{first.signed['version']}.{first.rolename}.json", body)
        receipt = f"receipts/{self._desk.repository}/{hashlib.sha256(body).hexdigest()}.json"
        staging = self._desk.deployment.staging
        eventually(lambda: staging.head(receipt) is not None)
        found = staging.get(receipt, 100_000)
        assert found is not None
        return json.loads(found.body)

    def _put(self, name: str, body: bytes) -> None:
        self._desk.deployment.staging.put(f"inbox/{self._desk.repository}/{name}", body, Caching.PRIVATE)

    def _version(self, rolename: str) -> int:
        version = 0
        while self._desk.deployment.public.head(self._key(rolename, version + 1)) is not None:
            version += 1
        return version

    def _key(self, rolename: str, version: int) -> str:
        return f"{self._desk.repository}/metadata/{version}.{rolename}.json"


class Onlookers:
    """Unmodified clients that have the right first root pinned: one that was there before the thief, and those that come later."""

    def __init__(self, lab: Lab, desk: Desk, folder: Path) -> None:
        self._lab, self._deployment, self._repository, self._folder = lab, desk.deployment, desk.repository, folder
        self._numbers = itertools.count()
        self._warm = self._new()

    def see(self, *targetpaths: str) -> list[dict[str, str | None]]:
        """What a client that was there all the time finds, and one that comes now."""
        return [_texts(client.download_all(targetpaths)) for client in (self._warm, self._new())]

    def _new(self) -> Both:
        found = self._deployment.public.get(f"{self._repository}/metadata/1.root.json", 100_000)
        assert found is not None
        url = f"{self._deployment.url}/{self._repository}/"
        return self._lab.at(url, Reader(self._folder / f"client-{next(self._numbers)}", url, found.body), found.body)


def _texts(found: Mapping[str, bytes | None]) -> dict[str, str | None]:
    return {path: body.decode() if body is not None else None for path, body in found.items()}
