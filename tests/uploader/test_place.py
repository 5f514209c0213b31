"""Where a repository lives: what an option says goes before what this machine remembers."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from trustpress_uploader.commands.options import Place
from trustpress_uploader.home.folder import Connection, KnownRepository

REMEMBERED = Connection("https://remembered.example", "remembered-staging", "111111111111")
GIVEN = Connection("https://given.example", "given-staging", "222222222222")
KNOWN = KnownRepository("acme/api", Path("acme"), REMEMBERED)


@pytest.mark.parametrize("option", ["url", "staging", "bucket_owner"])
def test_an_option_takes_the_place_of_what_is_remembered_and_leaves_the_rest(option: str) -> None:
    change = {option: asdict(GIVEN)[option]}
    assert Place(**change).at(KNOWN) == replace(KNOWN, connection=replace(REMEMBERED, **change))


def test_without_options_it_is_where_it_was_remembered() -> None:
    assert Place().at(KNOWN) == KNOWN


def test_a_machine_that_only_reads_is_told_everything() -> None:
    reader = replace(KNOWN, connection=Connection(REMEMBERED.url))
    assert Place(**asdict(GIVEN)).at(reader).connection == GIVEN
