"""What clients get at the edge: bytes as published, kept as long as they may be, and nothing else."""

from urllib.request import Request, urlopen

import pytest

from local.edge import pass_through_edge
from local.stack import Stack
from tests.stack.actors import Repository, fetch
from trustpress.ports import Caching


@pytest.fixture(scope="module", autouse=True)
def kept(stack: Stack) -> str:
    """Something that is published, and the path of its root."""
    Repository(stack, "edge/kept").publish_first()
    return "/edge/kept/metadata/1.root.json"


@pytest.mark.nginx
def test_what_is_published_is_kept_for_as_long_as_it_asks(stack: Stack) -> None:
    lives = {"timestamp.json": Caching.COMMIT, "1.root.json": Caching.IMMUTABLE}
    for name, life in lives.items():
        first, second = (fetch(f"{stack.edge.url}/edge/kept/metadata/{name}?{number}") for number in (1, 2))
        assert (first.headers["X-Cache"], second.headers["X-Cache"]) == ("MISS", "HIT")
        assert first.headers["Cache-Control"] == life.value
        assert first.body == second.body


@pytest.mark.nginx
def test_a_missing_key_is_404_and_not_kept(stack: Stack) -> None:
    url = f"{stack.edge.url}/edge/later/metadata/1.root.json"
    assert fetch(url).status == 404
    Repository(stack, "edge/later").publish_first()
    assert fetch(url).status == 200


@pytest.mark.parametrize("path", ["/", "/?list-type=2", "/?prefix=acme/&list-type=2", "/?versions", "/?delimiter=/"])
def test_the_root_is_an_object_that_there_is_not_and_never_a_listing(stack: Stack, path: str) -> None:
    answer = fetch(f"{stack.edge.url}{path}")
    assert answer.status in {403, 404}
    assert b"ListBucketResult" not in answer.body


@pytest.mark.parametrize("path", ["//", "/.", "/%2e", "/%2f", "/edge/?list-type=2", "/edge?list-type=2", "/edge/kept/metadata/"])
def test_no_other_path_is_a_listing(stack: Stack, path: str) -> None:
    assert b"ListBucketResult" not in fetch(f"{stack.edge.url}{path}").body


def test_the_edge_only_reads(stack: Stack, kept: str) -> None:
    for method in ("PUT", "DELETE", "POST"):
        with pytest.raises(OSError, match=r"40[345]|501"):
            urlopen(Request(f"{stack.edge.url}{kept}", method=method), timeout=10)


def test_no_target_file_acts_in_the_name_of_the_domain(stack: Stack, kept: str) -> None:
    headers = fetch(f"{stack.edge.url}{kept}").headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_without_nginx_the_edge_passes_through_and_keeps_nothing(stack: Stack, kept: str) -> None:
    with pass_through_edge(stack.deployment) as edge:
        assert not edge.caches
        assert fetch(f"{edge.url}{kept}?x=1").body == fetch(f"{stack.edge.url}{kept}").body
        assert fetch(f"{edge.url}/nothing").status == 404
