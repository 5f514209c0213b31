"""Every help text is a file, so that a change to the command line is seen in review."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.tour.command_tree import Names, every_command
from trustpress_uploader.commands import main

GOLDEN = Path(__file__).with_name("golden")
COMMANDS = [names for names, _ in every_command()]


def golden(names: Names) -> Path:
    return GOLDEN / f"{'-'.join(names) or 'trustpress'}.txt"


@pytest.mark.parametrize("names", COMMANDS, ids=lambda names: " ".join(names) or "trustpress")
def test_help_is_what_was_reviewed(names: Names) -> None:
    environment = dict.fromkeys(os.environ, None)
    result = CliRunner().invoke(main, [*names, "--help"], prog_name="trustpress", env=environment, terminal_width=100)
    if os.environ.get("TRUSTPRESS_REWRITE_GOLDEN_FILES"):
        golden(names).write_text(result.stdout)
    assert result.stdout == golden(names).read_text()


def test_no_text_is_left_of_a_command_that_is_gone() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {golden(names).name for names in COMMANDS}
