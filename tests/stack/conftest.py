from collections.abc import Iterator

import pytest

from local.stack import Stack, running_stack
from tests.stack.actors import OVERLAP_SECONDS, Operator


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The real template on MiniStack, signing in KMS as it does by default; keys overlap for no longer than a test can wait."""
    with running_stack("awskms", OVERLAP_SECONDS) as running:
        yield running


@pytest.fixture(scope="session")
def operator(stack: Stack) -> Operator:
    return Operator(stack)


@pytest.fixture(scope="session")
def sealed() -> Iterator[Operator]:
    """A second deployment, which signs with a sealed key."""
    with running_stack("sealed") as stack:
        yield Operator(stack)
