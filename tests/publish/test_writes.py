"""Refused and unanswered writes are settled by reading back, never by guessing."""

import pytest

from tests.fakes import InMemoryStore
from tests.publish.troubles import at_first, calm, no_answer
from trustpress.errors import Conflict, Unavailable
from trustpress.ports import Caching
from trustpress.store.register import Register, read_register, write_register
from trustpress.store.writes import put_immutable, swap


def test_what_is_there_already_with_the_same_bytes_is_fine() -> None:
    store = InMemoryStore()
    assert put_immutable(store, "key", b"body")
    assert put_immutable(store, "key", b"body")


@pytest.mark.parametrize("other", [b"else", b"a longer body", b""])
def test_other_bytes_stay(other: bytes) -> None:
    store = InMemoryStore()
    store.upload("key", other)
    assert not put_immutable(store, "key", b"body")
    assert store.body("key") == other


def test_a_write_that_happened_without_an_answer_is_found() -> None:
    store = InMemoryStore()
    store.after = at_first("key", no_answer)
    assert put_immutable(store, "key", b"body")


def test_a_write_that_did_not_happen_is_no_success() -> None:
    store = InMemoryStore()
    store.before = at_first("key", no_answer)
    with pytest.raises(Unavailable):
        put_immutable(store, "key", b"body")


def test_a_write_that_meets_another_one_is_a_conflict_until_one_of_them_has_won() -> None:
    """S3 answers 409 then, and a moment later nothing may be there: it is tried again at once, not by the queue's next delivery."""
    store = InMemoryStore()
    store.before = at_first("key", lose)
    with pytest.raises(Conflict):
        put_immutable(store, "key", b"body")
    assert put_immutable(store, "key", b"body")


def lose() -> None:
    raise Conflict("key")


@pytest.mark.parametrize("other", [b"else", b"a longer body", b""])
def test_a_swap_of_what_has_changed_is_a_conflict(other: bytes) -> None:
    store = InMemoryStore()
    etag = swap(store, "key", b"first", Caching.COMMIT, None)
    store.upload("key", other)
    with pytest.raises(Conflict):
        swap(store, "key", b"body", Caching.COMMIT, etag)
    assert store.body("key") == other


def test_a_swap_that_happened_without_an_answer_returns_the_new_etag() -> None:
    store = InMemoryStore()
    etag = swap(store, "key", b"first", Caching.COMMIT, None)
    store.after = at_first("key", no_answer)
    second = swap(store, "key", b"second", Caching.COMMIT, etag)
    assert swap(store, "key", b"third", Caching.COMMIT, second) != second


@pytest.mark.parametrize(("snapshot", "timestamp"), [(6, 6), (4, 8), (1, 1)])
def test_a_register_only_ever_goes_up(snapshot: int, timestamp: int) -> None:
    """Ours was read before somebody else raised it; each number is the higher of the two."""
    staging = InMemoryStore()
    ours = write_register(staging, "acme", Register("first", "root 1", 1, snapshot=1, timestamp=1))
    write_register(staging, "acme", Register("first", "root 2", 2, snapshot=5, timestamp=7, etag=ours.etag))
    merged = write_register(staging, "acme", Register("first", "root 1", 1, snapshot, timestamp, etag=ours.etag))
    assert merged == read_register(staging, "acme")
    assert (merged.root, merged.root_version) == ("root 2", 2)
    assert (merged.snapshot, merged.timestamp) == (max(snapshot, 5), max(timestamp, 7))


def test_a_register_that_others_always_write_first_is_given_up() -> None:
    """Nothing is said of numbers that are not written down."""
    staging = InMemoryStore()
    ours = write_register(staging, "acme", Register("first", "root 1", 1, snapshot=1, timestamp=1))
    others = 0

    def rival(operation: str, key: str) -> None:
        nonlocal others
        if operation == "PUT":
            others += 1
            staging.before = calm
            staging.upload(key, staging.body(key) + b" ")
            staging.before = rival

    staging.before = rival
    with pytest.raises(Unavailable, match="changed 5 times in a row"):
        write_register(staging, "acme", Register("first", "root 1", 1, snapshot=9, timestamp=9, etag=ours.etag))
    assert others == 5


def test_a_register_is_written_at_the_last_attempt() -> None:
    staging = InMemoryStore()
    ours = write_register(staging, "acme", Register("first", "root 1", 1, snapshot=1, timestamp=1))
    others = 0

    def rival(operation: str, key: str) -> None:
        nonlocal others
        if operation == "PUT" and others < 4:
            others += 1
            staging.upload(key, staging.body(key) + b" ")

    staging.before = rival
    written = write_register(staging, "acme", Register("first", "root 1", 1, snapshot=9, timestamp=9, etag=ours.etag))
    assert (written.snapshot, written) == (9, read_register(staging, "acme"))


def test_a_register_keeps_its_first_root() -> None:
    staging = InMemoryStore()
    write_register(staging, "acme", Register("first", "first", 1))
    with pytest.raises(Conflict):
        write_register(staging, "acme", Register("another", "another", 1))


def test_a_role_is_lost_until_a_later_version_is_committed() -> None:
    """Whoever raises the register first: one that knows of the loss, or one that knows of the version after it."""
    before = Register("first", "first", 1, roles={"docs": 8, "targets": 3}, lost={"docs": 5, "targets": 0})
    after = Register("first", "first", 1, roles={"docs": 9, "targets": 3})
    for ours, theirs in ((before, after), (after, before)):
        staging = InMemoryStore()
        write_register(staging, "acme", theirs)
        merged = write_register(staging, "acme", ours)
        assert (merged.roles, merged.lost) == ({"docs": 9, "targets": 3}, {"targets": 0})
        assert merged == read_register(staging, "acme")


def test_a_second_recovery_may_find_more() -> None:
    staging = InMemoryStore()
    for version in (5, 6, 5):
        merged = write_register(staging, "acme", Register("first", "first", 1, roles={"docs": 8}, lost={"docs": version}))
    assert merged.lost == {"docs": 6}
