"""An ObjectStore on S3: conditional writes, reads by VersionId, SHA-256 checksums, the bucket owner checked on every call."""

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from trustpress.adapters.aws import AWS_ERRORS, code_of, may_have_happened
from trustpress.errors import Conflict, TooLarge, Unavailable, UnknownOutcome, Unreadable
from trustpress.ports import Caching, ObjectStore, StoredObject, StoredVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MISSING = {"NoSuchKey", "NoSuchVersion", "404", "NotFound"}

# Said of one object: archived, or encrypted with a key that is not ours. A denied access may be said of all of them, and is
# a fault of the deployment: it must not make uploads wait until they are rejected.
_UNREADABLE = {"InvalidObjectState", "InvalidRequest"}
LOST_RACE = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_CHUNK = 1024 * 1024

R = TypeVar("R")


class S3Store:
    """One bucket. `owner` is the account it must belong to: another account's bucket of the same name is refused."""

    def __init__(self, client: "S3Client", bucket: str, owner: str) -> None:
        self._client, self.bucket, self.owner = client, bucket, owner

    def list_versions(self, prefix: str) -> Iterator[StoredVersion]:
        withdrawn: set[str] = set()
        for page in self._pages("list_object_versions", prefix):
            # The newest comes first: a delete marker that is the latest hides all the versions of its key that follow.
            withdrawn |= {marker["Key"] for marker in page.get("DeleteMarkers", []) if marker["IsLatest"]}
            for version in page.get("Versions", []):
                if version["Key"] not in withdrawn:
                    yield StoredVersion(version["Key"], version["VersionId"], version["Size"], version["LastModified"])

    def list_all_versions(self, prefix: str) -> Iterator[StoredVersion]:
        for page in self._pages("list_object_versions", prefix):
            for version in page.get("Versions", []):
                yield StoredVersion(
                    version["Key"], version["VersionId"], version["Size"], version["LastModified"], etag=version.get("ETag", "")
                )

    def list_keys(self, prefix: str) -> Iterator[str]:
        for page in self._pages("list_objects_v2", prefix):
            yield from (found["Key"] for found in page.get("Contents", []))

    def head(self, key: str) -> StoredVersion | None:
        try:
            found = self._read(lambda: self._client.head_object(**self._object(key), ChecksumMode="ENABLED"))
        except _MissingError:
            return None
        version_id, sha256 = found.get("VersionId", "null"), _whole_sha256(found)
        return StoredVersion(key, version_id, found["ContentLength"], found["LastModified"], sha256, found["ETag"])

    def get(self, key: str, limit: int, version_id: str | None = None) -> StoredObject | None:
        version: Any = {"VersionId": version_id} if version_id else {}
        try:
            found = self._read(lambda: self._client.get_object(**self._object(key), **version))
        except _MissingError:
            return None
        with closing(found["Body"]) as stream:  # entered by itself, it would give the stream beneath, which checks nothing
            if found["ContentLength"] > limit:
                raise TooLarge(key, limit)
            body = self._read(lambda: stream.read(limit + 1))
            self._read(lambda: stream.read(1))  # at the end of the stream botocore compares the checksum that S3 keeps
        if len(body) != found["ContentLength"]:
            raise Unavailable(f"s3://{self.bucket}/{key}: expected {found['ContentLength']:,} bytes, {len(body):,} arrived")
        return StoredObject(body, found["ETag"], found["LastModified"])

    def digest(self, version: StoredVersion, algorithm: str) -> str:
        digest = hashlib.new(algorithm)
        try:
            found = self._read(lambda: self._client.get_object(**self._object(version.key), VersionId=version.version_id))
        except _MissingError:
            raise Unavailable(f"s3://{self.bucket}/{version.key}: this version is gone") from None
        with closing(found["Body"]) as stream:
            while chunk := self._read(lambda: stream.read(_CHUNK)):
                digest.update(chunk)
        return digest.hexdigest()

    def put(self, key: str, body: bytes, caching: Caching) -> None:
        self._put(key, body, caching, {})

    def put_new(self, key: str, body: bytes, caching: Caching) -> str:
        return self._put(key, body, caching, {"IfNoneMatch": "*"})

    def replace(self, key: str, body: bytes, caching: Caching, etag: str) -> str:
        return self._put(key, body, caching, {"IfMatch": etag})

    def copy_new(self, source: ObjectStore, version: StoredVersion, key: str, caching: Caching) -> None:
        assert isinstance(source, S3Store)
        self._write(
            key,
            lambda: self._client.copy_object(
                **self._object(key),
                CopySource={"Bucket": source.bucket, "Key": version.key, "VersionId": version.version_id},
                ExpectedSourceBucketOwner=source.owner,
                IfNoneMatch="*",
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                CacheControl=caching.value,
                ContentType="application/octet-stream",
            ),
        )

    def delete_version(self, version: StoredVersion) -> None:
        self._read(lambda: self._client.delete_object(**self._object(version.key), VersionId=version.version_id))

    def hide(self, version: StoredVersion) -> None:
        current = self.head(version.key)
        if current is None or current.version_id != version.version_id:
            raise Conflict(version.key)
        # S3 compares once more as it writes: what takes this place in between is not hidden.
        self._write(version.key, lambda: self._client.delete_object(**self._object(version.key), IfMatch=current.etag))

    def tag(self, version: StoredVersion, name: str, value: str) -> None:
        tagging: Any = {"TagSet": [{"Key": name, "Value": value}]}
        with suppress(_MissingError):
            self._read(lambda: self._client.put_object_tagging(**self._object(version.key), VersionId=version.version_id, Tagging=tagging))

    def _object(self, key: str) -> Any:
        return {"Bucket": self.bucket, "Key": key, "ExpectedBucketOwner": self.owner}

    def _pages(self, operation: Any, prefix: str) -> Iterator[Any]:
        paginator = self._client.get_paginator(operation)
        pages = iter(paginator.paginate(Bucket=self.bucket, Prefix=prefix, ExpectedBucketOwner=self.owner))
        while (page := self._read(lambda: next(pages, None))) is not None:
            yield page

    def _put(self, key: str, body: bytes, caching: Caching, condition: Any) -> str:
        answer = self._write(
            key,
            lambda: self._client.put_object(
                **self._object(key),
                **condition,
                Body=body,
                ChecksumSHA256=base64.b64encode(hashlib.sha256(body).digest()).decode(),
                CacheControl=caching.value,
                ContentType="application/json",
            ),
        )
        return str(answer["ETag"])

    def _read(self, call: Callable[[], R]) -> R:
        """Run a call that can be repeated without harm."""
        try:
            return call()
        except AWS_ERRORS as error:
            code = code_of(error)
            if code in _MISSING:
                raise _MissingError from error
            if code in _UNREADABLE or code.startswith("KMS."):
                raise Unreadable(f"s3://{self.bucket}", code) from error
            raise Unavailable(f"s3://{self.bucket}: {error}") from error

    def _write(self, key: str, call: Callable[[], R]) -> R:
        """Run a write and say whether it lost a race, had no effect, or nobody knows."""
        try:
            return call()
        except AWS_ERRORS as error:
            code = code_of(error)
            if code in LOST_RACE | _MISSING:
                # If-Match on a key that is gone answers 404: the object is not the one that was read either.
                raise Conflict(key) from error
            if may_have_happened(error):
                raise UnknownOutcome(key, code or type(error).__name__) from error
            raise Unavailable(f"s3://{self.bucket}/{key}: {error}") from error


class _MissingError(Exception):
    """There is no such object."""


def _whole_sha256(found: Any) -> str | None:
    """The SHA-256 of the whole file. A multipart checksum is one of checksums, and tells nothing about the file."""
    checksum = found.get("ChecksumSHA256")
    if checksum is None or "-" in checksum or found.get("ChecksumType") == "COMPOSITE":
        return None
    return base64.b64decode(checksum, validate=True).hex()
