"""Two TUF clients that share no code, asked in one way."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import urllib3
from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient.urllib3_fetcher import Urllib3Fetcher

from tests.clients.tuf_js import TufJs
from tests.readers import Reader, Seen

Found = Mapping[str, bytes | None]


class RefreshFailed(Exception):
    """In the client's own words."""


class Client(Protocol):
    def read(self, targetpaths: Iterable[str]) -> tuple[Seen, Found]:
        """Refresh, then download these targets: the versions and bytes that were verified. Raises RefreshFailed."""
        ...


class WarmPythonTuf:
    """Remembers what it verified."""

    def __init__(self, state: Path, url: str, first_root: bytes) -> None:
        self._reader = Reader(state, url, first_root, Urllib3Fetcher())

    def read(self, targetpaths: Iterable[str]) -> tuple[Seen, Found]:
        return _read(self._reader, targetpaths)


class ColdPythonTuf:
    """Knows nothing but the first root, every time."""

    def __init__(self, state: Path, url: str, first_root: bytes) -> None:
        self._state, self._url, self._first_root, self._fetcher = state, url, first_root, Urllib3Fetcher()

    def read(self, targetpaths: Iterable[str]) -> tuple[Seen, Found]:
        return _read(Reader(self._state / uuid4().hex, self._url, self._first_root, self._fetcher), targetpaths)


class WarmTufJs:
    """As WarmPythonTuf. It does not tell the versions of roles that snapshot lists."""

    def __init__(self, process: TufJs, url: str, first_root: bytes) -> None:
        self._process, self._url, self._first_root = process, url, first_root

    def read(self, targetpaths: Iterable[str]) -> tuple[Seen, Found]:
        try:
            reading = self._process.read("warm", self._url, self._first_root, targetpaths)
        except AssertionError as error:
            raise RefreshFailed(str(error).partition("\n")[0]) from error
        return Seen(**reading.seen, meta={}), reading.files


def _read(reader: Reader, targetpaths: Iterable[str]) -> tuple[Seen, Found]:
    try:
        return reader.refresh(), reader.download_all(targetpaths)
    except (RepositoryError, DownloadError, urllib3.exceptions.HTTPError, OSError) as error:
        raise RefreshFailed(f"{type(error).__name__}: {error}") from error
