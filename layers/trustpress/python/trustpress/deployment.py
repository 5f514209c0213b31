"""A deployment: what stands behind its settings, wired together."""

import functools
from typing import TYPE_CHECKING, Any

from trustpress.adapters.eventbridge import EventBridgeAnnouncer
from trustpress.adapters.kms import Ed25519Signer, KmsVault, load_signer
from trustpress.adapters.s3 import S3Store
from trustpress.adapters.settings import Settings, open_client
from trustpress.online_keys import DerivedKeys, OnlyKey
from trustpress.ports import OnlineKeys, Signer
from trustpress.store.masters import Masters

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class Deployment:
    """The stores and keys of one deployment, each made when it is first needed and kept."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @functools.cached_property
    def staging(self) -> S3Store:
        return S3Store(self._s3, self._settings.staging_bucket, self._settings.bucket_owner)

    @functools.cached_property
    def public(self) -> S3Store:
        return S3Store(self._s3, self._settings.public_bucket, self._settings.bucket_owner)

    @functools.cached_property
    def online_keys(self) -> OnlineKeys:
        if self.masters:
            return DerivedKeys(self.masters, Ed25519Signer, self._former)
        return OnlyKey(self.staging, load_signer(self._settings.online_key, self._kms, self.staging), self._former)

    @functools.cached_property
    def masters(self) -> Masters | None:
        """None where one key in KMS signs for the only repository."""
        scheme, _, key = self._settings.online_key.partition(":")
        return Masters(self.staging, KmsVault(self._kms, key)) if scheme == "master" else None

    @property
    def _former(self) -> list[Signer]:
        return [load_signer(uri, self._kms, self.staging) for uri in self._settings.former_keys]

    @functools.cached_property
    def announcer(self) -> EventBridgeAnnouncer:
        return EventBridgeAnnouncer(open_client("events"))

    @functools.cached_property
    def _s3(self) -> Any:
        return open_client("s3")

    @functools.cached_property
    def _kms(self) -> "KMSClient":
        client: KMSClient = open_client("kms")
        return client
