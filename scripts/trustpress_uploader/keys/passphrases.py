"""Passphrases: typed on a terminal, taken from the environment or from a file, never from the command line.

| purpose    | what it opens                     | environment variable              |
|------------|-----------------------------------|-----------------------------------|
| root       | an offline key                    | TRUSTPRESS_ROOT_PASSPHRASE        |
| tagging    | a tagging key                     | TRUSTPRESS_TAGGING_PASSPHRASE     |
| delegation | the key of a delegated role       | TRUSTPRESS_DELEGATION_PASSPHRASE  |
| key        | a key in `trustpress key`         | TRUSTPRESS_KEY_PASSPHRASE         |
| new        | the same key or copy, from now on | TRUSTPRESS_NEW_PASSPHRASE         |
| backup     | an archive of keys                | TRUSTPRESS_BACKUP_PASSPHRASE      |
| pin        | a hardware token                  | TRUSTPRESS_HSM_PIN                |
"""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeVar

from trustpress_uploader.disk import is_somebody_elses
from trustpress_uploader.errors import BadPassphrase, UnusableFile
from trustpress_uploader.terminal import door

MIN_LENGTH = 12
MAX_TRIES = 3
_MAX_FILE_LENGTH = 4096

T = TypeVar("T")


class Purpose(Enum):
    """What a passphrase is for: how it is called on the command line, in words, and in the environment."""

    ROOT = ("root", "offline key", "TRUSTPRESS_ROOT_PASSPHRASE")
    TAGGING = ("tagging", "tagging key", "TRUSTPRESS_TAGGING_PASSPHRASE")
    DELEGATION = ("delegation", "delegated role's key", "TRUSTPRESS_DELEGATION_PASSPHRASE")
    KEY = ("key", "key", "TRUSTPRESS_KEY_PASSPHRASE")
    NEW = ("new", "key from now on", "TRUSTPRESS_NEW_PASSPHRASE")
    BACKUP = ("backup", "backup", "TRUSTPRESS_BACKUP_PASSPHRASE")
    PIN = ("pin", "token (its PIN)", "TRUSTPRESS_HSM_PIN")

    def __init__(self, short: str, words: str, variable: str) -> None:
        self.short, self.words, self.variable = short, words, variable


def purpose_of(rolename: str) -> Purpose:
    """Which passphrase opens the keys of a role."""
    return {"root": Purpose.ROOT, "targets": Purpose.TAGGING}.get(rolename, Purpose.DELEGATION)


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


# Asks for the PIN of what it names.
AskPin = Callable[[str], Passphrase]


class WrongPassphrase(BadPassphrase):
    """A key file, archive or token does not open with this passphrase."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the passphrase does not open {what}", "Passphrases cannot be recovered: try again, or restore a backup.")


class WrongPin(WrongPassphrase):
    """A token does not open with this PIN; it counts the attempts."""

    def __init__(self, uri: str) -> None:
        super().__init__(f"the token of {uri}: it is not its PIN")
        self.hint = "Nothing was signed. Most tokens lock after three wrong PINs."


@dataclass(frozen=True)
class Passphrases:
    """Where passphrases come from in one run. `files` are keyed by purpose; the one under None serves every purpose."""

    files: Mapping[Purpose | None, Path] = field(default_factory=dict)
    allow_weak: bool = False

    def choose(self, purpose: Purpose) -> Passphrase:
        """A passphrase for something new: typed twice, at least 12 characters. Raises BadPassphrase."""
        passphrase = self._given(purpose)
        if passphrase is None:
            passphrase = _type(purpose, f"Choose a passphrase for the {purpose.words}")
            if _type(purpose, "Type it again").reveal() != passphrase.reveal():
                raise BadPassphrase("the two passphrases differ", "Run the command again; nothing was written.")
        if len(passphrase) < (1 if self.allow_weak else MIN_LENGTH):
            raise BadPassphrase(
                f"the passphrase of the {purpose.words} has {len(passphrase)} characters, expected at least {MIN_LENGTH}",
                "Several random words are easy to type and hard to guess. Where that is not what you want, say --allow-weak.",
            )
        return passphrase

    def unlock(self, purpose: Purpose, what: str, attempt: Callable[[Passphrase], T]) -> T:
        """Try `attempt` with the passphrase of `what`: three tries on a terminal, one without. Raises BadPassphrase."""
        passphrase = self._given(purpose)
        if passphrase is not None:
            return _attempt_once(attempt, passphrase, self._source(purpose))
        for _ in range(MAX_TRIES - 1):
            try:
                return attempt(_type(purpose, f"Passphrase of the {purpose.words} {what}"))
            except WrongPassphrase:
                door.say("Wrong passphrase.")
        return attempt(_type(purpose, f"Passphrase of the {purpose.words} {what}"))

    def ask_pin(self, what: str) -> Passphrase:
        """The PIN of a token, asked for once: tokens count wrong ones and lock themselves. Raises BadPassphrase."""
        return self._given(Purpose.PIN) or _type(Purpose.PIN, what)

    def _source(self, purpose: Purpose) -> str:
        return str(self.files.get(purpose) or self.files.get(None) or purpose.variable)

    def _given(self, purpose: Purpose) -> Passphrase | None:
        file = self.files.get(purpose) or self.files.get(None)
        if file is not None:
            return _read(file)
        text = os.environ.get(purpose.variable)
        return Passphrase(text) if text else None


def _attempt_once(attempt: Callable[[Passphrase], T], passphrase: Passphrase, source: str) -> T:
    try:
        return attempt(passphrase)
    except WrongPassphrase as error:
        error.hint = f"It was taken from {source}; this key may have another one."
        raise


def _read(path: Path) -> Passphrase:
    """The first line of a file that is its owner's alone. Raises UnusableFile."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if is_somebody_elses(status) or stat.S_IMODE(status.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnusableFile(path, "other users of this machine may read this passphrase", f"chmod 600 {path}, and choose another.")
        line = file.read(_MAX_FILE_LENGTH + 1).split(b"\n")[0].rstrip(b"\r")
    # Decoded without an exception that would hold the bytes.
    text = line.decode("utf-8", errors="replace")
    if not line or len(line) > _MAX_FILE_LENGTH or "\ufffd" in text:
        raise UnusableFile(path, "expected a passphrase in UTF-8 on its first line", "Write the passphrase, and nothing else, into it.")
    return Passphrase(text)


def _type(purpose: Purpose, question: str) -> Passphrase:
    # Asked only where somebody can answer: a prompt in a build system would hang until it is killed.
    if not door.can_ask():
        raise BadPassphrase(
            f"the {purpose.words} needs a passphrase, and there is no terminal to ask for it",
            f"Set {purpose.variable} in the environment, or give --passphrase-file {purpose.short}=FILE.",
        )
    return Passphrase(door.ask_secret(question))
