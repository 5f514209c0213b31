"""Answers of S3 that no server on a laptop gives, and what they mean."""

import base64
import hashlib
import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from trustpress.adapters.s3 import S3Store
from trustpress.errors import Conflict, TooLarge, Unavailable, UnknownOutcome, Unreadable
from trustpress.ports import Caching, StoredVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

VERSION = StoredVersion("key", "v1", 5, datetime(2026, 1, 1, tzinfo=UTC))

SHA256_OF_HELLO = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()

Call = Callable[[S3Store], object]
WRITES: dict[str, Call] = {
    "put_object": lambda store: store.replace("key", b"body", Caching.COMMIT, '"etag"'),
    "copy_object": lambda store: store.copy_new(store, VERSION, "key", Caching.IMMUTABLE),
}
READS: dict[str, Call] = {
    "get_object": lambda store: store.get("key", 10),
    "head_object": lambda store: store.head("key"),
    "list_object_versions": lambda store: list(store.list_versions("")),
    "list_objects_v2": lambda store: list(store.list_keys("")),
    "delete_object": lambda store: store.delete_version(VERSION),
    "put_object_tagging": lambda store: store.tag(VERSION, "trustpress", "expired"),
}


def client_at(url: str) -> "S3Client":
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=0.2)
    client: S3Client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test", config=config
    )
    return client


@pytest.fixture
def answers() -> Iterator[Stubber]:
    with Stubber(client_at("http://127.0.0.1:1")) as stubber:
        yield stubber


def store_of(answers: Stubber) -> S3Store:
    return S3Store(cast("S3Client", answers.client), "bucket", "123456789012")


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize(
    ("code", "status"), [("PreconditionFailed", 412), ("ConditionalRequestConflict", 409), ("NoSuchKey", 404), ("NoSuchVersion", 404)]
)
def test_a_write_whose_condition_does_not_hold_lost_a_race(answers: Stubber, operation: str, code: str, status: int) -> None:
    """409 comes while another write is in flight, 404 where the object to replace is gone."""
    answers.add_client_error(operation, code, http_status_code=status)
    with pytest.raises(Conflict):
        WRITES[operation](store_of(answers))


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize(("code", "status"), [("InternalError", 500), ("SlowDown", 503), ("ServiceUnavailable", 503)])
def test_nobody_knows_whether_a_write_that_failed_on_the_server_happened(answers: Stubber, operation: str, code: str, status: int) -> None:
    answers.add_client_error(operation, code, http_status_code=status)
    with pytest.raises(UnknownOutcome):
        WRITES[operation](store_of(answers))


@pytest.mark.parametrize("operation", WRITES)
def test_a_write_that_was_refused_did_not_happen(answers: Stubber, operation: str) -> None:
    answers.add_client_error(operation, "AccessDenied", http_status_code=403)
    with pytest.raises(Unavailable):
        WRITES[operation](store_of(answers))


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("SlowDown", 503)])
def test_what_cannot_be_read_is_never_taken_for_missing(answers: Stubber, operation: str, code: str, status: int) -> None:
    answers.add_client_error(operation, code, http_status_code=status)
    with pytest.raises(Unavailable):
        READS[operation](store_of(answers))


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize(("code", "status"), [("InvalidObjectState", 403), ("InvalidRequest", 400), ("KMS.DisabledException", 400)])
def test_what_is_archived_or_encrypted_is_said_of_that_object_alone(answers: Stubber, operation: str, code: str, status: int) -> None:
    answers.add_client_error(operation, code, http_status_code=status)
    with pytest.raises(Unreadable):
        READS[operation](store_of(answers))


def test_a_denied_read_is_a_fault_of_the_deployment(answers: Stubber) -> None:
    answers.add_client_error("get_object", "AccessDenied", http_status_code=403)
    with pytest.raises(Unavailable) as failure:
        READS["get_object"](store_of(answers))
    assert not isinstance(failure.value, Unreadable)


def test_a_write_without_an_answer_may_have_happened() -> None:
    with listening(lambda connection: connection.recv(65536)) as url, pytest.raises(UnknownOutcome, match="ConnectionClosedError"):
        S3Store(client_at(url), "bucket", "123456789012").put_new("key", b"body", Caching.IMMUTABLE)


@pytest.mark.parametrize("operation", WRITES)
def test_no_write_without_an_answer_is_taken_for_one_that_did_not_happen(operation: str) -> None:
    with listening(lambda connection: connection.recv(65536)) as url, pytest.raises(UnknownOutcome):
        WRITES[operation](S3Store(client_at(url), "bucket", "123456789012"))


@pytest.mark.parametrize("operation", WRITES)
def test_an_error_that_says_nothing_of_its_status_leaves_open_whether_the_write_happened(operation: str) -> None:
    with pytest.raises(UnknownOutcome):
        WRITES[operation](store_that_fails(ClientError({}, operation)))


