"""A request is dropped only if a look that began after it has been made, or is sure to come."""

import itertools
from datetime import timedelta

import pytest

from tests.fakes import START, FakeClock
from tests.proofs.overload.arrivals import Arrivals
from trustpress.errors import Unavailable
from trustpress.ports import Clock, Request
from trustpress.publish.looks import SECONDS_FOR_ANY_LOOK, Looks
from trustpress.publish.pacing import MARGIN, PAUSE, Pace
from trustpress.publish.publisher import Outcome

SECOND = timedelta(seconds=1)
NOTHING = Outcome([], 1)
MORE = Outcome([], 1, has_more=True)


def request(seconds: float, repository: str = "acme/api") -> Request:
    return Request(repository, START + timedelta(seconds=seconds))


class Container:
    """Looks whose outcomes are given, and what came of them."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.clock = FakeClock(seconds_left=120)
        self.looked_at: list[str] = []
        self.seconds_given: list[float] = []
        self.seconds_taken = 0.0
        self.sent: list[tuple[str, timedelta]] = []
        self._outcomes = list(outcomes)
        self.looks = Looks(self._drain, self)

    def receive(self, *requests: Request) -> None:
        """One batch, each message with one request."""
        batch = self.looks.begin(lambda: self.clock, lambda outcome: None)
        for request in requests:
            batch.attend([request])

    def send(self, repository: str, delay: timedelta = timedelta()) -> None:
        self.sent.append((repository, delay))

    def _drain(self, repository: str, clock: Clock, seconds: float) -> Outcome:
        self.looked_at.append(repository)
        self.seconds_given.append(seconds)
        self.clock.spend(self.seconds_taken)
        outcome = self._outcomes.pop(0) if self._outcomes else NOTHING
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def test_a_request_from_before_a_look_is_answered_by_it() -> None:
    container = Container()
    container.receive(request(0))
    container.receive(request(-6))
    assert container.looked_at == ["acme/api"]


def test_a_request_that_may_be_from_after_a_look_has_one_of_its_own() -> None:
    container = Container()
    container.receive(request(0))
    container.receive(request(-4))
    assert container.looked_at == ["acme/api"] * 2


def test_a_batch_is_answered_by_one_look_whatever_its_dates() -> None:
    container = Container()
    container.receive(request(0), request(1), request(2))
    assert container.looked_at == ["acme/api"]


def test_a_request_that_is_answered_does_not_answer_for_the_next_one_of_its_batch() -> None:
    container = Container()
    container.receive(request(0))
    container.receive(request(-6), request(0))
    assert container.looked_at == ["acme/api"] * 2


def test_a_request_without_a_date_is_never_taken_for_answered() -> None:
    container = Container()
    container.receive(request(0))
    container.receive(Request("acme/api"))
    assert container.looked_at == ["acme/api"] * 2


def test_a_look_answers_for_no_other_repository() -> None:
    container = Container()
    container.receive(request(0))
    container.receive(request(-6, "acme/web"))
    assert container.looked_at == ["acme/api", "acme/web"]


def test_a_look_that_was_left_off_goes_on_after_a_pause_and_answers_what_is_sent_meanwhile() -> None:
    container = Container(MORE)
    container.receive(request(0))
    assert container.sent == [("acme/api", PAUSE)]
    container.receive(request((PAUSE - MARGIN - SECOND).total_seconds()))
    assert container.looked_at == ["acme/api"]


def test_the_message_that_goes_on_is_not_answered_by_the_look_that_sent_it() -> None:
    container = Container(MORE)
    container.receive(request(0))
    container.receive(request(PAUSE.total_seconds()))
    assert container.looked_at == ["acme/api"] * 2


@pytest.mark.parametrize("outcome", [Unavailable("away"), Outcome([], 1, unread=Unavailable("away"))])
def test_a_look_that_failed_answers_nothing_and_fails_its_batch_once(outcome: Outcome | Exception) -> None:
    container = Container(outcome)
    batch = container.looks.begin(lambda: container.clock, lambda outcome: None)
    for _ in range(3):
        with pytest.raises(Unavailable):
            batch.attend([request(-6)])
    assert container.looked_at == ["acme/api"]
    container.receive(request(-6))
    assert container.looked_at == ["acme/api"] * 2


def test_a_batch_goes_on_with_other_repositories_when_one_fails() -> None:
    container = Container(Unavailable("away"))
    batch = container.looks.begin(lambda: container.clock, lambda outcome: None)
    with pytest.raises(Unavailable):
        batch.attend([request(0)])
    batch.attend([request(0, "acme/web")])
    assert container.looked_at == ["acme/api", "acme/web"]


def test_the_looks_of_one_batch_share_their_time() -> None:
    container = Container()
    container.seconds_taken = 15
    container.receive(request(0, "a"), request(0, "b"), request(0, "c"))
    assert container.seconds_given == [20, 5, -10]


def test_a_later_look_takes_no_answer_back() -> None:
    container = Container(MORE)
    container.receive(request(0))
    container.receive(Request("acme/api"))
    container.receive(request(3))
    assert container.looked_at == ["acme/api"] * 2


def test_no_look_is_begun_without_the_time_for_it() -> None:
    container = Container()
    container.clock = FakeClock(seconds_left=SECONDS_FOR_ANY_LOOK - 1)
    container.receive(request(0), request(0))
    assert container.looked_at == []
    assert container.sent == [("acme/api", timedelta())]


def test_a_container_with_just_enough_time_looks() -> None:
    container = Container()
    container.clock = FakeClock(seconds_left=SECONDS_FOR_ANY_LOOK)
    container.receive(request(0))
    assert (container.looked_at, container.sent) == (["acme/api"], [])


def test_what_a_container_cannot_remember_costs_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustpress.publish.pacing._MAX_REMEMBERED", 2)
    container = Container()
    for name in ("a", "b", "c", "c", "b", "a"):
        container.receive(request(-6, name))
    assert container.looked_at == ["a", "b", "c", "a"]


GRID = range(-8, 9)


def test_within_the_margin_no_difference_of_clocks_answers_what_came_after() -> None:
    """Every difference, date of a look and date of a message on a grid of seconds."""
    answered = 0
    for difference, began, sent in itertools.product(range(-5, 6), GRID, GRID):
        finished, left_off = Pace(), Pace()
        finished.looked("r", START + (began + difference) * SECOND)
        left_off.left_off("r", START + (began + difference) * SECOND + PAUSE)
        if finished.is_answered(Request("r", START + sent * SECOND)):
            answered += 1
            assert sent < began
        if left_off.is_answered(Request("r", START + sent * SECOND + PAUSE)):
            assert sent < began
    assert answered > 100


@pytest.mark.parametrize("seed", range(300))
def test_whatever_happens_no_upload_is_left_behind(seed: int) -> None:
    assert Arrivals(seed).left_behind() == []


def test_without_the_margin_uploads_are_left_behind() -> None:
    assert any(Arrivals(seed, margin=timedelta()).left_behind() for seed in range(300))


def test_did_a_message_not_say_how_long_it_was_delayed_uploads_were_left_behind() -> None:
    assert any(Arrivals(seed, tells_delay=False).left_behind() for seed in range(300))
