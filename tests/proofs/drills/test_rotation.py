"""Every key of a repository is replaced while clients read through caches, and none of them ever fails to refresh.

A control without the overlap of signatures, with the same clients behind the same edges, does fail: the drill is able to.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from local.stack import Stack
from tests.fakes import FakeClock
from tests.proofs.drills.backstage import Backstage, without_overlap
from tests.proofs.drills.drill import Drill
from tests.proofs.drills.edge import RememberingEdge
from tests.proofs.drills.person import Person
from tests.proofs.drills.watch import Readers, Watch
from tests.stack.actors import Operator, Repository, fetch, until

pytestmark = pytest.mark.nginx

ROOTS = 9
WARM_REFRESHES, COLD_REFRESHES, RENEWALS = 200, 10, 3


def test_no_reader_notices_that_every_key_is_replaced(
    stack: Stack, operator: Operator, backstage: Backstage, readers: Readers, tmp_path: Path
) -> None:
    person = Person(stack, "drill/keys", tmp_path)
    drill = Drill(stack, person, operator, backstage)
    person.run("init")
    with readers.watching(person.repository, person.pinned_root(), drill.shelf) as watch:
        with watch.step("push"):
            drill.push("app.txt")
        with watch.step("signer add"):
            alice = person.new_key()
            person.run("signer", "add", "alice", "--key", alice, "--paths", "releases/*")
        with watch.step("push by alice"):
            drill.push("releases/first.txt")
        with watch.step("root rotate"):
            person.run("root", "rotate", "--yes")
        with watch.step("online-key rotate"):
            drill.change_while_others_work("online-key", "rotate")
        with watch.step("a new master"):
            assert operator.run_masters(do="new")["master"] == 2
            assert person.repository in operator.run_masters(do="survey")["behind"]
        with watch.step("online-key rotate, to the new master"):
            drill.change_while_others_work("online-key", "rotate")
        assert person.repository not in operator.run_masters(do="survey")["behind"]
        with watch.step("tagging rotate"):
            drill.change_while_others_work("tagging", "rotate")
        with watch.step("signer rotate"):
            alice = person.new_key()
            person.run("signer", "rotate", "alice", "--key", alice, "--yes")
        with watch.step("push by alice's new key"):
            drill.push("releases/last.txt")
        with watch.step("recover"):
            (lost,) = drill.listed("targets")
            person.run("key", "remove", lost, "--yes")
            drill.change_while_others_work("recover")
        with watch.step("root renew"):
            person.run("root", "renew", "--yes")
        with watch.step("push by the recovered key"):
            drill.push("last.txt")
        with watch.step("all readers see the last release"):
            last = (ROOTS, drill.shelf.newest)
            until(lambda: all((watcher.seen.root, watcher.seen.timestamp) == last for watcher in watch.all) or None, "the last release")

    verify_that_readers_were_busy(watch, drill)
    first = {rolename: drill.listed(rolename, 1) for rolename in ("root", "timestamp", "snapshot", "targets")}
    assert all(not keyids & drill.listed(rolename) for rolename, keyids in first.items())
    assert lost not in drill.listed("targets")
    signers = {rolename: drill.signers_of(rolename) for rolename in ("timestamp", "snapshot", "targets", "alice")}
    assert signers == {**{rolename: drill.listed(rolename) for rolename in ("timestamp", "snapshot", "targets")}, "alice": {alice}}


def verify_that_readers_were_busy(watch: Watch, drill: Drill) -> None:
    """Failures would have shown: everybody has read often enough, and others have worked meanwhile."""
    assert not watch.failures
    assert sum(watcher.refreshes for watcher in watch.warm) >= WARM_REFRESHES
    assert all(watcher.refreshes >= COLD_REFRESHES for watcher in watch.cold)
    assert all(watcher.downloads for watcher in watch.all)
    assert drill.renewals >= RENEWALS


def test_readers_fail_where_an_online_key_is_replaced_without_an_overlap(
    stack: Stack, operator: Operator, backstage: Backstage, readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository(stack, "drill/control")
    repository.publish_first()
    first_root, (_, new_online) = repository.developer.signed("root"), repository.online_keys(2)
    repository.developer.next_root()
    repository.developer.list_online_keys([new_online])
    repository.put_silently(operator, "metadata/root.json", repository.developer.signed("root"))
    careless = backstage.publisher()
    without_overlap(monkeypatch)
    with readers.watching(repository.name, first_root) as watch:
        # The caches of both edges fill now, and forget the missing root seconds before the timestamp, or after it.
        with watch.step("caches fill"):
            pass
        (receipt,) = careless.drain(repository.name, FakeClock(datetime.now(UTC))).receipts
        assert receipt.status == "published"
        until(lambda: all((watcher.seen.root, watcher.seen.timestamp) == (2, 2) for watcher in watch.all) or None, "the new key")
    assert all(watcher.failures for watcher in watch.warm)
    words = {words for watcher in watch.all for words in watcher.failures}
    assert all("timestamp was signed by 0/1 keys" in said for said in words), words


def test_these_edges_remember_a_timestamp_and_that_a_root_was_missing(stack: Stack, edges: tuple[RememberingEdge, RememberingEdge]) -> None:
    Repository(stack, "drill/edge").publish_first()
    for edge in edges:
        for name, status in {"timestamp.json": 200, "2.root.json": 404}.items():
            answers = [fetch(f"{edge.url}/drill/edge/metadata/{name}") for _ in range(2)]
            assert [(answer.status, answer.headers["X-Cache"]) for answer in answers] == [(status, "MISS"), (status, "HIT")]
