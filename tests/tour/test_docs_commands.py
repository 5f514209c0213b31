"""Whatever a text tells somebody to type is a command with options that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from local.processes import ROOT
from tests.tour import command_tree

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SOURCES = sorted((ROOT / "scripts" / "trustpress_uploader").rglob("*.py"))

_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_CONTINUED = re.compile(r"\\\n(?:> )?")
_TOP = {names[0] for names, _ in command_tree.every_command() if names}


def fenced_calls(text: str) -> Iterator[list[str]]:
    for block in _FENCED.findall(text):
        for line in _CONTINUED.sub("", block).splitlines():
            if "trustpress " in line:
                yield from command_tree.calls(line.removeprefix("$ "))


def inline_calls(text: str) -> Iterator[list[str]]:
    """In running text the program's name may be left out: `root renew`."""
    for code in _INLINE.findall(_FENCED.sub("", text)):
        words = code.split()
        if len(words) > 1 and words[0] in _TOP:
            yield words
        elif "trustpress " in code:
            yield from command_tree.calls(code)


def example_calls(help_text: str) -> Iterator[list[str]]:
    for line in _CONTINUED.sub("", help_text).splitlines():
        if "trustpress " in line and line.startswith("  "):
            yield from command_tree.calls(line)


def refused(found: Iterator[list[str]]) -> list[str]:
    """What click says about those that it does not take."""
    complaints = []
    for words in found:
        try:
            command_tree.parse(words)
        except click.BadOptionUsage as error:
            # Where an option is only mentioned, what is to follow it may be left out.
            if error.option_name != words[-1]:
                complaints.append(f"trustpress {' '.join(words)}: {error.format_message()}")
        except click.UsageError as error:
            complaints.append(f"trustpress {' '.join(words)}: {error.format_message()}")
    return complaints


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_quote_commands_that_exist(document: Path) -> None:
    text = document.read_text()
    assert refused(fenced_calls(text)) == []
    assert refused(inline_calls(text)) == []


@pytest.mark.parametrize("names", [names for names, _ in command_tree.every_command()], ids=lambda names: " ".join(names) or "trustpress")
def test_examples_in_help_exist(names: command_tree.Names) -> None:
    command = dict(command_tree.every_command())[names]
    assert refused(example_calls(command.help or "")) == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_hints_name_commands_that_exist(source: Path) -> None:
    assert refused(inline_calls(source.read_text())) == []


def test_a_command_that_does_not_exist_is_found_out() -> None:
    text = "`trustpress key forget 4b8f7d5e` `root renew --quietly`\n```\n$ trustpress pull NAME --root root.json extra | cat\n```\n"
    assert len(refused(inline_calls(text))) == 2
    assert len(refused(fenced_calls(text))) == 1