@pytest.mark.parametrize("operation", WRITES)
def test_a_write_that_was_never_sent_did_not_happen(operation: str) -> None:
    """botocore finds no credentials, and asks nobody."""
    with pytest.raises(Unavailable, match=r"s3://bucket/key: Unable to locate credentials"):
        WRITES[operation](store_that_fails(NoCredentialsError()))


@pytest.mark.parametrize("operation", READS)
def test_a_read_without_an_answer_is_never_taken_for_missing(operation: str) -> None:
    with listening(lambda connection: connection.recv(65536)) as url, pytest.raises(Unavailable, match="s3://bucket"):
        READS[operation](S3Store(client_at(url), "bucket", "123456789012"))


def store_that_fails(error: Exception) -> S3Store:
    def fail(**_: object) -> None:
        raise error

    client = client_at("http://127.0.0.1:1")
    client.meta.events.register("before-call.s3", fail)
    return S3Store(client, "bucket", "123456789012")


@pytest.mark.parametrize(("said", "sent"), [(5, b"hel"), (3, b"hello")])
def test_a_body_of_another_length_than_was_said_is_not_taken_for_the_whole(answers: Stubber, said: int, sent: bytes) -> None:
    body = StreamingBody(io.BytesIO(sent), len(sent))
    answers.add_response("get_object", {"Body": body, "ContentLength": said, "ETag": '"1"', "LastModified": VERSION.last_modified})
    with pytest.raises(Unavailable, match=f"expected {said} bytes, {len(sent)} arrived"):
        store_of(answers).get("key", 10)


def test_a_body_as_long_as_the_limit_is_read_and_one_that_is_longer_is_not(answers: Stubber) -> None:
    for _ in range(2):
        body = StreamingBody(io.BytesIO(b"hello"), 5)
        answers.add_response("get_object", {"Body": body, "ContentLength": 5, "ETag": '"1"', "LastModified": VERSION.last_modified})
    found = store_of(answers).get("key", 5)
    assert found is not None
    assert found.body == b"hello"
    with pytest.raises(TooLarge):
        store_of(answers).get("key", 4)


def test_a_version_that_is_gone_has_no_digest(answers: Stubber) -> None:
    answers.add_client_error("get_object", "NoSuchVersion", http_status_code=404)
    with pytest.raises(Unavailable, match=r"s3://bucket/key: this version is gone"):
        store_of(answers).digest(VERSION, "sha256")


def test_a_read_that_breaks_off_is_not_taken_for_the_whole() -> None:
    """A body is cut after three of its five bytes."""

    def break_off(connection: socket.socket) -> None:
        connection.recv(65536)
        headers = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "1"\r\nLast-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\n\r\n'
        connection.sendall(headers.encode() + b"hel")

    with listening(break_off) as url, pytest.raises(Unavailable):
        S3Store(client_at(url), "bucket", "123456789012").get("key", 10)


def test_a_body_that_never_ends_is_given_up() -> None:
    """Three of five bytes, and then silence."""

    def fall_silent(connection: socket.socket) -> None:
        connection.recv(65536)
        headers = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "1"\r\nLast-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\n\r\n'
        connection.sendall(headers.encode() + b"hel")
        connection.recv(1)  # until the client hangs up

    with listening(fall_silent) as url, pytest.raises(Unavailable):
        S3Store(client_at(url), "bucket", "123456789012").get("key", 10)


def test_a_body_that_was_changed_on_the_way_is_not_taken_for_what_was_stored() -> None:
    """Five bytes that do not have the checksum which S3 keeps for them."""

    def garble(connection: socket.socket) -> None:
        connection.recv(65536)
        headers = f'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "1"\r\nx-amz-checksum-sha256: {SHA256_OF_HELLO}\r\n'
        connection.sendall(headers.encode() + b"Last-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\n\r\njello")

    with listening(garble) as url, pytest.raises(Unavailable):
        S3Store(client_at(url), "bucket", "123456789012").get("key", 10)


@pytest.mark.parametrize(
    "checksum",
    [
        {"ChecksumSHA256": "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=-2"},
        {"ChecksumSHA256": "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", "ChecksumType": "COMPOSITE"},
        {},
    ],
)
def test_a_checksum_of_parts_tells_nothing_about_the_file(answers: Stubber, checksum: dict[str, str]) -> None:
    described = {"VersionId": "v1", "ContentLength": 4, "LastModified": VERSION.last_modified, "ETag": '"1"'}
    answers.add_response("head_object", {**described, **checksum})
    found = store_of(answers).head("key")
    assert found is not None
    assert found.sha256 is None


