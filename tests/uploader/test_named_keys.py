"""The keys that a command is given: each has a part in what is published, and each opens before anything is."""

import subprocess
from pathlib import Path

import pytest

from tests.uploader.desk import TAGGING_PASSPHRASE, Desk
from tests.uploader.holders import DELEGATION_PASSPHRASE, board, give_key, keyid


def plain_key(desk: Desk, name: str) -> str:
    """A key that no role lists, in a file without a passphrase."""
    path = desk.folder / name
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True, capture_output=True)
    path.chmod(0o600)
    return f"file:{path}"


def test_a_push_signed_by_another_key_than_the_one_named_is_refused(desk: Desk) -> None:
    wrong = plain_key(desk, "wrong.pem")
    said = desk.refuse("E_IMPOSSIBLE", "push", desk.write("app", "application"), "--signer", wrong)
    assert wrong in said
    assert desk.staged() == []
    assert desk.targets() == []


@pytest.mark.parametrize("command", [["renew"], ["root", "renew", "--yes"], ["tagging", "rotate", "--yes"]])
def test_so_is_every_other_command_that_signs(desk: Desk, command: list[str]) -> None:
    before = desk.run_json("inspect")["roles"]
    desk.refuse("E_IMPOSSIBLE", *command, "--signer", plain_key(desk, "wrong.pem"))
    assert desk.run_json("inspect")["roles"]["root"] == before["root"]
    assert desk.run_json("inspect")["roles"]["targets"] == before["targets"]


def test_of_the_keys_that_the_environment_names_for_all_commands_one_is_enough(new_desk: Desk, tmp_path: Path) -> None:
    (ann,) = board(new_desk, "ann", threshold=1)
    right = ann.home / "keys" / f"{keyid('tagging', TAGGING_PASSPHRASE)}.json"
    moved = right.rename(tmp_path / "tagging.json")
    wrong = plain_key(ann, "wrong.pem")
    ann.refuse("E_NOKEY", "push", ann.write("app", "application"), environment={"TRUSTPRESS_SIGNER": wrong})
    both = {"TRUSTPRESS_SIGNER": f"{wrong} file:{moved}"}
    assert ann.run_json("push", ann.write("app", "application"), environment=both)["versions"]["targets"] == 2


@pytest.mark.parametrize("command", ["rotate", "add-key"])
def test_a_tagging_key_that_does_not_open_is_refused_before_the_first_step(new_desk: Desk, command: str) -> None:
    (ann,) = board(new_desk, "ann", threshold=1)
    other = give_key(ann, "other", DELEGATION_PASSPHRASE)
    arguments = ["--key", other] if command == "rotate" else [other]
    ann.refuse("E_PASSPHRASE", "tagging", command, *arguments, "--yes")
    assert ann.run_json("inspect")["roles"]["root"]["version"] == 1
    assert ann.push("app", "application")["versions"]["targets"] == 2
