"""Options together: what one says goes before what this machine remembers, and what none says is not assumed."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from local.processes import free_port
from trustpress_uploader.commands.options import Place, Unlocking
from trustpress_uploader.errors import BadPassphrase, UnknownRepository
from trustpress_uploader.home.folder import Connection, Home, KnownRepository
from trustpress_uploader.keys.passphrases import Purpose
from trustpress_uploader.terminal.output import Output

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


def test_no_server_is_believed_that_nobody_said_to_believe(tmp_path: Path) -> None:
    with pytest.raises(UnknownRepository, match="this machine does not know acme/api"):
        Place("acme/api", f"http://127.0.0.1:{free_port()}").open(Home(tmp_path), Output())


def test_no_weak_passphrase_is_taken_where_nobody_said_so(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("eleven char")
    file.chmod(0o600)
    with pytest.raises(BadPassphrase, match="at least 12"):
        Unlocking(passphrase_files=(str(file),)).passphrases().choose(Purpose.KEY)
    assert Unlocking(passphrase_files=(str(file),), allow_weak=True).passphrases().choose(Purpose.KEY).reveal() == b"eleven char"
