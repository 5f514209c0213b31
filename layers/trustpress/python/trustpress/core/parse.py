"""From untrusted bytes to values, in the order of cost: caps, strict JSON, schema, portable subset.

What comes out is compact: an upload that was written otherwise is rewritten, without loss, since signatures cover the
canonical form. Everything behind this file sees one spelling of JSON only.
"""

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from trustpress.core.canonical import encode_compact
from trustpress.core.entries import NotCompact, TargetEntries, parse_entries
from trustpress.core.instants import parse_instant
from trustpress.core.keys import parse_key
from trustpress.core.layout import may_hold_root, parse_rolename
from trustpress.core.metadata import Document, Policy, Root, Signature, Snapshot, Targets, Timestamp
from trustpress.core.parse_delegations import parse_delegations, parse_role_keys
from trustpress.core.portable import MAX_DEPTH, MAX_INTEGER, MAX_VERSION, check_field_names, check_rolename, check_value
from trustpress.errors import MisplacedRoot, NotPortable, NotStrictJson, SchemaViolation, TooLarge

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MAX_LENGTH = {"root": 512_000, "timestamp": 16_384, "snapshot": 16_000_000}
MAX_TARGETS_LENGTH = 64_000_000

# What is parsed at once: all of it but target entries in compact JSON, which are parsed in pieces. Parsed JSON takes many
# times its length, so these two keep the worst upload well below the memory of the function.
MAX_PARSED_LENGTH = 24_000_000
MAX_VALUES = 500_000
MAX_COMMAS_IN_TARGETS = 5_000_000

MAX_SIGNATURES = 64
MAX_ROLES_IN_BUNDLE = 20_000
MAX_CUTS = 8

_SCHEMAS = Path(__file__).with_name("schemas")
_SENTINEL_NAME = "\x00targets\x00"
_SENTINEL = encode_compact(_SENTINEL_NAME)


def parse_upload(filename: str, body: bytes) -> dict[str, Document[Root] | Document[Targets]]:
    """Parse an upload: one envelope, whose role is the file's name, or a bundle of envelopes by role name.

    Raises Invalid.
    """
    if len(body) > MAX_TARGETS_LENGTH:
        raise TooLarge(filename, MAX_TARGETS_LENGTH)
    rolename = parse_rolename(filename)
    # The names alone, as in the following: two parsers' values of the worst upload would take 300 MB together.
    if _looks_like_targets(body) or "signed" in (names := list(_load_object(body))):
        return {rolename: parse_uploadable(rolename, body)}
    if not names:
        raise NotStrictJson("expected {signed, signatures}, or a bundle of such envelopes by role name")
    if "root" in names and not may_hold_root(filename):
        raise MisplacedRoot(filename)
    if len(names) > MAX_ROLES_IN_BUNDLE:
        raise TooLarge(filename, MAX_ROLES_IN_BUNDLE, "roles")
    _refuse_duplicate_members(body)
    bodies = {name: encode_compact(envelope) for name, envelope in orjson.loads(body).items()}
    return {name: parse_uploadable(name, body) for name, body in bodies.items()}


def parse_uploadable(rolename: str, body: bytes) -> Document[Root] | Document[Targets]:
    """Parse what an uploader may sign: root, targets or a delegated role. Raises Invalid."""
    if rolename == "root":
        return parse_root(body)
    if rolename != "targets":
        check_rolename(rolename)
    return parse_targets(body)


def parse_root(body: bytes) -> Document[Root]:
    """Parse root (specification 4.3). Raises Invalid."""
    return _parse("root", body, _root)


def parse_timestamp(body: bytes) -> Document[Timestamp]:
    """Parse timestamp (specification 4.6). Raises Invalid."""
    return _parse("timestamp", body, lambda signed: Timestamp(signed["version"], _expires(signed), signed["meta"]["snapshot.json"]))


def parse_snapshot(body: bytes) -> Document[Snapshot]:
    """Parse snapshot (specification 4.4). Raises Invalid."""
    return _parse("snapshot", body, _snapshot)


