"""The inbox and the receipts of a repository, in the staging bucket."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, PartialCredentialsError
from botocore.exceptions import ConnectionError as NoConnectionError

from trustpress.core import layout
from trustpress.core.entries import TargetFile
from trustpress_uploader.artifacts import MAX_LENGTH, Artifact
from trustpress_uploader.errors import NoReceipt, StorageRefused, Unreachable, UploadRejected
from trustpress_uploader.progress import Show

# A receipt that is not there yet answers 403 to credentials that may not list the bucket.
_NOT_YET = {"NoSuchKey", "AccessDenied", "403", "404"}
_SERVER_ERROR = 500
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0

_ONE_PUT = TransferConfig(multipart_threshold=MAX_LENGTH + 1, use_threads=False)

_HINTS = {
    "NoSuchBucket": "Compare --staging with the deployment's output StagingBucketName.",
    "AccessDenied": "These credentials need s3:PutObject below inbox/REPOSITORY/ and s3:GetObject below receipts/REPOSITORY/.",
    "InvalidAccessKeyId": "These credentials are unknown there: check AWS_PROFILE and AWS_ENDPOINT_URL.",
    "ExpiredToken": "Sign in again: these credentials have expired.",
    "BadDigest": "The file changed while it was uploaded. Run the same command again.",
    "XAmzContentChecksumMismatch": "The file changed while it was uploaded. Run the same command again.",
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the publisher says became of an upload. `release` is of the commit that published it."""

    status: str
    roles: Mapping[str, int]
    release: Mapping[str, int] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    hint: str = ""


class Staging:
    """Needs s3:PutObject below `inbox/R/` and s3:GetObject below `receipts/R/`, and no other permission."""

    def __init__(self, bucket: str, owner: str | None, repository: str) -> None:
        self._bucket, self._repository = bucket, repository
        self._owner: Any = {"ExpectedBucketOwner": owner} if owner else {}
        with self._translated():
            self._s3 = boto3.Session().client("s3", config=Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5))

    def put_artifact(self, artifact: Artifact, entry: TargetFile, show: Show) -> None:
        """Upload a target file in one PUT; S3 refuses it if its bytes are no longer those that were hashed.

        Raises StorageRefused or Unreachable.
        """
        checksum = base64.b64encode(bytes.fromhex(entry["hashes"]["sha256"])).decode()
        key = layout.inbox_target(self._repository, artifact.targetpath)
        with (
            self._translated(),
            artifact.path.open("rb") as file,
            show(f"Uploading {artifact.targetpath}", artifact.length) as advance,
        ):
            self._s3.upload_fileobj(
                file, self._bucket, key, ExtraArgs={"ChecksumSHA256": checksum, **self._owner}, Callback=advance, Config=_ONE_PUT
            )

    def put_metadata(self, filename: str, body: bytes) -> "Upload":
        """Upload signed metadata: the one PUT that asks for something to happen. Raises StorageRefused or Unreachable."""
        digest = hashlib.sha256(body)
        upload = Upload(layout.inbox_metadata(self._repository, filename), layout.receipt(self._repository, digest.hexdigest()))
        with self._translated():
            self._s3.put_object(
                Bucket=self._bucket,
                Key=upload.key,
                Body=body,
                ChecksumSHA256=base64.b64encode(digest.digest()).decode(),
                ContentType="application/json",
                **self._owner,
            )
        return upload

    def wait(self, upload: "Upload", seconds: float) -> Receipt:
        """Poll until the upload is published. Raises UploadRejected or NoReceipt."""
        deadline, pause, receipt = time.monotonic() + seconds, _FIRST_PAUSE, None
        while time.monotonic() < deadline:
            receipt = self._receipt(upload) or receipt
            if receipt and receipt.status == "published":
                return receipt
            if receipt and receipt.status == "rejected":
                raise UploadRejected(receipt.code, receipt.message, receipt.hint)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        raise NoReceipt(upload.key, seconds, f"{receipt.message} ({receipt.code})" if receipt else "")

    def _receipt(self, upload: "Upload") -> Receipt | None:
        with self._translated():
            try:
                found = self._s3.get_object(Bucket=self._bucket, Key=upload.receipt_key, **self._owner)
            except ClientError as error:
                if _code(error) in _NOT_YET:
                    return None
                raise
            return _parse_receipt(found["Body"].read())

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """botocore's errors in Trustpress's words."""
        place = f"s3://{self._bucket}"
        try:
            yield
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERROR:
                raise Unreachable(f"{place}: {error}") from error
            raise StorageRefused(f"{place}: {error}", _HINTS.get(_code(error), "Check --staging and the credentials.")) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            hint = "Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with `aws sso login`."
            raise StorageRefused(f"{place}: no AWS credentials: {error}", hint) from error
        except (HTTPClientError, NoConnectionError) as error:
            raise Unreachable(f"{place}: {error}") from error
        except BotoCoreError as error:
            raise StorageRefused(f"{place}: {error}", "Check the AWS configuration of this machine.") from error


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in the inbox, and where its receipt will be."""

    key: str
    receipt_key: str


def _parse_receipt(body: bytes) -> Receipt:
    value: Mapping[str, Any] = json.loads(body)
    return Receipt(**{name: value[name] for name in Receipt.__slots__ if name in value})


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
