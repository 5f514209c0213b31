"""MiniStack: AWS on one loopback port, with signatures, roles and bucket policies enforced."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local.certificate import make_certificate
from local.processes import ROOT, accepts_connections, free_port, running

PATH = f"{ROOT}/.venv/bin:{ROOT}/.local/bin:{ROOT}/.local/uv/bin:{os.environ['PATH']}"
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str
    session_token: str | None = None


ADMINISTRATOR = Credentials("test", "test")


@dataclass(frozen=True, slots=True)
class Cloud:
    """A running MiniStack. Its account is empty when it starts and gone when it stops."""

    port: int
    certificate: Path

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def environment(self, who: Credentials) -> dict[str, str]:
        """What an AWS program needs in order to talk to this cloud, and nothing that would lead it to another."""
        return {
            "AWS_ACCESS_KEY_ID": who.access_key,
            "AWS_SECRET_ACCESS_KEY": who.secret_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "HOME": os.environ.get("HOME", "/"),
            "PATH": PATH,
            "SAM_CLI_TELEMETRY": "0",
        }

    def client(self, service: Any, who: Credentials = ADMINISTRATOR) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            verify=str(self.certificate),
            region_name=REGION,
            aws_access_key_id=who.access_key,
            aws_secret_access_key=who.secret_key,
            aws_session_token=who.session_token,
        )


@contextmanager
def running_cloud(folder: Path) -> Iterator[Cloud]:
    certificate, key = make_certificate(folder)
    port = free_port()
    environment = {
        "AUTH": "true",
        "AWS_CA_BUNDLE": str(certificate),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "HOME": str(folder),
        "IOT_MTLS_ENABLED": "0",  # or it listens on every interface
        "LOG_LEVEL": "WARNING",
        "MINISTACK_SSL_CERT": str(certificate),
        "MINISTACK_SSL_KEY": str(key),
        "PATH": PATH,
        "TMPDIR": str(folder),
        "USE_SSL": "1",
    }
    with ExitStack() as started:
        with _nobody_else_starting():
            command = [f"{ROOT}/.local/bin/ministack"]
            started.enter_context(running(command, environment, folder / "ministack.log", lambda: accepts_connections(port)))
        yield Cloud(port, certificate)


@contextmanager
def _nobody_else_starting() -> Iterator[None]:
    """Of two that start at once and find port 443 free, MiniStack lets one take it and the other die."""
    with (ROOT / ".local" / "ministack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
