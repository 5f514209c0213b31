"""Something is stolen while clients read through caches: they fail only where README's table says so, and never after the way back."""

from pathlib import Path

import pytest

from local.stack import Stack
from tests.proofs.drills.backstage import Backstage
from tests.proofs.drills.drill import Drill
from tests.proofs.drills.person import Person
from tests.proofs.drills.vandal import Vandal, carry_out_invalidations
from tests.proofs.drills.watch import Readers, Watch
from tests.stack.actors import Operator, until

pytestmark = pytest.mark.nginx

# A reader at an edge that has yet to forget the thief's last release finds his file.
STILL_CACHED = "'update.bin': b'update.bin'"


def test_the_tagging_key_is_stolen(stack: Stack, operator: Operator, backstage: Backstage, readers: Readers, tmp_path: Path) -> None:
    """Clients notice nothing until the owner acts, and miss nothing of the owner's afterwards."""
    owner = Person(stack, "drill/tagging", tmp_path)
    drill = Drill(stack, owner, operator, backstage)
    owner.run("init")
    with readers.watching(owner.repository, owner.pinned_root(), drill.shelf) as watch:
        with watch.step("push"):
            drill.push("app.txt")
        thief = owner.robbed(tmp_path / "thief", *drill.listed("root"))
        with watch.step("he signs a file, and delegates everything to a key of his own"):
            drill.shelf.put("evil.txt", b"evil.txt", thief.push("evil.txt", b"evil.txt"))
            thief.run("signer", "add", "mallory", "--key", thief.new_key(), "--paths", "*")
            drill.shelf.put("update.bin", b"update.bin", thief.push("update.bin", b"update.bin"))
            see_the_last_release(watch, drill)
        with watch.outage("recover --stolen") as said:
            for targetpath in ("evil.txt", "update.bin"):
                drill.shelf.put(targetpath, None, 0)
            owner.run("recover", "--stolen", "--as-of", "2", "--yes")
            until(lambda: all(watcher.seen.root == 2 for watcher in watch.all) or None, "the root without the stolen key")
        with watch.step("he goes on"):
            assert thief.refused("push", "file", "--as", "more.bin") == "E_NOKEY"
        with watch.step("push by the recovered key"):
            drill.push("last.txt")
        with watch.step("all readers see the last release"):
            see_the_last_release(watch, drill)
    assert [words for words in said if "targets was signed by 0/1 keys" not in words and STILL_CACHED not in words] == []


def test_the_publish_function_is_stolen(stack: Stack, operator: Operator, backstage: Backstage, readers: Readers, tmp_path: Path) -> None:
    """Clients take nothing that he left, and go on where they were once it is hidden, at the edge too."""
    owner = Person(stack, "drill/publish", tmp_path)
    drill, vandal = Drill(stack, owner, operator, backstage), Vandal(stack, operator, owner.repository)
    owner.run("init")
    with readers.watching(owner.repository, owner.pinned_root(), drill.shelf) as watch:
        with watch.step("push"):
            drill.push("app.txt")
        with watch.outage("junk, and recover") as said:
            vandal.break_into_publish(backstage)
            vandal.break_into_roots()
            until(lambda: all(watcher.failures for watcher in watch.all) or None, "readers that fail")
            hidden = operator.run_recover(owner.repository)["hidden"]
            assert hidden == [f"{owner.repository}/metadata/{filename}" for filename in ("2.root.json", "3.targets.json")]
            assert carry_out_invalidations(stack, readers.edges) == [f"/{owner.repository}/metadata/*"]
        with watch.step("a new master"):
            operator.run_masters(do="new")
        assert owner.repository in operator.run_masters(do="survey")["behind"]
        with watch.step("online-key rotate"):
            owner.run("online-key", "rotate", "--yes")
        assert owner.repository not in operator.run_masters(do="survey")["behind"]
        with watch.step("push"):
            drill.push("last.txt")
        with watch.step("all readers see the last release"):
            see_the_last_release(watch, drill)
    assert [words for words in said if "JSON" not in words] == []


def see_the_last_release(watch: Watch, drill: Drill) -> None:
    until(lambda: all(watcher.seen.timestamp >= drill.shelf.newest for watcher in watch.all) or None, "the last release")
