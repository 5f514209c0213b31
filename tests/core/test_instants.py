"""One spelling of an instant, held against strptime."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from trustpress.core.instants import parse_instant, write_instant

CANONICAL = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
INSTANTS = st.datetimes(timezones=st.just(UTC))

# Of the form of an instant, few of them in the calendar; and instants with one character changed.
ALIKE = st.from_regex(CANONICAL, fullmatch=True)
FIELDS = st.tuples(*(st.integers(0, most) for most in (9999, 13, 32, 25, 61, 61)))
IN_RANGE = FIELDS.map(lambda fields: "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format(*fields))


@st.composite
def misspelt(draw: st.DrawFn) -> str:
    text = write_instant(draw(INSTANTS))
    place = draw(st.integers(0, len(text)))
    return text[:place] + draw(st.text(max_size=2)) + text[place + draw(st.integers(0, 2)) :]


def strptime(text: str) -> datetime:
    """Takes single digits, digits of other scripts and lower case as well: these are refused by the form."""
    if not CANONICAL.fullmatch(text):
        raise ValueError(text)
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def parsed(parse: Callable[[str], datetime], text: str) -> datetime | None:
    with suppress(ValueError):
        return parse(text)
    return None


@given(ALIKE | IN_RANGE | misspelt() | st.text())
@example("2030-02-29T00:00:00Z")
@example("2030-01-08T24:00:00Z")
@example("2016-12-31T23:59:60Z")
@example("0000-01-01T00:00:00Z")
@example("2030-01-08T12:00:00Z\n")
@example("2030-01-08T12:00:00+00:00")
@example("2030-01-08T12:00:00.5Z")
@example("2030-01-08T12:00:00")
@example("2030-01-08 12:00:00Z")
@example("2030-01-08t12:00:00z")
@example("2030-1-8T1:0:0Z")
@example("20300108T120000Z")
@example("2030-W02-2T12:00:00Z")
@example("٢٠٣٠-01-08T12:00:00Z")
@example("2030-01-08\ud80012:00:00Z")
def test_an_instant_is_what_strptime_makes_of_its_one_spelling(text: str) -> None:
    found = parsed(parse_instant, text)
    assert found == parsed(strptime, text)
    assert found is None or (found.tzinfo, write_instant(found)) == (UTC, text)


@given(INSTANTS)
def test_an_instant_is_written_in_whole_seconds_and_read_back(instant: datetime) -> None:
    assert parse_instant(write_instant(instant)) == instant.replace(microsecond=0)


def test_years_have_four_digits() -> None:
    """So that instants sort as their texts do: an editor takes the later of two `expires`."""
    assert write_instant(datetime(999, 1, 1, 12, tzinfo=UTC)) == "0999-01-01T12:00:00Z"
    assert write_instant(datetime(2030, 1, 8, 12, tzinfo=UTC) + timedelta(microseconds=999_999)) == "2030-01-08T12:00:00Z"
