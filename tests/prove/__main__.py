"""`scripts/prove`: every proof of docs/reliability.md, in its long form. A violation ends it with what replays it."""

import functools
import time
from collections.abc import Callable
from typing import ParamSpec

import click

from tests.prove.parallel import over, progress_bar

P = ParamSpec("P")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
def main() -> None:
    """Break Trustpress on purpose, for as long as it takes to be sure.

    \b
    Examples:
      scripts/prove singles
      scripts/prove schedules --count 1000
      scripts/prove schedules --from 4711 --count 1
      scripts/prove soak --minutes 3
    """


def proof(prove: Callable[P, object]) -> click.Command:
    """A command that prints the figures that a proof comes to, and how long it took."""

    @functools.wraps(prove)
    def timed(*args: P.args, **kwargs: P.kwargs) -> None:
        began = time.monotonic()
        figures = prove(*args, **kwargs)
        click.echo(f"{figures}\nin {time.monotonic() - began:,.0f} s")

    return main.command()(timed)


@proof
def singles() -> str:
    """Every fault at every call of a publish."""
    from tests.faults import matrix

    return f"{sum(over(range(len(matrix.single_faults())), matrix.play_singles, 'single faults')):,} single faults, 0 violations"


@proof
def pairs() -> str:
    """Every two faults, one after the other."""
    from tests.faults import matrix

    return f"{sum(over(range(len(matrix.single_faults()) ** 2), matrix.play_pairs, 'pairs of faults')):,} pairs of faults, 0 violations"


@proof
@click.option("--from", "first", default=0, help="The first seed.")
@click.option("--count", default=100_000, help="How many seeds.")
def schedules(first: int, count: int) -> object:
    """Two to five publishers, a refresher, faults, and events in any order: a run for each seed."""
    from tests.faults.schedules import Figures, replay

    total = Figures()
    for figures in over(range(first, first + count), replay, "schedules"):
        total.add(figures)
    return total


@proof
@click.option("--store", type=click.Choice(["ministack", "seaweedfs"]), default="ministack")
@click.option("--publishers", default=50)
@click.option("--uploads", default=20, help="How many each publisher makes.")
def crowd(store: str, publishers: int, uploads: int) -> object:
    """Many publishers, each with a role of its own, in one repository."""
    from tests.load.crowd import run

    with progress_bar() as progress:
        return run(store, publishers, uploads, progress=progress)  # type: ignore[arg-type]


@proof
@click.option("--minutes", default=30.0)
def soak(minutes: float) -> object:
    """Publishes, refreshes and readers for half an hour, through the edge."""
    from tests.load.soak import run

    with progress_bar() as progress:
        return run(minutes, progress)


if __name__ == "__main__":
    main()
