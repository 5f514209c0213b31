"""An S3 look-alike on loopback whose buckets are stores in memory, as much of S3 as Trustpress and its command line ask for.

tests/seaweedfs/test_object_store.py asks the same of it and of SeaweedFS. It knows no multipart upload, and lists in one page.
"""

import base64
import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import escape

from tests.fakes import InMemoryStore, ObjectVersion
from trustpress.errors import Conflict
from trustpress.ports import Caching, StoredVersion


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds_left(self) -> float:
        return 60.0


@dataclass(frozen=True)
class Identity:
    """Who may do what: read, write and list these buckets, or everything."""

    secret_key: str
    buckets: frozenset[str] | None = None

    def may(self, request: "Request") -> bool:
        return self.buckets is None or (request.bucket in self.buckets and "tagging" not in request.query)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: "Mapping[str, str] | Message"
    body: bytes

    @property
    def bucket(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/").partition("/")[0]

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/").partition("/")[2]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.answer = Answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())


class S3:
    """Serves `buckets`, to which more may be added, to `identities`, by access key."""

    def __init__(self, buckets: dict[str, InMemoryStore], identities: Mapping[str, Identity]) -> None:
        self.buckets, self._identities = buckets, identities
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self.answer))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.port = self._server.server_port

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: Request) -> Answer:
        try:
            self._authorize(request)
            return self._carry_out(request)
        except Refused as refused:
            return refused.answer

    def _carry_out(self, request: Request) -> Answer:
        if request.method == "PUT" and not request.key:
            # Every bucket keeps versions, whether that is asked for now or not.
            self.buckets.setdefault(request.bucket, InMemoryStore(SystemClock()))
            return Answer()
        if request.bucket not in self.buckets:
            raise Refused(404, "NoSuchBucket")
        return _answer(self.buckets[request.bucket], request, self.buckets)

    def _authorize(self, request: Request) -> None:
        authorization = request.headers.get("Authorization", "")
        parts = dict(part.strip().split("=", 1) for part in authorization.partition(" ")[2].split(",") if "=" in part)
        access_key, _, scope = parts.get("Credential", "").partition("/")
        identity = self._identities.get(access_key)
        if identity is None:
            raise Refused(403, "InvalidAccessKeyId" if access_key else "AccessDenied")
        if not hmac.compare_digest(_signature(request, identity.secret_key, scope, parts["SignedHeaders"]), parts["Signature"]):
            raise Refused(403, "SignatureDoesNotMatch")
        if request.headers["x-amz-content-sha256"] != hashlib.sha256(request.body).hexdigest():
            raise Refused(400, "XAmzContentSHA256Mismatch")
        if not identity.may(request):
            raise Refused(403, "AccessDenied")