def parse_targets(body: bytes) -> Document[Targets]:
    """Parse targets or a delegated role (specification 4.5), without holding all entries in memory. Raises Invalid."""
    if len(body) > MAX_TARGETS_LENGTH:
        raise TooLarge("targets", MAX_TARGETS_LENGTH)
    if body.count(b",") > MAX_COMMAS_IN_TARGETS:
        raise TooLarge("targets", MAX_COMMAS_IN_TARGETS, "values")
    try:
        return _parse_compact_targets(body)
    except NotCompact:
        body = _rewrite(body)
    try:
        return _parse_compact_targets(body)
    except NotCompact as error:
        raise SchemaViolation("targets", "expected version, and before it targets, the only member of that name") from error


def parse_object(body: bytes) -> dict[str, Any]:
    """Any JSON object, as strictly as metadata: no floats, no members of one name. Raises Invalid."""
    value = _load_object(body)
    _refuse_duplicate_members(body)
    return value


def _parse(rolename: str, body: bytes, build: Callable[[dict[str, Any]], Any]) -> Document[Any]:
    if len(body) > MAX_LENGTH[rolename]:
        raise TooLarge(rolename, MAX_LENGTH[rolename])
    envelope = _load_object(body)
    compact = encode_compact(envelope)
    if compact != body:
        _refuse_duplicate_members(body)
    return _document(rolename, envelope, compact, build)


def _parse_compact_targets(body: bytes) -> Document[Targets]:
    envelope, start, stop = _cut_entries_out(body)
    return _document("targets", envelope, body, lambda signed: _targets(signed, parse_entries(body, start, stop)))


def _cut_entries_out(body: bytes) -> tuple[dict[str, Any], int, int]:
    """The envelope with empty targets, and where in `body` the target entries begin and end.

    In compact JSON `targets` is followed by `version`. A sentinel takes the place of the entries; it proves where the cut
    was, as it must come back as the only member of `signed.targets`. A member behind `version` may look like the end: then
    the next cut to the left is tried.
    """
    if _SENTINEL in body:
        raise NotPortable("targets", "a name that Trustpress keeps for itself")
    start = body.find(b',"targets":{') + len(b',"targets":{')
    stop = len(body)
    for _ in range(MAX_CUTS):
        stop = body.rfind(b'},"version":', start, stop)
        if stop == -1 or not body.startswith(b'{"signatures":'):
            break
        envelope = _parse_head(b"%b%b:0%b" % (body[:start], _SENTINEL, body[stop:]))
        if envelope:
            return envelope, start, stop
    raise NotCompact


def _parse_head(head: bytes) -> dict[str, Any] | None:
    """The envelope with empty targets, None if what was cut out of it was not exactly the entries."""
    try:
        envelope = _load_object(head)
    except NotStrictJson:
        return None
    signed = envelope.get("signed")
    if encode_compact(envelope) != head or not isinstance(signed, dict) or signed.get("targets") != {_SENTINEL_NAME: 0}:
        return None
    signed["targets"] = {}
    return envelope


def _document(schema: str, envelope: dict[str, Any], body: bytes, build: Callable[[dict[str, Any]], Any]) -> Document[Any]:
    """Check envelope and head against their schemas, then build the value."""
    _check_members(envelope)
    _check_field_names(schema, envelope["signed"])
    signatures = envelope["signatures"]
    if isinstance(signatures, list) and len(signatures) > MAX_SIGNATURES:
        raise SchemaViolation("signatures", f"at most {MAX_SIGNATURES} are accepted")
    _check_schema("envelope", {**envelope, "signed": {}})
    _check_schema(schema, envelope["signed"])
    return Document(build(envelope["signed"]), tuple(Signature(entry["keyid"], bytes.fromhex(entry["sig"])) for entry in signatures), body)


