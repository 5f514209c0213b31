"""The owner of one repository: signs with python-tuf, uploads with the S3 API, and has an onlooker look for what was uploaded."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.developer import Developer
from tests.proofs.kills.onlooker import Onlooker, Uploaded
from tests.proofs.kills.places import PUBLIC, STAGING, Place
from trustpress.core import layout
from trustpress.core.keys import PublicKey


class Owner:
    """`uploaded` counts uploads."""

    def __init__(self, place: Place, name: str, online: PublicKey, state: Path) -> None:
        self.name, self._s3 = name, place.client()
        self.developer = Developer([online], datetime.now(UTC).replace(microsecond=0) + timedelta(days=300))
        self.onlooker = Onlooker(place.store(STAGING), place.store(PUBLIC), name, state)
        self.uploaded = 0

    def upload(self, *rolenames: str) -> None:
        """The newest versions of these roles, together."""
        developer = self.developer
        body = developer.signed(rolenames[0]) if len(rolenames) == 1 else developer.bundle(*rolenames)
        filename = f"{rolenames[0]}.json" if len(rolenames) == 1 or "root" in rolenames else "bundle.json"
        self._s3.put_object(Bucket=STAGING, Key=layout.inbox_metadata(self.name, filename), Body=body)
        versions = {name: developer.root.version if name == "root" else developer.roles[name].version for name in rolenames}
        self.onlooker.uploads.append(Uploaded(hashlib.sha256(body).hexdigest(), versions))
        self.uploaded += 1

    def upload_next(self, rolename: str = "targets", *, with_file: bool = True) -> None:
        """The next version of a role, as a rule with one more file."""
        targetpath = f"{rolename}/{self.developer.roles[rolename].version + 1}.bin"
        data = f"{self.name} {targetpath}".encode()
        if with_file:
            key = layout.inbox_target(self.name, targetpath)
            self._s3.put_object(Bucket=STAGING, Key=key, Body=data, ChecksumAlgorithm="SHA256")
        self.developer.next_version(rolename, {targetpath: data} if with_file else {})
        self.upload(rolename)
