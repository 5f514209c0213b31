"""Two faults in a row: one in 47 of all pairs here, all of them with `scripts/prove pairs`."""

import itertools

import pytest

from tests.proofs.faults.matrix import Fault, pairs, play
from tests.proofs.faults.test_single_faults import named

# A prime, so that every fault comes first and every fault comes second.
_EVERY = 47


@pytest.mark.parametrize("pair", list(itertools.islice(pairs(), 0, None, _EVERY)), ids=lambda pair: " and ".join(map(named, pair)))
def test_a_publish_gets_over_both(pair: tuple[Fault, Fault]) -> None:
    play(pair)
