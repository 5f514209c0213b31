"""Compact and canonical JSON.

*Compact* is how Trustpress stores metadata: one line, members sorted, valid JSON. *Canonical* is what signatures cover:
OLPC canonical JSON (http://wiki.laptop.org/go/Canonical_JSON, TUF specification section 4.2.1), which writes control
characters raw and is therefore not always JSON. Without a backslash in it, a text is both, which is the usual case.
"""

import re
from typing import Any

import orjson

_STRICT = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME

_ESCAPES = {b"\\u00%02x" % code: bytes([code]) for code in range(32)}
_ESCAPES |= {b"\\b": b"\b", b"\\t": b"\t", b"\\n": b"\n", b"\\f": b"\f", b"\\r": b"\r"}

_ESCAPE = re.compile(rb"\\(?:u00..|.)")
_FEW = 10_000

# A byte that UTF-8 never has.
_PLACEHOLDER = b"\xff"


def encode_compact(value: Any) -> bytes:
    """Encode a JSON value with sorted members and no white space.

    Sorting is by code point, as in OLPC canonical JSON. Raises TypeError for what JSON, or a 64-bit integer, cannot hold.
    """
    return orjson.dumps(value, option=_STRICT)


def canonical_from_compact(compact: bytes) -> bytes:
    """Turn compact JSON into the bytes that signatures cover: only `\\"` and `\\\\` stay escaped.

    A few escapes, as in the keys of delegations, are looked for once. Where there are many, whole replacements take linear time
    and memory: with the escaped backslashes out of the way, every backslash that is left begins an escape.
    """
    escapes = compact.count(b"\\")
    if not escapes:
        return compact
    if escapes < _FEW:
        return _ESCAPE.sub(lambda found: _ESCAPES.get(found[0], found[0]), compact)
    text = compact.replace(b"\\\\", _PLACEHOLDER)
    for escape, raw in _ESCAPES.items():
        text = text.replace(escape, raw)
    return text.replace(_PLACEHOLDER, b"\\\\")


def encode_canonical(value: Any) -> bytes:
    """Encode a JSON value without floats as OLPC canonical JSON."""
    return canonical_from_compact(encode_compact(value))
