"""What the ports promise, asked of the real adapter on a real server, of the fake that the other tests trust, and of the
look-alike of S3 that serves it to the stories of the command line.
"""

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pytest

from tests.fakes import InMemoryStore
from tests.seaweedfs.server import Endpoint
from trustpress.errors import Conflict, TooLarge
from trustpress.ports import Caching, HidingStore, ObjectStore, StoredVersion, TaggingStore

_numbers = itertools.count()


class Source(TaggingStore, HidingStore, Protocol):
    """A bucket of which everything is asked."""


@dataclass(frozen=True)
class Bench:
    """A store, another one to copy from, and an outsider's way to put things there."""

    store: HidingStore
    source: Source
    upload: Callable[[str, bytes, bool], object]
    withdraw: Callable[[str], object]
    tags: Callable[[StoredVersion], dict[str, str]]


@pytest.fixture(params=["in memory", "look-alike", "SeaweedFS"])
def bench(request: pytest.FixtureRequest) -> Bench:
    fixture = {"look-alike": "look_alike", "SeaweedFS": "endpoint"}.get(request.param)
    return over_http(request.getfixturevalue(fixture)) if fixture else in_memory()


def in_memory() -> Bench:
    source = InMemoryStore()
    return Bench(InMemoryStore(), source, source.upload, source.withdraw, lambda version: dict([source.tags[version]]))


def over_http(endpoint: Endpoint) -> Bench:
    number = next(_numbers)
    store, source = endpoint.new_store(f"public-{number}"), endpoint.new_store(f"staging-{number}")
    client = endpoint.client()

    def upload(key: str, body: bytes, with_checksum: bool) -> None:
        if with_checksum:
            client.put_object(Bucket=source.bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256")
        else:
            client.put_object(Bucket=source.bucket, Key=key, Body=body)

    def tags(version: StoredVersion) -> dict[str, str]:
        found = client.get_object_tagging(Bucket=source.bucket, Key=version.key, VersionId=version.version_id)
        return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}

    return Bench(store, source, upload, lambda key: client.delete_object(Bucket=source.bucket, Key=key), tags)


def body_of(store: ObjectStore, key: str) -> bytes | None:
    found = store.get(key, 1000)
    return found.body if found else None


def test_nothing_is_where_nothing_was_put(bench: Bench) -> None:
    assert bench.store.get("nothing", 10) is None
    assert bench.store.head("nothing") is None
    assert list(bench.store.list_keys("")) == []
    assert list(bench.store.list_versions("")) == []


def test_put_writes_whatever_is_there(bench: Bench) -> None:
    bench.store.put("a", b"1", Caching.PRIVATE)
    bench.store.put("a", b"2", Caching.PRIVATE)
    assert body_of(bench.store, "a") == b"2"


def test_put_new_writes_once(bench: Bench) -> None:
    etag = bench.store.put_new("a", b"1", Caching.IMMUTABLE)
    with pytest.raises(Conflict):
        bench.store.put_new("a", b"2", Caching.IMMUTABLE)
    found = bench.store.get("a", 10)
    assert found is not None
    assert (found.body, found.etag) == (b"1", etag)


def test_replace_writes_over_exactly_what_was_read(bench: Bench) -> None:
    first = bench.store.put_new("a", b"1", Caching.COMMIT)
    second = bench.store.replace("a", b"2", Caching.COMMIT, first)
    with pytest.raises(Conflict):
        bench.store.replace("a", b"3", Caching.COMMIT, first)
    assert body_of(bench.store, "a") == b"2"
    bench.store.replace("a", b"3", Caching.COMMIT, second)
    assert body_of(bench.store, "a") == b"3"


def test_replacing_what_is_gone_is_a_conflict(bench: Bench) -> None:
    etag = bench.store.put_new("a", b"1", Caching.COMMIT)
    with pytest.raises(Conflict):
        bench.store.replace("b", b"2", Caching.COMMIT, etag)
    assert body_of(bench.store, "b") is None


def test_a_read_stops_at_its_limit(bench: Bench) -> None:
    bench.store.put("a", b"12345", Caching.PRIVATE)
    assert body_of(bench.store, "a") == b"12345"
    assert bench.store.get("a", 5) is not None
    with pytest.raises(TooLarge):
        bench.store.get("a", 4)


