"""The next release: derived from the last, losing nothing, in the bytes python-tuf reads."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata
from tuf.api.metadata import Root as TufRoot

from tests.builders import EXPIRES, NOW, canonical, compact, ed25519_signer, envelope, root, snapshot, target_file, targets, timestamp
from trustpress.core.canonical import canonical_from_compact
from trustpress.core.metadata import CLIENT_LIMIT, Document, MetaFile, Signature, Snapshot, Timestamp, changed_roles, published_version
from trustpress.core.parse import parse_snapshot, parse_targets, parse_timestamp
from trustpress.core.release import compose, compose_after, envelop, expiry, is_half_spent, next_snapshot, next_timestamp

ONLINE = ed25519_signer("snapshot")
LISTED: MetaFile = {"version": 3, "length": 10, "hashes": {"sha256": "0" * 64}}

NAMES = st.sampled_from(["targets", "a", "b", "bin-0", "a-b", "targets.json", "a.json"])
META_FILES = st.builds(
    lambda version, full: {**LISTED, "version": version} if full else {"version": version}, st.integers(1, 9), st.booleans()
)
METAS = st.dictionaries(NAMES, META_FILES)


def signatures_by(signer: Signer, compact_signed: bytes) -> tuple[Signature, ...]:
    signature = signer.sign(canonical_from_compact(compact_signed))
    return (Signature(signature.keyid, bytes.fromhex(signature.signature)),)


def published(signed: Snapshot) -> Document[Snapshot]:
    composed = compose(signed)
    return envelop(signed, composed, signatures_by(ONLINE, composed))


def test_the_first_snapshot_lists_what_was_accepted() -> None:
    first = next_snapshot(None, {"targets": LISTED, "a": {"version": 1}}, 1, EXPIRES)
    assert first == Snapshot(1, EXPIRES, {"targets": LISTED, "a": {"version": 1}})


def test_the_next_snapshot_keeps_what_was_listed() -> None:
    """A role that is no longer delegated stays: clients that once saw it refuse a snapshot without it."""
    first = next_snapshot(None, {"targets": LISTED, "a": {"version": 1}}, 1, EXPIRES)
    second = next_snapshot(first, {"a": {"version": 2}, "b": {"version": 1}}, 4, EXPIRES)
    assert second == Snapshot(4, EXPIRES, {"targets": LISTED, "a": {"version": 2}, "b": {"version": 1}})
    assert first.meta == {"targets": LISTED, "a": {"version": 1}}


def test_timestamps_count_from_one() -> None:
    first = next_timestamp(None, LISTED, EXPIRES)
    assert first == Timestamp(1, EXPIRES, LISTED)
    assert next_timestamp(first, {"version": 4}, NOW) == Timestamp(2, NOW, {"version": 4})


def test_composed_metadata_is_what_python_tuf_composes() -> None:
    assert compose(Snapshot(7, EXPIRES, {"targets": {"version": 1}, "a": {"version": 2}})) == compact(
        snapshot({"targets": 1, "a": 2}, version=7)
    )
    assert compose(Timestamp(9, EXPIRES, {"version": 7})) == compact(timestamp(7, version=9))


def test_what_is_published_python_tuf_verifies_and_we_read_back() -> None:
    document = published(Snapshot(7, EXPIRES, {"targets": LISTED}))
    theirs: Metadata[Any] = Metadata.from_bytes(document.body)
    TufRoot.from_dict(root()).verify_delegate("snapshot", theirs.signed_bytes, theirs.signatures)
    assert parse_snapshot(document.body) == document
    composed = compose(Timestamp(9, EXPIRES, document.meta_file))
    newest = envelop(Timestamp(9, EXPIRES, document.meta_file), composed, signatures_by(ed25519_signer("timestamp"), composed))
    assert parse_timestamp(newest.body) == newest


@given(METAS, METAS, st.integers(1, 3))
def test_a_snapshot_made_from_the_one_before_has_the_bytes_of_one_made_anew(
    meta: dict[str, Any], accepted: dict[str, Any], version: int
) -> None:
    previous = published(next_snapshot(None, {"targets": LISTED, **meta}, version, NOW))
    for before in (previous, parse_snapshot(previous.body)):
        signed = next_snapshot(before.signed, accepted, version + 1, EXPIRES)
        assert compose_after(before, accepted, signed) == compose(signed)
    assert compose_after(None, meta, previous.signed) == compose(previous.signed)


@pytest.mark.parametrize("count", [0, 1, 16, 17, 40])
def test_however_many_roles_changed_the_bytes_are_the_same(count: int) -> None:
    previous = published(next_snapshot(None, {f"bin-{n:02x}": {"version": 1} for n in range(40)}, 1, NOW))
    accepted: dict[str, MetaFile] = {f"bin-{n:02x}": {"version": 2} for n in range(count)}
    signed = next_snapshot(previous.signed, accepted, 2, EXPIRES)
    assert compose_after(previous, accepted, signed) == compose(signed)


@given(METAS, METAS)
def test_changed_roles_are_all_that_is_no_longer_listed_as_it_was(meta: dict[str, Any], accepted: dict[str, Any]) -> None:
    old = next_snapshot(None, meta, 1, NOW)
    new = next_snapshot(old, accepted, 2, NOW)
    assert set(changed_roles(old, new)) == meta.keys() & accepted.keys()
    lost = Snapshot(3, NOW, {name: entry for name, entry in new.meta.items() if name not in old.meta})
    assert set(changed_roles(old, lost)) == set(old.meta)
    reordered = Snapshot(3, NOW, dict(reversed(list(new.meta.items()))))
    assert set(changed_roles(old, reordered)) == set(changed_roles(old, new))


def test_an_envelope_carries_every_signature() -> None:
    composed = compose(Timestamp(1, EXPIRES, LISTED))
    document = envelop(Timestamp(1, EXPIRES, LISTED), composed, (Signature("a" * 64, b"\x00"), Signature("b" * 64, b"\x01")))
    assert document.body == b'{"signatures":[{"keyid":"%b","sig":"00"},{"keyid":"%b","sig":"01"}],"signed":%b}' % (
        b"a" * 64,
        b"b" * 64,
        composed,
    )
    assert document.message == composed


def test_a_document_says_of_itself_what_its_parent_lists() -> None:
    signed = {**targets(version=4), "x-note": "line\n"}
    body = compact(envelope(signed, ONLINE))
    document = parse_targets(body)
    theirs: Metadata[Any] = Metadata.from_bytes(body)
    assert document.message == theirs.signed_bytes == canonical(signed)
    assert document.meta_file == {"version": 4, **target_file(body)}


def test_a_bin_is_listed_by_its_version_unless_clients_need_its_length() -> None:
    rest = len(compact(envelope({**targets(version=4), "x-note": ""}, ONLINE)))
    small, large = (
        parse_targets(compact(envelope({**targets(version=4), "x-note": "x" * (length - rest)}, ONLINE)))
        for length in (CLIENT_LIMIT, CLIENT_LIMIT + 1)
    )
    assert len(small.body) == CLIENT_LIMIT
    assert small.bin_meta_file == {"version": 4}
    assert large.bin_meta_file == large.meta_file


def test_versions_of_roles_are_those_snapshot_lists() -> None:
    listed = Snapshot(1, EXPIRES, {"targets": LISTED})
    assert [published_version(listed, "targets"), published_version(listed, "a"), published_version(None, "targets")] == [3, 0, 0]


def test_expiry_is_in_whole_seconds() -> None:
    life = timedelta(days=7)
    assert expiry(NOW.replace(microsecond=999_999), life) == NOW + life


@pytest.mark.parametrize(
    ("spent", "expected"),
    [(timedelta(hours=0), False), (timedelta(hours=12), False), (timedelta(hours=12, seconds=1), True), (timedelta(days=2), True)],
)
def test_metadata_is_signed_again_when_half_of_its_life_is_spent(spent: timedelta, expected: bool) -> None:
    life = timedelta(hours=24)
    document = published(Snapshot(1, NOW + life, {"targets": LISTED}))
    assert is_half_spent(document, NOW + spent, life) is expected
