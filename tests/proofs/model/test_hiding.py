"""Every interleaving of recoveries with owners and a thief: what is built holds in all of them, what could be left out does not."""

import pytest

from tests.proofs.model.hiding import Hiding, Invariant, Variant


def test_two_recoveries_an_owner_and_a_thief_break_nothing() -> None:
    states, broken = Hiding().explore()
    assert broken == {}
    assert states > 1_000


@pytest.mark.parametrize(
    ("variant", "broken"),
    [
        (Variant(only_what_it_judged=False), Invariant.GENUINE_STAYS),
        (Variant(looks_again=False), Invariant.GENUINE_STAYS),
        (Variant(verifies=False), Invariant.ONLY_GENUINE_FOLLOWS),
        (Variant(hides=False), Invariant.NEVER_STUCK),
    ],
    ids=lambda value: value.name if isinstance(value, Invariant) else "",
)
def test_leaving_something_out_breaks_what_it_was_there_for(variant: Variant, broken: Invariant) -> None:
    _, found = Hiding(variant).explore(until=broken)
    assert broken in found
