"""A whole deployment on loopback: its buckets in memory or on SeaweedFS, a thread for Lambda, a small HTTP server for the edge."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import urlopen

from tests.fakes import RecordingAnnouncer, derived_keys
from tests.s3 import SystemClock
from tests.uploader.storage import DEVELOPER, SECRET_KEY, Storage
from trustpress.core.layout import INBOX, parse_inbox_key
from trustpress.errors import Conflict, NeedsAPerson, Unavailable
from trustpress.ports import ObjectStore
from trustpress.publish.publisher import Publisher

# Nothing is cached here for longer.
OVERLAP = timedelta(seconds=1)


class Deployment:
    """`url` is what clients read, `environment` what the command line needs to reach the staging bucket."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.staging, self.public = storage.staging, storage.public
        self.keys = derived_keys(self.staging)
        self.edge = Edge(self.public)
        self._publishing = threading.Event()
        self._publishing.set()
        self._idle = threading.Lock()
        self._stopping = threading.Event()
        self._publisher = threading.Thread(target=self._publish)
        self._publisher.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.edge.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._storage.port}",
            "AWS_ACCESS_KEY_ID": DEVELOPER,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """Nobody publishes meanwhile."""
        self._publishing.clear()
        try:
            with self._idle:
                yield
        finally:
            self._publishing.set()

    def published(self, key: str) -> Any:
        """The signed part of a public metadata file."""
        found = self.public.get(key, 10_000_000)
        assert found is not None, key
        return json.loads(found.body)["signed"]

    def stop(self) -> None:
        self._stopping.set()
        self._publisher.join()
        self.edge.stop()
        self._storage.stop()

    def _publish(self) -> None:
        publisher = Publisher(self.staging, self.public, self.keys, announcer=RecordingAnnouncer(), overlap=OVERLAP)
        while not self._stopping.is_set():
            with self._idle:
                self._drain_all(publisher)
            self._publishing.wait(0.02 if self._publishing.is_set() else None)
            self._stopping.wait(0.02)

    def _drain_all(self, publisher: Publisher) -> None:
        if not self._publishing.is_set():
            return
        keys = [parse_inbox_key(key) for key in self.staging.list_keys(INBOX)]
        for repository in {key.repository for key in keys if key.area == "metadata"}:
            try:
                publisher.drain(repository, SystemClock())
            except (Conflict, Unavailable, NeedsAPerson):  # as the handler: the upload stays, and is looked at again
                continue


class Edge:
    """Serves the public bucket. `remembered` holds what a cache would still serve, `gone` what it lost; `requests` what was asked for."""

    def __init__(self, public: ObjectStore) -> None:
        self.remembered: dict[str, bytes] = {}
        self.gone: set[str] = set()
        self.requests: list[str] = []
        edge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def do_GET(self) -> None:
                key = self.path.removeprefix("/")
                edge.requests.append(key)
                body = None if key in edge.gone else edge.remembered.get(key) or _body(public, key)
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.port = self._server.server_port

    @contextmanager
    def remembering(self, key: str) -> Iterator[None]:
        """A cache that serves what is there now for as long as the block takes."""
        with urlopen(f"http://127.0.0.1:{self.port}/{key}") as answer:
            self.remembered[key] = answer.read()
        yield
        del self.remembered[key]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _body(public: ObjectStore, key: str) -> bytes | None:
    found = public.get(key, 100_000_000)
    return found.body if found else None