def _signature(request: Request, secret_key: str, scope: str, signed_headers: str) -> str:
    """Signature Version 4: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"""
    url = urlsplit(request.path)
    query = "&".join(sorted(pair if "=" in pair else f"{pair}=" for pair in url.query.split("&") if pair))
    headers = "".join(f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed_headers.split(";"))
    payload = request.headers["x-amz-content-sha256"]
    canonical = f"{request.method}\n{url.path}\n{query}\n{headers}\n{signed_headers}\n{payload}"
    text = "\n".join(["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret_key}".encode()
    for part in [*scope.split("/"), text]:
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def _answer(store: InMemoryStore, request: Request, buckets: Mapping[str, InMemoryStore]) -> Answer:
    if not request.key:
        listing = {"list-type": _list_objects, "versions": _list_versions}
        found = [listing[name] for name in request.query if request.method == "GET" and name in listing]
    elif "tagging" in request.query:
        found = [{"GET": _get_tags, "PUT": _put_tags}[request.method]]
    elif "x-amz-copy-source" in request.headers:
        return _copy(store, request, buckets)
    else:
        found = [{"GET": _get, "HEAD": _get, "PUT": _put, "DELETE": _delete}[request.method]]
    if not found:
        raise Refused(501, "NotImplemented")
    return found[0](store, request)


def _get(store: InMemoryStore, request: Request) -> Answer:
    version = _find(store, request)
    headers = {
        "ETag": version.etag,
        "Last-Modified": format_datetime(version.last_modified, usegmt=True),
        "Cache-Control": version.caching.value,
        "x-amz-version-id": version.version_id,
    }
    if version.has_checksum:
        headers["x-amz-checksum-sha256"] = _sha256(version.body)
    return Answer(200, version.body, headers)


def _put(store: InMemoryStore, request: Request) -> Answer:
    checksum = request.headers.get("x-amz-checksum-sha256")
    if checksum not in {None, _sha256(request.body)}:
        raise Refused(400, "BadDigest")
    caching = next((one for one in Caching if one.value == request.headers.get("Cache-Control")), Caching.PRIVATE)
    match request.headers.get("If-None-Match"), request.headers.get("If-Match"):
        case None, None if checksum is None:
            store.upload(request.key, request.body, with_checksum=False)
            etag = store.objects[request.key][-1].etag
        case None, None:
            store.put(request.key, request.body, caching)
            etag = store.objects[request.key][-1].etag
        case "*", None:
            etag = _written(lambda: store.put_new(request.key, request.body, caching))
        case None, str(expected):
            if request.key not in store.objects:
                raise Refused(404, "NoSuchKey")
            etag = _written(lambda: store.replace(request.key, request.body, caching, expected))
        case _:
            raise Refused(501, "NotImplemented")
    return Answer(200, b"", {"ETag": etag})


def _copy(store: InMemoryStore, request: Request, buckets: Mapping[str, InMemoryStore]) -> Answer:
    source = Request("GET", "/" + request.headers["x-amz-copy-source"].removeprefix("/"), {}, b"")
    version = _find(buckets[source.bucket], source)
    wanted = StoredVersion(source.key, version.version_id, len(version.body), version.last_modified)
    assert request.headers.get("If-None-Match") == "*"
    _written(lambda: store.copy_new(buckets[source.bucket], wanted, request.key, Caching.IMMUTABLE))
    etag = store.objects[request.key][-1].etag
    return Answer(200, f"<CopyObjectResult><ETag>{escape(etag)}</ETag></CopyObjectResult>".encode())


def _delete(store: InMemoryStore, request: Request) -> Answer:
    if version_id := request.query.get("versionId"):
        if version := store._version(request.key, version_id):
            store.delete_version(_described(request.key, version))
    elif request.key in store.objects:
        store.withdraw(request.key)
    return Answer(204)


def _get_tags(store: InMemoryStore, request: Request) -> Answer:
    tag = store.tags.get(_described(request.key, _find(store, request)))
    tags = f"<Tag><Key>{escape(tag[0])}</Key><Value>{escape(tag[1])}</Value></Tag>" if tag else ""
    return Answer(200, f"<Tagging><TagSet>{tags}</TagSet></Tagging>".encode())


def _put_tags(store: InMemoryStore, request: Request) -> Answer:
    version, tagging = _find(store, request), fromstring(request.body)
    [(name, value)] = [(tag.findtext("{*}Key", ""), tag.findtext("{*}Value", "")) for tag in tagging.iterfind(".//{*}Tag")]
    store.tag(_described(request.key, version), name, value)
    return Answer()


def _list_objects(store: InMemoryStore, request: Request) -> Answer:
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter", "")
    contents, common = [], dict[str, None]()
    for key in store.list_keys(prefix):
        head, found, _ = key.removeprefix(prefix).partition(delimiter) if delimiter else (key, "", "")
        version = store._current(key)
        if found:
            common[prefix + head + delimiter] = None
        elif version:
            contents.append(f"<Contents>{_entry(request, key, version)}</Contents>")
    shared = [f"<CommonPrefixes><Prefix>{_shown(request, one)}</Prefix></CommonPrefixes>" for one in common]
    return _listing("ListBucketResult", request, [*contents, *shared])


def _list_versions(store: InMemoryStore, request: Request) -> Answer:
    prefix = request.query.get("prefix", "")
    keys = sorted(key for key in {*store.objects, *store.hidden} if key.startswith(prefix))
    return _listing("ListVersionsResult", request, [entry for key in keys for entry in _versions(store, request, key)])


def _versions(store: InMemoryStore, request: Request, key: str) -> Iterator[str]:
    """Newest first; a delete marker stands before what it hides."""
    shown, hidden = store.objects.get(key, []), store.hidden.get(key, [])
    for version in reversed(shown):
        yield f"<Version>{_latest(version is shown[-1])}{_entry(request, key, version)}</Version>"
    if hidden:
        yield f"<DeleteMarker>{_latest(not shown)}<Key>{_shown(request, key)}</Key></DeleteMarker>"
    for version in reversed(hidden):
        yield f"<Version>{_latest(False)}{_entry(request, key, version)}</Version>"


def _listing(name: str, request: Request, entries: list[str]) -> Answer:
    encoding = f"<EncodingType>{request.query['encoding-type']}</EncodingType>" if "encoding-type" in request.query else ""
    return Answer(200, f"<{name}><IsTruncated>false</IsTruncated>{encoding}{''.join(entries)}</{name}>".encode())


def _entry(request: Request, key: str, version: ObjectVersion) -> str:
    return (
        f"<Key>{_shown(request, key)}</Key><VersionId>{version.version_id}</VersionId><ETag>{escape(version.etag)}</ETag>"
        f"<Size>{len(version.body)}</Size><LastModified>{version.last_modified.isoformat()}</LastModified>"
    )


def _latest(is_latest: bool) -> str:
    return f"<IsLatest>{str(is_latest).lower()}</IsLatest>"


def _shown(request: Request, key: str) -> str:
    return quote(key) if "encoding-type" in request.query else escape(key)


def _find(store: InMemoryStore, request: Request) -> ObjectVersion:
    version_id = request.query.get("versionId")
    version = store._version(request.key, version_id) if version_id else store._current(request.key)
    if version is None:
        raise Refused(404, "NoSuchVersion" if version_id else "NoSuchKey")
    return version


def _described(key: str, version: ObjectVersion) -> StoredVersion:
    return StoredVersion(key, version.version_id, len(version.body), version.last_modified)


def _written(write: Callable[[], Any]) -> Any:
    try:
        return write()
    except Conflict:
        raise Refused(412, "PreconditionFailed") from None


def _sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _handler(answer: Callable[[Request], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            given = answer(Request(self.command, self.path, self.headers, body))
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            if given.status != 204:
                self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(given.body)

        def __getattr__(self, name: str) -> Callable[[], None]:
            if not name.startswith("do_"):
                raise AttributeError(name)
            return self._serve

        def handle_expect_100(self) -> bool:
            proceeds = super().handle_expect_100()
            self.wfile.flush()
            return proceeds

        def log_message(self, *arguments: object) -> None:
            """Say nothing: the story speaks."""

    return Handler
