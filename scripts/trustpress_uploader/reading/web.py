"""HTTPS as python-tuf's client does it, but warier, with failures in Trustpress's words."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

import orjson
import urllib3
from tuf.api.exceptions import (
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
    SlowRetrievalError,
)
from tuf.ngclient.fetcher import FetcherInterface
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher
from urllib3.connection import HTTPConnection, HTTPSConnection

from trustpress.adapters.pace import PacedResponse
from trustpress.errors import Invalid
from trustpress_uploader.errors import Expired, NotPublished, NotVerified, Unreachable
from trustpress_uploader.terminal.progress import Advance

_MISSING = {403, 404}


_MAX_REDIRECTS = 3

# How often a server in trouble is asked again. It is not asked when: whoever says "in a year" would stop us for a year.
RETRIES, FIRST_PAUSE = 3, 0.2
_IN_TROUBLE = {429, 500, 502, 503, 504}
_PORTS = {"http": 80, "https": 443}


class _PacedHttp(urllib3.HTTPConnectionPool):
    class ConnectionCls(HTTPConnection):
        response_class = PacedResponse


class _PacedHttps(urllib3.HTTPSConnectionPool):
    class ConnectionCls(HTTPSConnection):
        response_class = PacedResponse


class Fetcher(Urllib3Fetcher):
    """python-tuf's own, which tells `advance` how far a download has come.

    A redirect is followed within its origin alone: what was checked of the first URL, https or this very machine, holds for
    every one that follows. An answer has to keep a pace, headers included. Only 200 is an answer.
    """

    def __init__(self) -> None:
        super().__init__()
        self.advance: Advance = lambda _: None

    def _fetch(self, url: str) -> Iterator[bytes]:
        return self._counted(self._chunks(self._open(url)))

    def _open(self, url: str) -> urllib3.BaseHTTPResponse:
        """Raises DownloadError."""
        for _ in range(1 + _MAX_REDIRECTS):
            response = self._request(url)
            location = response.get_redirect_location()
            if not location and response.status == HTTPStatus.OK:
                return response
            response.close()
            if not location:
                raise DownloadHTTPError(f"HTTP error occurred with status {response.status}", response.status)
            url = _within_origin(url, location)
        raise DownloadError(f"more than {_MAX_REDIRECTS} redirects")

    def _request(self, url: str) -> urllib3.BaseHTTPResponse:
        parts = urlsplit(url)
        manager = self._proxy_env.get_pool_manager(parts.scheme, parts.hostname)
        manager.pool_classes_by_scheme = {"http": _PacedHttp, "https": _PacedHttps}
        try:
            return manager.request(
                "GET", url, preload_content=False, redirect=False, timeout=urllib3.Timeout(self.socket_timeout), retries=_retries()
            )
        except urllib3.exceptions.MaxRetryError as error:
            if isinstance(error.reason, urllib3.exceptions.TimeoutError):
                raise SlowRetrievalError from error
            raise

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.advance(len(chunk))
            yield chunk


def _retries() -> urllib3.Retry:
    return urllib3.Retry(
        RETRIES,
        read=1,  # or a server that is slow on purpose would be waited for four times
        redirect=False,
        status_forcelist=_IN_TROUBLE,
        backoff_factor=FIRST_PAUSE,
        backoff_jitter=FIRST_PAUSE,
        raise_on_status=False,
        respect_retry_after_header=False,
    )


def _within_origin(url: str, location: str) -> str:
    """The URL that a redirect leads to. Raises DownloadError where it is another server's, or another door of the same one."""
    try:
        following = urljoin(url, location)
        if _origin(following) == _origin(url):
            return following
    except ValueError as error:
        raise DownloadError(f"redirects to {location}, which is not a URL") from error
    raise DownloadError(f"redirects to {location}, which is another origin")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


@functools.cache
def fetcher() -> Fetcher:
    """One for the whole run: connections are kept open."""
    return Fetcher()


class MetadataFetcher(FetcherInterface):
    """For a client of one repository: what says that it is another's is refused before the client can remember it."""

    def __init__(self, repository: str) -> None:
        self._repository = repository

    def _fetch(self, url: str) -> Iterator[bytes]:
        return fetcher().fetch(url)

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Raises RepositoryError as well. What is no JSON is refused by whoever parses it."""
        body = fetcher().download_bytes(url, max_length)
        with suppress(orjson.JSONDecodeError):
            match orjson.loads(body):
                case {"signed": {"x-trustpress-repository": found}} if found != self._repository:
                    raise RepositoryError(f"expected {self._repository} as its x-trustpress-repository, found {found}")
        return body


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
