"""A document may differ from a run in ids, times and numbers of snapshots alone, and has to stay true to itself."""

from datetime import UTC, datetime

import pytest

from tests.tour.likeness import Likeness, timeless

OURS, OTHERS = "ab" * 32, "cd" * 32
THEIRS, STRANGERS = "12" * 32, "34" * 32


@pytest.fixture
def likeness() -> Likeness:
    """It has been told one key."""
    likeness = Likeness(datetime(2027, 5, 1, 12, 0, 30, tzinfo=UTC))
    likeness.learn([f"Key {OURS}"], [f"Key {THEIRS}"])
    return likeness


def test_a_document_names_a_key_by_its_first_digits(likeness: Likeness) -> None:
    assert likeness.real(f"key passwd {OURS[:8]}") == f"key passwd {THEIRS[:8]}"
    assert likeness.read([f"Wiped {THEIRS}."]) == [f"Wiped {OURS}."]


def test_a_document_that_mixes_up_two_keys_is_found_out(likeness: Likeness) -> None:
    likeness.learn([f"Wiped {OURS}."], [f"Wiped {STRANGERS}."])
    assert likeness.read([f"Wiped {STRANGERS}."]) != [f"Wiped {OURS}."]
    likeness.learn([f"Wiped {OTHERS}."], [f"Wiped {THEIRS}."])
    assert likeness.read([f"Wiped {THEIRS}."]) != [f"Wiped {OTHERS}."]


def test_what_the_document_itself_hashes_has_to_be_right(likeness: Likeness) -> None:
    likeness.fix(f"sha256:{STRANGERS}")
    likeness.learn([f"sha256:{OTHERS}"], [f"sha256:{STRANGERS}"])
    assert likeness.read([f"sha256:{STRANGERS}"]) == [f"sha256:{STRANGERS}"]


def test_times_differ_and_words_do_not(likeness: Likeness) -> None:
    assert likeness.read(["good until 2027-07-30, since 2027-05-01T12:00:31Z"]) == timeless(
        ["good until 2026-01-31, since 2026-11-02T09:00:01Z"]
    )
    assert likeness.read(["good until 2027-07-30"]) != timeless(["valid until 2026-01-31"])


def test_numbers_of_snapshots_differ_and_those_of_roles_do_not(likeness: Likeness) -> None:
    assert likeness.read(["targets 2, snapshot 4, timestamp 3"]) == timeless(["targets 2, snapshot 3, timestamp 3"])
    assert likeness.read(["targets 2, snapshot 3"]) != timeless(["targets 3, snapshot 3"])


def test_a_document_that_holds_is_not_written_anew(likeness: Likeness) -> None:
    documented = (f"Key {OURS}", "published 2026-11-02T09:00:00Z")
    assert likeness.write(documented, [f"Key {THEIRS}", "published 2027-05-01T12:34:56Z"]) == documented


def test_what_is_new_is_written_in_the_documents_terms(likeness: Likeness) -> None:
    kept, new = likeness.write([f"Key {OURS}"], [f"Key {THEIRS}", f"change {STRANGERS[:8]} {STRANGERS} at 2027-05-01T12:00:31Z"])
    assert kept == f"Key {OURS}"
    word, short, full, at, when = new.split()
    assert (word, at, when) == ("change", "at", "2026-11-02T09:00:01Z")
    assert full.startswith(short)
    assert not full.startswith(STRANGERS[:8])
    assert likeness.real(full) == STRANGERS
