"""However large an upload is, it is refused in good time and in 256 MB; what takes longer is measured by `large.run(LARGE)`."""

import sys

import pytest

from tests.proofs.fuzz.campaign import MAX_GROWTH
from tests.proofs.fuzz.large import LARGE, LONG, Cost, run


@pytest.fixture(scope="module")
def costs() -> dict[str, Cost]:
    return {cost.name: cost for cost in run(name for name in LARGE if name not in LONG)}


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process its peak")
@pytest.mark.parametrize("name", [name for name in LARGE if name not in LONG])
def test_a_large_upload_is_refused_within_its_memory(name: str, costs: dict[str, Cost]) -> None:
    cost = costs[name]
    assert cost.code in {"E_JSON", "E_SCHEMA", "E_SIG", "E_SIZE"}
    assert cost.growth < MAX_GROWTH, str(cost)
