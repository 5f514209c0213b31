"""Bins: a repository of many files spread over many small roles, with a key of their own."""

import shutil
from typing import Any

from tests.uploader.desk import TAGGING_PASSPHRASE, Desk
from tests.uploader.holders import (
    DELEGATION_PASSPHRASE,
    board,
    give_key,
    keyid,
    stranger,
)
from trustpress.core.paths import SuccinctRoles

EIGHT = SuccinctRoles(3, "bin")


def owner(desk: Desk) -> Desk:
    board(desk, "ann", threshold=1)
    desk.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = DELEGATION_PASSPHRASE
    return desk


def push(desk: Desk, *names: str) -> Any:
    folder = desk.folder / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    for name in names:
        desk.write(f"dist/{name}", name)
    return desk.run_json("push", f"{folder}/*")


def bins_of(*names: str) -> set[str]:
    return {EIGHT.bin_of(name) for name in names}


class TestBins:
    def test_what_is_published_moves_into_its_bin_and_so_does_what_comes(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        old = [f"old-{number}" for number in range(6)]
        push(ann, *old)
        warm = stranger(ann)
        begun = ann.run_json("bins", "init", "--bits", "3", "--yes")
        assert (begun["bins"], begun["versions"]["targets"]) == (8, 3)
        assert begun["keyid"] not in {keyid("ann"), keyid("tagging", TAGGING_PASSPHRASE)}
        delegations = ann.deployment.published(f"{ann.repository}/metadata/3.targets.json")
        assert delegations["targets"] == {}
        assert delegations["delegations"]["succinct_roles"]["keyids"] == [begun["keyid"]]
        for client in (warm, stranger(ann)):
            assert [client.pull(name) for name in old] == old
        assert {name: entry["role"] for name, entry in warm.run_json("list")["targets"].items()} == {
            name: EIGHT.bin_of(name) for name in old
        }

        (ann.home / "keys" / f"{keyid('tagging', TAGGING_PASSPHRASE)}.json").unlink()
        new = [f"new-{number}" for number in range(6)]
        pushed = push(ann, *new)["versions"]
        assert {name: version for name, version in pushed.items() if name.startswith("bin-")} == dict.fromkeys(bins_of(*new), 2)
        assert pushed["snapshot"] == begun["versions"]["snapshot"] + 1
        assert [warm.pull(name) for name in (*old, *new)] == [*old, *new]

        removed = ann.run_json("remove", "old-0", "new-0")["versions"]
        assert bins_of("old-0", "new-0") == {name for name in removed if name.startswith("bin-")}
        warm.refuse("E_NAME", "pull", "old-0")
        assert warm.pull("old-1") == "old-1"
        revoked = ann.run_json("revoke", "--all", "--yes")
        assert sorted(revoked["removed"]) == sorted([*old[1:], *new[1:]])
        assert revoked["versions"]["snapshot"] == removed["snapshot"] + 1
        assert stranger(ann).run_json("list")["targets"] == {}

    def test_only_the_key_of_the_bins_signs_what_goes_into_them(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        public = give_key(ann, "bins", DELEGATION_PASSPHRASE)
        ann.run("bins", "init", "--bits", "3", "--yes", "--key", public, "--prefix", "part")
        (ann.home / "keys" / f"{keyid('bins', DELEGATION_PASSPHRASE)}.json").unlink()
        name = SuccinctRoles(3, "part").bin_of("hello.txt")
        assert f"may sign {name}" in ann.refuse("E_NOKEY", "push", ann.write("hello.txt", "hello"))

    def test_bins_and_named_signers_exclude_each_other(self, new_desk: Desk) -> None:
        ann = owner(new_desk)
        public = give_key(ann, "alice", DELEGATION_PASSPHRASE)
        ann.run("signer", "add", "alice", "--key", public, "--paths", "a/*")
        keys = ann.key_files()
        assert "delegates already" in ann.refuse("E_IMPOSSIBLE", "bins", "init", "--bits", "3", "--yes")
        assert ann.key_files() == keys
        ann.run("signer", "remove", "alice")
        ann.run("bins", "init", "--bits", "1", "--yes")
        assert "bins" in ann.refuse("E_IMPOSSIBLE", "signer", "add", "alice", "--key", public, "--paths", "a/*")
        keys = ann.key_files()
        ann.refuse("E_IMPOSSIBLE", "bins", "init", "--bits", "3", "--yes")
        assert ann.key_files() == keys

    def test_nothing_is_spread_and_no_key_is_made_without_a_yes(self, quiet_desk: Desk) -> None:
        keys = quiet_desk.key_files()
        assert "E_DECLINED" in quiet_desk.run("bins", "init", "--bits", "3", exit_code=1).stderr
        environment = {"TRUSTPRESS_DELEGATION_PASSPHRASE": DELEGATION_PASSPHRASE}
        quiet_desk.refuse("E_PORTABLE", "bins", "init", "--yes", "--bits", "3", "--prefix", "a/b", environment=environment)
        environment |= {"TRUSTPRESS_TAGGING_PASSPHRASE": "not this one"}
        quiet_desk.refuse("E_PASSPHRASE", "bins", "init", "--yes", "--bits", "3", environment=environment)
        for bits in ("0", "15"):
            quiet_desk.run("bins", "init", "--bits", bits, exit_code=2)
        assert quiet_desk.key_files() == keys
