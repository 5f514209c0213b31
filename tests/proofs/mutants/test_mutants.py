"""The suite notices what is left out: each mutant lets a test fail that passes without it."""

from pathlib import Path

import pytest

from tests.proofs.mutants.mutant import Mutant, copy_package, run_tests
from tests.proofs.mutants.table import MUTANTS


def test_without_a_mutant_all_of_these_tests_pass(tmp_path: Path) -> None:
    tests = dict.fromkeys(test for mutant in MUTANTS for test in mutant.tests)
    result = run_tests(copy_package(tmp_path), tests)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_is_noticed(mutant: Mutant, tmp_path: Path) -> None:
    package = copy_package(tmp_path)
    mutant.apply(package)
    result = run_tests(package, mutant.tests)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, f"{mutant}: survived\n{result.stdout}{result.stderr}"
    assert "1 failed" in result.stdout.splitlines()[-1], result.stdout


def test_a_mutant_of_other_source_says_so(tmp_path: Path) -> None:
    mutant = Mutant("of yesterday", "store/writes.py", {"lock.acquire()": ""}, ())
    with pytest.raises(AssertionError, match=r"of yesterday: expected this once in store/writes\.py, found it 0 times"):
        mutant.apply(copy_package(tmp_path))
