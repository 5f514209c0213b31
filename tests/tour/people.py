"""Who is in the tour, and what each of them has: credentials for one repository or none, and passphrases."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_ROOT, _TAGGING, _DELEGATION = "TRUSTPRESS_ROOT_PASSPHRASE", "TRUSTPRESS_TAGGING_PASSPHRASE", "TRUSTPRESS_DELEGATION_PASSPHRASE"
_KEY, _NEW, _BACKUP = "TRUSTPRESS_KEY_PASSPHRASE", "TRUSTPRESS_NEW_PASSPHRASE", "TRUSTPRESS_BACKUP_PASSPHRASE"


@dataclass(frozen=True)
class Person:
    """`repository` is the one whose inbox they may write to; None for those who only read or administer."""

    repository: str | None = None
    passphrases: Mapping[str, str] = field(default_factory=dict)
    administers: bool = False


def _owner(repository: str) -> Person:
    everyday = "four more random words"
    passphrases = {
        _ROOT: "correct horse battery staple",
        _TAGGING: everyday,
        _DELEGATION: everyday,
        _KEY: everyday,
        _NEW: everyday,
        _BACKUP: "the third floor, on the left",
    }
    return Person(repository, passphrases)


def _holder(repository: str, passphrase: str) -> Person:
    """Somebody who has one passphrase for every key."""
    return Person(repository, dict.fromkeys((_ROOT, _TAGGING, _DELEGATION, _KEY), passphrase))


PEOPLE = {
    "alice": _owner("acme/api"),
    "bob": Person(),
    "carol": _holder("acme/api", "what carol remembers"),
    "dave": _owner("acme/tools"),
    "erin": _holder("acme/tools", "what erin remembers"),
    "frank": _owner("acme/images"),
    "grace": _owner("acme/wheels"),
    "heidi": Person(),
    "oscar": Person(administers=True),
    # README's.
    "developer": _owner("acme/demo"),
    "reader": Person(),
}
