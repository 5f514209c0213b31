"""Passphrases: typed on a terminal, or taken from the environment, never from the command line.

TRUSTPRESS_ROOT_PASSPHRASE      unlocks the offline key (root)
TRUSTPRESS_TAGGING_PASSPHRASE   unlocks the tagging key (targets)
"""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

import click

from trustpress_uploader.errors import BadPassphrase

MIN_LENGTH = 12
MAX_TRIES = 3

_VARIABLES = {"root": "TRUSTPRESS_ROOT_PASSPHRASE", "targets": "TRUSTPRESS_TAGGING_PASSPHRASE"}
_KEY_NAMES = {"root": "offline key", "targets": "tagging key"}

T = TypeVar("T")


class Passphrase:
    """Characters that are never printed: only `reveal` shows them."""

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def __repr__(self) -> str:
        return "Passphrase(...)"

    def __len__(self) -> int:
        return len(self.__text)

    def reveal(self) -> bytes:
        return self.__text.encode()


class WrongPassphrase(BadPassphrase):
    """A key file does not open with this passphrase."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the passphrase does not open {what}", "Passphrases cannot be recovered: try again, or restore a backup.")


def choose_passphrase(rolename: str) -> Passphrase:
    """A passphrase for a new key: typed twice, at least 12 characters. Raises BadPassphrase."""
    passphrase = _from_environment(rolename)
    if passphrase is None:
        passphrase = _type(rolename, f"Choose a passphrase for the {_KEY_NAMES[rolename]}")
        if _type(rolename, "Type it again").reveal() != passphrase.reveal():
            raise BadPassphrase("the two passphrases differ", "Run the command again; nothing was written.")
    if len(passphrase) < MIN_LENGTH:
        raise BadPassphrase(
            f"the passphrase of the {_KEY_NAMES[rolename]} has {len(passphrase)} characters, expected at least {MIN_LENGTH}",
            "Several random words are easy to type and hard to guess.",
        )
    return passphrase


def unlock(rolename: str, attempt: Callable[[Passphrase], T]) -> T:
    """Try `attempt` with the passphrase of a key: three tries on a terminal, one without. Raises BadPassphrase."""
    passphrase = _from_environment(rolename)
    if passphrase is not None:
        return attempt(passphrase)
    for _ in range(MAX_TRIES - 1):
        try:
            return attempt(_type(rolename, f"Passphrase of the {_KEY_NAMES[rolename]}"))
        except WrongPassphrase:
            click.echo("Wrong passphrase.", err=True)
    return attempt(_type(rolename, f"Passphrase of the {_KEY_NAMES[rolename]}"))


def _from_environment(rolename: str) -> Passphrase | None:
    text = os.environ.get(_VARIABLES[rolename])
    return Passphrase(text) if text else None


def _type(rolename: str, question: str) -> Passphrase:
    # Asked only where somebody can answer: a prompt in a build system would hang until it is killed.
    if not sys.stdin.isatty():
        raise BadPassphrase(
            f"the {_KEY_NAMES[rolename]} needs a passphrase, and there is no terminal to ask for it",
            f"Set {_VARIABLES[rolename]} in the environment.",
        )
    return Passphrase(click.prompt(question, hide_input=True, err=True))
