"""The portable subset, rule by rule: what is inside passes, what is outside has its reason."""

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustpress.core.portable import (
    MAX_DEPTH,
    MAX_ENCODED_PATH,
    MAX_INTEGER,
    check_field_names,
    check_new_pattern,
    check_new_targetpath,
    check_pattern,
    check_rolename,
    check_targetpath,
    check_value,
)
from trustpress.errors import NotPortable, NotStrictJson

PLAIN = set(map(chr, range(0x21, 0x7F))) - set("#?%+\\:")


@pytest.mark.parametrize("name", ["a", "A-b_c.d", "x" * 100, "1a", "root2", "bin-00", "-", "targets.json"])
def test_a_role_name_every_client_can_use_passes(name: str) -> None:
    check_rolename(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "x" * 101, "a b", "a/b", "a+b", "a\\b", "a%b", "a\n", "a\0", "é", "1", "0123456789",
        "root", "targets", "snapshot", "timestamp", "mirrors",
        "Root", "TARGETS", "__proto__", "constructor", "prototype", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toString",
        "toLocaleString", "valueOf", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__", "__PROTO__",
    ],
)  # fmt: skip
def test_another_role_name_is_refused(name: str) -> None:
    with pytest.raises(NotPortable, match="not a role name"):
        check_rolename(name)


@pytest.mark.parametrize(
    "path", ["a", "a/b", ".a", "a.", "..a", "a..", "...", "a/.b", "a/...", "x" * 240, "A-Z_a~z.0@9", "a,b;c=d", "(a)[b]{c}", "a*b", 'a"b']
)
def test_a_target_path_every_client_can_fetch_passes(path: str) -> None:
    check_targetpath(path)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", ".", "..", "/a", "a/", "a//b", "./a", "../a", "a/.", "a/..", "a/./b", "a/../b",
        "a\n", "\na", "a\0", "a/\x7f", "é", "🔑", "a b", "a\tb",
    ],
)  # fmt: skip
def test_another_target_path_is_refused(path: str) -> None:
    with pytest.raises(NotPortable, match="not a target path"):
        check_targetpath(path)


@pytest.mark.parametrize("code", range(0x100))
def test_target_paths_are_made_of_plain_characters(code: int) -> None:
    path = f"a{chr(code)}b"
    if chr(code) in PLAIN:
        check_targetpath(path)
    else:
        with pytest.raises(NotPortable, match="not a target path"):
            check_targetpath(path)


@given(st.text(alphabet='a"<./', min_size=1, max_size=260))
def test_a_path_is_measured_as_it_is_fetched(path: str) -> None:
    segments = path.split("/")
    is_portable = all(segments) and not {".", ".."} & set(segments) and len(quote(path)) <= MAX_ENCODED_PATH
    assert passes(check_targetpath, path) == is_portable


@pytest.mark.parametrize("path", ["x" * 241, "<" * 81, "x" * 238 + "<", "<" * 80 + "x", "x/" * 120 + "y"])
def test_a_path_too_long_once_encoded_is_refused(path: str) -> None:
    with pytest.raises(NotPortable, match="longer than 240 bytes"):
        check_targetpath(path)


@pytest.mark.parametrize("path", ["x" * 240, "<" * 80, "x" * 237 + "<", "x/" * 119 + "yz"])
def test_a_path_just_short_enough_once_encoded_passes(path: str) -> None:
    check_targetpath(path)


@given(st.text(alphabet="a!./", min_size=1, max_size=260))
def test_a_new_path_is_measured_as_clients_name_their_file(path: str) -> None:
    """They percent-encode all of it, slashes too."""
    segments = path.split("/")
    is_portable = not any(segment == "" or segment.endswith(".") for segment in segments) and len(quote(path, safe="")) <= MAX_ENCODED_PATH
    assert passes(check_new_targetpath, path) == is_portable


def test_a_path_with_slashes_that_no_client_can_save_is_not_listed_anew() -> None:
    check_targetpath("d/" * 20 + "x" * 200)
    with pytest.raises(NotPortable, match=r"longer than 240 bytes .* slash as %2F"):
        check_new_targetpath("d/" * 20 + "x" * 200)
    check_new_targetpath("d/" * 20 + "x" * 160)
    with pytest.raises(NotPortable, match="longer than 240 bytes"):
        check_new_targetpath("d/" * 20 + "x" * 161)


@pytest.mark.parametrize("character", '"<>[]^`{|}*')
def test_what_a_url_or_a_file_of_windows_may_not_have_is_not_listed_anew(character: str) -> None:
    """RFC 3986 allows none of them in a URL but the star, and sigstore-ruby raises; Windows has no file with a star."""
    path = f"report{character}1.txt"
    check_targetpath(path)
    with pytest.raises(NotPortable, match="it has"):
        check_new_targetpath(path)


@pytest.mark.parametrize(
    "path", ["con", "CON", "aux.txt", "a/nul", "Com1/a", "lpt9.tar.gz", "prn", "conin$", "a.", "a./b", "...", "a/b..", "com0.x"]
)
def test_what_windows_cannot_save_is_not_listed_anew(path: str) -> None:
    check_targetpath(path)
    with pytest.raises(NotPortable, match="ends in a dot or is the name of a device"):
        check_new_targetpath(path)


