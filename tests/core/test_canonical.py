"""Canonical JSON is securesystemslib's, byte for byte: a difference would be a signature that does not verify."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import NOW, canonical
from trustpress.core.canonical import canonical_from_compact, encode_canonical, encode_compact

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
# Short texts in which escapes, and what looks like one, stand next to each other.
TRICKY_TEXTS = st.text(
    alphabet='\\"/bfnrtu0158\x00\x01\x08\t\n\x0b\x0c\r\x1b\x1f\x7f\x80\ue000\u2028\uffff\U00010000\U0001f511', max_size=12
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS | TRICKY_TEXTS
VALUES = st.recursive(SCALARS, lambda values: st.lists(values) | st.dictionaries(TEXTS | TRICKY_TEXTS, values), max_leaves=30)


@given(VALUES)
def test_canonical_is_what_securesystemslib_writes(value: Any) -> None:
    assert encode_canonical(value) == canonical(value)


@given(VALUES)
def test_compact_is_json_that_gives_the_value_back(value: Any) -> None:
    compact = encode_compact(value)
    assert json.loads(compact) == value
    assert canonical_from_compact(compact) == canonical(value)


@pytest.mark.parametrize("start", range(0, 0x110000, 0x8800))
def test_every_character_is_written_as_securesystemslib_writes_it(start: int) -> None:
    text = "".join(chr(code) for code in range(start, start + 0x8800) if not 0xD800 <= code <= 0xDFFF)
    assert encode_canonical(text) == canonical(text)


def test_control_characters_are_written_raw_and_only_quote_and_backslash_escaped() -> None:
    assert encode_canonical('\b\t\n\f\r\x00\x1f\x7f"\\/') == b'"\b\t\n\f\r\x00\x1f\x7f\\"\\\\/"'


def test_text_that_looks_like_an_escape_is_left_alone() -> None:
    assert encode_canonical("\\u0041\\n\\\\u000a") == b'"\\\\u0041\\\\n\\\\\\\\u000a"'


def test_members_are_sorted_by_code_point_and_not_by_utf_16() -> None:
    assert encode_canonical({"\U00010000": 1, "\ue000": 2, "b": 3, "a": 4}) == '{"a":4,"b":3,"\ue000":2,"\U00010000":1}'.encode()


@pytest.mark.parametrize("shift", range(8))
def test_escapes_are_undone_wherever_they_lie_in_a_long_text(shift: int) -> None:
    text = "x" * shift + '\\"\n\x01\\u0001' * 30_000
    assert encode_canonical(text) == canonical(text)


@dataclasses.dataclass
class NotJson:
    member: int = 0


class TextSubclass(str):
    __slots__ = ()


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, {1: 2}, {None: 2}, NotJson(), TextSubclass("a"), NOW, b"a", {1}, "\ud800"])
def test_what_json_does_not_have_is_not_written(value: Any) -> None:
    with pytest.raises(TypeError):
        encode_compact(value)