def test_an_empty_object_is_an_object(bench: Bench) -> None:
    bench.store.put("a", b"", Caching.PRIVATE)
    assert body_of(bench.store, "a") == b""


def test_every_version_can_be_read(bench: Bench) -> None:
    for body in (b"1", b"22"):
        bench.upload("a", body, True)
    versions = list(bench.source.list_versions(""))
    assert [version.length for version in versions] == [2, 1]
    found = [bench.source.get("a", 10, version.version_id) for version in versions]
    assert [one.body for one in found if one] == [b"22", b"1"]
    assert bench.source.get("a", 10, versions[0].version_id[:-1] + "x") is None


def test_keys_and_versions_are_listed_in_order_below_their_prefix_only(bench: Bench) -> None:
    for key in ("b", "a/2", "a/1", "a", "ab/1"):
        bench.upload(key, b"1", True)
    assert list(bench.source.list_keys("a/")) == ["a/1", "a/2"]
    assert [version.key for version in bench.source.list_versions("a/")] == ["a/1", "a/2"]
    assert sorted(bench.source.list_keys("")) == ["a", "a/1", "a/2", "ab/1", "b"]


def test_what_was_withdrawn_is_not_listed(bench: Bench) -> None:
    """A delete marker hides all versions before it, although S3 still lists them."""
    bench.upload("a", b"1", True)
    bench.upload("b", b"1", True)
    bench.withdraw("a")
    assert [version.key for version in bench.source.list_versions("")] == ["b"]
    assert list(bench.source.list_keys("")) == ["b"]
    assert bench.source.head("a") is None
    assert bench.source.get("a", 10) is None


def test_what_was_withdrawn_is_still_kept_and_can_be_read(bench: Bench) -> None:
    for key, body in (("a", b"1"), ("a", b"22"), ("b", b"333")):
        bench.upload(key, body, True)
    bench.withdraw("a")
    bench.upload("a", b"4444", True)
    bench.withdraw("b")
    kept = list(bench.source.list_all_versions(""))
    assert [(version.key, version.length) for version in kept] == [("a", 4), ("a", 2), ("a", 1), ("b", 3)]
    found = [bench.source.get(version.key, 10, version.version_id) for version in kept]
    assert [one.body for one in found if one] == [b"4444", b"22", b"1", b"333"]
    bench.store.copy_new(bench.source, kept[3], "copy", Caching.IMMUTABLE)
    assert body_of(bench.store, "copy") == b"333"


def test_what_was_withdrawn_and_put_again_is_listed(bench: Bench) -> None:
    bench.upload("a", b"1", True)
    bench.withdraw("a")
    bench.upload("a", b"22", True)
    assert next(bench.source.list_versions("")).length == 2


def test_a_key_that_was_withdrawn_is_new_again(bench: Bench) -> None:
    """If-None-Match looks at the current version only: so nobody may delete in the public bucket."""
    bench.upload("a", b"1", True)
    bench.withdraw("a")
    bench.source.put_new("a", b"2", Caching.PRIVATE)
    assert body_of(bench.source, "a") == b"2"


def test_deleting_takes_exactly_one_version(bench: Bench) -> None:
    for body in (b"1", b"22"):
        bench.upload("a", body, True)
    newest, oldest = bench.source.list_versions("")
    bench.source.delete_version(newest)
    assert body_of(bench.source, "a") == b"1"
    bench.source.delete_version(newest)
    bench.source.delete_version(oldest)
    assert list(bench.source.list_versions("")) == []


def test_a_tag_takes_the_place_of_those_before(bench: Bench) -> None:
    bench.upload("a", b"1", True)
    (version,) = bench.source.list_versions("")
    bench.source.tag(version, "trustpress", "kept")
    bench.source.tag(version, "trustpress", "expired")
    assert bench.tags(version) == {"trustpress": "expired"}


def test_tagging_what_is_gone_does_no_harm(bench: Bench) -> None:
    bench.upload("a", b"1", True)
    (version,) = bench.source.list_versions("")
    bench.source.delete_version(version)
    bench.source.tag(version, "trustpress", "expired")
    assert body_of(bench.source, "a") is None


