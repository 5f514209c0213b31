"""An answer over HTTP that has to keep a pace: nobody listens for ever to a server that sends a byte a second.

The time-out of a socket begins anew with every byte. This one is for the answer as a whole, status line, headers and the
lengths of chunks included.
"""

import time
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from socket import socket
from typing import Any

# Time for the first byte and for what is small. What has come in time buys the time to go on.
SECONDS = 30.0
BYTES_PER_SECOND = 16 * 1024


class PacedResponse(HTTPResponse):
    """For `response_class` of a connection. Whatever reads raises TimeoutError once the server is behind."""

    def __init__(self, sock: socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = BufferedReader(_Paced(sock, self.fp.detach()))


class _Paced(RawIOBase):
    def __init__(self, sock: socket, raw: Any) -> None:
        self._sock, self._raw, self._patience = sock, raw, sock.gettimeout()
        self._deadline = time.monotonic() + SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"slower than {BYTES_PER_SECOND:,} bytes a second")
        self._sock.settimeout(left if self._patience is None else min(left, self._patience))
        count: int | None = self._raw.readinto(buffer)
        self._sock.settimeout(self._patience)  # the connection may be used again
        self._deadline += (count or 0) / BYTES_PER_SECOND
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
