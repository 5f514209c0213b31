"""What an edge may answer, and what the watch makes of it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trustpress.adapters import https as adapter
from trustpress.adapters import pace
from trustpress.adapters.https import HttpsEdge, url_in
from trustpress.errors import Misconfigured, TooLarge, Unavailable

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers as it is told; the last answer again and again."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[str] = []
        self.connections = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                server.connections += 1

            def do_GET(self) -> None:
                server.requests.append(f"{self.path} {self.headers['Accept-Encoding']}")
                answer = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
                answer(self)

            def log_message(self, *_message: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def edge(server: Server) -> Iterator[HttpsEdge]:
    edge = HttpsEdge(server.url)
    yield edge
    edge._close_idle()


def say(status: int, body: bytes = b"", length: int | None = None, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


def say_half(request: BaseHTTPRequestHandler) -> None:
    say(200, b"half", length=8)(request)
    request.close_connection = True


def say_without_end(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Connection", "close")
    request.end_headers()
    request.close_connection = True
    request.wfile.write(b"x" * 10_000)


def test_what_is_there_is_read_as_it_is(server: Server, edge: HttpsEdge) -> None:
    server.answers = [say(200, b"body")]
    assert edge.fetch("acme/api/metadata/timestamp.json", 4) == b"body"
    assert server.requests == ["/acme/api/metadata/timestamp.json identity"]


def test_connections_stay_open(server: Server, edge: HttpsEdge) -> None:
    server.answers = [say(200, b"body"), say(404, b"no such key"), say(200, b"body")]
    assert [edge.fetch("key", 4) for _ in range(10)] == [b"body", None, *[b"body"] * 8]
    assert server.connections == 1


def test_only_404_says_that_nothing_is_there(server: Server, edge: HttpsEdge) -> None:
    """go-tuf fails at a 403 where the next root would be: the watch has to, too."""
    server.answers = [say(404)]
    assert edge.fetch("key", 4) is None
    server.answers = [say(403)]
    with pytest.raises(Unavailable, match="key: HTTP 403"):
        edge.fetch("key", 4)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(server: Server, edge: HttpsEdge, status: int) -> None:
    server.answers = [say(status, Location=f"{server.url}/elsewhere")]
    with pytest.raises(Unavailable, match=f"HTTP {status}"):
        edge.fetch("key", 4)
    assert not [request for request in server.requests if "elsewhere" in request]


@pytest.mark.parametrize("trouble", [say(503), say(500), hang_up, say_half])
def test_a_failure_is_tried_again(server: Server, edge: HttpsEdge, trouble: Answer) -> None:
    server.answers = [trouble, trouble, say(200, b"body")]
    assert edge.fetch("key", 4000) == b"body"


def test_many_connections_that_were_closed_at_the_other_end_are_no_failure(server: Server, edge: HttpsEdge) -> None:
    edge._idle += [HTTPConnection("127.0.0.1", 1) for _ in range(10)]
    server.answers = [say(200, b"body")]
    assert edge.fetch("key", 4) == b"body"


@pytest.mark.parametrize("trouble", [say(503), hang_up, say_half])
def test_a_failure_that_stays_is_an_error(server: Server, edge: HttpsEdge, trouble: Answer) -> None:
    server.answers = [trouble]
    with pytest.raises(Unavailable, match="key: "):
        edge.fetch("key", 4000)
    assert len(server.requests) == 3


def test_an_edge_that_nobody_answers_at_is_an_error() -> None:
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        HttpsEdge("http://127.0.0.1:1").fetch("key", 4)


def test_what_says_that_it_is_too_large_is_not_read(server: Server, edge: HttpsEdge) -> None:
    server.answers = [say(200, b"", length=10**12)]
    with pytest.raises(TooLarge, match="at most 4 bytes"):
        edge.fetch("key", 4)


def test_what_does_not_say_how_large_it_is_is_read_up_to_the_cap(server: Server, edge: HttpsEdge) -> None:
    server.answers = [say_without_end]
    assert edge.fetch("key", 10_000) == b"x" * 10_000
    with pytest.raises(TooLarge, match=r"at most 9,999 bytes"):
        edge.fetch("key", 9_999)


def test_nothing_may_take_for_ever(server: Server, edge: HttpsEdge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_SECONDS_PER_OBJECT", -1)
    server.answers = [say(200, b"body")]
    with pytest.raises(Unavailable, match="not complete"):
        edge.fetch("key", 4)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"])
def test_nor_may_what_comes_before_the_body(server: Server, edge: HttpsEdge, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    """A time-out of the socket begins anew with every byte."""
    monkeypatch.setattr(pace, "SECONDS", 0.2)

    def trickle(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.wfile.write(head)
        with suppress(OSError):
            for _ in range(400):
                request.wfile.write(b"x")
                time.sleep(0.02)

    server.answers, began = [trickle], time.monotonic()
    with pytest.raises(Unavailable, match=r"slower than|timed out"):
        edge.fetch("key", 1_000)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "url", ["https://d111111abcdef8.cloudfront.net", "https://tuf.example.com/", "http://127.0.0.1:8080", "http://[::1]:1"]
)
def test_the_edge_is_https_or_this_machine(url: str) -> None:
    assert url_in({"TRUSTPRESS_EDGE_URL": url}) == url.rstrip("/")


@pytest.mark.parametrize("url", ["", "tuf.example.com", "http://tuf.example.com", "http://10.0.0.1", "file:///etc/passwd", "https://"])
def test_another_address_stops_the_function(url: str) -> None:
    with pytest.raises(Misconfigured, match="expected https://DOMAIN"):
        url_in({"TRUSTPRESS_EDGE_URL": url})
