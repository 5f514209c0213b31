"""What differs between two runs of the same commands: ids, hashes, times, numbers of snapshots. The rest is compared letter by letter.

Each id that a document shows stands for one that a run brings forth, always the same, and the beginning of one for the
beginning of the other. So a document can name a key by its first digits, and must not mix up two of them.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from difflib import SequenceMatcher
from threading import RLock

_ID = re.compile(r"(?<![0-9a-z])[0-9a-f]{8,64}(?![0-9a-z])")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_DATE = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?![\dT])")
_SHORT = 8

# Two looks at one upload race, and the one that loses has used up a number.
_SNAPSHOT = re.compile(r"(?<=snapshot )( *)\d+")
_ISO, _DAY = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d"

# When documents say that it happened.
_THEN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

# How far the publisher is when a second has passed depends on the machine.
_SOMETIMES = "Waiting for the publisher: "


class Likeness:
    """Between a document and one run, which began at `began`. Several stories may learn from it at the same time."""

    def __init__(self, began: datetime) -> None:
        self._ago = began.replace(microsecond=0) - _THEN
        self._pairs: dict[str, str] = {}
        self._lock = RLock()

    def fix(self, text: str) -> None:
        """The ids in a text that are the same in every run, such as the hash of what is in the document itself."""
        with self._lock:
            self._pairs |= {known: known for known in _ID.findall(text) if self._real_id(known) is None}

    def real(self, text: str) -> str:
        """What a document says, as this run has it."""
        with self._lock:
            return _ID.sub(lambda found: self._real_id(found[0]) or found[0], text)

    def learn(self, documented: Sequence[str], found: Sequence[str]) -> None:
        """Which ids stand for which: those at the same places of lines that are alike otherwise."""
        with self._lock:
            for ours, theirs in _alike(documented, found):
                for pair in zip(_ID.findall(ours), _ID.findall(theirs), strict=True):
                    self._learn_id(*pair)

    def read(self, lines: Sequence[str]) -> list[str]:
        """Lines of this run as the document would say them, where it knows how, and without what differs."""
        with self._lock:
            return timeless([_ID.sub(lambda found: self._documented_id(found[0]) or found[0], line) for line in lines])

    def write(self, documented: Sequence[str], found: Sequence[str]) -> tuple[str, ...]:
        """What the document is to say from now on: its own lines where they hold, and new ones in its own terms."""
        with self._lock:
            if timeless(documented) == self.read(found):
                return tuple(documented)
            kept = {theirs: ours for ours, theirs in _alike(documented, found) if timeless([ours]) == self.read([theirs])}
            return tuple(kept.get(line) or self._written(line) for line in found)

    def _written(self, line: str) -> str:
        ids = _ID.sub(lambda found: self._documented_id(found[0]) or self._made_up(found[0]), line)
        times = _TIME.sub(lambda found: (_at(found[0], _ISO) - self._ago).strftime(_ISO), ids)
        return _DATE.sub(lambda found: (_at(found[0], _DAY) - timedelta(days=self._ago.days)).strftime(_DAY), times)

    def _made_up(self, found: str) -> str:
        """Another id in its place, so that nobody takes one that was once real for one of theirs."""
        number = 0
        while any(known[:_SHORT] == _digest(number)[:_SHORT] for known in self._pairs):
            number += 1
        begun = next((ours for ours, theirs in self._pairs.items() if found.startswith(theirs)), "")
        made_up = f"{begun}{_digest(number)[len(begun) :]}"[: len(found)]
        self._pairs[made_up] = found
        return made_up

    def _learn_id(self, documented: str, found: str) -> None:
        if len(documented) == len(found) and self._is_consistent(documented, found):
            self._pairs[documented] = found

    def _is_consistent(self, documented: str, found: str) -> bool:
        return all(_agree(documented, ours) == _agree(found, theirs) for ours, theirs in self._pairs.items())

    def _real_id(self, documented: str) -> str | None:
        return next((theirs[: len(documented)] for ours, theirs in self._pairs.items() if ours.startswith(documented)), None)

    def _documented_id(self, found: str) -> str | None:
        return next((ours[: len(found)] for ours, theirs in self._pairs.items() if theirs.startswith(found)), None)


def timeless(lines: Sequence[str]) -> list[str]:
    return [_indifferent(line) for line in lines if not line.startswith(_SOMETIMES)]


def _indifferent(line: str) -> str:
    return _SNAPSHOT.sub(r"\1NUMBER", _DATE.sub("DATE", _TIME.sub("TIME", line)))


def _alike(documented: Sequence[str], found: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The lines that differ in nothing else, in order."""
    matcher = SequenceMatcher(None, [_skeleton(line) for line in documented], [_skeleton(line) for line in found], autojunk=False)
    for block in matcher.get_matching_blocks():
        yield from zip(documented[block.a : block.a + block.size], found[block.b : block.b + block.size], strict=True)


def _skeleton(line: str) -> str:
    return _indifferent(_ID.sub(lambda found: "#" * len(found[0]), line))


def _agree(one: str, other: str) -> bool:
    """Whether one is the beginning of the other."""
    return one.startswith(other) or other.startswith(one)


def _at(text: str, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _digest(number: int) -> str:
    return hashlib.sha256(f"tour {number}".encode()).hexdigest()
