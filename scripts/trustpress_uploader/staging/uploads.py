"""The inbox, the receipts and the pending changes of a repository, in the staging bucket."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from trustpress.core import layout
from trustpress.core.entries import TargetFile
from trustpress.core.parse import MAX_TARGETS_LENGTH
from trustpress_uploader.errors import NoReceipt, UploadRejected
from trustpress_uploader.staging.artifacts import Artifact
from trustpress_uploader.staging.bucket import Bucket, Listed
from trustpress_uploader.staging.receipts import MAX_LENGTH, Receipt, parse_receipt
from trustpress_uploader.terminal.progress import Show, ShowWaiting

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload in the inbox, and where its receipt will be."""

    key: str
    receipt_key: str
    body: bytes = field(repr=False)


class Staging:
    """Needs s3:PutObject below `inbox/R/` and s3:GetObject below `receipts/R/`; what lists needs s3:ListBucket as well, and
    pending changes need both and s3:DeleteObject below `pending/R/`."""

    def __init__(self, bucket: Bucket, repository: str) -> None:
        self._bucket, self._repository = bucket, repository

    @property
    def repository(self) -> str:
        return self._repository

    def ask_for_online_keys(self) -> None:
        """Have the publisher show the keys that the next root may list. Raises StorageRefused or Unreachable."""
        self._bucket.put(layout.inbox_metadata(self._repository, layout.ONLINE_KEYS), b"")

    def put_artifact(self, artifact: Artifact, entry: TargetFile, show: Show) -> None:
        """Upload a target file in one PUT; S3 refuses it if its bytes are no longer those that were hashed.

        Raises StorageRefused or Unreachable.
        """
        key = layout.inbox_target(self._repository, artifact.targetpath)
        with show(f"Uploading {artifact.targetpath}", artifact.length) as advance:
            self._bucket.put_file(key, artifact.path, entry["hashes"]["sha256"], advance)

    def put_metadata(self, filename: str, body: bytes) -> Upload:
        """Upload signed metadata: the one PUT that asks for something to happen. Raises StorageRefused or Unreachable."""
        receipt = layout.receipt(self._repository, hashlib.sha256(body).hexdigest())
        upload = Upload(layout.inbox_metadata(self._repository, filename), receipt, body)
        self._bucket.put(upload.key, body)
        return upload

    def wait(self, upload: Upload, seconds: float, show: ShowWaiting) -> Receipt:
        """Poll until the upload is published. Raises UploadRejected, UnreadableReceipt or NoReceipt.

        What waits for caches is put again when it is due: an upload is what makes the publisher look.
        """
        deadline, pause, receipt, asked_for = time.monotonic() + seconds, _FIRST_PAUSE, None, ""
        with show("Waiting for the publisher") as say:
            while time.monotonic() < deadline:
                receipt = self._receipt(upload) or receipt
                if receipt and receipt.status == "published":
                    return receipt
                if receipt and receipt.status == "rejected":
                    raise UploadRejected(receipt.code, receipt.message, receipt.hint)
                say(f"{receipt.message}{f', until {receipt.until}' if receipt.until else ''}" if receipt else "")
                if receipt and receipt.until != asked_for and receipt.is_due(datetime.now(UTC)):  # noqa: TID251, other clocks said when
                    self._bucket.put(upload.key, upload.body)
                    asked_for = receipt.until
                time.sleep(pause)
                pause = min(pause * 1.5, _LONGEST_PAUSE)
        raise NoReceipt(upload.key, seconds, f"{receipt.message} ({receipt.code})" if receipt else "")

    def staged(self) -> Iterator[Listed]:
        """What is in the inbox now."""
        yield from self._bucket.list(layout.inbox_metadata(self._repository), deep=True)
        yield from self._bucket.list(layout.inbox_target(self._repository, ""), deep=True)

    def receipt_of(self, upload: Listed) -> Receipt | None:
        """The receipt of metadata that is still in the inbox; None if nobody has looked at it, or it is gone meanwhile.

        Raises UnreadableReceipt.
        """
        found = self._bucket.get(upload.key, MAX_TARGETS_LENGTH)
        if found is None:
            return None
        sha256 = hashlib.sha256(found[0]).hexdigest()
        return self._receipt(Upload(upload.key, layout.receipt(self._repository, sha256), found[0]))

    def receipts(self, count: int) -> list[Receipt]:
        """The newest receipts, newest first; those of one second in the order of their releases. Raises UnreadableReceipt."""
        listed = sorted(self._bucket.list(layout.receipt(self._repository, "").removesuffix(".json")), key=_age, reverse=True)
        since = listed[count - 1].last_modified if count <= len(listed) else None
        bodies = ((found.key, self._bucket.get(found.key, MAX_LENGTH)) for found in listed if since is None or found.last_modified >= since)
        receipts = [parse_receipt(key, body[0]) for key, body in bodies if body]
        return sorted(receipts, key=lambda receipt: (receipt.at, receipt.release.get("timestamp", 0)), reverse=True)[:count]

    def pending(self) -> list[str]:
        """The ids of changes that wait for signatures, oldest first."""
        prefix = layout.pending(self._repository)
        oldest_first = sorted(self._bucket.list(prefix), key=_age)
        return [found.key.removeprefix(prefix).removesuffix(".json") for found in oldest_first]

    def get_pending(self, change_id: str) -> tuple[bytes, str] | None:
        """A change and its etag."""
        return self._bucket.get(self._pending(change_id), MAX_TARGETS_LENGTH)

    def swap_pending(self, change_id: str, body: bytes, etag: str | None) -> None:
        """Raises SupersededWrite if somebody else has signed meanwhile."""
        self._bucket.swap(self._pending(change_id), body, etag)

    def delete_pending(self, change_id: str) -> None:
        self._bucket.delete(self._pending(change_id))

    def _pending(self, change_id: str) -> str:
        return layout.pending(self._repository, f"{change_id}.json")

    def _receipt(self, upload: Upload) -> Receipt | None:
        found = self._bucket.get(upload.receipt_key, MAX_LENGTH)
        return parse_receipt(upload.receipt_key, found[0]) if found else None


def _age(found: Listed) -> datetime:
    return found.last_modified
