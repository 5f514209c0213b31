"""What a server may do to whoever fetches from it: send elsewhere, send slowly, send without end."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.uploader.desk import Desk
from trustpress.adapters import pace
from trustpress.core.parse import MAX_LENGTH
from trustpress_uploader.errors import NotPublished, NotVerified, Unreachable
from trustpress_uploader.reading import web
from trustpress_uploader.reading.first_root import fetch_first_root
from trustpress_uploader.reading.online_keys import fetch_online_keys

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers as it is told, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.answer: Answer = say(200, b"here")
        self.requests: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.requests.append(self.path)
                server.answer(self)

            def log_message(self, *_message: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # whoever hung up is no trouble
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.port = self._http.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def say(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


def trickle(head: bytes) -> Answer:
    """These bytes at once, then one every 50 ms."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.wfile.write(head)
        for _ in range(400):
            request.wfile.write(b"x")
            time.sleep(0.05)

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


@pytest.mark.parametrize("trouble", [*(say(status) for status in (429, 500, 502, 503, 504)), hang_up])
def test_a_server_in_trouble_is_asked_again(server: Server, trouble: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges answer so for a moment. What it says of when to come back is not waited for: it may say next year."""
    monkeypatch.setattr(web, "FIRST_PAUSE", 0.01)
    answers = [trouble, say(503, b"", **{"Retry-After": "86400"}), say(200, b"here")]

    def answer(request: BaseHTTPRequestHandler) -> None:
        answers[len(server.requests) - 1](request)

    server.answer = answer
    assert web.fetch(f"{server.url}/key", 100) == b"here"
    assert server.requests == ["/key"] * 3


@pytest.mark.parametrize("status", [429, 503])
def test_one_that_stays_in_trouble_is_told_by_what_it_said(server: Server, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "FIRST_PAUSE", 0.01)
    server.answer = say(status)
    with pytest.raises(Unreachable, match=f"HTTP {status}"):
        web.fetch(f"{server.url}/key", 100)
    assert len(server.requests) == 1 + web.RETRIES


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_what_asking_again_would_not_change_is_asked_once(server: Server, status: int) -> None:
    server.answer = say(status)
    with suppress(Unreachable):
        web.fetch(f"{server.url}/key", 100)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_is_refused(server: Server, elsewhere: Server, status: int) -> None:
    for location in (
        f"{elsewhere.url}/key",
        f"//127.0.0.1:{elsewhere.port}/key",
        f"http://localhost:{server.port}/key",
        f"https://127.0.0.1:{server.port}/key",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "http://127.0.0.1:port/",
        "http://[",
    ):
        server.answer = say(status, Location=location)
        with pytest.raises(Unreachable, match=r"another origin|Port could not be cast|Invalid IPv6"):
            web.fetch(f"{server.url}/key", 100)
    assert elsewhere.requests == []
    assert set(server.requests) == {"/key"}


def test_so_is_one_of_online_keys_and_first_roots(server: Server, elsewhere: Server) -> None:
    server.answer = say(302, Location=f"{elsewhere.url}/key")
    with pytest.raises(Unreachable, match="another origin"):
        fetch_online_keys(server.url, "acme/api")
    with pytest.raises(Unreachable, match="another origin"):
        fetch_first_root(server.url, "acme/api", None)
    assert elsewhere.requests == []


def test_so_is_one_that_python_tufs_client_meets(quiet_desk: Desk, server: Server, elsewhere: Server) -> None:
    elsewhere.answer = lambda request: say(307, Location=f"{quiet_desk.deployment.url}{request.path}")(request)
    server.answer = lambda request: say(307, Location=f"{elsewhere.url}{request.path}")(request)
    for command in (("inspect",), ("pull", "a"), ("resolve", "a"), ("pull", "a", "--disable-content-trust")):
        quiet_desk.refuse("E_NETWORK", *command, "--url", server.url)
    assert elsewhere.requests == []


def test_one_within_the_origin_is_followed_for_a_while(server: Server) -> None:
    final = say(200, b"here")
    server.answer = lambda request: final(request) if request.path == "/there" else say(302, Location="/there")(request)
    assert web.fetch(f"{server.url}/key", 4) == b"here"
    server.answer = say(302, Location="/again")
    with pytest.raises(Unreachable, match="more than 3 redirects"):
        web.fetch(f"{server.url}/key", 4)


@pytest.mark.parametrize("status", [204, 206, 300, 304])
def test_nothing_else_than_200_is_an_answer(server: Server, status: int) -> None:
    server.answer = say(status)
    with pytest.raises(Unreachable, match=f"HTTP {status}"):
        web.fetch(f"{server.url}/key", 4)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
    ],
    ids=["status", "header", "body", "length of a chunk", "chunk"],
)
def test_a_server_that_sends_a_byte_now_and_then_is_not_read_for_ever(server: Server, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    monkeypatch.setattr(pace, "SECONDS", 0.3)
    server.answer = trickle(head)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        web.fetch(f"{server.url}/key", 1_000_000)
    assert time.monotonic() - began < 10


def test_what_comes_in_time_is_read_however_long_it_takes(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SECONDS", 0.5)
    monkeypatch.setattr(pace, "BYTES_PER_SECOND", 10_000)

    def steadily(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "20000")
        request.end_headers()
        for _ in range(20):
            request.wfile.write(b"x" * 1000)
            time.sleep(0.05)

    server.answer = steadily
    assert web.fetch(f"{server.url}/key", 20_000) == b"x" * 20_000


def test_what_has_no_end_is_read_up_to_the_cap(server: Server) -> None:
    def endlessly(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        request.close_connection = True
        while True:
            request.wfile.write(b"x" * 100_000)

    server.answer = endlessly
    for fetch in (lambda: fetch_online_keys(server.url, "acme/api"), lambda: web.require(f"{server.url}/key", MAX_LENGTH["root"])):
        with pytest.raises(NotVerified, match="maximum allowed length"):
            fetch()


def test_connections_are_used_again(server: Server, tmp_path: Path) -> None:
    server.answer = say(404)
    for _ in range(3):
        with pytest.raises(NotPublished):
            web.require(f"{server.url}/key", 4)
    server.answer = say(200, b"here")
    assert web.require(f"{server.url}/key", 4) == b"here"
