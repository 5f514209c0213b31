"""From a JSON value to bytes: as everybody writes it, as nobody does, and broken."""

import gzip
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

import orjson

_LETTER_IN_TEXT = re.compile(rb'(?<=")[a-z](?=[a-z_]*")')
_MEMBER = re.compile(rb'"[a-z_]+":')
_TOKENS = [
    b"\0", b"\xff", b"\xef\xbb\xbf", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"1e9", b"-", b"null", b"NaN", b'"signed":',
    b'"signatures":[],', b',"targets":{',
    b'},"version":', b'"},"length":1}', b"\\u0000", b"\\ud800", b"\n", b" ", b"\xed\xa0\x80", b"\xc2\x85", b'{"a":' * 1100,
    b"[" * 100_000, b"9" * 5000,
]  # fmt: skip


def compact(value: Any) -> bytes:
    """One line, sorted; what orjson cannot write is written by the standard library."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def respell(rng: Random, value: Any) -> bytes:
    """The same value, spelled otherwise."""
    return rng.choice(_SPELLINGS)(rng, value)


def damage(rng: Random, body: bytes, other: bytes) -> bytes:
    """The same bytes but for a few; `other` is something to splice in."""
    return rng.choice(_DAMAGES)(rng, body, other)


def _shuffled(rng: Random, value: Any) -> Any:
    if isinstance(value, dict):
        names = list(value)
        rng.shuffle(names)
        return {name: _shuffled(rng, value[name]) for name in names}
    return [_shuffled(rng, item) for item in value] if isinstance(value, list) else value


def _escaped(rng: Random, value: Any) -> bytes:
    """Some letters as escapes, which change nothing, or so one hopes."""
    return _LETTER_IN_TEXT.sub(lambda found: b"\\u%04x" % ord(found[0]) if rng.random() < 0.2 else found[0], compact(value))


def _with_member_twice(rng: Random, value: Any) -> bytes:
    """A member in front of its namesake, which hides it from most parsers."""
    body = compact(value)
    found = rng.choice(list(_MEMBER.finditer(body)) or [re.match(b"", body)])
    assert found
    hidden = rng.choice([b"0", b"{}", b'"a"', b"null", b"[" * 1010 + b"]" * 1010, b'{"a":' * 1005 + b"0" + b"}" * 1005, b"9" * 5000])
    return b"%b%b%b,%b" % (body[: found.start()], found[0], hidden, body[found.start() :])


_SPELLINGS: list[Callable[[Random, Any], bytes]] = [
    lambda rng, value: json.dumps(value, indent=rng.choice([0, 1, 2])).encode(),
    lambda rng, value: json.dumps(value).encode(),
    lambda rng, value: json.dumps(_shuffled(rng, value), separators=(",", ":")).encode(),
    lambda rng, value: json.dumps(_shuffled(rng, value), ensure_ascii=False).encode("utf-8", "surrogatepass"),
    lambda rng, value: compact(value).replace(b"/", b"\\/"),
    lambda rng, value: b" \n%b\r\n\t" % compact(value),
    _escaped,
    _with_member_twice,
]


def _flip(rng: Random, body: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(body) or 1)
    return b"%b%c%b" % (body[:at], (body[at] if body else 0) ^ 1 << rng.randrange(8), body[at + 1 :])


def _insert(rng: Random, body: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + rng.choice(_TOKENS) + body[at:]


def _cut(rng: Random, body: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + body[at + rng.choice([1, 1, 2, 8, 64, 512]) :]


def _repeat(rng: Random, body: bytes, other: bytes) -> bytes:
    at, length = rng.randrange(len(body) + 1), rng.choice([1, 8, 64, 512])
    return body[: at + length] + body[at:]


def _splice(rng: Random, body: bytes, other: bytes) -> bytes:
    return body[: rng.randrange(len(body) + 1)] + other[rng.randrange(len(other) + 1) :]


def _overwrite(rng: Random, body: bytes, other: bytes) -> bytes:
    at, length = rng.randrange(len(body) + 1), rng.choice([1, 2, 4, 32])
    return body[:at] + rng.randbytes(length) + body[at + length :]


_DAMAGES: list[Callable[[Random, bytes, bytes], bytes]] = [
    _flip, _flip, _insert, _insert, _cut, _cut, _repeat, _splice, _overwrite,
    lambda rng, body, other: body[: rng.randrange(len(body) + 1)],
    lambda rng, body, other: body + rng.choice(_TOKENS),
    lambda rng, body, other: rng.choice([gzip.compress(body, mtime=0), body.decode("utf-8", "replace").encode("utf-16"), b"[%b]" % body,
    b"", body + body]),
]  # fmt: skip
