"""`scripts/prove`: every proof of docs/reliability.md, in its long form. A violation ends it with what replays it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tests.faults import matrix, schedules
from tests.prove.parallel import over


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Break Trustpress on purpose, for as long as it takes to be sure.

    \b
    Examples:
      scripts/prove singles
      scripts/prove schedules --count 1000
      scripts/prove schedules --from 4711 --count 1
    """


@contextmanager
def timed() -> Iterator[None]:
    began = time.monotonic()
    yield
    click.echo(f"in {time.monotonic() - began:,.0f} s")


@main.command()
def singles() -> None:
    """Every fault at every call of a publish."""
    with timed():
        played = sum(over(range(len(matrix.single_faults())), matrix.play_singles, "single faults"))
        click.echo(f"{played:,} single faults, 0 violations")


@main.command()
def pairs() -> None:
    """Every two faults, one after the other."""
    with timed():
        played = sum(over(range(len(matrix.single_faults()) ** 2), matrix.play_pairs, "pairs of faults"))
        click.echo(f"{played:,} pairs of faults, 0 violations")


@main.command(name="schedules")
@click.option("--from", "first", default=0, show_default=True, help="The first seed.")
@click.option("--count", default=100_000, show_default=True, help="How many seeds.")
def schedules_command(first: int, count: int) -> None:
    """Two to five publishers, a refresher, faults, and events in any order: a seed for each run."""
    total = schedules.Figures()
    with timed():
        for figures in over(range(first, first + count), schedules.replay, "schedules"):
            total.add(figures)
        click.echo(str(total))


if __name__ == "__main__":
    main()
