"""A whole deployment on loopback: SeaweedFS for the buckets, a thread for Lambda, a small HTTP server for the edge."""

import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.fakes import RecordingAnnouncer
from trustpress.adapters.kms import Ed25519Signer
from trustpress.adapters.s3 import S3Store
from trustpress.core.layout import INBOX, parse_inbox_key
from trustpress.errors import Conflict, Unavailable
from trustpress.publish.publisher import Publisher
from trustpress.publish.refresher import Refresher

OPERATOR, DEVELOPER = "operator", "developer"
SECRET_KEYS = {OPERATOR: "the-operators-secret-on-loopback", DEVELOPER: "the-developers-secret-on-loopback"}
STAGING, PUBLIC = "staging", "public"
_PATIENCE = 60

# Nothing is cached here for longer.
OVERLAP = timedelta(seconds=1)


class Deployment:
    """`url` is what clients read, `environment` what the command line needs to reach the staging bucket."""

    def __init__(self, folder: Path) -> None:
        self._s3_port = free_port()
        self._weed = _start_seaweedfs(folder, self._s3_port)
        self.client = self._connect()
        self._create_buckets(time.monotonic() + _PATIENCE)
        self.staging, self.public = (S3Store(self.client, bucket, "000000000000") for bucket in (STAGING, PUBLIC))
        signer = Ed25519Signer(bytes(31) + b"1")
        self.signers = {signer.public_key.keyid: signer}
        Refresher(self.staging, self.public, self.signers).publish_online_keys()
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
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._s3_port}",
            "AWS_ACCESS_KEY_ID": DEVELOPER,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEYS[DEVELOPER],
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
        # Asked politely it takes ten seconds to save what nobody needs.
        self._weed.kill()
        self._weed.wait()

    def _create_buckets(self, deadline: float) -> None:
        for bucket in (STAGING, PUBLIC):
            while not self._has_created(bucket):
                assert self._weed.poll() is None, "SeaweedFS stopped"
                assert time.monotonic() < deadline, "SeaweedFS does not answer"
                time.sleep(0.1)
            self.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def _has_created(self, bucket: str) -> bool:
        try:
            self.client.create_bucket(Bucket=bucket)
        except (BotoCoreError, ClientError):
            return False
        return True

    def _connect(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self._s3_port}",
            aws_access_key_id=OPERATOR,
            aws_secret_access_key=SECRET_KEYS[OPERATOR],
            region_name="us-east-1",
            config=Config(max_pool_connections=32),
        )

    def _publish(self) -> None:
        publisher = Publisher(self.staging, self.public, self.signers, announcer=RecordingAnnouncer(), overlap=OVERLAP)
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
            except (Conflict, Unavailable):
                continue


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds_left(self) -> float:
        return 60.0


class Edge:
    """Serves the public bucket. `remembered` holds what a cache would still serve; `requests` what was asked for."""

    def __init__(self, public: S3Store) -> None:
        self.remembered: dict[str, bytes] = {}
        self.requests: list[str] = []
        edge = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                key = self.path.removeprefix("/")
                edge.requests.append(key)
                body = edge.remembered.get(key) or _body(public, key)
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


def free_port() -> int:
    """A port for SeaweedFS, which also takes the one 10,000 above; both below the range of outgoing connections."""
    while True:
        port = random.randrange(10_000, 22_000)
        if all(_is_free(number) for number in (port, port + 10_000)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _body(public: S3Store, key: str) -> bytes | None:
    found = public.get(key, 100_000_000)
    return found.body if found else None


def _start_seaweedfs(folder: Path, s3_port: int) -> "subprocess.Popen[bytes]":
    actions = {OPERATOR: ["Admin"], DEVELOPER: [f"Read:{STAGING}", f"Write:{STAGING}", f"List:{STAGING}"]}
    identities = [
        {"name": name, "credentials": [{"accessKey": name, "secretKey": secret}], "actions": actions[name]}
        for name, secret in SECRET_KEYS.items()
    ]
    configuration = folder / "s3.json"
    configuration.write_text(json.dumps({"identities": identities}))
    master, volume, filer = free_port(), free_port(), free_port()
    command = [
        str(Path(sys.executable).with_name("weed")), "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3_port}",
        "-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false", f"-s3.config={configuration}",
    ]  # fmt: skip
    with (folder / "weed.log").open("wb") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
