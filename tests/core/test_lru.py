"""What is remembered has an end, and the least recently used goes first."""

from trustpress.core.lru import Lru


def test_the_least_recently_used_make_room() -> None:
    memory: Lru[str, int] = Lru(2)
    memory.put("a", 1)
    memory.put("b", 2)
    assert memory.get("a") == 1
    memory.put("c", 3)
    assert [memory.get(key) for key in "abc"] == [1, None, 3]


def test_what_is_put_again_weighs_once() -> None:
    memory: Lru[str, bytes] = Lru(10, len)
    for _ in range(3):
        assert memory.put("a", b"12345") == b"12345"
    memory.put("b", b"12345")
    assert memory.get("a") == memory.get("b") == b"12345"


def test_the_newest_stays_however_much_it_weighs() -> None:
    memory: Lru[str, bytes] = Lru(3, len)
    memory.put("a", b"1")
    memory.put("b", b"12345")
    assert (memory.get("a"), memory.get("b")) == (None, b"12345")
    memory.put("c", b"1")
    assert (memory.get("b"), memory.get("c")) == (None, b"1")
