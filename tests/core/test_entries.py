"""Target entries: read in pieces, the same as if read at once; compared as bytes, the same as if compared one by one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import compact, target_file
from trustpress.core import entries
from trustpress.core.entries import NotCompact, TargetEntries, parse_entries
from trustpress.errors import Invalid, NotPortable, NotStrictJson, SchemaViolation

Files = dict[str, Any]

DIGEST = "0" * 64
PLAIN = {"hashes": {"sha256": DIGEST}, "length": 1}

PATHS = st.text(alphabet="abc,{}\"'./", min_size=1, max_size=6).filter(
    lambda path: all(segment not in {"", ".", ".."} for segment in path.split("/"))
)
# What looks like the end of an entry, where it is none.
CUSTOM: st.SearchStrategy[Files] = st.dictionaries(
    st.sampled_from(["a", "},", '},"', "é"]), st.sampled_from([0, None, "},", '},"x":{', [{}, {}], {"a": {}, "b": {}}]), max_size=3
)
ENTRIES = st.builds(
    lambda length, digest, sha512, custom: {
        "length": length,
        "hashes": {"sha256": digest * 64} | ({"sha512": digest * 128} if sha512 else {}),
        **({} if custom is None else {"custom": custom}),
    },
    st.integers(0, 2**53 - 1),
    st.sampled_from("0af"),
    st.booleans(),
    st.none() | CUSTOM,
)
PLAIN_ENTRIES = st.builds(
    lambda length, digest: {"length": length, "hashes": {"sha256": digest * 64}}, st.integers(0, 10**15), st.sampled_from("0af")
)
FILES = st.dictionaries(PATHS, ENTRIES | PLAIN_ENTRIES, max_size=12) | st.dictionaries(PATHS, PLAIN_ENTRIES, max_size=12)


@pytest.fixture(autouse=True, params=[64 * 1024, 200, 1], ids=["one piece", "a few entries a piece", "one entry a piece"])
def _pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pieces put every way of cutting into reach of small examples."""
    monkeypatch.setattr(entries, "_PIECE", request.param)


def parse_text(text: bytes, around: tuple[bytes, bytes] = (b"{", b"}")) -> TargetEntries:
    """Parse entries that lie somewhere inside a body."""
    before, after = around
    return parse_entries(before + text + after, len(before), len(before) + len(text))


def parse_files(files: Files, around: tuple[bytes, bytes] = (b"{", b"}")) -> TargetEntries:
    return parse_text(compact(files)[1:-1], around)


@given(FILES)
def test_entries_come_back_as_they_are_in_order(files: Files) -> None:
    parsed = parse_files(files, (b'},"a":{},"targets":{', b'},"version":1,"x":{"a":{},"b":{}}'))
    assert list(parsed.items()) == sorted(files.items())
    assert list(parsed.targetpaths()) == sorted(files)
    assert {path: parsed.get(path) for path in [*files, "not there"]} == {**files, "not there": None}


def differences(files: Files, earlier: Files) -> Files:
    """What changed_since should find, one by one."""
    return {
        path: entry
        for path, entry in files.items()
        if path not in earlier or any(earlier[path][m] != entry[m] for m in ("length", "hashes"))
    }


@given(FILES, FILES)
def test_changes_are_the_differences(files: Files, earlier: Files) -> None:
    assert dict(parse_files(files).changed_since(parse_files(earlier))) == differences(files, earlier)


@given(FILES, st.data())
def test_changes_to_a_few_of_many_are_the_differences(files: Files, data: st.DataObject) -> None:
    """Two versions with much in common, in bodies that place it differently."""
    added = data.draw(st.dictionaries(PATHS, ENTRIES, max_size=2))
    removed = data.draw(st.lists(st.sampled_from(sorted(files)), max_size=2)) if files else []
    later = {path: entry for path, entry in {**files, **added}.items() if path not in removed}
    old, new = parse_files(files, (b"{", b"}")), parse_files(later, (b'{"longer":{', b"}}"))
    assert dict(new.changed_since(old)) == differences(later, files)
    assert dict(old.changed_since(new)) == differences(files, later)
    assert dict(new.changed_since(None)) == later
    assert dict(new.changed_since(new)) == {}


def test_a_changed_custom_is_no_changed_file() -> None:
    old, new = ({"a": {**PLAIN, "custom": {"note": note}}} for note in ("old", "new"))
    assert dict(parse_files(new).changed_since(parse_files(old))) == {}