def test_a_checksum_that_came_with_the_file_is_shown(bench: Bench) -> None:
    bench.upload("a", b"hello", True)
    found = bench.source.head("a")
    assert found is not None
    assert (found.length, found.sha256) == (5, hashlib.sha256(b"hello").hexdigest())


def test_where_none_came_the_file_is_read_through(bench: Bench) -> None:
    bench.upload("a", b"hello", False)
    found = bench.source.head("a")
    assert found is not None
    assert found.sha256 is None
    assert bench.source.digest(found, "sha256") == hashlib.sha256(b"hello").hexdigest()
    assert bench.source.digest(found, "sha512") == hashlib.sha512(b"hello").hexdigest()


def test_a_copy_is_made_once_of_exactly_one_version(bench: Bench) -> None:
    bench.upload("a", b"1", True)
    first = bench.source.head("a")
    bench.upload("a", b"22", True)
    assert first is not None
    bench.store.copy_new(bench.source, first, "copy", Caching.IMMUTABLE)
    assert body_of(bench.store, "copy") == b"1"
    with pytest.raises(Conflict):
        bench.store.copy_new(bench.source, first, "copy", Caching.IMMUTABLE)


def test_a_copy_of_what_is_gone_is_a_conflict(bench: Bench) -> None:
    bench.upload("a", b"1", True)
    version = bench.source.head("a")
    assert version is not None
    bench.source.delete_version(version)
    with pytest.raises(Conflict):
        bench.store.copy_new(bench.source, version, "copy", Caching.IMMUTABLE)
    assert bench.store.head("copy") is None


@pytest.mark.parametrize("key", ["dir/a b.txt", "dir/~@$&'(),;=!.txt", "a/targets/x", "percent%2F.json"])
def test_a_key_is_taken_literally(bench: Bench, key: str) -> None:
    bench.upload(key, b"1", True)
    assert list(bench.source.list_keys("")) == [key]
    [version] = bench.source.list_versions("")
    assert version.key == key
    bench.store.copy_new(bench.source, version, key, Caching.IMMUTABLE)
    assert body_of(bench.store, key) == b"1"


def test_caches_are_told_how_long_to_keep_an_object(endpoint: Endpoint) -> None:
    store, client = endpoint.new_store("caching"), endpoint.client()
    store.put_new("metadata", b"{}", Caching.IMMUTABLE)
    store.put("timestamp", b"{}", Caching.COMMIT)
    client.put_object(Bucket="caching", Key="staged", Body=b"1", CacheControl="max-age=1", ContentType="text/html")
    staged = store.head("staged")
    assert staged is not None
    store.copy_new(store, staged, "target", Caching.IMMUTABLE)
    heads = {key: client.head_object(Bucket="caching", Key=key) for key in ("metadata", "timestamp", "target")}
    assert {key: found["CacheControl"] for key, found in heads.items()} == {
        "metadata": "public, max-age=31536000, immutable",
        "timestamp": "public, max-age=5",
        "target": "public, max-age=31536000, immutable",
    }
    assert heads["target"]["ContentType"] == "application/octet-stream"
    assert heads["metadata"]["ContentType"] == "application/json"


def test_what_is_hidden_is_kept_and_makes_room(bench: Bench) -> None:
    bench.store.put_new("a", b"junk", Caching.IMMUTABLE)
    (junk,) = bench.store.list_all_versions("a")
    bench.store.hide(junk)
    assert bench.store.get("a", 10) is None
    assert list(bench.store.list_keys("")) == []
    bench.store.put_new("a", b"signed", Caching.IMMUTABLE)
    found = bench.store.get("a", 10, junk.version_id)
    assert found is not None
    assert found.body == b"junk"
    assert body_of(bench.store, "a") == b"signed"


def test_only_what_is_there_is_hidden(bench: Bench) -> None:
    bench.store.put("a", b"1", Caching.COMMIT)
    (former,) = bench.store.list_all_versions("a")
    bench.store.put("a", b"2", Caching.COMMIT)
    with pytest.raises(Conflict):
        bench.store.hide(former)
    assert body_of(bench.store, "a") == b"2"


def test_a_listing_of_all_versions_tells_their_etags(bench: Bench) -> None:
    etag = bench.store.put_new("a", b"1", Caching.COMMIT)
    (listed,), described = bench.store.list_all_versions("a"), bench.store.head("a")
    assert described is not None
    assert listed.etag == described.etag == etag
