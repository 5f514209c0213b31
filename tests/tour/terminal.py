"""A person at a terminal: a shell that they type into, and a record of everything that its screen has shown."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect

PATIENCE = 90

_PROMPT = re.compile(r"\[(\d+)\] \$ ")
_SETTINGS = {
    "PS1": "[$?] $ ",
    "TERM": "xterm",
    "LANG": "C.UTF-8",
    "INPUTRC": "/dev/null",
    # Commands would be left there in the end, and passphrases if they were ever taken for commands.
    "HISTFILE": "history",
}


@dataclass(frozen=True)
class Terminal:
    home: Path
    child: Any

    def run(self, command: str, *, exit_code: int = 0) -> str:
        """Type a command that asks nothing; what it showed."""
        self.type(command)
        return self.finish(exit_code)

    def type(self, command: str) -> None:
        self.child.sendline(command)

    def hide(self, question: str, text: str) -> None:
        """Answer where the screen must not show what is typed."""
        self.child.expect(question)
        self.child.waitnoecho()
        self.child.sendline(text)

    def answer(self, question: str, text: str) -> None:
        self.child.expect_exact(question)
        self.child.sendline(text)

    def finish(self, exit_code: int = 0) -> str:
        """Wait for the end of the command; what it has shown since the last question."""
        self.child.expect(_PROMPT)
        shown = str(self.child.before)
        assert int(self.child.match[1]) == exit_code, shown
        return shown

    def complete(self, beginning: str, completed: str) -> None:
        """Type the beginning of a command, press Tab, see what the shell makes of it, and think better of it."""
        self.child.send(f"{beginning}\t")
        self.child.expect_exact(completed)
        self.child.sendintr()
        self.finish(exit_code=130)


@contextmanager
def terminal(home: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """No passphrase is in the environment. All that is shown is in the file `typescript`. The shell is gone at the end."""
    home.mkdir()
    settings = {**environment, **_SETTINGS, "HOME": str(home)}
    with (home / "typescript").open("w") as typescript:
        child = pexpect.spawn(
            "bash", ["--norc", "--noprofile"], env=settings, cwd=str(home), timeout=PATIENCE, encoding="utf-8", dimensions=(40, 120)
        )
        child.logfile_read = typescript
        try:
            child.expect(_PROMPT)
            yield Terminal(home, child)
        finally:
            child.close(force=True)
