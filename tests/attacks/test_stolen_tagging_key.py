"""A thief has the tagging key with its passphrase, or a signer's key, and credentials to upload. The owner has the offline key.

What the thief has signed the owner is shown before it is signed again, and what he made to outlive the key he stole goes with it.
"""

import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.attacks.both import Lab
from tests.attacks.thief import EVIL, Onlookers, Signed, Thief
from tests.uploader.desk import TAGGING_PASSPHRASE, Desk
from tests.uploader.holders import DELEGATION_PASSPHRASE, WAITS, another_desk, board, give_key, is_published, key_file, keyid, open_key
from trustpress.core import tree
from trustpress_uploader.errors import Declined
from trustpress_uploader.plans import targets_editor
from trustpress_uploader.pushing.ceremony import Ceremony
from trustpress_uploader.terminal.output import Output

OWNERS = "the owner's"
TAGGING, ALICE = open_key("tagging", TAGGING_PASSPHRASE), open_key("alice", DELEGATION_PASSPHRASE)


@pytest.fixture
def owner(new_desk: Desk) -> Desk:
    """Somebody with offline and tagging key, who has published hello.txt as targets 2."""
    board(new_desk, "ann", threshold=1)
    new_desk.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = DELEGATION_PASSPHRASE
    new_desk.push("hello.txt", OWNERS)
    return new_desk


@pytest.fixture
def clients(lab: Lab, owner: Desk, tmp_path: Path) -> Onlookers:
    found = Onlookers(lab, owner, tmp_path)
    assert found.see("hello.txt") == [{"hello.txt": OWNERS}] * 2
    return found


@pytest.fixture
def thief(owner: Desk, clients: Onlookers) -> Thief:
    return Thief(owner)


@pytest.fixture
def alice(owner: Desk) -> Desk:
    """A signer, whose key is on her own machine alone; targets 3 delegates to her, and her role is at version 2."""
    add_alice(owner)
    desk = another_desk(owner, "alice", knows=True)
    give_key(desk, "alice", DELEGATION_PASSPHRASE)
    desk.push("releases/app", OWNERS)
    return desk


def add_alice(owner: Desk) -> None:
    owner.run("signer", "add", "alice", "--key", give_key(owner, "alice", DELEGATION_PASSPHRASE), "--paths", "releases/*")
    (owner.home / "keys" / f"{keyid('alice', DELEGATION_PASSPHRASE)}.json").unlink()


def break_in(thief: Thief) -> None:
    """He lists a file, and delegates everything to a key that nobody takes from him; its role lists another file."""
    targets = thief.delegating_first(thief.listing(thief.current("targets"), "evil.txt", "hello.txt"), "mallory", "*")
    thief.publish(targets=(targets, TAGGING), mallory=(thief.new_role("mallory", "update.bin"), thief.key))


def break_into_alice(thief: Thief) -> None:
    """With her key he lists a file, and delegates her paths to a key of his own."""
    role = thief.delegating_first(thief.listing(thief.current("alice"), "releases/evil"), "mallory", "releases/*")
    thief.publish(alice=(role, ALICE), mallory=(thief.new_role("mallory", "releases/update"), thief.key))


def go_on(thief: Thief, *targetpaths: str) -> str:
    """He tries to publish more through the role that he signs with his own key; what becomes of that."""
    receipt = thief.upload(mallory=(thief.listing(thief.current("mallory"), *targetpaths), thief.key))
    return str(receipt["status"])


HIS = ("evil.txt", "update.bin", "more.bin")


