"""HTTPS as python-tuf's client does it, with failures in Trustpress's words."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import urllib3
from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError, ExpiredMetadataError, RepositoryError
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from trustpress.errors import Invalid
from trustpress_uploader.errors import Expired, NotPublished, NotVerified, Unreachable
from trustpress_uploader.terminal.progress import Advance

_MISSING = {403, 404}


class Fetcher(Urllib3Fetcher):
    """python-tuf's own, which tells `advance` how far a download has come."""

    def __init__(self) -> None:
        super().__init__()
        self.advance: Advance = lambda _: None

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._counted(super()._fetch(url))

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.advance(len(chunk))
            yield chunk


@functools.cache
def fetcher() -> Fetcher:
    """One for the whole run: connections are kept open."""
    return Fetcher()


def fetch(url: str, limit: int) -> bytes | None:
    """The bytes at a URL, None where there is nothing. Raises Unreachable."""
    with translated(url):
        try:
            return fetcher().download_bytes(url, limit)
        except DownloadHTTPError as error:
            if error.status_code in _MISSING:
                return None
            raise


def require(url: str, limit: int) -> bytes:
    """The bytes at a URL. Raises NotPublished or Unreachable."""
    body = fetch(url, limit)
    if body is None:
        raise NotPublished(url)
    return body


@contextmanager
def translated(url: str) -> Iterator[None]:
    """python-tuf's errors and urllib3's, in Trustpress's words."""
    try:
        yield
    except ExpiredMetadataError as error:
        raise Expired(url, str(error)) from error
    except (RepositoryError, DownloadLengthMismatchError) as error:
        raise NotVerified(f"{url}: {error}") from error
    except DownloadHTTPError as error:
        if error.status_code in _MISSING:
            raise NotPublished(url) from error
        raise Unreachable(f"{url}: HTTP {error.status_code}") from error
    except (DownloadError, urllib3.exceptions.HTTPError) as error:
        raise Unreachable(f"{url}: {error.__cause__ or error}") from error


@contextmanager
def verifying(where: object) -> Iterator[None]:
    """What somebody else has put there and breaks a rule. Raises NotVerified."""
    try:
        yield
    except Invalid as error:
        raise NotVerified(f"{where}: {error}") from error
