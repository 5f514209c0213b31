from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from local.edge import Edge, running_edge
from local.processes import ROOT
from local.stack import Stack, running_stack
from tests.tour.calm import Calm
from tests.tour.likeness import Likeness
from tests.tour.performance import Performance
from tests.tour.player import DOCUMENTED_URL, Played, Player, hashes_of_texts
from tests.tour.script import Line, Script

TOUR = ROOT / "docs" / "tour.md"
OVERLAP_SECONDS = 5


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The real template; keys overlap for no longer than a reader of the tour can wait."""
    with running_stack("sealed", OVERLAP_SECONDS) as running:
        yield running


@pytest.fixture(scope="session")
def elsewhere(stack: Stack) -> Iterator[Edge]:
    """Another edge location, with caches of its own."""
    with running_edge(stack.deployment, stack.folder) as edge:
        yield edge


@pytest.fixture(scope="session")
def likeness() -> Likeness:
    return Likeness(datetime.now(UTC))


@pytest.fixture(scope="session")
def calm() -> Calm:
    return Calm()


@pytest.fixture(scope="session")
def player(stack: Stack, elsewhere: Edge, likeness: Likeness, calm: Calm, tmp_path_factory: pytest.TempPathFactory) -> Player:
    return Player(stack, elsewhere, tmp_path_factory.mktemp("tour"), likeness, calm)


@pytest.fixture(scope="session")
def performance(player: Player, likeness: Likeness) -> Iterator[Performance]:
    """The tour, under way."""
    script = Script.read(TOUR)
    likeness.fix(" ".join([DOCUMENTED_URL, *hashes_of_texts(script.lines)]))
    with ThreadPoolExecutor(len(script.stories)) as pool:
        performance = Performance(script, player, pool)
        yield performance
        performance.call_off()


@pytest.fixture(scope="session")
def played(performance: Performance) -> dict[Line, Played]:
    return performance.finish()


@pytest.fixture
def undisturbed(calm: Calm, performance: Performance) -> Iterator[None]:
    """For a test that publishes while the tour goes on in the background."""
    with calm.kept():
        yield
