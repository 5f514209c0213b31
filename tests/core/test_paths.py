"""Path patterns and succinct roles decide as python-tuf decides, and cannot be made slow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.metadata import DelegatedRole
from tuf.api.metadata import SuccinctRoles as TufSuccinctRoles

from trustpress.core.paths import PathPatterns, SuccinctRoles

# Few characters, so that patterns and paths often meet.
PATTERNS = st.text(alphabet="ab.*?/", min_size=1, max_size=8)
PATHS = st.text(alphabet="ab./", min_size=1, max_size=8)


def matches_in_python_tuf(patterns: list[str], targetpath: str) -> bool:
    return DelegatedRole("role", [], 1, False, paths=patterns).is_delegated_path(targetpath)


@given(st.lists(PATTERNS, min_size=1, max_size=3), PATHS)
def test_patterns_match_what_they_match_in_python_tuf(patterns: list[str], targetpath: str) -> None:
    assert PathPatterns(tuple(patterns)).match(targetpath) == matches_in_python_tuf(patterns, targetpath)


@given(PATTERNS, st.data())
def test_what_a_pattern_was_made_to_match_matches(pattern: str, data: st.DataObject) -> None:
    targetpath = data.draw(instances_of(pattern))
    assert matches_in_python_tuf([pattern], targetpath)
    assert PathPatterns((pattern,)).match(targetpath)


@pytest.mark.parametrize(
    ("pattern", "targetpath", "expected"),
    [
        ("a/*", "a/b", True),
        ("a/*", "a/", True),
        ("a/*", "a/b/c", False),
        ("a*", "a/b", False),
        ("*", "a", True),
        ("*/*", "a/b", True),
        ("?", "a", True),
        ("?", "/", False),
        ("?", "", False),
        ("a?c", "abc", True),
        ("a.c", "abc", False),
        ("*.txt", "x.txt", True),
        ("*a*a", "aba", True),
        ("*ab*ab", "ab", False),
        ("**", "ab", True),
        ("a", "A", False),
        ("a", "a\n", False),
        ("a", "ab", False),
        ("(a|b)", "a", False),
        ("(a|b)", "(a|b)", True),
        ("a$", "a$", True),
    ],
)
def test_no_wildcard_crosses_a_slash_and_literals_are_literal(pattern: str, targetpath: str, expected: bool) -> None:
    assert PathPatterns((pattern,)).match(targetpath) is expected
    assert matches_in_python_tuf([pattern], targetpath) is expected


def test_no_patterns_match_nothing() -> None:
    assert not PathPatterns(()).match("")
    assert not PathPatterns(()).match("a")


def test_one_of_several_patterns_is_enough_but_not_a_part_of_two() -> None:
    patterns = PathPatterns(("ab", "a/*", "cd"))
    assert [path for path in ("ab", "a/x", "cd", "abd", "acd", "a") if patterns.match(path)] == ["ab", "a/x", "cd"]


def instances_of(pattern: str) -> st.SearchStrategy[str]:
    """Paths that match this pattern."""
    parts = {"*": st.text(alphabet="ab.", max_size=3), "?": st.sampled_from("ab.")}
    return st.tuples(*(parts.get(character, st.just(character)) for character in pattern)).map("".join)


@given(st.lists(PATTERNS, min_size=1, max_size=3), PATTERNS, st.data())
def test_a_covered_pattern_matches_nothing_else(wider: list[str], narrower: str, data: st.DataObject) -> None:
    patterns = PathPatterns(tuple(wider))
    if patterns.cover(narrower):
        assert patterns.match(data.draw(instances_of(narrower)))


@given(PATTERNS)
def test_a_pattern_covers_itself(pattern: str) -> None:
    assert PathPatterns((pattern,)).cover(pattern)


@given(PATTERNS, PATHS.filter(lambda path: "*" not in path))
def test_a_path_without_wildcards_is_covered_where_it_is_matched(pattern: str, targetpath: str) -> None:
    patterns = PathPatterns((pattern,))
    assert patterns.cover(targetpath) == patterns.match(targetpath)


@pytest.mark.parametrize(
    ("wider", "narrower", "expected"),
    [
        ("*", "a*b", True),
        ("*", "?", True),
        ("a*", "ab*", True),
        ("a?", "ab", True),
        ("?", "?", True),
        ("*", "*/*", False),
        ("a/*", "*/a", False),
        ("a?", "a*", False),
        ("ab*", "a*", False),
        ("a", "?", False),
        ("a/b", "a/*", False),
    ],
)
def test_a_wider_pattern_covers_a_narrower_one_and_not_the_other_way(wider: str, narrower: str, expected: bool) -> None:
    assert PathPatterns((wider,)).cover(narrower) is expected


@pytest.mark.parametrize("pattern", ["*a" * 119, "*?" * 119, "a*" * 119 + "b", "*" * 240, "*a?" * 79 + "b"])
def test_hostile_patterns_do_not_backtrack_for_ever(pattern: str) -> None:
    """A matcher that tries every split would not come back from this."""
    targetpath = "a" * 239
    assert PathPatterns((pattern,)).match(targetpath) == (not pattern.endswith("b"))
    PathPatterns((pattern,)).cover("*a" * 120)


BINS = st.integers(1, 16).flatmap(lambda bits: st.tuples(st.just(bits), st.sampled_from(["bin", "a-b", "x-0", "", "."])))


@given(BINS, st.text())
def test_a_target_falls_into_the_bin_python_tuf_puts_it_into(bins: tuple[int, str], targetpath: str) -> None:
    ours, theirs = SuccinctRoles(*bins), TufSuccinctRoles([], 1, *bins)
    assert ours.bin_of(targetpath) == theirs.get_role_for_target(targetpath)
    assert ours.names(ours.bin_of(targetpath))


@pytest.mark.parametrize("bit_length", [1, 3, 4, 5, 8, 9])
def test_bins_are_named_as_python_tuf_names_them(bit_length: int) -> None:
    assert list(SuccinctRoles(bit_length, "bin").rolenames()) == list(TufSuccinctRoles([], 1, bit_length, "bin").get_roles())


@given(BINS, st.sampled_from(["bin-", "a-b-", "x-0-", "-", ".-", "bin", ""]), st.text(alphabet="0123456789abcdefAF-+_ \n", max_size=5))
def test_a_name_is_a_bin_only_if_it_is_one_of_them(bins: tuple[int, str], prefix: str, suffix: str) -> None:
    succinct = SuccinctRoles(*bins)
    rolename = prefix + suffix
    assert succinct.names(rolename) == (rolename in set(succinct.rolenames()))


@pytest.mark.parametrize("rolename", ["bin-0", "bin-7"])
def test_the_first_and_the_last_bin_are_bins(rolename: str) -> None:
    assert SuccinctRoles(3, "bin").names(rolename)


@pytest.mark.parametrize(
    "rolename", ["bin-8", "bin-00", "bin-", "bin", "0", "bin-A", "bin-a", "Bin-0", "bin-bin-0", "bin-0\n", "xbin-0", "-0", "bin-\u0663"]
)
def test_what_looks_like_a_bin_is_none(rolename: str) -> None:
    assert not SuccinctRoles(3, "bin").names(rolename)
    assert rolename not in set(TufSuccinctRoles([], 1, 3, "bin").get_roles())
