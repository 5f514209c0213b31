"""Compact and canonical JSON.

*Compact* is how Trustpress stores metadata: one line, members sorted, valid JSON. *Canonical* is what signatures cover:
OLPC canonical JSON (http://wiki.laptop.org/go/Canonical_JSON, TUF specification section 4.2.1), which writes control
characters raw and is therefore not always JSON. Without a backslash in it, a text is both, which is the usual case.
"""

from typing import Any

import orjson

_STRICT = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME

_ESCAPES = {b"\\u00%02x" % code: bytes([code]) for code in range(32)}
_ESCAPES |= {b"\\b": b"\b", b"\\t": b"\t", b"\\n": b"\n", b"\\f": b"\f", b"\\r": b"\r"}

# A byte that UTF-8 never has.
_PLACEHOLDER = b"\xff"


def encode_compact(value: Any) -> bytes:
    """Encode a JSON value with sorted members and no white space.

    Sorting is by code point, as in OLPC canonical JSON. Raises TypeError for what JSON, or a 64-bit integer, cannot hold.
    """
    return orjson.dumps(value, option=_STRICT)


def canonical_from_compact(compact: bytes) -> bytes:
    """Turn compact JSON into the bytes that signatures cover: only `\\"` and `\\\\` stay escaped.

    With the escaped backslashes out of the way, every backslash that is left begins an escape. Whole replacements take
    linear time and memory, however many escapes there are.
    """
    if b"\\" not in compact:
        return compact
    text = compact.replace(b"\\\\", _PLACEHOLDER)
    for escape, raw in _ESCAPES.items():
        text = text.replace(escape, raw)
    return text.replace(_PLACEHOLDER, b"\\\\")


def encode_canonical(value: Any) -> bytes:
    """Encode a JSON value without floats as OLPC canonical JSON."""
    return canonical_from_compact(encode_compact(value))
