"""Target entries, checked and read piece by piece.

A targets role may hold a hundred thousand entries, of which one changed. Compact JSON makes that cheap: a run of members
cut out of an object is, in braces, an object again. So entries are parsed in pieces of about 64 KiB, each proven compact
by encoding it again, and never all in memory at once; and two versions are compared as bytes, piece by piece, so that
only what differs is parsed.
"""

import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NotRequired, TypedDict

import orjson

from trustpress.core.canonical import encode_compact
from trustpress.core.portable import MAX_INTEGER, NEW_TARGETPATH, SHORT_PATH, check_targetpath, check_value, is_new_targetpath
from trustpress.errors import SchemaViolation, TooLarge

_PIECE = 64 * 1024
_MAX_PIECE = 16 * _PIECE
_MAX_CUTS = 16
_MAX_FORMER_PATHS = 3
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA512 = re.compile(r"[0-9a-f]{128}")
_ENTRY_END = re.compile(rb'"\},"length":[0-9]{1,16}\}(?=,")')
_PLAIN_ENTRY = re.compile(
    rb'"((?=[^"]{1,%d}")%b)":\{"hashes":\{"sha256":"[0-9a-f]{64}"\},"length":(?:0|[1-9][0-9]{0,14})\}(?:,(?!\Z)|\Z)'
    % (SHORT_PATH, NEW_TARGETPATH.replace(r"\Z", '"').encode())
)


class TargetFile(TypedDict):
    """What targets metadata says of a target file. `length` is in bytes, hashes are lower-case hex by algorithm."""

    length: int
    hashes: dict[str, str]
    custom: NotRequired[dict[str, Any]]


class NotCompact(Exception):
    """These bytes are not compact JSON: rewrite them first."""


@dataclass(frozen=True)
class TargetEntries:
    """The members of a `targets` object, without its braces: `body[start:ends[-1]]`, compact, ascending, checked.

    `ends` are the offsets at which that run of members may be cut; each but the last is followed by a comma.
    `former_paths` are the first few paths that nobody may list anew.
    """

    body: bytes = field(repr=False)
    start: int
    ends: tuple[int, ...]
    former_paths: tuple[str, ...] = ()

    @property
    def stop(self) -> int:
        return self.ends[-1] if self.ends else self.start

    def items(self) -> Iterator[tuple[str, TargetFile]]:
        return self.items_between(self.start, self.stop)

    def targetpaths(self) -> Iterator[str]:
        return (targetpath for targetpath, _ in self.items())

    def get(self, targetpath: str) -> TargetFile | None:
        return next((entry for path, entry in self.items() if path == targetpath), None)

    def changed_since(self, earlier: "TargetEntries | None") -> Iterator[tuple[str, TargetFile]]:
        """The entries that `earlier` does not have with the same length and hashes."""
        if earlier is None:
            yield from self.items()
            return
        front = self._common_front(earlier)
        back = self._common_back(earlier, front)
        known = earlier.items_between(earlier.start + front, earlier.stop - back)
        candidate = next(known, None)
        for targetpath, entry in self.items_between(self.start + front, self.stop - back):
            # Both ascend: what lies before this path is not in here.
            while candidate and candidate[0] < targetpath:
                candidate = next(known, None)
            if not candidate or candidate[0] != targetpath or not _is_same_file(candidate[1], entry):
                yield targetpath, entry

    def items_between(self, start: int, stop: int) -> Iterator[tuple[str, TargetFile]]:
        """The members between two offsets into `body` at which a run of members may be cut, a piece at a time."""
        for end in (*(end for end in self.ends if start < end < stop), stop):
            yield from _members(self.body, start, end).items()
            start = end + 1

    def _common_front(self, earlier: "TargetEntries") -> int:
        """How many leading bytes, whole members and the comma behind them, both have in common."""
        front = 0
        for end in self.ends[:-1]:
            after = end + 1 - self.start
            if self.piece(front, after) != earlier.piece(front, after):
                break
            front = after
        return front

    def _common_back(self, earlier: "TargetEntries", front: int) -> int:
        """How many trailing bytes, a comma and whole members, both have in common behind `front`.

        Where the bytes agree, a cut that is right here is right there: balanced members that end at the outermost level
        began there too.
        """
        length, earlier_length = self.stop - self.start, earlier.stop - earlier.start
        back = 0
        for end in reversed(self.ends[:-1]):
            more = self.stop - end
            if length - more < front or earlier_length - more < front:
                break
            if self.piece(length - more, length - back) != earlier.piece(earlier_length - more, earlier_length - back):
                break
            back = more
        return back

    def piece(self, start: int, end: int) -> bytes:
        """The bytes between two offsets from the start of the first member."""
        return self.body[self.start + start : min(self.start + end, self.stop)]


