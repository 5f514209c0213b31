"""The portable subset: what python-tuf, tuf-js, go-tuf and sigstore-ruby understand alike.

Outside it they disagree about signed metadata that all of them accept, so a publisher refuses what is outside. The rules
P1 to P10 are explained in docs/portable.md.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from trustpress.errors import NotPortable, NotStrictJson

MAX_INTEGER = 2**53 - 1
MAX_VERSION = 2**31 - 1
MAX_DEPTH = 32
MAX_ENCODED_PATH = 240

_ROLENAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_RESERVED_ROLENAMES = {"root", "targets", "snapshot", "timestamp", "mirrors"}

# What every object of JavaScript has: tuf-js finds a target of such a name in each role that it asks.
_PROTOTYPE_NAMES = [
    "__proto__", "constructor", "prototype", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toString",
    "toLocaleString", "valueOf", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__",
]  # fmt: skip
_RESERVED_IN_ANY_CASE = _RESERVED_ROLENAMES | {name.lower() for name in _PROTOTYPE_NAMES}

_NO_PROTOTYPE_NAME = rf"(?!(?:{'|'.join(_PROTOTYPE_NAMES)})\Z)"
_SEGMENT = r"""(?!\.{1,2}(?:/|\Z))[!"$&-)*,\-.0-9;<=>@A-Z\[\]^_`a-z{|}~']++"""
_TARGETPATH = re.compile(rf"{_NO_PROTOTYPE_NAME}{_SEGMENT}(?:/{_SEGMENT})*+")

# Of that, what RFC 3986 allows in a URL as it is, and Windows in a file's name.
_DEVICE = r"(?i:con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(?=[./]|\Z)"
_NEW_CHARACTERS = r"!$&-),\-.0-9;=@A-Z_a-z~"
_NEW_SEGMENT = rf"(?!{_DEVICE})[{_NEW_CHARACTERS}]++(?<!\.)"
_NEW_SEGMENTS = rf"{_NEW_SEGMENT}(?:/{_NEW_SEGMENT})*+"
_NEW_TARGETPATH = re.compile(_NEW_SEGMENTS)
NEW_TARGETPATH = _NO_PROTOTYPE_NAME + _NEW_SEGMENTS
_NOT_NEW_CHARACTER = re.compile(rf"[^/{_NEW_CHARACTERS}]")

# No path of so few characters gets too long when it is percent-encoded.
SHORT_PATH = MAX_ENCODED_PATH // 3

# Some clients read more into a pattern: sets, alternatives, negation.
_PATTERN_EXTRA = re.compile(r"[\[\]{}()!]")

_KNOWN_FIELDS = {
    "signed", "signatures", "keyid", "sig", "_type", "spec_version", "version", "expires", "consistent_snapshot", "keys", "roles",
    "keyids", "threshold", "keytype", "scheme", "keyval", "public", "meta", "length", "hashes", "sha256", "sha512", "targets",
    "delegations", "name", "terminating", "paths", "path_hash_prefixes", "succinct_roles", "bit_length", "name_prefix", "custom",
}  # fmt: skip


def check_rolename(name: str) -> None:
    """P1: a delegated role's name. Raises NotPortable."""
    if not _ROLENAME.fullmatch(name) or name.isdigit() or name.lower() in _RESERVED_IN_ANY_CASE:
        raise NotPortable(f"role {name[:100]!r}", "not a role name every client can use")


def check_new_rolename(name: str) -> None:
    """P1, and no name whose files would pass as roots. What is published under one stays as it is. Raises NotPortable."""
    check_rolename(name)
    if name.endswith(".root"):
        raise NotPortable(f"role {name!r}", "ends in .root, as only the files of roots do: delegate its paths to a role with another name")


def check_targetpath(path: str) -> None:
    """P2 as it was when the oldest metadata was published: relative, plain ASCII, no empty, '.' or '..' segment, none of
    # ? % + \\ : and space, no name that JavaScript's objects have. Raises NotPortable.
    """
    if not _TARGETPATH.fullmatch(path):
        raise NotPortable(f"target {path[:100]!r}", "not a target path every client can fetch")
    if len(path) > SHORT_PATH and len(quote(path)) > MAX_ENCODED_PATH:
        raise NotPortable(f"target {path[:100]!r}", f"longer than {MAX_ENCODED_PATH} bytes once percent-encoded")


def check_new_targetpath(path: str) -> None:
    """P2: that, and nothing that RFC 3986 forbids in a URL or Windows in a file's name, at most 240 bytes as the name of a
    client's file, whose slashes are %2F. What is published already stays as it is. Raises NotPortable.
    """
    check_targetpath(path)
    if not is_new_targetpath(path):
        raise NotPortable(f"target {path[:100]!r}", f"not a target path every client can fetch: {_reason_against(path)}")


def is_new_targetpath(path: str) -> bool:
    """Whether a path that `check_targetpath` lets pass may be listed anew."""
    return _NEW_TARGETPATH.fullmatch(path) is not None and (len(path) <= SHORT_PATH or len(quote(path, safe="")) <= MAX_ENCODED_PATH)


def _reason_against(path: str) -> str:
    if character := _NOT_NEW_CHARACTER.search(path):
        return f"it has {character[0]!r} in it"
    if _NEW_TARGETPATH.fullmatch(path):
        return f"longer than {MAX_ENCODED_PATH} bytes once percent-encoded, where clients write a slash as %2F"
    return "a part of it ends in a dot or is the name of a device on Windows"


def check_pattern(pattern: str) -> None:
    """P3: a path pattern of literals, `*` and `?`. Raises NotPortable."""
    if _PATTERN_EXTRA.search(pattern) or len(pattern) > MAX_ENCODED_PATH or not _TARGETPATH.fullmatch(pattern.replace("?", "x")):
        raise NotPortable(f"path pattern {pattern[:100]!r}", "expected literals, * and ? only, relative, no '.' or '..' segment")


def check_new_pattern(pattern: str) -> None:
    """P3, and literals that a new target path may have. What is published already stays as it is. Raises NotPortable."""
    check_pattern(pattern)
    path = pattern.replace("?", "x").replace("*", "x")
    if not _NEW_TARGETPATH.fullmatch(path):
        raise NotPortable(f"path pattern {pattern[:100]!r}", f"no new target path can match it: {_reason_against(path)}")


def check_delegated_targetpath(path: str) -> None:
    """P2: in a role that is delegated path patterns, no segment begins with a dot. Raises NotPortable.

    A wildcard stands for that dot in python-tuf and go-tuf, not in tuf-js and sigstore-ruby: they would ask different roles.
    """
    if path.startswith(".") or "/." in path:
        raise NotPortable(f"target {path[:100]!r}", "a name that begins with a dot, in a role that has path patterns")


def check_value(value: Any, where: str, depth: int = 1) -> None:
    """P5 and P6: integers within 2^53-1, no floats, no astral member names, nested at most 32 deep.

    `where` names the value in messages, `depth` is how deep it lies. Raises NotStrictJson or NotPortable.
    """
    if depth > MAX_DEPTH:
        raise NotStrictJson(f"{where}: nested more than {MAX_DEPTH} deep")
    if isinstance(value, float):
        raise NotStrictJson(f"{where}: a float, or an integer beyond 64 bits")
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise NotStrictJson(f"{where}: an integer beyond 2^53-1")
    if isinstance(value, dict):
        for name in value:
            if not name.isascii() and max(name) > "\uffff":
                raise NotPortable(where, "a member name outside the basic multilingual plane")
    for item in _items(value):
        # There may be a million of them, and most are texts.
        if type(item) is not str or depth == MAX_DEPTH:
            check_value(item, where, depth + 1)


def check_field_names(value: Any) -> None:
    """P6: no member that equals a known field but for its case; Go's decoder would take it for that field.

    Raises NotStrictJson.
    """
    if isinstance(value, dict):
        for name in value:
            if name not in _KNOWN_FIELDS and name.casefold() in _KNOWN_FIELDS:
                raise NotStrictJson(f"member {name[:100]!r} differs from {name.casefold()!r} only by case")
    for item in _items(value):
        if isinstance(item, dict | list):
            check_field_names(item)


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
