"""Every help text is a file, so that a change to the command line is seen in review."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from trustpress_uploader.commands import main

GOLDEN = Path(__file__).with_name("golden")


@pytest.mark.parametrize("command", ["", *main.commands])
def test_help_is_what_was_reviewed(command: str) -> None:
    arguments = [command, "--help"] if command else ["--help"]
    result = CliRunner().invoke(main, arguments, prog_name="trustpress", env=dict.fromkeys(os.environ, None), terminal_width=100)
    path = GOLDEN / f"{command or 'trustpress'}.txt"
    if os.environ.get("TRUSTPRESS_REWRITE_GOLDEN_FILES"):
        path.write_text(result.stdout)
    assert result.stdout == path.read_text()
