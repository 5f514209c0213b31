"""Many uploads at once, through everything that the template deploys."""

from rich.progress import Progress

from local.stack import Stack
from tests.proofs.overload import backlog


def test_a_backlog_is_published_with_one_message(stack: Stack) -> None:
    with Progress(disable=True) as progress:
        figures = backlog.drain(stack, "overload/short", 100, progress)
    assert figures.published == 100
    assert figures.releases < 10