def _load_object(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_PARSED_LENGTH:
        raise TooLarge("what is not target entries in compact JSON (sorted members, no white space)", MAX_PARSED_LENGTH)
    values = body.count(b",") + body.count(b"[") + body.count(b"{")
    if values > MAX_VALUES:
        raise TooLarge("upload", MAX_VALUES, "JSON values")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotStrictJson(str(error)[:200]) from error
    if not isinstance(value, dict):
        raise NotStrictJson("expected an object")
    check_value(value, "upload")
    return value


def _rewrite(body: bytes) -> bytes:
    """Strict JSON in any spelling to compact JSON."""
    _check_members(list(_load_object(body)))
    _refuse_duplicate_members(body)
    return encode_compact(orjson.loads(body))


def _check_members(names: Iterable[str]) -> None:
    # An unsigned extra member made a Notary collection unrecoverable (Cure53, 2018).
    if set(names) != {"signatures", "signed"}:
        raise NotStrictJson("expected exactly the members signed and signatures")


def _refuse_duplicate_members(body: bytes) -> None:
    """orjson keeps the last of two members with one name; the standard library shows them all.

    Only for what orjson has read, so that digits cannot surprise the slower parser. Depth can: what a later member hides was
    read down to orjson's 1,024 levels, and looked at by nobody yet.
    """

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            raise NotStrictJson("two members of one object have the same name")
        return value

    try:
        json.loads(body, object_pairs_hook=members, parse_int=len, parse_float=len)
    except RecursionError as error:
        raise NotStrictJson(f"nested more than {MAX_DEPTH} deep") from error


def _looks_like_targets(body: bytes) -> bool:
    return body.startswith(b'{"signatures":') and b',"targets":{' in body


def _check_field_names(schema: str, signed: Any) -> None:
    # Metapaths are names of their own, not fields.
    check_field_names({**signed, "meta": {}} if schema == "snapshot" and isinstance(signed, dict) else signed)


def _check_schema(name: str, value: Any) -> None:
    from jsonschema.exceptions import best_match

    error = best_match(_validator(name).iter_errors(value))
    if error is not None:
        where = ".".join([name, *(str(part)[:100] for part in error.absolute_path)])
        raise SchemaViolation(where, f"expected {error.validator} {str(error.validator_value)[:200]}")


@functools.cache
def _validator(name: str) -> "Validator":
    # Imported on first use: jsonschema takes longer to import than everything else in core together.
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads((_SCHEMAS / f"{name}.json").read_bytes()))


def _expires(signed: Mapping[str, Any]) -> datetime:
    try:
        return parse_instant(signed["expires"])
    except ValueError as error:
        raise SchemaViolation(f"{signed['_type']}.expires", "expected YYYY-MM-DDTHH:MM:SSZ") from error


def _root(signed: dict[str, Any]) -> Root:
    keys = {keyid: parse_key(keyid, value) for keyid, value in signed["keys"].items()}
    roles = {name: parse_role_keys(name, keys, role) for name, role in signed["roles"].items()}
    policy = signed.get("x-trustpress", {})
    return Root(
        signed["version"],
        _expires(signed),
        roles,
        Policy(
            timedelta(seconds=policy.get("timestamp_seconds", 24 * 3600)),
            timedelta(seconds=policy.get("snapshot_seconds", 7 * 24 * 3600)),
            policy.get("targets") == "external",
        ),
        signed.get("x-trustpress-repository"),
        # Of this very version: what is carried over to the next one says nothing.
        signed.get("x-trustpress-at-once") == signed["version"],
    )


def _snapshot(signed: dict[str, Any]) -> Snapshot:
    for name, entry in signed["meta"].items():
        _check_meta_file(name, entry)
    if "targets.json" not in signed["meta"]:
        raise SchemaViolation("snapshot.meta", "expected targets.json")
    return Snapshot(signed["version"], _expires(signed), {name[:-5]: entry for name, entry in signed["meta"].items()})


def _check_meta_file(name: str, entry: Any) -> None:
    """A tight loop: one repository may list 16,384 bins."""
    if not name.endswith(".json"):
        raise SchemaViolation(f"meta.{name[:100]}", "expected ROLE.json")
    version = entry.get("version") if type(entry) is dict else None
    length = entry.get("length", 1) if type(entry) is dict else None
    if type(version) is not int or not 1 <= version <= MAX_VERSION or type(length) is not int or not 1 <= length <= MAX_INTEGER:
        raise SchemaViolation(f"meta.{name}", "expected version, length and hashes")
    hashes = entry.get("hashes", {})
    if type(hashes) is not dict or not all(type(digest) is str for digest in hashes.values()):
        raise SchemaViolation(f"meta.{name}.hashes", "expected hexadecimal digests by algorithm")


def _targets(signed: dict[str, Any], entries: TargetEntries) -> Targets:
    return Targets(
        signed["version"],
        _expires(signed),
        entries,
        parse_delegations(signed.get("delegations", {"keys": {}, "roles": []})),
        signed.get("x-trustpress-role"),
        signed.get("x-trustpress-repository"),
    )
