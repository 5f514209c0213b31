"""An unmodified client of python-tuf and one of tuf-js, which share no code, asked the same: what one refuses the other refuses."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import unquote

import pytest
from tuf.api.exceptions import DownloadError, RepositoryError

from tests.clients.tuf_js import Reading, TufJs
from tests.readers import Reader, Seen

T = TypeVar("T")


class Network(Protocol):
    """Whoever holds it decides what a client gets."""

    def body(self, key: str) -> bytes | None: ...


class Both:
    """Two clients with the same first root and the same clock, each with a memory of its own. Speaks as python-tuf's does."""

    def __init__(self, reader: Reader, read_too: Callable[[Iterable[str]], Reading]) -> None:
        self._reader, self._read_too = reader, read_too

    def refresh(self) -> Seen:
        return self._agreed(self._reader.refresh, [])[0]

    def download(self, targetpath: str) -> bytes | None:
        return self.download_all([targetpath])[targetpath]

    def download_all(self, targetpaths: Iterable[str]) -> dict[str, bytes | None]:
        wanted = list(targetpaths)
        files, reading = self._agreed(lambda: self._reader.download_all(wanted), wanted)
        assert reading.files == files
        return files

    def _agreed(self, read: Callable[[], T], targetpaths: list[str]) -> tuple[T, Reading]:
        try:
            found = read()
        except (RepositoryError, DownloadError):
            with pytest.raises(AssertionError):
                self._read_too(targetpaths)
            raise
        reading = self._read_too(targetpaths)
        if isinstance(found, Seen):
            assert reading.seen == {"root": found.root, "timestamp": found.timestamp, "snapshot": found.snapshot}
        return found, reading


class Lab:
    """One process of tuf-js for all stories of a test, and a web server on loopback by which it reaches networks in memory."""

    def __init__(self, tuf_js: TufJs, url: str, networks: dict[str, Network]) -> None:
        self._tuf_js, self._url, self._networks = tuf_js, url, networks
        self._numbers = itertools.count()

    def behind(self, network: Network, repository: str, reader: Reader, first_root: bytes, now: Callable[[], datetime]) -> Both:
        """Have tuf-js read through a network what python-tuf's client reads there."""
        number = str(next(self._numbers))
        self._networks[number] = network
        return self.at(f"{self._url}{number}/{repository}/", reader, first_root, now)

    def at(self, url: str, reader: Reader, first_root: bytes, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Both:
        """The same where both read from the same server."""
        client = f"client-{next(self._numbers)}"
        return Both(reader, lambda targetpaths: self._tuf_js.read(client, url, first_root, targetpaths, now()))


@contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    networks: dict[str, Network] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            _, number, key = unquote(self.path).split("/", 2)
            body = networks[number].body(key)
            self.send_response(HTTPStatus.OK if body is not None else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with TufJs(folder) as tuf_js:
            yield Lab(tuf_js, f"http://127.0.0.1:{server.server_port}/", networks)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