@pytest.mark.parametrize(
    "path", ["a/", "a//", "a/b/", "console", "a.con", "com", "com10", "auxiliary.txt", "..a", ".aux", "a-z_~!$&'(),;=@9"]
)
def test_a_path_that_looks_like_one_of_those_is_fine_but_for_a_slash_at_its_end(path: str) -> None:
    assert passes(check_new_targetpath, path) == passes(check_targetpath, path) == (not path.endswith("/"))


@pytest.mark.parametrize("pattern", ["a|b", "a<*", 'a"*', "^", "`", ">", "con", "aux.*", "a./*", "*."])
def test_a_pattern_that_no_new_path_can_match_is_not_delegated_anew(pattern: str) -> None:
    check_pattern(pattern)
    with pytest.raises(NotPortable, match="no new target path can match it"):
        check_new_pattern(pattern)


@pytest.mark.parametrize("pattern", ["*", "?", "a/*", "*/*", "**", "*.txt", ".*", "..*", "con*", "con/?", "a.?", "x" * 240])
def test_a_pattern_that_new_paths_can_match_is_delegated(pattern: str) -> None:
    assert passes(check_new_pattern, pattern) == (pattern != "con/?")


@pytest.mark.parametrize("pattern", ["*", "?", "a/*", "*/*", "a?c", "**", "*.txt", "a", ".*", "x" * 240, "a|b", "$a", "@", "~"])
def test_a_pattern_of_literals_and_wildcards_passes(pattern: str) -> None:
    check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "", "/", "/*", "*/", "a//b", ".", "..", "../*", "*/../a", "a/./*", "[ab]", "a]", "[",
        "a b", "a#b", "a%b", "a+b", "a\\*", "a:b", "é*", "a\n", "x" * 241, "\0",
        "(a|b)", "a{b,c}", "!a", "*(a)", "@(a)", "constructor",
    ],
)  # fmt: skip
def test_another_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(NotPortable, match="path pattern"):
        check_pattern(pattern)


def nested(depth: int, container: str) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = {"a": value} if container == "object" else [value]
    return value


@pytest.mark.parametrize("container", ["object", "list"])
@pytest.mark.parametrize("start", [1, 5])
def test_values_are_nested_32_deep_at_most(container: str, start: int) -> None:
    check_value(nested(MAX_DEPTH - start, container), "value", depth=start)
    with pytest.raises(NotStrictJson, match="nested more than 32 deep"):
        check_value(nested(MAX_DEPTH - start + 1, container), "value", depth=start)


@pytest.mark.parametrize(
    "value", [MAX_INTEGER, -MAX_INTEGER, 0, True, None, "\U0001f511", {}, [], {"": 0}, {"\uffff": 0}, {"é": [{"a": "b"}]}]
)
def test_a_value_all_clients_read_alike_passes(value: Any) -> None:
    check_value(value, "value")


@pytest.mark.parametrize(
    ("value", "reason"),
    [(MAX_INTEGER + 1, r"beyond 2\^53-1"), (-MAX_INTEGER - 1, r"beyond 2\^53-1"), (1.0, "a float"), (0.5, "a float"), (1e300, "a float")],
)
@pytest.mark.parametrize(
    "wrap", [lambda value: value, lambda value: [0, value], lambda value: {"a": 0, "b": value}], ids=["bare", "list", "object"]
)
def test_another_number_is_refused_wherever_it_lies(value: Any, reason: str, wrap: Any) -> None:
    with pytest.raises(NotStrictJson, match=f"^not strict JSON: somewhere: .*{reason}"):
        check_value(wrap(value), "somewhere")


@pytest.mark.parametrize("name", ["\U0001f511", "a\U00010000b", "\uffff\U00010000"])
def test_a_member_name_outside_the_basic_plane_is_refused(name: str) -> None:
    """UTF-16 sorts it elsewhere than UTF-8, so clients would sign different bytes."""
    for value in ({name: 0}, [{"a": {name: 0}}]):
        with pytest.raises(NotPortable, match="basic multilingual plane"):
            check_value(value, "value")


@pytest.mark.parametrize("value", [{"version": 1, "Vendor": 2}, {"keys": {"A" * 64: 0}}, [], 0, "Version", ["Version"], {"name": "ROOT"}])
def test_members_that_no_decoder_confuses_pass(value: Any) -> None:
    check_field_names(value)


@pytest.mark.parametrize("name", ["Version", "VERSION", "Signed", "keyId", "Targets", "_TYPE", "Path_Hash_Prefixes", "\u212aeyid"])
@pytest.mark.parametrize(
    "wrap", [lambda value: value, lambda value: {"a": value}, lambda value: [0, [value]]], ids=["bare", "object", "list"]
)
def test_a_member_that_differs_from_a_field_only_by_case_is_refused(name: str, wrap: Any) -> None:
    """Go's decoder would take it for that field; it folds even the Kelvin sign."""
    with pytest.raises(NotStrictJson, match="only by case"):
        check_field_names(wrap({name: 0}))


def passes(check: Any, value: Any) -> bool:
    try:
        check(value)
    except NotPortable:
        return False
    return True
