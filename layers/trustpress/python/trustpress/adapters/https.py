"""HTTPS to the distribution, as any client comes: without credentials, by its public name.

The standard library's client: which urllib3 comes with the runtime is not ours to say.
"""

import ipaddress
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from trustpress.adapters.pace import PacedResponse
from trustpress.errors import Misconfigured, TooLarge, Unavailable

URL = "TRUSTPRESS_EDGE_URL"
_ATTEMPTS = 3
_SECONDS_PER_ANSWER = 5
_SECONDS_PER_OBJECT = 30
_MAX_ERROR_PAGE = 64_000
_CHUNK = 1024 * 1024


def url_in(environment: Mapping[str, str]) -> str:
    """Where clients fetch. Raises Misconfigured unless it is https, or on this very machine."""
    url = environment.get(URL, "").strip().rstrip("/")
    parts = urlsplit(url)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))):
        raise Misconfigured(f"{URL}: expected https://DOMAIN, found {url[:200]!r}")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class HttpsEdge:
    """Fetches below one URL, on connections that stay open. No redirect is followed and nothing is decompressed.

    Only 404 says that there is no such object: some clients fail at any other answer, 403 included.
    """

    def __init__(self, url: str) -> None:
        self._url, self._parts = url, urlsplit(url)
        self._idle: list[HTTPConnection] = []

    def fetch(self, path: str, limit: int) -> bytes | None:
        url = f"{self._url}/{path}"
        trouble = ""
        for _ in range(_ATTEMPTS):
            try:
                status, body = self._get(f"{self._parts.path}/{path}", url, limit)
            except (OSError, HTTPException) as error:
                self._close_idle()  # the others may have been closed at the other end, too
                trouble = f"{type(error).__name__} {error}"
                continue
            if status == HTTPStatus.OK:
                return body
            if status == HTTPStatus.NOT_FOUND:
                return None
            trouble = f"HTTP {status}"
        raise Unavailable(f"{url}: {trouble}")

    def _get(self, path: str, url: str, limit: int) -> tuple[int, bytes]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _connection(self._parts)
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "identity"})
            answer = connection.getresponse()
            body = _read(answer, url, limit if answer.status == HTTPStatus.OK else _MAX_ERROR_PAGE)
        except BaseException:
            connection.close()
            raise
        answer.close()
        if answer.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return answer.status, body

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()


def _connection(parts: SplitResult) -> HTTPConnection:
    assert parts.hostname
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=_SECONDS_PER_ANSWER)
    connection.response_class = PacedResponse
    return connection


def _read(answer: HTTPResponse, url: str, limit: int) -> bytes:
    """Raises TooLarge, before the first byte where the answer says how long it is."""
    if answer.length is not None and answer.length > limit:
        raise TooLarge(url, limit)
    body, deadline = bytearray(), time.monotonic() + _SECONDS_PER_OBJECT
    while chunk := answer.read1(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise TooLarge(url, limit)
        if time.monotonic() > deadline:
            raise TimeoutError(f"not complete after {_SECONDS_PER_OBJECT} seconds")
    if answer.length:
        raise HTTPException(f"{answer.length:,} bytes are missing")
    return bytes(body)
