"""The short form of tests/proofs/load: a few publishers at once, and some seconds of steady traffic."""

import pytest
from rich.progress import Progress

from local.stack import Stack
from tests.proofs.load import on_ministack, soak

QUIETLY = Progress(disable=True)


def test_everything_that_a_crowd_uploads_is_published_and_no_reader_notices(stack: Stack) -> None:
    figures = on_ministack.publish(stack, publishers=10, uploads=3, progress=QUIETLY)
    assert figures.uploads == 30
    assert max(figures.attempts) <= 10
    assert figures.cold_reads
    assert figures.warm_reads


@pytest.mark.nginx
def test_no_reader_fails_while_a_deployment_is_busy(stack: Stack) -> None:
    figures = soak.soak(stack, 20, QUIETLY, sample_every=1)
    assert not figures.failures
    assert figures.published
    assert figures.renewals
    assert figures.refreshes
    assert figures.downloads
    assert {growth.function for growth in figures.memory} == {"PublishFunction", "RefreshFunction"}
