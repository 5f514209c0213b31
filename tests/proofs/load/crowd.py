"""A crowd of publishers: each uploads version after version of a role of its own, all of them into one repository."""

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from rich.progress import Progress

from local.stack import running_stack
from tests.proofs.load import on_ministack, on_seaweedfs
from tests.proofs.load.work import Figures
from tests.seaweedfs.server import SeaweedFS

Store = Literal["ministack", "seaweedfs"]


def run(store: Store, publishers: int = 50, uploads: int = 20, *, progress: Progress) -> Figures:
    """On a store of its own. Raises AssertionError if anything is missing, was written twice, or a client failed."""
    return STORES[store](publishers, uploads, progress)


def _on_ministack(publishers: int, uploads: int, progress: Progress) -> Figures:
    with running_stack("awskms") as stack:
        return on_ministack.publish(stack, publishers, uploads, progress)


def _on_seaweedfs(publishers: int, uploads: int, progress: Progress) -> Figures:
    with TemporaryDirectory() as folder:
        server = SeaweedFS(Path(folder))
        try:
            server.wait_until_ready()
            return on_seaweedfs.publish(server.endpoint, publishers, uploads, progress)
        finally:
            server.stop()


STORES: Mapping[Store, Callable[[int, int, Progress], Figures]] = {"ministack": _on_ministack, "seaweedfs": _on_seaweedfs}
