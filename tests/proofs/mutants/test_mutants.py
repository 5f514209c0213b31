"""The suite notices what is left out: each mutant lets a test fail that passes without it."""

from collections.abc import Iterator

import pytest

from tests.proofs.mutants.mutant import Mutant
from tests.proofs.mutants.nursery import Nursery
from tests.proofs.mutants.table import MUTANTS


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


def test_without_a_mutant_all_of_these_tests_pass(nursery: Nursery) -> None:
    tests = dict.fromkeys(test for mutant in MUTANTS for test in mutant.tests)
    verdict = nursery.test({}, tests)
    assert verdict.code == 0, verdict.output


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_is_noticed(nursery: Nursery, mutant: Mutant) -> None:
    verdict = nursery.test(mutant.sources(), mutant.tests)
    assert verdict.code == pytest.ExitCode.TESTS_FAILED, f"{mutant}: survived\n{verdict.output}"
    assert "1 failed" in verdict.output.splitlines()[-1], verdict.output


def test_a_mutant_of_other_source_says_so() -> None:
    mutant = Mutant("of yesterday", "store/writes.py", {"lock.acquire()": ""}, ())
    with pytest.raises(AssertionError, match=r"of yesterday: expected this once in store/writes\.py, found it 0 times"):
        mutant.sources()
