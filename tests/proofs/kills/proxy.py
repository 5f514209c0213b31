"""A proxy on loopback between boto3 and a store, that gets in the way on purpose.

It forwards requests as they are, Host and all, so that their signatures verify.
"""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_DELAY_SECONDS = 0.05
_SERVER_MAKES_ITS_OWN = {"connection", "content-length", "transfer-encoding"}


class Fault(Enum):
    """What may become of a request."""

    CONFLICT = auto()  # 409 ConditionalRequestConflict: nothing was done, another write of this key is going on
    SLOW_DOWN = auto()  # 503 SlowDown: nothing was done
    RESET_BEFORE = auto()  # the connection is reset, nothing was done
    RESET_AFTER = auto()  # what was asked is done, then the connection is reset
    SILENCE = auto()  # what was asked is done, and no answer ever comes
    DELAY = auto()  # the answer comes later
    TRUNCATION = auto()  # the answer breaks off in the middle of its body


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    is_conditional: bool

    def can_meet(self, fault: Fault) -> bool:
        """Whether S3 or a network would do that to it."""
        return {Fault.CONFLICT: self.is_conditional, Fault.TRUNCATION: self.method == "GET"}.get(fault, True)


Policy = Callable[[Request], Fault | None]


def by_chance(seed: int, share: float) -> Policy:
    """So many of the requests meet one of the faults that they can meet."""
    chance = random.Random(seed)

    def decide(request: Request) -> Fault | None:
        if chance.random() >= share:
            return None
        return chance.choice([fault for fault in Fault if request.can_meet(fault)])

    return decide


def at_first(times: int, method: str, key_ends: str, fault: Fault) -> Policy:
    """The first so many requests for each key that ends like this meet a fault."""
    met: dict[str, int] = {}

    def decide(request: Request) -> Fault | None:
        if request.method != method or not request.path.partition("?")[0].endswith(key_ends) or not request.can_meet(fault):
            return None
        met[request.path] = met.get(request.path, 0) + 1
        return fault if met[request.path] <= times else None

    return decide


class _Proxy(ThreadingHTTPServer):
    def __init__(self, origin_port: int, policy: Policy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.origin_port, self._policy, self._one_at_a_time = origin_port, policy, threading.Lock()

    def decide(self, request: Request) -> Fault | None:
        with self._one_at_a_time:
            return self._policy(request)


class _Handler(BaseHTTPRequestHandler):
    server: "_Proxy"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._origin = HTTPConnection("127.0.0.1", self.server.origin_port)

    def finish(self) -> None:
        super().finish()
        self._origin.close()

    def _treat(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        conditional = "If-None-Match" in self.headers or "If-Match" in self.headers
        fault = self.server.decide(Request(self.command, self.path, conditional))
        if fault is Fault.CONFLICT:
            self._refuse(409, "ConditionalRequestConflict")
        elif fault is Fault.SLOW_DOWN:
            self._refuse(503, "SlowDown")
        elif fault is Fault.RESET_BEFORE:
            self._reset()
        else:
            self._forward(body, fault)

    do_GET = do_HEAD = do_PUT = do_DELETE = _treat  # noqa: N815 (as http.server asks for them)

    def _forward(self, body: bytes, fault: Fault | None) -> None:
        self._origin.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() != "expect":  # the client was told to continue already
                self._origin.putheader(name, value)
        self._origin.endheaders(body)
        answer = self._origin.getresponse()
        content = answer.read()
        if fault is Fault.RESET_AFTER:
            self._reset()
        elif fault is Fault.SILENCE:
            self.connection.recv(1)  # until the client hangs up
            self.close_connection = True
        else:
            time.sleep(_DELAY_SECONDS if fault is Fault.DELAY else 0)
            self._answer(answer, content, len(content) // 2 if fault is Fault.TRUNCATION else len(content))

    def _answer(self, answer: HTTPResponse, content: bytes, length: int) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _SERVER_MAKES_ITS_OWN:
                self.send_header(name, value)
        promised = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", promised or "0")
        self.end_headers()
        self.wfile.write(content[:length])
        self.close_connection = length < len(content)

    def _refuse(self, status: int, code: str) -> None:
        content = f"<Error><Code>{code}</Code><Message>On purpose.</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)

    def _reset(self) -> None:
        """Closing without lingering sends RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def running_proxy(origin_port: int, policy: Policy) -> Iterator[str]:
    """Yields the URL that stands for the origin's."""
    server = _Proxy(origin_port, policy)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
