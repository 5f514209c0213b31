from collections.abc import Iterator

import pytest

from local.stack import Stack, running_stack
from tests.stack.actors import OVERLAP_SECONDS, Operator


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The real template on MiniStack; keys overlap for no longer than a test can wait."""
    with running_stack("sealed", OVERLAP_SECONDS) as running:
        yield running


@pytest.fixture(scope="session")
def operator(stack: Stack) -> Operator:
    return Operator(stack)


@pytest.fixture(scope="session")
def in_kms() -> Iterator[Operator]:
    """A second deployment, of one repository, which signs in KMS."""
    with running_stack("awskms") as stack:
        yield Operator(stack)
