"""The staging bucket as a developer's credentials reach it: objects by key, failures in Trustpress's words."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from trustpress.adapters.aws import code_of
from trustpress.adapters.s3 import LOST_RACE
from trustpress_uploader.aws import translated
from trustpress_uploader.errors import StorageRefused, SupersededWrite
from trustpress_uploader.staging.artifacts import MAX_LENGTH
from trustpress_uploader.terminal.progress import Advance

# An object that is not there answers 403 to credentials that may not list the bucket.
_MISSING = {"NoSuchKey", "AccessDenied", "403", "404"}

_ONE_PUT = TransferConfig(multipart_threshold=MAX_LENGTH + 1, use_threads=False)

_HINTS = {
    "NoSuchBucket": "Compare --staging with the deployment's output StagingBucketName.",
    "AccessDenied": (
        "A build system's policy lets it upload and read receipts; `trustpress status`, `log` and changes that wait for "
        "signatures need the deployment's DeveloperPolicyArn. Either is bound to the one repository of its tag."
    ),
    "InvalidAccessKeyId": "These credentials are unknown there: check AWS_PROFILE and AWS_ENDPOINT_URL.",
    "ExpiredToken": "Sign in again: these credentials have expired.",
    "BadDigest": "The file changed while it was uploaded. Run the same command again.",
    "XAmzContentChecksumMismatch": "The file changed while it was uploaded. Run the same command again.",
}


_TOO_LONG = "Nothing that belongs there is so long: look at who may write to the staging bucket."


@dataclass(frozen=True, slots=True)
class Listed:
    """An object in a listing. `length` is in bytes."""

    key: str
    length: int
    last_modified: datetime


class Bucket:
    """Every method raises StorageRefused or Unreachable."""

    def __init__(self, name: str, owner: str | None) -> None:
        self._name = name
        self._owner: Any = {"ExpectedBucketOwner": owner} if owner else {}
        with self._translated():
            self._s3 = boto3.Session().client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5))

    def put_file(self, key: str, path: Path, sha256: str, advance: Advance) -> None:
        """Upload a file in one PUT; S3 refuses it if its bytes are not those of this hash (hex)."""
        checksum = {"ChecksumSHA256": base64.b64encode(bytes.fromhex(sha256)).decode(), **self._owner}
        with self._translated(), path.open("rb") as file:
            self._s3.upload_fileobj(file, self._name, key, ExtraArgs=checksum, Callback=advance, Config=_ONE_PUT)

    def put(self, key: str, body: bytes) -> None:
        with self._translated():
            self._put(key, body, {})

    def swap(self, key: str, body: bytes, etag: str | None) -> None:
        """Put in the place of the object with this etag, None for a new one. Raises SupersededWrite if another is there."""
        with self._translated():
            self._put(key, body, {"IfMatch": etag} if etag else {"IfNoneMatch": "*"})

    def get(self, key: str, limit: int) -> tuple[bytes, str] | None:
        """The bytes and their etag, None where there is nothing to be seen. No more is read than `limit` bytes."""
        with self._translated():
            try:
                found = self._s3.get_object(Bucket=self._name, Key=key, **self._owner)
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise
            with closing(found["Body"]) as answer:
                body = answer.read(limit + 1)
        if len(body) > limit:
            raise StorageRefused(f"s3://{self._name}/{key}", f"expected at most {limit:,} bytes", _TOO_LONG)
        return body, found["ETag"]

    def list(self, prefix: str, *, deep: bool = False) -> Iterator[Listed]:
        """What lies right below a prefix, or with `deep` anywhere below it; permission is asked for each apart."""
        delimiter: Any = {} if deep else {"Delimiter": "/"}
        with self._translated():
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix, **delimiter, **self._owner)
            for page in pages:
                for found in page.get("Contents", []):
                    yield Listed(found["Key"], found["Size"], found["LastModified"])

    def delete(self, key: str) -> None:
        with self._translated():
            self._s3.delete_object(Bucket=self._name, Key=key, **self._owner)

    def _put(self, key: str, body: bytes, condition: Any) -> None:
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        try:
            self._s3.put_object(
                Bucket=self._name,
                Key=key,
                Body=body,
                ChecksumSHA256=checksum,
                ContentType="application/json",
                **condition,
                **self._owner,
            )
        except ClientError as error:
            if condition and code_of(error) in LOST_RACE | {"NoSuchKey", "404"}:
                raise SupersededWrite(key) from error
            raise

    def _translated(self) -> AbstractContextManager[None]:
        return translated(f"s3://{self._name}", StorageRefused, _HINTS, "Check --staging and the credentials.")
