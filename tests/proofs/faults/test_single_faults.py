"""Every call of a publish, with everything that can happen around it."""

import pytest

from tests.proofs.faults.faulty import Mode
from tests.proofs.faults.matrix import Fault, boundaries, play, single_faults

# The calls that the matrix has to reach, in the order in which they first come.
CALLS = [
    "GET register",
    "GET timestamp",
    "GET root",
    "GET snapshot",
    "list inbox",
    "GET upload",
    "GET delegator",
    "HEAD target",
    "HEAD staged target",
    "copy target",
    "PUT role",
    "PUT root",
    "sign snapshot",
    "PUT snapshot",
    "sign timestamp",
    "PUT timestamp",
    "PUT register",
    "PUT receipt",
    "GET receipt",
    "announce",
    "DELETE upload",
    "DELETE staged target",
]


def named(fault: Fault) -> str:
    return f"{fault[0]}: {fault[1].value}"


def test_the_matrix_reaches_every_call_of_a_publish() -> None:
    assert boundaries() == CALLS


def test_the_matrix_has_every_mode() -> None:
    assert {mode for _, mode in single_faults()} == set(Mode)


@pytest.mark.parametrize("fault", single_faults(), ids=named)
def test_a_publish_gets_over_it(fault: Fault) -> None:
    play([fault])
