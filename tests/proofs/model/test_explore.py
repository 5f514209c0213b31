"""Every interleaving of the commit: what is built holds in all of them, and what could be left out of it does not."""

import pytest

from tests.proofs.model.explore import STORIES, Exploration
from tests.proofs.model.invariants import Invariant
from tests.proofs.model.protocol import Protocol, Upload, Variant

THREE_ROLES, RIVALS, SUCCESSORS = STORIES.values()

PLAIN_PUTS = Variant(new_roles=False, new_snapshot=False, match_timestamp=False, reads_back=False, probes=False)


def test_three_publishers_a_refresher_a_crash_and_an_unanswered_write_break_nothing() -> None:
    figures = Exploration(Protocol(THREE_ROLES, late=False), crashes=1, ambiguous=1).until()
    assert not figures.broken
    assert figures.states > 1_000_000


def test_a_request_that_comes_late_breaks_nothing() -> None:
    figures = Exploration(Protocol(THREE_ROLES), publishers=2, crashes=1, ambiguous=1).until()
    assert not figures.broken
    assert figures.states > 50_000


@pytest.mark.parametrize("uploads", [RIVALS, SUCCESSORS], ids=["rivals", "successors"])
def test_three_publishers_of_one_role_break_nothing(uploads: tuple[Upload, ...]) -> None:
    figures = Exploration(Protocol(uploads)).until()
    assert not figures.broken
    assert figures.states > 100_000


@pytest.mark.parametrize("uploads", [RIVALS, SUCCESSORS], ids=["rivals", "successors"])
@pytest.mark.parametrize(("crashes", "ambiguous"), [(1, 0), (0, 1)], ids=["a crash", "an unanswered write"])
def test_two_publishers_of_one_role_and_a_fault_break_nothing(uploads: tuple[Upload, ...], crashes: int, ambiguous: int) -> None:
    figures = Exploration(Protocol(uploads), publishers=2, crashes=crashes, ambiguous=ambiguous).until()
    assert not figures.broken
    assert figures.states > 10_000


@pytest.mark.parametrize("story", STORIES)
def test_a_refresher_that_renews_the_snapshot_breaks_nothing(story: str) -> None:
    figures = Exploration(Protocol(STORIES[story]), publishers=2, renews="snapshot").until()
    assert not figures.broken
    assert figures.states > 1_000


@pytest.mark.parametrize(
    ("variant", "broken"),
    [
        pytest.param(
            PLAIN_PUTS,
            {Invariant.SERVED, Invariant.LISTED, Invariant.WRITTEN_ONCE, Invariant.RISING, Invariant.NOTHING_LOST, Invariant.ACKNOWLEDGED},
            id="plain PUTs",
        ),
        pytest.param(Variant(snapshot_first=False), {Invariant.SERVED, Invariant.NEVER_STUCK}, id="timestamp before snapshot"),
        pytest.param(
            Variant(match_timestamp=False),
            {Invariant.RISING, Invariant.NOTHING_LOST, Invariant.ACKNOWLEDGED},
            id="snapshot If-None-Match only",
        ),
        pytest.param(Variant(new_snapshot=False, probes=False), {Invariant.WRITTEN_ONCE, Invariant.SERVED}, id="timestamp If-Match only"),
        pytest.param(Variant(new_roles=False), {Invariant.WRITTEN_ONCE, Invariant.LISTED}, id="role files without If-None-Match"),
        pytest.param(Variant(probes=False, reads_back=False), {Invariant.NEVER_STUCK}, id="no probe past orphans"),
        pytest.param(Variant(probes=False), {Invariant.NEVER_STUCK}, id="same bytes are fine, no probe"),
        pytest.param(Variant(reads_back=False), {Invariant.NEVER_STUCK}, id="nothing read back"),
    ],
)
def test_leaving_something_out_breaks_what_it_was_there_for(variant: Variant, broken: set[Invariant]) -> None:
    figures = Exploration(Protocol(RIVALS, variant), publishers=2, crashes=1, ambiguous=1).until(*broken)
    assert figures.broken.keys() >= broken


def test_without_a_probe_an_orphan_snapshot_is_the_end() -> None:
    figures = Exploration(Protocol(THREE_ROLES, Variant(probes=False)), publishers=1, crashes=1).until(Invariant.NEVER_STUCK)
    assert figures.broken == {Invariant.NEVER_STUCK: ["load", "list", "put snapshot"]}