def parse_entries(body: bytes, start: int, stop: int) -> TargetEntries:
    """Check every entry in `body[start:stop]`. Raises NotCompact or Invalid."""
    ends: list[int] = []
    former_paths: list[str] = []
    last = ""
    for end, targetpaths, former in _pieces(body, start, stop):
        if ends and targetpaths[0] <= last:
            raise NotCompact
        last = targetpaths[-1]
        ends.append(end)
        former_paths += former[: _MAX_FORMER_PATHS - len(former_paths)]
    return TargetEntries(body, start, tuple(ends), tuple(former_paths))


def _pieces(body: bytes, start: int, stop: int) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield where each piece ends, its target paths, and those that nobody may list anew.

    Where no cut is between entries, the piece is made longer.
    """
    size = _PIECE
    while start < stop:
        limit = start + size
        cuts = [stop] if limit >= stop else _cuts(body, start, limit)
        found = next(((end, *checked) for end in cuts if (checked := _check_piece(body[start:end]))), None)
        if found:
            yield found
            start, size = found[0] + 1, _PIECE
        elif limit >= stop:
            raise NotCompact
        elif size >= _MAX_PIECE:
            raise TooLarge("one entry of targets", _MAX_PIECE)
        else:
            size *= 2


def _cuts(body: bytes, start: int, limit: int) -> Iterator[int]:
    """Where an entry may end, last first: behind `length`, its last member, which follows the last of the hashes.

    A member of `custom` may imitate that. Such a cut does not parse, and the one before it is tried.
    """
    at = limit
    for _ in range(_MAX_CUTS):
        at = body.rfind(b'"},"length":', start, at)
        if at == -1:
            return
        if (match := _ENTRY_END.match(body, at)) and match.end() < limit:
            yield match.end()


def _check_piece(piece: bytes) -> tuple[list[str], list[str]] | None:
    """The target paths of a piece whose entries have all been checked, and those that nobody may list anew.

    None if it is not a run of whole members.
    """
    targetpaths = _check_plain_piece(piece)
    if targetpaths:
        return targetpaths, []
    try:
        entries: dict[str, Any] = orjson.loads(b"{%b}" % piece)
    except orjson.JSONDecodeError:
        return None
    if not _is_compact(entries, piece):
        raise NotCompact
    for targetpath, entry in entries.items():
        check_targetpath(targetpath)
        _check_entry(targetpath, entry)
    return (list(entries), [path for path in entries if not is_new_targetpath(path)]) if entries else None


def _is_compact(entries: dict[str, Any], piece: bytes) -> bool:
    try:
        return encode_compact(entries)[1:-1] == piece
    except TypeError:  # orjson reads 1,024 levels, and writes 254
        return False


def _check_plain_piece(piece: bytes) -> list[str] | None:
    """As _check_piece, three times as fast, for entries of sha256 and length alone, as nearly all are: None if one is not.

    What the pattern matches is compact JSON that passes every check. Splitting at the matches leaves nothing but them.
    """
    between_and_paths = _PLAIN_ENTRY.split(piece)
    if any(between_and_paths[::2]):
        return None
    targetpaths = b"\n".join(between_and_paths[1::2]).decode("ascii").split("\n")
    is_ascending = all(map(operator.lt, targetpaths, targetpaths[1:]))
    return targetpaths if is_ascending else None


def _members(body: bytes, start: int, end: int) -> dict[str, Any]:
    members: dict[str, Any] = orjson.loads(b"{%b}" % body[start:end].rstrip(b","))
    return members


def _check_entry(targetpath: str, entry: Any) -> None:
    """Exactly `length`, `hashes` and perhaps `custom` (specification 4.5). A plain loop: a schema takes 50 times as long."""
    if type(entry) is not dict or not entry.keys() <= {"length", "hashes", "custom"}:
        raise SchemaViolation(f"targets.{targetpath}", "expected length, hashes and perhaps custom, and nothing else")
    length, hashes = entry.get("length"), entry.get("hashes")
    if type(length) is not int or not 0 <= length <= MAX_INTEGER:
        raise SchemaViolation(f"targets.{targetpath}.length", "expected an integer from 0 to 2^53-1")
    if type(hashes) is not dict or not _are_hashes(hashes):
        raise SchemaViolation(f"targets.{targetpath}.hashes", "expected sha256, perhaps sha512, in lower-case hexadecimal")
    if "custom" in entry:
        if type(entry["custom"]) is not dict:
            raise SchemaViolation(f"targets.{targetpath}.custom", "expected an object")
        check_value(entry["custom"], f"targets.{targetpath}.custom", depth=5)


def _are_hashes(hashes: dict[str, Any]) -> bool:
    sha256 = hashes.get("sha256")
    if type(sha256) is not str or not _SHA256.fullmatch(sha256):
        return False
    if len(hashes) == 1:
        return True
    sha512 = hashes.get("sha512")
    return hashes.keys() == {"sha256", "sha512"} and type(sha512) is str and _SHA512.fullmatch(sha512) is not None


def _is_same_file(known: TargetFile, entry: TargetFile) -> bool:
    return known["length"] == entry["length"] and known["hashes"] == entry["hashes"]
