"""Notices: offline roles that run out, told to people in time, and each of them once.

What was told is remembered in the staging bucket, after it was told: a crash in between repeats a notice and loses none.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from trustpress.core import layout
from trustpress.core.canonical import encode_compact
from trustpress.core.instants import parse_instant, write_instant
from trustpress.ports import Caching, Notifier, ObjectStore

DAYS = (30, 14, 7, 3, 1)

_MAX_LENGTH = 8_000_000
_MAX_NAMED = 20


@dataclass(frozen=True, slots=True)
class Told:
    """That a role was told to expire at this instant; `days` is the lowest of DAYS for which it was."""

    expires: datetime
    days: int


@dataclass(frozen=True, slots=True)
class Memory:
    """What the last look at the offline roles of a repository found, and what was told of it, by role name.

    `release` are the versions of root and snapshot at that look. Without `look_again` another one is due. Between containers
    only root, targets and the role that expires first are kept of `expiries`.
    """

    read_all_at: datetime | None = None
    look_again: datetime | None = None
    release: tuple[int, int] = (0, 0)
    expiries: Mapping[str, datetime] = field(default_factory=dict)
    told: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """Roles of one repository that expire at the same instant, within `days` days."""

    repository: str
    rolenames: tuple[str, ...]
    expires: datetime
    days: int

    def subject(self, now: datetime) -> str:
        more = f" and {len(self.rolenames) - 1} more" if len(self.rolenames) > 1 else ""
        return f"Trustpress: {_left(self.expires, now)}: {self.rolenames[0]}{more} of {self.repository}"

    def text(self, now: datetime) -> str:
        named = ", ".join(self.rolenames[:_MAX_NAMED])
        more = f" and {len(self.rolenames) - _MAX_NAMED} more" if len(self.rolenames) > _MAX_NAMED else ""
        is_for_all = bool({"root", "targets"}.intersection(self.rolenames))
        refused = "the whole repository" if is_for_all else "what it signs, and find nothing that is delegated behind it"
        return (
            f"Repository: {self.repository}\n"
            f"Role: {named}{more}\n"
            f"Expires: {write_instant(self.expires)} ({_left(self.expires, now)})\n\n"
            f"From then on clients refuse {refused}. Whoever holds the key runs:\n\n"
            f"  {self._command} {self._arguments}--repository {self.repository}\n\n"
            f"docs/keys.md and `{self._command} --help` say more.\n"
        )

    @property
    def _command(self) -> str:
        return "trustpress root renew" if self.rolenames == ("root",) else "trustpress renew"

    @property
    def _arguments(self) -> str:
        """Without role names, `renew` takes every role whose key is at hand."""
        is_listed = self.rolenames != ("root",) and len(self.rolenames) <= _MAX_NAMED
        return f"{' '.join(self.rolenames)} " if is_listed else ""


def due(repository: str, expiries: Mapping[str, datetime], told: Mapping[str, Told], now: datetime) -> list[Notice]:
    """The notices that were not given yet, most urgent first. A run that was missed is made up for by the lowest of DAYS alone."""
    together: dict[tuple[datetime, bool], list[str]] = {}
    for rolename, expires in expiries.items():
        days = _reached(expires, now)
        known = told.get(rolename)
        if days and not (known and known.expires == expires and known.days <= days):
            together.setdefault((expires, rolename == "root"), []).append(rolename)
    return [Notice(repository, tuple(sorted(names)), expires, _reached(expires, now)) for (expires, _), names in sorted(together.items())]


def next_notice(expiries: Mapping[str, datetime], now: datetime) -> datetime | None:
    """When the next of these roles comes within one of DAYS of its end, None if none ever does."""
    ahead = (expires - timedelta(days=days) for expires in set(expiries.values()) for days in DAYS)
    return min((instant for instant in ahead if instant > now), default=None)


def tell(notifier: Notifier, notices: list[Notice], now: datetime) -> Iterator[tuple[str, Told]]:
    """Give notices, one after the other; yield what is to be remembered of each. Raises Unavailable or UnknownOutcome."""
    for notice in notices:
        notifier.notify(notice.subject(now), notice.text(now))
        yield from ((rolename, Told(notice.expires, notice.days)) for rolename in notice.rolenames)


def _reached(expires: datetime, now: datetime) -> int:
    """The lowest of DAYS within which it expires, 0 where it is further away than all of them."""
    return min((days for days in DAYS if expires - now <= timedelta(days=days)), default=0)


def _left(expires: datetime, now: datetime) -> str:
    left = expires - now
    if left <= timedelta():
        return "expired"
    return f"{left.days} days left" if left >= timedelta(days=2) else f"{left // timedelta(hours=1)} hours left"


def read_memory(staging: ObjectStore, repository: str) -> Memory:
    """What was remembered; nothing, where that cannot be read as such: at worst a notice is repeated."""
    found = staging.get(layout.watch(repository), _MAX_LENGTH)
    try:
        return _parse(json.loads(found.body)) if found else Memory()
    except (ValueError, TypeError, KeyError, AttributeError):
        return Memory()


def write_memory(staging: ObjectStore, repository: str, memory: Memory) -> None:
    """Whoever writes last wins: what another run has told meanwhile is told once more, and nothing is lost."""
    first = min(memory.expiries, key=lambda rolename: memory.expiries[rolename])
    value = {
        "read_all_at": memory.read_all_at and write_instant(memory.read_all_at),
        "look_again": memory.look_again and write_instant(memory.look_again),
        "release": memory.release,
        "expiries": {rolename: write_instant(memory.expiries[rolename]) for rolename in sorted({"root", "targets", first})},
        "told": {rolename: {"expires": write_instant(told.expires), "days": told.days} for rolename, told in memory.told.items()},
    }
    staging.put(layout.watch(repository), encode_compact(value), Caching.PRIVATE)


def _parse(value: Mapping[str, Any]) -> Memory:
    root, snapshot = value["release"]
    return Memory(
        parse_instant(value["read_all_at"]) if value["read_all_at"] else None,
        parse_instant(value["look_again"]) if value["look_again"] else None,
        (root, snapshot),
        {rolename: parse_instant(text) for rolename, text in value["expiries"].items()},
        {rolename: Told(parse_instant(told["expires"]), told["days"]) for rolename, told in value["told"].items()},
    )