def test_every_request_names_the_owner_of_the_bucket_it_means(answers: Stubber) -> None:
    """A bucket of the same name in another account is refused by S3."""
    owner: dict[str, Any] = {"Bucket": "bucket", "ExpectedBucketOwner": "123456789012"}
    written = {"Key": "key", "CacheControl": ANY, "ContentType": ANY}
    store = store_of(answers)
    body = {"Body": ANY, "ChecksumSHA256": ANY}
    answers.add_response("put_object", {"ETag": '"1"'}, {**owner, **written, **body})
    store.put("key", b"", Caching.PRIVATE)
    answers.add_response("put_object", {"ETag": '"1"'}, {**owner, **written, **body, "IfNoneMatch": "*"})
    store.put_new("key", b"", Caching.IMMUTABLE)
    answers.add_response("put_object", {"ETag": '"2"'}, {**owner, **written, **body, "IfMatch": '"1"'})
    store.replace("key", b"", Caching.COMMIT, '"1"')
    source = {"CopySource": {"Bucket": "bucket", "Key": "key", "VersionId": "v1"}, "ExpectedSourceBucketOwner": "123456789012"}
    replaced = {"MetadataDirective": "REPLACE", "TaggingDirective": "REPLACE"}
    answers.add_response("copy_object", {}, {**owner, **written, **source, **replaced, "IfNoneMatch": "*"})
    store.copy_new(store, VERSION, "key", Caching.IMMUTABLE)
    answers.add_response("delete_object", {}, {**owner, "Key": "key", "VersionId": "v1"})
    store.delete_version(VERSION)
    tagging = {"Tagging": {"TagSet": [{"Key": "trustpress", "Value": "expired"}]}}
    answers.add_response("put_object_tagging", {}, {**owner, **tagging, "Key": "key", "VersionId": "v1"})
    store.tag(VERSION, "trustpress", "expired")
    answers.add_client_error("get_object", "NoSuchKey", expected_params={**owner, "Key": "key"})
    assert store.get("key", 10) is None
    answers.add_client_error("head_object", "404", expected_params={**owner, "Key": "key", "ChecksumMode": "ENABLED"})
    assert store.head("key") is None
    answers.add_response("list_objects_v2", {}, {**owner, "Prefix": "p/"})
    answers.add_response("list_object_versions", {}, {**owner, "Prefix": "p/"})
    assert [*store.list_keys("p/"), *store.list_versions("p/")] == []
    answers.assert_no_pending_responses()


def test_tagging_what_is_gone_does_no_harm(answers: Stubber) -> None:
    answers.add_client_error("put_object_tagging", "NoSuchVersion", http_status_code=404)
    store_of(answers).tag(VERSION, "trustpress", "expired")
    answers.assert_no_pending_responses()


def test_a_delete_marker_on_an_earlier_page_hides_versions_on_a_later_one(answers: Stubber) -> None:
    marker = {"Key": "a", "IsLatest": True, "VersionId": "m"}
    hidden = {"Key": "a", "VersionId": "v1", "Size": 1, "LastModified": VERSION.last_modified, "IsLatest": False}
    shown = {"Key": "b", "VersionId": "v2", "Size": 1, "LastModified": VERSION.last_modified, "IsLatest": True}
    answers.add_response(
        "list_object_versions", {"DeleteMarkers": [marker], "IsTruncated": True, "NextKeyMarker": "a", "NextVersionIdMarker": "m"}
    )
    answers.add_response("list_object_versions", {"Versions": [hidden, shown], "IsTruncated": False})
    assert [version.key for version in store_of(answers).list_versions("")] == ["b"]


def described(version_id: str) -> dict[str, object]:
    return {"VersionId": version_id, "ContentLength": 5, "LastModified": VERSION.last_modified, "ETag": '"1"'}


def test_what_is_hidden_is_compared_once_more_as_it_is_hidden(answers: Stubber) -> None:
    """In between somebody may have hidden it already, and put in its place what verifies."""
    place = {"Bucket": "bucket", "Key": "key", "ExpectedBucketOwner": "123456789012"}
    answers.add_response("head_object", described("v1"))
    answers.add_response("delete_object", {}, {**place, "IfMatch": '"1"'})
    store_of(answers).hide(VERSION)
    answers.add_response("head_object", described("v1"))
    answers.add_client_error("delete_object", "PreconditionFailed", http_status_code=412)
    with pytest.raises(Conflict):
        store_of(answers).hide(VERSION)


@pytest.mark.parametrize("answer", [described("v2"), None])
def test_what_is_there_no_longer_is_not_hidden(answers: Stubber, answer: dict[str, object] | None) -> None:
    if answer:
        answers.add_response("head_object", answer)
    else:
        answers.add_client_error("head_object", "404", http_status_code=404)
    with pytest.raises(Conflict):
        store_of(answers).hide(VERSION)


@contextmanager
def listening(treat: Callable[[socket.socket], object]) -> Iterator[str]:
    """A server that treats one connection as told, then closes it."""

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            treat(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()
