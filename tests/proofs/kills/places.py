"""Where publishers are killed: a deployment's two buckets on SeaweedFS or on MiniStack, without the template around them."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import boto3

from local.ministack import ADMINISTRATOR, running_cloud
from tests.seaweedfs.server import OWNER, SeaweedFS
from trustpress.adapters.kms import Ed25519Signer
from trustpress.adapters.s3 import S3Store
from trustpress.core.keys import PublicKey

StoreName = Literal["seaweedfs", "ministack"]

SIGNER = Ed25519Signer(bytes(31) + b"1")
STAGING, PUBLIC = "staging", "public"


@dataclass(frozen=True)
class Place:
    """All that another process needs in order to work there: the environment of a function of this deployment."""

    environment: Mapping[str, str]

    def client(self, service: Any = "s3") -> Any:
        """A client for whoever looks on: none of a function's settings."""
        return boto3.client(
            service,
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            verify=self.environment.get("AWS_CA_BUNDLE"),
            region_name=self.environment["AWS_DEFAULT_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def store(self, bucket: str) -> S3Store:
        return S3Store(self.client(), bucket, OWNER)

    @property
    def online_key(self) -> PublicKey:
        return SIGNER.public_key


@contextmanager
def running_place(name: StoreName, folder: Path) -> Iterator[Place]:
    """Start the store, make the buckets, and stop the store in the end. There is no KMS: SIGNER is the online key."""
    with _SERVERS[name](folder) as environment:
        place = Place({**environment, **_settings()})
        client = place.client()
        for bucket in (STAGING, PUBLIC):
            client.create_bucket(Bucket=bucket)
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        yield place


def _settings() -> dict[str, str]:
    return {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "TRUSTPRESS_STAGING_BUCKET": STAGING,
        "TRUSTPRESS_PUBLIC_BUCKET": PUBLIC,
        "TRUSTPRESS_BUCKET_OWNER": OWNER,
        "TRUSTPRESS_ONLINE_KEY": "master:not-asked-for",
    }


@contextmanager
def _running_seaweedfs(folder: Path) -> Iterator[dict[str, str]]:
    server = SeaweedFS(folder)
    try:
        server.wait_until_ready()
        yield server.endpoint.environment()
    finally:
        server.stop()


@contextmanager
def _running_ministack(folder: Path) -> Iterator[dict[str, str]]:
    with running_cloud(folder) as cloud:
        yield {name: value for name, value in cloud.environment(ADMINISTRATOR).items() if name.startswith("AWS_")}


_SERVERS: Mapping[StoreName, Callable[[Path], Any]] = {"seaweedfs": _running_seaweedfs, "ministack": _running_ministack}
