"""SeaweedFS on loopback: an S3 with conditional writes, versions and checksums that is not Amazon's."""

import itertools
import json
import random
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from sysconfig import get_path
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.s3 import Identity
from trustpress.adapters.s3 import S3Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

OWNER = "000000000000"
_ACCESS_KEY, _SECRET_KEY = "tests", "on-loopback-only"
ADMINISTRATOR = {_ACCESS_KEY: Identity(_SECRET_KEY)}
_PATIENCE = 60
_GRPC = 10_000


@dataclass(frozen=True)
class Endpoint:
    """Where the server listens: all that another process needs to reach it."""

    port: int

    def client(self) -> "S3Client":
        client: S3Client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=_ACCESS_KEY,
            aws_secret_access_key=_SECRET_KEY,
        )
        return client

    def environment(self) -> dict[str, str]:
        """What an AWS program needs in order to talk to this server."""
        return {
            "AWS_ACCESS_KEY_ID": _ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": _SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
        }

    def store(self, bucket: str) -> S3Store:
        return S3Store(self.client(), bucket, OWNER)

    def new_store(self, bucket: str) -> S3Store:
        """A new, versioned bucket."""
        client = self.client()
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        return S3Store(client, bucket, OWNER)


class SeaweedFS:
    """One server, its data in `folder`."""

    def __init__(self, folder: Path, others: Mapping[str, Identity] = {}) -> None:
        s3, master, volume, filer = self._ports = [_free_port() for _ in range(4)]
        self.endpoint = Endpoint(s3)
        identities = [_described(*identity) for identity in {**ADMINISTRATOR, **others}.items()]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))
        self._log = folder / "weed.log"
        command = [
            f"{get_path('scripts')}/weed", "mini", f"-dir={folder}", f"-s3.config={folder / 's3.json'}", f"-s3.port={s3}",
            f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1", "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false",
        ]  # fmt: skip
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)

    def wait_until_ready(self) -> None:
        """Ready means that it stores something: the ports are open long before."""
        client, deadline = self.endpoint.client(), time.monotonic() + _PATIENCE
        for attempt in itertools.count():
            try:
                client.create_bucket(Bucket=f"ready-{attempt}")
                client.put_object(Bucket=f"ready-{attempt}", Key="ready", Body=b"ready")
            except (BotoCoreError, ClientError):
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        # Asked politely it takes ten seconds to save what nobody needs.
        self._process.kill()
        self._process.wait()
        for port in self._ports:
            for socket_file in [*Path("/tmp").glob(f"seaweedfs-*-{port}.sock"), *Path("/tmp").glob(f"seaweedfs-*-{port + _GRPC}.sock")]:
                socket_file.unlink()


def _described(access_key: str, identity: Identity) -> dict[str, object]:
    buckets = identity.buckets
    granted = ["Admin", "Read", "Write", "List", "Tagging"] if buckets is None else []
    granted += [f"{action}:{bucket}" for action in ("Read", "Write", "List") for bucket in buckets or ()]
    credentials = [{"accessKey": access_key, "secretKey": identity.secret_key}]
    return {"name": access_key, "credentials": credentials, "actions": granted}


def _free_port() -> int:
    """A free port whose neighbour 10,000 above, which SeaweedFS takes as well, is free too."""
    while True:
        port = random.randrange(10_000, 22_000)
        if _is_free(port) and _is_free(port + _GRPC):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
