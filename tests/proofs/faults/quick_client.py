"""A client that is fast enough to look after every step of a hundred thousand schedules.

It follows the client workflow of the TUF specification, section 5, to the last delegated role and target file, with
securesystemslib for keys and canonical JSON and nothing of Trustpress. What it has verified once it does not verify again.
tests/proofs/faults/test_quick_client.py holds it against python-tuf.
"""

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Signature, SSlibKey

from tests.readers import Seen

Fetch = Callable[[str], bytes | None]
JsonObject = Mapping[str, Any]


class RefusedError(AssertionError):
    """What a client would not accept."""


def expect(condition: bool, complaint: str) -> None:
    if not condition:
        raise RefusedError(complaint)


@functools.lru_cache(maxsize=100_000)
def parsed(body: bytes) -> JsonObject:
    value: JsonObject = json.loads(body)
    return value


@functools.lru_cache(maxsize=100_000)
def count_signatures(body: bytes, keys: tuple[tuple[str, str], ...]) -> int:
    """How many of these keys, as (keyid, JSON), have signed."""
    envelope = parsed(body)
    message = (encode_canonical(envelope["signed"]) or "").encode()
    by_keyid = {entry["keyid"]: Signature(entry["keyid"], entry["sig"]) for entry in envelope["signatures"]}
    return sum(_verifies(keyid, key, by_keyid[keyid], message) for keyid, key in keys if keyid in by_keyid)


def _verifies(keyid: str, key: str, signature: Signature, message: bytes) -> bool:
    try:
        SSlibKey.from_dict(keyid, json.loads(key)).verify_signature(signature, message)
    except UnverifiedSignatureError:
        return False
    return True


@functools.lru_cache(maxsize=100_000)
def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def verify(name: str, body: bytes, keys: JsonObject, role: JsonObject) -> None:
    listed = tuple(sorted((keyid, json.dumps(keys[keyid], sort_keys=True)) for keyid in role["keyids"]))
    expect(count_signatures(body, listed) >= role["threshold"], f"{name} is not signed by a threshold of its keys")


def expires(signed: JsonObject) -> datetime:
    return _parse_instant(signed["expires"])


@functools.lru_cache(maxsize=100_000)
def _parse_instant(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


@dataclass
class QuickClient:
    """Remembers what it has seen, as a warm client does; a new one is cold."""

    first_root: bytes
    root: bytes = field(init=False)
    timestamp: JsonObject | None = None
    snapshot: JsonObject | None = None

    def __post_init__(self) -> None:
        self.root = self.first_root

    def refresh(self, fetch: Fetch, now: datetime) -> Seen:
        """Everything that can be fetched from here, verified. Raises RefusedError."""
        self._follow_roots(fetch)
        root = parsed(self.root)["signed"]
        expect(expires(root) > now, "root is expired")
        timestamp = self._read_timestamp(fetch, root, now)
        snapshot = self._read_snapshot(fetch, root, timestamp, now)
        read_roles(fetch, root, snapshot, now)
        self.timestamp, self.snapshot = timestamp, snapshot
        meta = {name: listed["version"] for name, listed in snapshot["meta"].items()}
        return Seen(root["version"], timestamp["version"], snapshot["version"], meta)

    def _follow_roots(self, fetch: Fetch) -> None:
        """Section 5.3."""
        while body := fetch(f"metadata/{parsed(self.root)['signed']['version'] + 1}.root.json"):
            old, new = parsed(self.root)["signed"], parsed(body)["signed"]
            verify("root", body, old["keys"], old["roles"]["root"])
            verify("root", body, new["keys"], new["roles"]["root"])
            expect(new["version"] == old["version"] + 1, "root skips a version")
            if any(old["roles"][name] != new["roles"][name] for name in ("timestamp", "snapshot")):
                self.timestamp = self.snapshot = None  # 5.3.11
            self.root = body

    def _read_timestamp(self, fetch: Fetch, root: JsonObject, now: datetime) -> JsonObject:
        """Section 5.4."""
        body = fetch("metadata/timestamp.json")
        assert body is not None
        verify("timestamp", body, root["keys"], root["roles"]["timestamp"])
        timestamp: JsonObject = parsed(body)["signed"]
        if known := self.timestamp:
            expect(timestamp["version"] >= known["version"], "timestamp goes back")
            expect(timestamp["version"] > known["version"] or timestamp == known, "one timestamp version, two contents")
            old, new = (signed["meta"]["snapshot.json"]["version"] for signed in (known, timestamp))
            expect(new >= old, "timestamp lists an older snapshot")
        expect(expires(timestamp) > now, "timestamp is expired")
        return timestamp

    def _read_snapshot(self, fetch: Fetch, root: JsonObject, timestamp: JsonObject, now: datetime) -> JsonObject:
        """Section 5.5."""
        listed = timestamp["meta"]["snapshot.json"]
        body = read_listed(fetch, "snapshot.json", listed)
        verify("snapshot", body, root["keys"], root["roles"]["snapshot"])
        snapshot: JsonObject = parsed(body)["signed"]
        for name, known in (self.snapshot or {"meta": {}})["meta"].items():
            expect(snapshot["meta"].get(name, {"version": 0})["version"] >= known["version"], f"{name} is lost or goes back")
        expect(expires(snapshot) > now, "snapshot is expired")
        return snapshot


def read_listed(fetch: Fetch, name: str, listed: JsonObject) -> bytes:
    """Metadata that its parent lists, with the version, length and hashes that it lists."""
    body = fetch(f"metadata/{listed['version']}.{name}")
    expect(body is not None, f"{listed['version']}.{name} is missing")
    assert body is not None
    expect(parsed(body)["signed"]["version"] == listed["version"], f"{name} is of another version than listed")
    expect(listed.get("length", len(body)) == len(body), f"{name} is of another length than listed")
    expect(listed.get("hashes", {}).get("sha256", sha256(body)) == sha256(body), f"{name} has another hash than listed")
    return body


def read_roles(fetch: Fetch, root: JsonObject, snapshot: JsonObject, now: datetime) -> None:
    """Section 5.6, for every role that is delegated to from targets down, and every target file."""
    waiting = [("targets", root["keys"], root["roles"]["targets"])]
    while waiting:
        rolename, keys, role = waiting.pop()
        expect(f"{rolename}.json" in snapshot["meta"], f"snapshot does not list {rolename}")
        body = read_listed(fetch, f"{rolename}.json", snapshot["meta"][f"{rolename}.json"])
        verify(rolename, body, keys, role)
        signed = parsed(body)["signed"]
        expect(expires(signed) > now, f"{rolename} is expired")
        for targetpath, entry in signed["targets"].items():
            read_target(fetch, targetpath, entry)
        delegations = signed.get("delegations", {"roles": []})
        waiting += [(child["name"], delegations["keys"], child) for child in delegations["roles"]]


def read_target(fetch: Fetch, targetpath: str, entry: JsonObject) -> None:
    directory, slash, name = targetpath.rpartition("/")
    body = fetch(f"targets/{directory}{slash}{entry['hashes']['sha256']}.{name}")
    expect(body is not None, f"{targetpath} is missing")
    assert body is not None
    expect((len(body), sha256(body)) == (entry["length"], entry["hashes"]["sha256"]), f"{targetpath} is another file")
