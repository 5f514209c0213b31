"""What a publish and a refresh cost, request by request."""

from collections import Counter
from datetime import timedelta

import pytest

from tests.publish.world import HELLO, World
from trustpress.core.overlap import OVERLAP
from trustpress.store import loading, repository


def counted(world: World) -> Counter[str]:
    return world.staging.calls + world.public.calls


def reset(world: World) -> None:
    world.staging.calls.clear()
    world.public.calls.clear()


def test_publishing_one_role_from_a_warm_container(running: World) -> None:
    """Role, snapshot, timestamp, receipt and register; inbox listed and read, timestamp, register and the absence of a newer root."""
    running.publish_files(HELLO)
    running.developer.next_version()
    running.upload(running.developer.signed())
    reset(running)
    running.publisher.drain(running.name, running.clock)
    assert counted(running) == {"PUT": 5, "DELETE": 1, "GET": 4, "LIST": 1}


def test_publishing_one_role_from_a_container_that_has_just_started(running: World) -> None:
    """Register, root, snapshot and the role before this one are read as well."""
    running.developer.next_version()
    running.upload(running.developer.signed())
    running.start()
    reset(running)
    running.publisher.drain(running.name, running.clock)
    assert counted(running) == {"PUT": 5, "DELETE": 1, "GET": 8, "LIST": 1}


def test_publishing_a_file_costs_two_looks_a_copy_and_a_deletion_more(running: World) -> None:
    running.developer.next_version(files=HELLO)
    running.upload_files(HELLO)
    running.upload(running.developer.signed())
    reset(running)
    running.publisher.drain(running.name, running.clock)
    assert counted(running) == {"PUT": 5, "DELETE": 2, "GET": 4, "LIST": 1, "HEAD": 2, "COPY": 1}


def test_a_file_that_was_published_before_is_not_even_looked_at(running: World) -> None:
    running.publish_files({f"{number}.txt": b"file" for number in range(50)})
    running.developer.next_version()
    running.upload(running.developer.signed())
    reset(running)
    running.publisher.drain(running.name, running.clock)
    assert counted(running)["HEAD"] == 0


def test_a_former_root_is_looked_at_once_and_only_while_a_cache_may_not_know_the_next_one(running: World) -> None:
    running.developer.next_root()
    running.publish(running.developer.signed("root"), "root.json")
    for age, roots_read in ((OVERLAP - timedelta(seconds=1), 1), (timedelta(seconds=1), 0)):
        running.clock.pass_time(age)
        for number in range(10):
            running.developer.next_version()
            running.upload(running.developer.signed(), f"{number + 1}.targets.json")
        reset(running)
        running.publisher.drain(running.name, running.clock)
        assert running.public.calls["GET"] == 2 + roots_read


def test_an_event_without_work(running: World) -> None:
    reset(running)
    running.publisher.drain(running.name, running.clock)
    assert counted(running) == {"GET": 2, "LIST": 1}


def test_a_hundred_uploads_of_one_role_cost_one_commit(running: World) -> None:
    for number in range(100):
        running.developer.next_version()
        running.upload(running.developer.signed(), f"{number + 2}.targets.json")
    reset(running)
    running.publisher.drain(running.name, running.clock)
    assert running.public.calls == {"GET": 2, "PUT": 102}
    assert running.staging.calls == {"LIST": 1, "GET": 101, "PUT": 101, "DELETE": 100}


def test_a_refresh(running: World) -> None:
    """Timestamp and register, both read and written; and the absence of a newer root, which every client asks for too."""
    running.refresher.refresh(running.name, running.clock)
    running.clock.pass_time(timedelta(hours=13))
    reset(running)
    assert running.refresher.refresh(running.name, running.clock)
    assert counted(running) == {"GET": 3, "PUT": 2}


def test_a_refresh_after_others_published(running: World) -> None:
    """The new timestamp, once more behind the register, and its snapshot; then the register, and the absence of a newer root."""
    running.refresher.refresh(running.name, running.clock)
    running.publish_files(HELLO)
    running.clock.pass_time(timedelta(hours=13))
    reset(running)
    assert running.refresher.refresh(running.name, running.clock)
    assert counted(running) == {"GET": 6, "PUT": 2}


def test_a_refresh_in_a_container_that_has_just_started(running: World) -> None:
    """Register, timestamp, root and snapshot are read, and before anything is signed the register again, and that no root is newer."""
    running.clock.pass_time(timedelta(hours=13))
    running.start()
    reset(running)
    assert running.refresher.refresh(running.name, running.clock)
    assert counted(running) == {"GET": 6, "PUT": 2}
    running.start()
    reset(running)
    assert not running.refresher.refresh(running.name, running.clock)
    assert counted(running) == {"GET": 4}


def test_a_refresh_that_is_not_due(running: World) -> None:
    running.refresher.refresh(running.name, running.clock)
    reset(running)
    assert not running.refresher.refresh(running.name, running.clock)
    assert counted(running) == {"GET": 1}


def test_a_container_remembers_a_number_of_repositories_and_reads_the_others_again(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_MAX_REMEMBERED", 2)
    running.start()
    names = ["acme/api", "acme/web", "acme/docs"]
    for name in names[1:]:
        running.neighbour(name).publish_first()
    for name in names:
        running.refresher.refresh(name, running.clock)
    costs = {}
    for name in reversed(names):
        reset(running)
        running.refresher.refresh(name, running.clock)
        costs[name] = counted(running)["GET"]
    assert costs["acme/docs"] == costs["acme/web"] == 1
    assert costs["acme/api"] > 1


def test_a_container_remembers_a_number_of_bytes_of_roles(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "_MAX_REMEMBERED_BYTES", 1)
    running.start()
    running.publish_files(HELLO)
    running.developer.next_version()
    running.upload(running.developer.signed())
    reset(running)
    running.publisher.drain(running.name, running.clock)
    assert counted(running)["GET"] > 3
    running.see_as_clients_do()
