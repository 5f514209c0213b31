"""A recovery may end anywhere: clients see nothing that gets worse, publishers go on refusing, and the next run ends it."""

from collections.abc import Callable

import pytest

from tests.proofs.disaster.story import EVERYTHING, Story, to_sign
from tests.proofs.disaster.test_fast_forward import replace_the_online_key
from tests.publish.troubles import Crash, at_first, at_write, calm, crash, no_answer
from trustpress.core.portable import MAX_VERSION
from trustpress.errors import TrustpressError


def restored(story: Story) -> None:
    backup = story.backup()
    story.go_on()
    story.everybody_refreshes(EVERYTHING)
    story.restore_by_deleting(backup)


def fast_forwarded(story: Story) -> None:
    story.go_on()
    story.everybody_refreshes(EVERYTHING)
    story.steal_the_online_key(MAX_VERSION, MAX_VERSION)
    replace_the_online_key(story)


DISASTERS = [pytest.param(restored, id="restored"), pytest.param(fast_forwarded, id="fast-forwarded")]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("disaster", DISASTERS)
def test_a_crash_at_any_write_is_healed_by_the_next_run(story: Story, disaster: Callable[[Story], None], when: str) -> None:
    disaster(story)
    go_back = story.remember()
    for number in range(100):
        go_back()
        interrupted(story, when, at_write(number, crash))
        try:
            story.recover()
        except Crash:
            interrupted(story, when, calm)
        else:
            assert number >= 4
            return
        story.recover()
        story.everybody_refreshes(EVERYTHING)
        receipts = story.world.publisher.drain(story.world.name, story.world.clock).receipts
        assert {receipt.status for receipt in receipts} <= {"published"}
    pytest.fail("the recovery never came to an end")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_to_any_write_leaves_nothing_half_done(story: Story, when: str) -> None:
    restored(story)
    go_back = story.remember()
    for number in range(100):
        go_back()
        happened: list[bool] = []

        def trouble(happened: list[bool] = happened) -> None:
            happened.append(True)
            no_answer()

        interrupted(story, when, at_write(number, trouble))
        try:
            story.recover()
        except TrustpressError:
            interrupted(story, when, calm)
            story.recover()
        story.everybody_refreshes(EVERYTHING)
        if not happened:
            assert number >= 4
            return
    pytest.fail("the recovery never came to an end")


def test_whoever_commits_first_is_not_written_over(story: Story) -> None:
    """A publisher that is sound and a recovery that nobody needed: the slower one starts over."""
    story.everybody_refreshes({})
    developer = story.world.developer

    def rival() -> None:
        story.world.public.before = calm
        developer.next_version("docs")
        story.publish_works("docs")

    story.world.public.before = at_write(0, rival)
    story.recover()
    assert story.published_snapshot()["meta"]["docs.json"]["version"] == 3
    story.everybody_refreshes({})


def interrupted(story: Story, when: str, trouble: Callable[[str, str], None]) -> None:
    for store in (story.world.staging, story.world.public):
        setattr(store, when, trouble)


def test_what_somebody_else_puts_in_the_place_of_what_comes_back_is_not_listed(story: Story) -> None:
    """A role file with other bytes lies there when the recovery writes: it has to look again."""
    restored(story)
    key = "acme/api/metadata/3.docs.json"

    def forge() -> None:
        story.world.public.before = calm
        story.world.public.hidden.pop(key)
        story.world.public.upload(key, b"<html>")

    story.world.public.before = at_first("3.docs.json", forge)
    assert story.recover().to_sign == [to_sign("docs", 3, 2)]
