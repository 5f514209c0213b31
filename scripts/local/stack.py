"""Cloud, deployment and edge, started in this order and stopped in the other."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.deployment import Deployment, deploy
from local.edge import Edge, running_edge
from local.ministack import Cloud, running_cloud
from local.processes import ROOT


@dataclass(frozen=True, slots=True)
class Stack:
    """`folder` is gone with the stack."""

    folder: Path
    cloud: Cloud
    deployment: Deployment
    edge: Edge


@contextmanager
def running_stack(online_key: str = "sealed", overlap_seconds: int | None = None) -> Iterator[Stack]:
    """A whole deployment of its own: nothing is shared with another but the cache of builds."""
    runs = ROOT / ".local" / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with running_cloud(folder) as cloud:
            deployment = deploy(cloud, folder, online_key, overlap_seconds)
            with running_edge(deployment, folder) as edge:
                deployment.watch_through(edge.url)
                yield Stack(folder, cloud, deployment, edge)
