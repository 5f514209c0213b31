"""Uploads may arrive in any order, in one go or one by one: once all are there, all are published."""

import random
from collections.abc import Iterator

import pytest

from tests.publish.world import HELLO, World

DOCS = {"docs/manual.txt": b"read me"}


def uploads(world: World) -> Iterator[tuple[str, bytes]]:
    """A root with another key, delegations two levels deep, and versions that build on each other, each as a file."""
    developer = world.developer
    developer.next_root()
    developer.replace_key("root")
    yield "2.root.json", developer.signed("root")
    developer.next_version()
    developer.delegate("docs", "docs/*")
    yield "2.targets.json", developer.signed()
    yield "1.docs.json", developer.signed("docs")
    developer.next_version("docs")
    developer.delegate("german", "docs/de-*", delegator="docs")
    yield "2.docs.json", developer.signed("docs")
    yield "1.german.json", developer.signed("german")
    developer.next_version("docs", DOCS)
    yield "3.docs.json", developer.signed("docs")
    developer.next_version(files=HELLO)
    developer.delegate("tools", "tools/*")
    yield "3.targets.json", developer.signed()
    yield "1.tools.json", developer.signed("tools")
    developer.next_root()
    yield "3.root.json", developer.signed("root")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at_once", [True, False], ids=["in one go", "one by one"])
def test_whatever_comes_first_all_of_it_is_published(running: World, seed: int, at_once: bool) -> None:
    arrivals = [*uploads(running), *((targetpath, data) for targetpath, data in {**HELLO, **DOCS}.items())]
    random.Random(seed).shuffle(arrivals)
    for name, body in arrivals:
        if name.endswith(".txt"):
            running.upload_files({name: body})
        else:
            running.upload(body, name)
        if not at_once:
            assert "rejected" not in {receipt.status for receipt in running.drain()}
    running.drain()
    assert running.inbox() == []
    seen = running.see_as_clients_do()
    assert seen is not None
    assert (seen.root, seen.meta) == (3, {"targets.json": 3, "docs.json": 3, "german.json": 1, "tools.json": 1})
    assert running.download("docs/manual.txt") == b"read me"
    if at_once:
        assert running.published("timestamp.json")["version"] == 2
