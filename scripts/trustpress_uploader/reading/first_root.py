"""The first root as the server has it: compared before it is pinned, and completed by the other holders' signatures."""

import hashlib

from trustpress.core import layout, trust
from trustpress.core.parse import MAX_LENGTH, parse_root
from trustpress_uploader.errors import NotPublished, NotVerified
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.home.pinning import check_root
from trustpress_uploader.reading.web import fetch, require, verifying


def fetch_first_root(url: str, repository: str, expected_sha256: str | None) -> tuple[bytes, str]:
    """1.root.json and its SHA-256 (hex), which must be the expected one; None expects nothing, as on first use.

    Raises NotVerified, NotPublished, Unreachable or UnusableFile.
    """
    where = f"{url}/{layout.metadata(layout.check_repository(repository), 'root', 1)}"
    body = require(where, MAX_LENGTH["root"])
    sha256 = hashlib.sha256(body).hexdigest()
    if expected_sha256 and sha256 != expected_sha256.lower():
        raise NotVerified(f"{where}: expected the SHA-256 {expected_sha256}, found {sha256}")
    return check_root(body, where), sha256


def complete_pin(repository: KnownRepository) -> None:
    """Take the other holders' signatures into a first root that was pinned before they had signed.

    What it says was pinned, and must be what is published. Raises NotPublished or NotVerified.
    """
    if not repository.is_pin_incomplete:
        return
    pinned, url = parse_root(repository.pinned_root()), f"{repository.base_url}/metadata/1.root.json"
    body = fetch(url, MAX_LENGTH["root"])
    if body is None:
        raise NotPublished(url)
    with verifying(url):
        published = parse_root(body)
    if published.message != pinned.message or not trust.is_signed_by(published, published.signed.roles["root"]):
        raise NotVerified(f"{url}: another first root than the one that this machine has pinned")
    repository.pin(body)
