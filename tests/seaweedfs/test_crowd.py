"""The short form of tests/proofs/load on an S3 that is not Amazon's: everybody drains, so everybody meets."""

from rich.progress import Progress

from tests.proofs.load import crowd


def test_everything_that_a_crowd_uploads_is_published_in_few_attempts() -> None:
    figures = crowd.run("seaweedfs", publishers=6, uploads=2, progress=Progress(disable=True))
    assert figures.uploads == 12
    assert max(figures.attempts) <= 10
    assert figures.cold_reads
