"""The clock of a function: one instant for the whole of an invocation."""

from datetime import UTC, datetime

from trustpress.adapters.clock import LambdaClock


class Context:
    """Of an invocation that has a second and a half left, and less each time somebody asks."""

    def __init__(self) -> None:
        self._left = 1500

    def get_remaining_time_in_millis(self) -> int:
        left, self._left = self._left, self._left - 500
        return left


def test_it_says_when_the_invocation_began_and_how_long_it_may_still_run() -> None:
    before = datetime.now(UTC)
    clock = LambdaClock(Context())
    after = datetime.now(UTC)
    began = clock.now()
    assert before <= began <= after
    assert began.tzinfo is UTC
    assert [clock.seconds_left() for _ in range(3)] == [1.5, 1.0, 0.5]
    assert clock.now() == began