def test_only_pieces_that_differ_are_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of a hundred thousand entries changed: the others stay bytes."""
    monkeypatch.setattr(entries, "_PIECE", 1024)
    files = {f"{number:06}": target_file(b"%d" % number) for number in range(2000)}
    changed = {**files, "000999": target_file(b"changed")}
    old, new = parse_files(files), parse_files(changed)
    parsed = 0
    original = entries._members

    def members(body: bytes, start: int, end: int) -> dict[str, Any]:
        nonlocal parsed
        parsed += end - start
        return original(body, start, end)

    monkeypatch.setattr(entries, "_members", members)
    assert dict(new.changed_since(old)) == {"000999": changed["000999"]}
    assert parsed < 6 * 1024


def test_nothing_is_no_entries() -> None:
    parsed = parse_text(b"")
    assert list(parsed.items()) == []
    assert parsed.get("a") is None
    assert dict(parse_files({"a": PLAIN}).changed_since(parsed)) == {"a": PLAIN}
    assert dict(parsed.changed_since(parse_files({"a": PLAIN}))) == {}


A, B, CUSTOMIZED = (compact({path: entry})[1:-1] for path, entry in (("a", PLAIN), ("b", PLAIN), ("b", {**PLAIN, "custom": {"x": 1}})))


@pytest.mark.parametrize("last", [B, CUSTOMIZED], ids=["plain", "custom"])
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda a, b: b + b"," + a, id="unsorted"),
        pytest.param(lambda a, b: a + b"," + a, id="a plain entry twice"),
        pytest.param(lambda a, b: b + b"," + b, id="an entry twice"),
        pytest.param(lambda a, b: a + b"," + b + b",", id="a trailing comma"),
        pytest.param(lambda a, b: b"," + a + b"," + b, id="a leading comma"),
        pytest.param(lambda a, b: a + b",," + b, id="two commas"),
        pytest.param(lambda a, b: a + b, id="no comma"),
        pytest.param(lambda a, b: a + b", " + b, id="a space"),
        pytest.param(lambda a, b: a + b"," + b + b" ", id="a space behind"),
        pytest.param(lambda a, b: a + b"," + b.replace(b'"b"', rb'"\u0062"'), id="an escape that is none"),
        pytest.param(lambda a, b: a + b"," + b.replace(b'"length":1', b'"length":1,"length":1'), id="a member twice"),
        pytest.param(lambda a, b: a + b"," + b.replace(b'"length":1', b'"length":-0'), id="minus zero"),
        pytest.param(lambda a, b: a + b"," + b[:-1], id="cut short"),
        pytest.param(lambda a, b: a + b"," + b + b"}", id="closed too early"),
        pytest.param(lambda a, b: a + b"," + b + b'},"x":{' + a, id="two objects"),
    ],
)
def test_what_is_not_compact_is_noticed(spoil: Any, last: bytes) -> None:
    with pytest.raises(NotCompact):
        parse_text(spoil(A, last))


@given(FILES, st.data())
def test_another_spelling_of_the_same_entries_is_noticed(files: Files, data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(sorted(files.items()))))
    text = json.dumps(shuffled, separators=(",", data.draw(st.sampled_from([":", ": "]))), ensure_ascii=data.draw(st.booleans())).encode()
    if text == compact(files):
        assert dict(parse_text(text[1:-1]).items()) == files
    else:
        with pytest.raises(NotCompact):
            parse_text(text[1:-1])


NO_OBJECTS: list[Any] = [None, [], "", 0, False]
BAD_HASHES: list[Any] = [
    *NO_OBJECTS,
    {},
    {"sha512": DIGEST * 2},
    {"sha256": 0},
    {"sha256": DIGEST.replace("0", "A")},
    {"sha256": DIGEST[1:]},
    {"sha256": DIGEST + "0"},
    {"sha256": DIGEST + "\n"},
    {"sha256": DIGEST, "md5": "00"},
    {"sha256": DIGEST, "": None},
    {"sha256": DIGEST, "sha512": None},
    {"sha256": DIGEST, "sha512": DIGEST},
    {"sha256": DIGEST, "sha512": DIGEST * 2 + "\n"},
    {"sha256": DIGEST, "sha512": DIGEST * 2, "md5": "00"},
]


def test_an_entry_is_checked_wherever_it_lies() -> None:
    files = {f"a/{number:03}": PLAIN for number in range(300)}
    for path in ("a/000", "a/150", "a/299"):
        with pytest.raises(SchemaViolation, match=f"^targets.{path}.length: expected an integer from 0"):
            parse_files({**files, path: {**PLAIN, "length": -1}})
        with pytest.raises(NotPortable, match="not a target path"):
            parse_files({**files, f"{path}/../x": PLAIN})


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (None, "targets.a: expected length, hashes and perhaps custom, and nothing else"),
        ([], "targets.a: expected length, hashes and perhaps custom, and nothing else"),
        (0, "targets.a: expected length, hashes and perhaps custom, and nothing else"),
        ({**PLAIN, "extra": 0}, "targets.a: expected length, hashes and perhaps custom, and nothing else"),
        ({"hashes": {"sha256": DIGEST}, "extra": 0}, "targets.a: expected length, hashes and perhaps custom, and nothing else"),
        ({}, "targets.a.length: expected an integer from 0"),
        ({"hashes": {"sha256": DIGEST}}, "targets.a.length: expected an integer from 0"),
        ({**PLAIN, "length": True}, "targets.a.length: expected an integer from 0"),
        ({**PLAIN, "length": "1"}, "targets.a.length: expected an integer from 0"),
        ({**PLAIN, "length": 1.0}, "targets.a.length: expected an integer from 0"),
        ({**PLAIN, "length": -1}, "targets.a.length: expected an integer from 0"),
        ({**PLAIN, "length": 2**53}, "targets.a.length: expected an integer from 0"),
        ({"length": 1}, "targets.a.hashes: expected sha256"),
        *(({"length": 1, "hashes": hashes}, "targets.a.hashes: expected sha256") for hashes in BAD_HASHES),
        *(({**PLAIN, "custom": custom}, "targets.a.custom: expected an object") for custom in NO_OBJECTS),
    ],
)  # fmt: skip
def test_an_entry_of_another_shape_is_refused(entry: Any, reason: str) -> None:
    with pytest.raises(SchemaViolation) as refusal:
        parse_files({"a": entry})
    assert str(refusal.value).startswith(reason)


@pytest.mark.parametrize("length", [0, 1, 999_999_999_999_999, 10**15, 2**53 - 1])
def test_any_length_clients_read_alike_passes(length: int) -> None:
    assert parse_files({"a": {**PLAIN, "length": length}}).get("a") == {**PLAIN, "length": length}


def test_a_length_is_written_as_json_writes_it() -> None:
    with pytest.raises(NotCompact):
        parse_text(A.replace(b'"length":1', b'"length":01'))


@pytest.mark.parametrize("custom", [{"a": 0.5}, {"a": 2**53}, {"a": [[1.0]]}])
def test_numbers_in_custom_are_checked(custom: Any) -> None:
    with pytest.raises(NotStrictJson, match=r"^not strict JSON: targets\.a\.custom: "):
        parse_files({"a": {**PLAIN, "custom": custom}})


@pytest.mark.parametrize("path", ["x" * 80, "x" * 81, "x" * 240, '"' * 80, "<" * 80, "a/" * 39 + "ab"])
def test_a_path_at_the_limits_passes_in_either_way_of_checking(path: str) -> None:
    for entry in (PLAIN, {**PLAIN, "custom": {}}):
        assert list(parse_files({path: entry}).targetpaths()) == [path]


@pytest.mark.parametrize(
    "path", ["", ".", "..", "/a", "a/", "a//b", "../a", "a/..", "a/./b", "a b", "é", "x" * 241, "<" * 81, "a:b", "a\\b", "a\x00"]
)
@pytest.mark.parametrize("entry", [PLAIN, {**PLAIN, "custom": {}}], ids=["plain", "custom"])
def test_a_path_outside_the_portable_subset_is_refused_in_either_way_of_checking(path: str, entry: Any) -> None:
    with pytest.raises(NotPortable):
        parse_files({path: entry})


@given(st.text(max_size=6), PLAIN_ENTRIES, st.booleans())
def test_the_quick_check_of_plain_entries_decides_as_the_thorough_one(path: str, entry: Any, changed: bool) -> None:
    """The same entry with an empty custom takes the thorough way."""
    files = {path: {**entry, "length": -entry["length"]} if changed else entry}
    thorough = {path: {**files[path], "custom": {}}}
    assert outcome(files) == outcome(thorough)


def outcome(files: Files) -> str:
    try:
        parse_files(files)
    except Invalid as refusal:
        return str(refusal)
    return "accepted"
