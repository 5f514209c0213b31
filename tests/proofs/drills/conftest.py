from collections.abc import Iterator
from pathlib import Path

import pytest

from local.stack import Stack, running_stack
from tests.clients import conftest as clients
from tests.clients.tuf_js import TufJs
from tests.proofs.drills.backstage import Backstage
from tests.proofs.drills.edge import RememberingEdge, remembering_edge
from tests.proofs.drills.watch import Readers
from tests.stack.actors import Operator

# More than either lag of an edge (six seconds and four), with room for a publish on a busy machine.
OVERLAP_SECONDS = 10

installed_tuf_js = clients.installed_tuf_js


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The real template, as it is."""
    with running_stack("sealed", OVERLAP_SECONDS) as running:
        yield running


@pytest.fixture(scope="module")
def operator(stack: Stack) -> Operator:
    return Operator(stack)


@pytest.fixture(scope="module")
def backstage(stack: Stack, operator: Operator) -> Backstage:
    return Backstage(stack, operator)


@pytest.fixture
def edges(stack: Stack, tmp_path: Path) -> Iterator[tuple[RememberingEdge, RememberingEdge]]:
    """Two edge locations whose caches are empty."""
    with remembering_edge(stack.deployment, tmp_path) as one, remembering_edge(stack.deployment, tmp_path) as other:
        yield one, other


@pytest.fixture
def readers(edges: tuple[RememberingEdge, RememberingEdge], installed_tuf_js: None, tmp_path: Path) -> Iterator[Readers]:
    with TufJs(tmp_path / "tuf-js") as tuf_js:
        yield Readers(tmp_path, edges, tuf_js)
