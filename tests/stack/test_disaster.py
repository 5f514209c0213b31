"""The drills of docs/operations.md on everything that the template deploys."""

from pathlib import Path

import pytest
from tuf.api.exceptions import BadVersionNumberError, RepositoryError

from local.edge import pass_through_edge
from local.stack import Stack
from tests.stack.actors import Operator, Repository, listed_keys
from trustpress.core.portable import MAX_VERSION

HELLO, NEWS = {"hello.txt": b"hello"}, {"news.txt": b"later than the backup"}


def test_a_bucket_restored_from_an_older_copy_is_refused_until_it_is_recovered(stack: Stack, operator: Operator, tmp_path: Path) -> None:
    repository = Repository(stack, "disaster/restored")
    repository.publish_first(HELLO)
    backup = operator.public_bucket(repository.name)
    repository.put("targets/news.txt", NEWS["news.txt"])
    repository.developer.next_version(files=NEWS)
    repository.publish(repository.developer.signed())
    operator.wait_until_quiet()
    with pass_through_edge(stack.deployment) as edge:
        warm = repository.reader(tmp_path / "warm", edge.url)
        before = warm.refresh()
        operator.restore_public(repository.name, backup)
        with pytest.raises(BadVersionNumberError):
            warm.refresh()
        repository.developer.next_version()
        repository.put_silently(operator, "metadata/targets.json", repository.developer.signed())
        assert operator.run_publish(repository.name)  # what needs a person is not tried again
        assert operator.public_bucket(repository.name) == backup
        answer = operator.run_recover(repository.name)
        assert (answer["to_sign"], answer["note"]) == ([], "")
        assert f"{repository.name}/metadata/2.targets.json" in answer["brought_back"]
        assert answer["release"]["timestamp"] > before.timestamp
        assert operator.run_publish(repository.name)
        for reader in (warm, repository.reader(tmp_path / "cold", edge.url)):
            seen = reader.refresh()
            assert not seen.is_older_than(before)
            assert seen.meta == {"targets.json": 3}
            assert reader.download_all(HELLO | NEWS) == HELLO | NEWS


def test_what_only_an_owner_can_sign_is_named(stack: Stack, operator: Operator, tmp_path: Path) -> None:
    repository = Repository(stack, "disaster/lost")
    repository.publish_first(HELLO)
    repository.developer.next_version()
    repository.publish(repository.developer.signed())
    operator.wait_until_quiet()
    with pass_through_edge(stack.deployment) as edge:
        warm = repository.reader(tmp_path / "warm", edge.url)
        before = warm.refresh()
        operator.forget_public(f"{repository.name}/metadata/2.targets.json", for_good=True)
        answer = operator.run_recover(repository.name)
        assert answer["to_sign"] == [{"rolename": "targets", "seen": 2, "available": 1, "next": 3}]
        assert "targets version 3" in answer["note"]
        cold = repository.reader(tmp_path / "cold", edge.url)
        assert cold.download_all(HELLO) == HELLO
        with pytest.raises(RepositoryError):
            warm.refresh()
        repository.developer.next_version()
        repository.publish(repository.developer.signed())
        assert not warm.refresh().is_older_than(before)
        assert warm.refresh() == cold.refresh()


def test_after_a_break_in_a_new_master_brings_the_numbers_back(stack: Stack, operator: Operator, tmp_path: Path) -> None:
    """The thief of the online key went up to the last number there is: nobody could follow it."""
    repository = Repository(stack, "disaster/stolen")
    repository.publish_first(HELLO)
    with pass_through_edge(stack.deployment) as edge:
        warm = repository.reader(tmp_path / "warm", edge.url)
        before = warm.refresh()
        operator.steal_the_online_key(repository.name, MAX_VERSION)
        assert warm.refresh().timestamp == MAX_VERSION
        assert operator.run_publish(repository.name)
        assert warm.refresh().timestamp == MAX_VERSION  # nothing was signed: it needs a person
        error = operator.run_recover(repository.name)["error"]
        assert (error["code"], "Sign root version 2" in error["hint"]) == ("E_RECOVER", True)
        made = operator.run_masters(do="new")["master"]
        survey = operator.run_masters(do="survey")
        assert (survey["master"], repository.name in survey["behind"]) == (made, True)
        repository.developer.next_root()
        repository.developer.list_online_keys(listed_keys(operator.public_object(f"{repository.name}/metadata/online-keys.json")))
        repository.put_silently(operator, "metadata/root.json", repository.developer.signed("root"))
        assert operator.run_recover(repository.name)["to_sign"] == []
        cold = repository.reader(tmp_path / "cold", edge.url)
        assert cold.download_all(HELLO) == HELLO
        seen = warm.refresh()
        assert seen == cold.refresh()
        assert not seen.is_older_than(before)
        assert operator.run_publish(repository.name)
        assert repository.name not in operator.run_masters(do="survey")["behind"]
        assert operator.run_masters(do="drop", master=made - 1)["error"]["code"] == "E_MASTER"  # others still need it


@pytest.mark.parametrize(("name", "code"), [("disaster/unknown", "E_RECOVER"), ("No Repository", "E_KEY"), ("", "E_KEY")])
def test_what_cannot_be_recovered_is_answered_and_not_tried_again(operator: Operator, name: str, code: str) -> None:
    error = operator.run_recover(name)["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["hint"]
