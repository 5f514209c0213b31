"""The edge where nginx is not installed, in front of an origin that a test breaks; no cloud is needed for that."""

import http.client
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from urllib.parse import urlsplit

import pytest

from local.certificate import make_certificate
from local.deployment import Deployment
from local.edge import pass_through_edge
from local.ministack import Cloud
from tests.stack.actors import fetch, until

OUTPUTS = {"Url": "https://trustpress"}
LARGE = bytes(32_000_000)  # more than sockets buffer


class Origin(BaseHTTPRequestHandler):
    """Has `/large`, and `/small` with its headers; breaks off in the middle of `/broken`, and before anything of `/silent`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = LARGE if self.path == "/large" else b"small"
        if self.path != "/silent":
            self.send_response(403 if self.path == "/secret" else 200)
            self.send_header("Content-Length", str(len(body) + (self.path == "/broken")))
            self.send_header("ETag", '"1"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)
        self.close_connection = True

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_message: object) -> None:
        pass


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    certificate, key = make_certificate(tmp_path)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Deployment(Cloud(server.server_port, certificate), OUTPUTS, "topic")
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def url(deployment: Deployment) -> Iterator[str]:
    with pass_through_edge(deployment) as edge:
        yield edge.url


def address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def connections() -> int:
    """How many clients the edge still has in hand."""
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


def wait_until_nobody_is_served() -> None:
    until(lambda: not connections() or None, "the end of a connection")


def test_a_client_that_hangs_up_in_the_middle_of_a_download_is_no_news(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        with socket.create_connection(address(url), timeout=10) as client:
            client.sendall(b"GET /large HTTP/1.1\r\nHost: edge\r\n\r\n")
            assert client.recv(100_000).startswith(b"HTTP/1.1 200")
    wait_until_nobody_is_served()
    assert fetch(f"{url}/small").body == b"small"
    wait_until_nobody_is_served()
    assert capfd.readouterr().err == ""


def test_a_client_that_leaves_an_answer_unread_is_no_news(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    """What is closed over unread bytes resets the connection on which the edge waits for the next request."""
    with socket.create_connection(address(url), timeout=10) as client:
        client.sendall(b"GET /small HTTP/1.1\r\nHost: edge\r\n\r\n")
        assert client.recv(1) == b"H"
    wait_until_nobody_is_served()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("path", ["/silent", "/broken"])
def test_an_origin_that_breaks_off_is_a_bad_gateway(url: str, path: str, capfd: pytest.CaptureFixture[str]) -> None:
    answer = fetch(f"{url}{path}")
    assert (answer.status, b"small" in answer.body) == (502, False)
    assert fetch(f"{url}/small").status == 200
    assert capfd.readouterr().err == ""


def test_an_origin_that_is_gone_is_a_bad_gateway(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    certificate, _key = make_certificate(tmp_path)
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))  # held, so that the edge itself does not get this port
        gone = Deployment(Cloud(nobody_listens.getsockname()[1], certificate), OUTPUTS, "topic")
        with pass_through_edge(gone) as edge:
            assert fetch(f"{edge.url}/small").status == 502
    assert capfd.readouterr().err == ""


def test_what_may_not_be_read_is_missing(url: str) -> None:
    assert fetch(f"{url}/secret").status == 404


@pytest.mark.parametrize(("path", "status"), [("/large", 200), ("/silent", 502)])
def test_head_is_answered_with_headers_alone(url: str, path: str, status: int) -> None:
    with socket.create_connection(address(url), timeout=10) as client:
        client.sendall(f"HEAD {path} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n".encode())
        said = b"".join(iter(lambda: client.recv(65536), b""))
    head, body = said.split(b"\r\n\r\n", 1)
    assert (int(head.split()[1]), body) == (status, b"")
    assert status == 502 or f"Content-Length: {len(LARGE)}".encode() in head


def test_who_uploads_to_the_edge_hears_that_it_only_reads(url: str) -> None:
    """The body is read before the connection is closed: otherwise it is reset, and the answer may be lost."""
    with closing(http.client.HTTPConnection(*address(url), timeout=10)) as client:
        client.request("PUT", "/small", body=LARGE)
        assert client.getresponse().status == 501
