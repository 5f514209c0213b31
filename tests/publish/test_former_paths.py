"""Paths and patterns that were published before the portable subset forbade them: they stay, and nobody lists more of them."""

import pytest

from tests.publish.world import World
from trustpress.publish import draft

FORMER = "report[1].txt"
FORMER_FILES = {FORMER: b"one", "a.": b"two"}


@pytest.fixture
def published_before(running: World, monkeypatch: pytest.MonkeyPatch) -> World:
    with monkeypatch.context() as before:
        before.setattr(draft, "check_new_targetpath", lambda _: None)
        before.setattr(draft, "check_new_pattern", lambda _: None)
        running.publish_files(FORMER_FILES)
    return running


def test_what_was_listed_before_stays_with_a_note_in_the_receipt(published_before: World) -> None:
    receipt = published_before.publish_files({"plain": b"three"})
    note = published_before.receipt(receipt.sha256)["note"]
    assert "It still lists a., report[1].txt, published before" in note
    assert published_before.download(FORMER) == b"one"


def test_once_it_is_taken_out_nothing_is_noted_and_it_does_not_come_back(published_before: World) -> None:
    published_before.developer.next_version().targets.clear()
    receipt = published_before.publish(published_before.developer.signed())
    assert "note" not in published_before.receipt(receipt.sha256)
    published_before.developer.next_version(files={FORMER: b"one"})
    published_before.upload_files({FORMER: b"one"})
    published_before.refuse(published_before.developer.signed(), "E_PORTABLE")


@pytest.mark.parametrize("files", [{FORMER: b"changed"}, {"report[2].txt": b"new"}], ids=["changed", "new"])
def test_what_is_changed_or_new_is_refused(published_before: World, files: dict[str, bytes]) -> None:
    published_before.developer.next_version(files=files)
    published_before.upload_files(files)
    published_before.refuse(published_before.developer.signed(), "E_PORTABLE")


def test_a_pattern_of_before_stays_and_a_new_one_is_refused(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.setattr(draft, "check_new_pattern", lambda _: None)
        running.developer.next_version()
        running.developer.delegate("docs", "a|b/*")
        running.publish(running.developer.bundle("targets", "docs"), "both.json")
    running.publish_files({"plain": b"three"})
    running.developer.next_version()
    running.developer.delegate("more", "c|d/*")
    running.refuse(running.developer.bundle("targets", "more"), "E_PORTABLE", "both.json")
