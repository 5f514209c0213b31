"""Passphrases on a real terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.uploader.desk import ROOT_PASSPHRASE, TAGGING_PASSPHRASE, Desk
from tests.uploader.storage import STAGING
from trustpress_uploader.terminal.progress import WORTH_SHOWING

PATIENCE = 60


@contextmanager
def terminal(desk: Desk, *arguments: str) -> Iterator[Any]:
    """The command on a terminal, with no passphrase in its environment; whatever happens, it is stopped."""
    settings = {**os.environ, **desk.environment, "TRUSTPRESS_ROOT_PASSPHRASE": None, "TRUSTPRESS_TAGGING_PASSPHRASE": None}
    environment = {name: value for name, value in settings.items() if value is not None}
    program = str(Path(sys.executable).with_name("trustpress"))
    child = pexpect.spawn(program, list(arguments), env=environment, timeout=PATIENCE, encoding="utf-8")
    child.shown = (desk.folder / "terminal.txt").open("w")
    child.logfile_read = child.shown
    yield child
    child.close(force=True)
    child.shown.close()


def answer(child: Any, *pairs: tuple[str, str]) -> None:
    for question, text in pairs:
        child.expect(question)
        child.waitnoecho()
        child.sendline(text)


def finish(child: Any) -> int:
    child.expect(pexpect.EOF)
    child.wait()
    status: int = child.exitstatus
    return status


@pytest.fixture
def place(new_desk: Desk) -> list[str]:
    return ["-r", new_desk.repository, "--url", new_desk.deployment.url, "--staging", STAGING]


def test_init_asks_for_both_passphrases_twice_and_shows_neither(new_desk: Desk, place: list[str]) -> None:
    with terminal(new_desk, "init", *place) as child:
        answer(child, ("passphrase for the offline key", ROOT_PASSPHRASE), ("again", ROOT_PASSPHRASE))
        answer(child, ("passphrase for the tagging key", TAGGING_PASSPHRASE), ("again", TAGGING_PASSPHRASE))
        assert finish(child) == 0
    shown = (new_desk.folder / "terminal.txt").read_text()
    assert "Published" in shown
    assert ROOT_PASSPHRASE not in shown
    assert TAGGING_PASSPHRASE not in shown
    assert new_desk.push("hello.txt", "hello")["versions"]["targets"] == 2


def test_two_that_differ_make_no_key(new_desk: Desk, place: list[str]) -> None:
    with terminal(new_desk, "init", *place) as child:
        answer(child, ("passphrase for the offline key", ROOT_PASSPHRASE), ("again", TAGGING_PASSPHRASE))
        child.expect("differ")
        assert finish(child) == 1
    assert not (new_desk.home / "keys").exists()


def test_push_takes_the_third_try(desk: Desk) -> None:
    with terminal(desk, "push", desk.write("hello.txt", "hello")) as child:
        answer(child, ("tagging key", "wrong one"), ("tagging key", "wrong two"), ("tagging key", TAGGING_PASSPHRASE))
        assert finish(child) == 0
    assert desk.pull("hello.txt") == "hello"


def test_push_gives_up_after_the_third_try(desk: Desk) -> None:
    with terminal(desk, "push", desk.write("hello.txt", "hello")) as child:
        answer(child, *[("tagging key", "still wrong")] * 3)
        child.expect("E_PASSPHRASE")
        assert finish(child) == 1
    assert desk.targets() == []


def test_ctrl_c_at_the_question_ends_it(desk: Desk) -> None:
    with terminal(desk, "push", desk.write("hello.txt", "hello")) as child:
        child.expect("tagging key")
        child.waitnoecho()
        child.sendintr()
        child.expect("Nothing is half published")
        assert finish(child) == 130


def test_what_takes_a_while_shows_how_far_it_has_come(desk: Desk) -> None:
    file = desk.write("large", "0123456789abcdef" * (WORTH_SHOWING // 16))
    with terminal(desk, "push", file) as child:
        child.expect("Hashing large")
        answer(child, ("tagging key", TAGGING_PASSPHRASE))
        child.expect("Uploading large")
        assert finish(child) == 0
    with terminal(desk, "pull", "large", "-o", str(desk.folder / "pulled")) as child:
        child.expect("Downloading large")
        assert finish(child) == 0
    assert (desk.folder / "pulled").read_text() == Path(file).read_text()