class TestRecovery:
    def test_the_attack_works_until_somebody_acts(self, owner: Desk, thief: Thief, clients: Onlookers) -> None:
        break_in(thief)
        found = {"hello.txt": EVIL, "evil.txt": EVIL, "update.bin": EVIL, "more.bin": None}
        assert clients.see("hello.txt", *HIS) == [found, found]
        assert go_on(thief, "more.bin") == "published"

    def test_the_owner_sees_what_would_stay_and_is_asked(self, owner: Desk, thief: Thief) -> None:
        break_in(thief)
        shown = owner.run("recover", "--stolen", exit_code=1).stderr
        assert "E_DECLINED" in shown
        assert "name the last version of targets that is: --as-of VERSION" in shown
        assert "= delegates * to mallory, and nobody behind it" in shown
        assert f"= mallory key {thief.key.public_key.keyid} (ed25519)" in shown
        assert "= evil.txt (4 bytes, sha256" in shown
        assert "mallory 1, signed by keys of its own" in shown
        assert "= update.bin (4 bytes, sha256" in shown
        assert not is_published(owner, "2.root.json")

    def test_what_came_since_a_version_that_the_owner_names_goes(self, owner: Desk, thief: Thief, clients: Onlookers) -> None:
        break_in(thief)
        recovered = owner.run("recover", "--stolen", "--as-of", "2", "--yes")
        for line in (
            "- delegates nothing to mallory any more",
            "- evil.txt",
            "~ hello.txt (11 bytes",
            "mallory 1, of which clients find nothing any more\n  - update.bin",
        ):
            assert line in recovered.stderr
        assert go_on(thief, "more.bin") != "published"
        assert thief.upload(targets=(thief.listing(thief.current("targets"), "evil.txt"), TAGGING))["status"] != "published"
        assert clients.see("hello.txt", *HIS) == [{"hello.txt": OWNERS} | dict.fromkeys(HIS)] * 2
        owner.push("news.txt", OWNERS)
        assert clients.see("news.txt") == [{"news.txt": OWNERS}] * 2

    def test_a_signer_whose_keys_he_replaced_is_offered_again_and_need_not_be_there(
        self, owner: Desk, alice: Desk, thief: Thief, clients: Onlookers
    ) -> None:
        targets = thief.current("targets")
        (role,) = targets["delegations"]["roles"]
        targets["delegations"] = {
            "keys": {keyid: key.as_json() for keyid, key in thief.keys.keys.items()},
            "roles": [role | {"keyids": list(thief.keys.keys)}],
        }
        thief.publish(targets=(targets, TAGGING), alice=(thief.listing(thief.current("alice"), "releases/app"), thief.key))
        assert clients.see("releases/app") == [{"releases/app": EVIL}] * 2

        recovered = owner.run_json("recover", "--stolen", "--as-of", "3", "--yes")
        assert clients.see("hello.txt", "releases/app") == [{"hello.txt": OWNERS, "releases/app": None}] * 2
        (offer,) = recovered["offers"]
        program, *command = shlex.split(offer)
        assert (program, command[:3], command[-2:]) == ("trustpress", ["signer", "add", "alice"], ["--paths", "releases/*"])
        owner.run(*command, exit_code=WAITS)
        alice.run("change", "sign", "--yes")
        alice.push("releases/app", OWNERS)
        assert clients.see("hello.txt", "releases/app") == [{"hello.txt": OWNERS, "releases/app": OWNERS}] * 2
        assert thief.upload(alice=(thief.listing(thief.current("alice"), "releases/app"), thief.key))["status"] == "rejected"

    def test_roles_that_delegate_in_a_circle_from_before_it_was_refused_stop_nobody(
        self, owner: Desk, thief: Thief, clients: Onlookers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each step is fine by itself; in the end mallory delegates to eve, and eve to mallory."""
        mine = thief.key
        monkeypatch.setattr(tree, "verify_no_circle", lambda *_: None)

        def delegating(rolename: str, to: str) -> Signed:
            return targets_editor.delegate(to, thief.keys, ["*"])(thief.new_role(rolename))

        targets = thief.current("targets")
        thief.publish(
            targets=(targets_editor.delegate("eve", thief.keys, ["*"])(targets), TAGGING),
            eve=(delegating("eve", "mallory"), mine),
            mallory=(thief.new_role("mallory"), mine),
        )
        thief.publish(targets=(targets_editor.delegate("mallory", thief.keys, ["*"])(targets), TAGGING))
        thief.publish(mallory=(thief.listing(delegating("mallory", "eve"), "update.bin"), mine))
        assert clients.see("update.bin") == [{"update.bin": EVIL}] * 2

        assert set(owner.run_json("signer", "list")["signers"]) == {"mallory", "eve"}
        assert "nobody delegates to alice" in owner.refuse("E_IMPOSSIBLE", "renew", "alice")
        assert "update.bin" in owner.run_json("list")["targets"]
        owner.run("recover", "--stolen", "--as-of", "2", "--yes")
        assert go_on(thief, "more.bin") != "published"
        assert clients.see("hello.txt", *HIS) == [{"hello.txt": OWNERS} | dict.fromkeys(HIS)] * 2


class TestSignerRotation:
    def test_the_owner_sees_what_would_stay_and_is_asked(self, owner: Desk, alice: Desk, thief: Thief) -> None:
        break_into_alice(thief)
        public = give_key(owner, "alices-next", DELEGATION_PASSPHRASE)
        shown = owner.run("signer", "rotate", "alice", "--key", public, exit_code=1).stderr
        assert "E_DECLINED" in shown
        for line in ("= releases/evil (4 bytes", "= delegates releases/* to mallory, and nobody behind it", "= releases/update (4 bytes"):
            assert line in shown
        assert f"= mallory key {thief.key.public_key.keyid} (ed25519)" in shown
        assert not is_published(owner, "4.targets.json")

    def test_what_came_since_a_version_that_the_owner_names_goes(self, owner: Desk, alice: Desk, thief: Thief, clients: Onlookers) -> None:
        break_into_alice(thief)
        public = give_key(owner, "alices-next", DELEGATION_PASSPHRASE)
        owner.run("signer", "rotate", "alice", "--key", public, "--as-of", "2", "--yes")
        assert go_on(thief, "releases/more") != "published"
        assert thief.upload(alice=(thief.listing(thief.current("alice"), "releases/evil"), ALICE))["status"] == "rejected"
        his = ("releases/evil", "releases/update", "releases/more")
        assert clients.see("hello.txt", "releases/app", *his) == [{"hello.txt": OWNERS, "releases/app": OWNERS} | dict.fromkeys(his)] * 2


class TestTaggingRotation:
    def test_an_owner_who_knows_of_no_theft_sees_what_the_new_key_would_sign(self, owner: Desk, thief: Thief) -> None:
        break_in(thief)
        shown = owner.run("tagging", "rotate", exit_code=1).stderr
        assert "E_DECLINED" in shown
        for line in ("= delegates * to mallory", "= evil.txt (4 bytes", "= update.bin (4 bytes"):
            assert line in shown
        assert not is_published(owner, "2.root.json")

    def test_what_comes_while_the_keys_change_is_not_signed_unseen(
        self, owner: Desk, thief: Thief, clients: Onlookers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """He publishes between the root that lists both keys and the targets that the new one signs."""
        prepare, answers = Ceremony._prepare, [True]

        def prepare_too_late(ceremony: Ceremony, change: Any, step: Any, published: Any) -> Any:
            if step["root"].signed["version"] == 3:
                break_in(thief)
                published = ceremony._published(change)
            return prepare(ceremony, change, step, published)

        def say_yes_once(_: Output, what: str, *questions: str, yes: bool) -> None:
            if not answers:
                raise Declined(what)
            answers.pop()

        with monkeypatch.context() as patch:
            patch.setattr(Ceremony, "_prepare", prepare_too_late)
            patch.setattr(Output, "require_yes", say_yes_once)
            shown = owner.run("tagging", "rotate", exit_code=1).stderr
        assert "evil.txt" not in shown.split("targets 3 -> 4")[0]
        assert "= delegates * to mallory" in shown.split("targets 3 -> 4")[1]
        assert "E_DECLINED" in shown
        assert not is_published(owner, "4.targets.json")
        owner.run("change", "discard", "--yes")
        owner.run("recover", "--stolen", "--drop", tagging(), "--as-of", "2", "--yes")
        assert go_on(thief, "more.bin") != "published"
        assert clients.see("hello.txt", *HIS) == [{"hello.txt": OWNERS} | dict.fromkeys(HIS)] * 2


def tagging() -> str:
    return key_file("tagging", TAGGING_PASSPHRASE)[0].keyid
