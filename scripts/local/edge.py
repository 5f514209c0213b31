"""What stands where CloudFront's caches stand: nginx where it is installed, otherwise a pass-through that keeps nothing.

Either adds the Host header by which MiniStack finds the distribution, forwards the path alone (no query, cookie or
other header, as the cache policies say), and answers on loopback only. Either turns 403 into 404: S3 answers 404 to a
distribution that may list the bucket, as the template's may, but MiniStack answers 403 whatever the policy says.
"""

import http.client
import os
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.deployment import Deployment
from local.processes import accepts_connections, free_port, running

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")

SECONDS_TO_ANSWER = 60
SECONDS_TO_DRAIN = 1

# As the template's cache policies and error TTLs: max-age decides, a minute where it is missing, errors are not kept.
CONFIGURATION = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
master_process off;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    fastcgi_temp_path {folder}/fastcgi;
    proxy_temp_path {folder}/proxy;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    proxy_cache_path {folder}/cache keys_zone=edge:10m inactive=1y max_size=2g;
    map $request_uri $path {{ "~^(?<before_query>[^?]*)" $before_query; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            limit_except GET {{ deny all; }}
            proxy_pass https://127.0.0.1:{origin}$path;
            proxy_pass_request_headers off;
            proxy_set_header Host {domain};
            proxy_set_header X-Forwarded-Proto https;
            proxy_ssl_trusted_certificate {certificate};
            proxy_ssl_verify on;
            proxy_ssl_name localhost;
            proxy_cache edge;
            proxy_cache_key $path;
            proxy_cache_valid 200 60s;
            proxy_cache_lock on;
            proxy_cache_revalidate on;
            proxy_intercept_errors on;
            error_page 403 @missing;
            proxy_hide_header X-Cache;
            add_header X-Cache $upstream_cache_status always;
        }}
        location @missing {{ return 404; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Edge:
    url: str
    caches: bool


@contextmanager
def running_edge(deployment: Deployment, folder: Path) -> Iterator[Edge]:
    """One edge location; another has caches of its own."""
    with _nginx(NGINX, deployment, folder) if NGINX else pass_through_edge(deployment) as edge:
        yield edge


@contextmanager
def _nginx(program: str, deployment: Deployment, folder: Path) -> Iterator[Edge]:
    port = free_port()
    cloud, own = deployment.cloud, folder / f"edge-{port}"
    own.mkdir()
    configuration = own / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=own, port=port, origin=cloud.port, domain=deployment.domain, certificate=cloud.certificate)
    )
    command = [program, "-p", str(own), "-e", "stderr", "-c", str(configuration)]
    with running(command, {}, own / "nginx.log", lambda: accepts_connections(port)):
        yield Edge(f"http://127.0.0.1:{port}", caches=True)


@contextmanager
def pass_through_edge(deployment: Deployment) -> Iterator[Edge]:
    server = _PassThroughServer(("127.0.0.1", 0), _handler(deployment))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Edge(f"http://127.0.0.1:{server.server_port}", caches=False)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _PassThroughServer(ThreadingHTTPServer):
    def shutdown_request(self, request: Any) -> None:
        """Read what is left before closing: a socket closed over unread bytes resets, and the client may lose its answer."""
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            request.settimeout(SECONDS_TO_DRAIN)
            while request.recv(65536):
                pass
        self.close_request(request)


def _handler(deployment: Deployment) -> type[BaseHTTPRequestHandler]:
    trust = ssl.create_default_context(cafile=str(deployment.cloud.certificate))

    class PassThrough(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with suppress(ConnectionError):  # a client may go away at any moment
                super().handle()

        def do_GET(self) -> None:
            try:
                answer, body = _ask_origin(deployment, trust, self.command, urlsplit(self.path).path)
            except (OSError, http.client.HTTPException):
                self.send_error(HTTPStatus.BAD_GATEWAY)
                return
            self.send_response(HTTPStatus.NOT_FOUND if answer.status == HTTPStatus.FORBIDDEN else answer.status)
            self.send_header("Content-Length", answer.headers["Content-Length"] or str(len(body)))
            for name in ("Content-Type", "Cache-Control", "ETag", "Last-Modified"):
                if value := answer.headers[name]:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_message: object) -> None:
            """Say nothing: the tour speaks."""

    return PassThrough


def _ask_origin(deployment: Deployment, trust: ssl.SSLContext, method: str, path: str) -> tuple[http.client.HTTPResponse, bytes]:
    """The answer with all of its body (of HEAD there is none): one that breaks off may not look whole to a client."""
    connection = http.client.HTTPSConnection("127.0.0.1", deployment.cloud.port, context=trust, timeout=SECONDS_TO_ANSWER)
    with closing(connection) as origin:
        origin.request(method, path, headers={"Host": deployment.domain, "X-Forwarded-Proto": "https"})
        answer = origin.getresponse()
        return answer, answer.read()
