"""Which role may speak of which target: path patterns (specification 4.5) and succinct roles (TAP 15)."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class PathPatterns:
    """Shell patterns of literals, `*` and `?`; no wildcard crosses a '/'."""

    patterns: tuple[str, ...]

    @cached_property
    def _match(self) -> re.Pattern[str]:
        return _compile(self.patterns, any_one="[^/]")

    @cached_property
    def _cover(self) -> re.Pattern[str]:
        return _compile(self.patterns, any_one="[^/*]")

    def match(self, targetpath: str) -> bool:
        return self._match.fullmatch(targetpath) is not None

    def cover(self, pattern: str) -> bool:
        """Whether everything that `pattern` matches is matched here too.

        Read as a path, the narrower pattern must match the wider one, where only `*` may stand for a `*`. That is sound;
        it refuses a few exotic inclusions that need several patterns together.
        """
        return self._cover.fullmatch(pattern) is not None


@dataclass(frozen=True, slots=True)
class SuccinctRoles:
    """2^bit_length bins `prefix-00` ... that share their keys; a target belongs to the bin its path's hash starts with."""

    bit_length: int
    prefix: str

    @property
    def _digits(self) -> int:
        return (self.bit_length + 3) // 4

    def bin_of(self, targetpath: str) -> str:
        first = int.from_bytes(hashlib.sha256(targetpath.encode()).digest()[:4], "big")
        return self._rolename(first >> (32 - self.bit_length))

    def names(self, rolename: str) -> bool:
        suffix = rolename.removeprefix(f"{self.prefix}-")
        if suffix == rolename or re.fullmatch(rf"[0-9a-f]{{{self._digits}}}", suffix) is None:
            return False
        return int(suffix, base=16) < 1 << self.bit_length

    def rolenames(self) -> Iterator[str]:
        return (self._rolename(number) for number in range(1 << self.bit_length))

    def _rolename(self, number: int) -> str:
        return f"{self.prefix}-{number:0{self._digits}x}"


def _compile(patterns: tuple[str, ...], any_one: str) -> re.Pattern[str]:
    return re.compile("|".join("/".join(_segment(part, any_one) for part in pattern.split("/")) for pattern in patterns) or "(?!)")


def _segment(pattern: str, any_one: str) -> str:
    """Translate one segment; each `*` but the last is atomic, so that matching stays linear in the path."""
    first, *rest = re.split(r"\*+", pattern)
    parts = [_literal(first, any_one)]
    parts += [f"(?>[^/]*?{_literal(middle, any_one)})" for middle in rest[:-1]]
    if rest:
        parts.append(f"[^/]*{_literal(rest[-1], any_one)}")
    return "".join(parts)


def _literal(text: str, any_one: str) -> str:
    return any_one.join(re.escape(part) for part in text.split("?"))
