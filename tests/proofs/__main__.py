"""`scripts/prove`: every proof of docs/reliability.md, in its long form. A violation ends it with what replays it."""

import functools
import os
import time
from collections.abc import Callable
from typing import Literal, ParamSpec

import click

from tests.proofs.parallel import over, progress_bar

P = ParamSpec("P")
StoreName = Literal["ministack", "seaweedfs"]

STORE = click.option("--store", type=click.Choice(["ministack", "seaweedfs"]), default="ministack")


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
    from tests.proofs.faults import matrix

    return f"{sum(over(range(len(matrix.single_faults())), matrix.play_singles, 'single faults')):,} single faults, 0 violations"


@proof
def pairs() -> str:
    """Every two faults, one after the other."""
    from tests.proofs.faults import matrix

    return f"{sum(over(range(len(matrix.single_faults()) ** 2), matrix.play_pairs, 'pairs of faults')):,} pairs of faults, 0 violations"


@proof
@click.option("--from", "first", default=0, help="The first seed.")
@click.option("--count", default=100_000, help="How many seeds.")
def schedules(first: int, count: int) -> object:
    """Two to five publishers, a refresher, faults, and events in any order: a run for each seed."""
    from tests.proofs.faults.schedules import Figures, replay

    total = Figures()
    for figures in over(range(first, first + count), replay, "schedules"):
        total.add(figures)
    return total


@proof
@click.option("--count", default=1_000, help="How many repositories.")
def rekey(count: int) -> object:
    """A break-in, a new master secret, a root by every owner, the old master dropped."""
    from tests.proofs.rekey.fleet import run

    with progress_bar() as progress:
        return run(count, progress)


@proof
@click.option("--crashes", default=1, help="How many publishers may crash.")
@click.option("--ambiguous", default=1, help="How many writes may go without an answer.")
def model(crashes: int, ambiguous: int) -> object:
    """Every interleaving of the commit, and of recoveries that hide junk, as state machines."""
    from tests.proofs.model import hiding
    from tests.proofs.model.explore import run

    states, broken = hiding.Hiding(junk=4).explore()
    with progress_bar() as progress:
        return f"commit: {run(crashes, ambiguous, progress)}\nhiding: {states:,} states, broken: {broken or 'nothing'}"


@proof
@STORE
@click.option("--kills", default=500)
@click.option("--seed", default=1)
def kills(store: StoreName, kills: int, seed: int) -> object:
    """Publishers killed by kill -9 at random instants, on a real store."""
    from tests.proofs.kills.hunt import run

    with progress_bar() as progress:
        return run(kills, store, seed, progress)


@proof
@click.option("--publishes", default=3_000)
@click.option("--seed", default=1)
def throttling(publishes: int, seed: int) -> object:
    """Three in ten requests refused by S3, every second by KMS."""
    from tests.proofs.kills.throttling import run

    with progress_bar() as progress:
        return run(publishes, seed, progress)


@proof
@click.option("--inputs", default=2_000_000)
@click.option("--seed", default=1)
@click.option("--tuf-js-every", default=100, help="How many of the accepted releases tuf-js reads: one in so many.")
def fuzz(inputs: int, seed: int, tuf_js_every: int) -> object:
    """Uploads that are broken, respelled and signed in bad faith."""
    from tests.clients.tuf_js import install_tuf_js
    from tests.proofs.fuzz.campaign import run

    install_tuf_js()
    with progress_bar() as progress:
        return run(inputs, os.cpu_count() or 1, seed, progress, tuf_js_every)


@proof
@click.option("--uploads", default=1_000)
def backlog(uploads: int) -> object:
    """Uploads of one repository that have piled up."""
    from tests.proofs.overload.backlog import run

    with progress_bar() as progress:
        return run(uploads, progress)


@proof
@click.option("--minutes", default=10.0, help="Of simulated time.")
def flood(minutes: float) -> object:
    """One repository flooded, and what its neighbour feels of it; simulated."""
    from tests.proofs.overload.flood import run

    with progress_bar() as progress:
        return run(progress, minutes)


@proof
def junk() -> object:
    """Junk of every kind in front of one good upload."""
    from tests.proofs.overload.junk import run

    with progress_bar() as progress:
        return run(progress)


@proof
@STORE
@click.option("--publishers", default=50)
@click.option("--uploads", default=20, help="How many each publisher makes.")
def crowd(store: StoreName, publishers: int, uploads: int) -> object:
    """Many publishers, each with a role of its own, in one repository."""
    from tests.proofs.load.crowd import run

    with progress_bar() as progress:
        return run(store, publishers, uploads, progress=progress)


@proof
@click.option("--days", default=400, help="Of simulated time.")
@click.option("--seed", default=1)
def freshness(days: int, seed: int) -> object:
    """A schedule that fails up to three times in a row, every hour, two hours and three; no timestamp expires."""
    from tests.watch.schedule import run

    return run(days, seed)


@proof
@click.option("--minutes", default=30.0)
def soak(minutes: float) -> object:
    """Publishes, refreshes and readers for half an hour, through the edge."""
    from tests.proofs.load.soak import run

    with progress_bar() as progress:
        return run(minutes, progress)


@main.command()
@click.option("--random", "number", default=200, help="How many are drawn.")
@click.option("--seed", default=1)
@click.option("--raises", is_flag=True, help="Instead, one for every raise statement.")
@click.option("--suite", "suites", multiple=True, help="Whose tests run; every suite unless told.")
@click.argument("under", nargs=-1)
@click.pass_context
def mutants(context: click.Context, number: int, seed: int, suites: tuple[str, ...], under: tuple[str, ...], *, raises: bool) -> None:
    """The product with one thing changed: does a test that reaches it fail?

    UNDER are places of the product, as in trustpress/core or trustpress/publish/draft.py; all of it unless told.
    """
    from tests.proofs.mutants import hunt
    from tests.proofs.mutants.reach import SUITES, measure

    began = time.monotonic()
    chosen = hunt.raises(under) if raises else hunt.draw(number, seed, under)
    reach = measure(*(suites or SUITES))
    with progress_bar() as progress:
        figures = hunt.hunt(chosen, reach, progress)
    click.echo(f"{figures}\nin {time.monotonic() - began:,.0f} s")
    context.exit(1 if figures.survivors else 0)


if __name__ == "__main__":
    main()
