"""The inbox of one repository: uploads read, parsed and put in order."""

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime

from trustpress.core import layout
from trustpress.core.metadata import Document, Root, Targets
from trustpress.core.parse import MAX_TARGETS_LENGTH, parse_upload
from trustpress.errors import Invalid, TooLarge, Unavailable, Unreadable
from trustpress.ports import ObjectStore, StoredVersion
from trustpress.publish.backlog import WaitingRoom
from trustpress.verdicts import AwaitingAccess, InboxFull, Rejected, Waiting
from trustpress.workers import Workers

# What a window holds in memory at once: uploads as they lie in the inbox, and what parsed roles take beside them.
MAX_UPLOADS = 200
MAX_BYTES = 96_000_000
MAX_PARSED_BYTES = 128_000_000

# What one look lists, in some 50 requests. Where more is waiting, the first by key are taken, not the oldest.
MAX_LISTED = 50_000

# Roles by name, to become visible together.
Bundle = Mapping[str, Document[Root] | Document[Targets]]

Fetched = bytes | Rejected | Waiting | Unavailable | None

# Which uploads were waiting when they were last looked at, by key and version; and whether keys of the repository signed them.
Waited = MutableMapping[tuple[str, str], bool]


@dataclass(frozen=True, eq=False)
class Upload:
    """One version of one object in the inbox: a bundle of roles, or the reason why it is none."""

    version: StoredVersion
    sha256: str
    bundle: Bundle = field(default_factory=dict, repr=False)
    error: Rejected | Waiting | None = None

    @property
    def roles(self) -> dict[str, int]:
        return {rolename: document.signed.version for rolename, document in self.bundle.items()}


class Inbox:
    """Reads each upload once, however often it is asked; the bytes in hand are the bytes that are published.

    It is listed once: whatever comes later is announced by a message of its own. Windows of uploads are shown one after the
    other, the oldest first, each as large as memory and time allow. What is known to wait comes last, so that it cannot take the
    time for what is new. `unread` is what kept the store from giving an upload, and `requests_for_keys` are empty objects that
    ask for the repository's online keys.
    """

    def __init__(self, staging: ObjectStore, repository: str, workers: Workers, waited: Waited) -> None:
        self._staging, self._workers, self._waited = staging, workers, waited
        self._prefix = layout.inbox_metadata(repository)
        self._ahead: list[StoredVersion] | None = None
        self._window: list[Upload] | None = None
        self._passed_over: list[StoredVersion] = []
        self._windows = 0
        self._has_changed = False
        self._is_cut = False
        self._room = WaitingRoom()
        self.unread: Unavailable | None = None
        self.requests_for_keys: list[StoredVersion] = []

    @property
    def has_next(self) -> bool:
        """Whether there is another window to look at."""
        return bool(self._ahead)

    @property
    def has_more(self) -> bool:
        """Whether others are waiting that were not looked at."""
        return self.has_next or self._is_cut

    def uploads(self, has_time: Callable[[], bool]) -> list[Upload]:
        """The uploads in the window, in an order in which they may build on each other. Without time it ends early.

        Asked again, it leaves out what another drain has taken meanwhile. Raises Unavailable.
        """
        if self._ahead is None:
            self._ahead = self._list()
            self._remember_who_waits(self._ahead)
        if self._window is None:
            self._window = self._read_window(has_time)
        elif not self.has_more:  # to list more than a window would cost more than it saves
            listed = {_place(version) for version in self._list()}
            self._window = [upload for upload in self._window if _place(upload.version) in listed]
        return sorted(self._window, key=_building_order)

    def leave(self, waiting: Collection[Upload], unjudged: Collection[Upload]) -> None:
        """Move the window on. What waits is passed over and does not block the rest; what was not judged comes next.

        Where several windows were needed, what waits may have waited for what lay in another: as long as that moves
        something, it is looked at once more.
        """
        assert self._window is not None
        assert self._ahead is not None
        self._windows += 1
        self._has_changed |= len(waiting) + len(unjudged) < len(self._window)
        self._window = None
        self._passed_over += [upload.version for upload in waiting]
        self._ahead[:0] = sorted((upload.version for upload in unjudged), key=_age)
        if not self._ahead and self._windows > 1 and self._has_changed:
            self._ahead, self._passed_over, self._windows, self._has_changed = self._passed_over, [], 0, False

    def turn_away(self, upload: Upload, error: Waiting) -> InboxFull | None:
        """Why an upload may not wait, None if it may. Ask for the oldest first: whoever waits keeps the place."""
        place = _place(upload.version)
        full = None if place in self._waited else self._room.turn_away(upload.version.length, is_verified=error.is_verified)
        if not full:
            self._waited.setdefault(place, error.is_verified)
        return full

    def _list(self) -> list[StoredVersion]:
        listed = list(itertools.islice(self._staging.list_versions(self._prefix), MAX_LISTED + 1))
        self._is_cut = len(listed) > MAX_LISTED
        self.requests_for_keys = [version for version in listed if self._asks_for_keys(version)]
        listed = [version for version in listed if not self._asks_for_keys(version)]
        return sorted(listed[:MAX_LISTED], key=lambda version: (_place(version) in self._waited, _age(version)))

    def _asks_for_keys(self, version: StoredVersion) -> bool:
        return version.length == 0 and version.key == self._prefix + layout.ONLINE_KEYS

    def _remember_who_waits(self, listed: Iterable[StoredVersion]) -> None:
        places = {_place(version): version.length for version in listed}
        for place in [*self._waited]:
            if place in places:
                self._room.keep_place(places[place], is_verified=self._waited[place])
            else:
                del self._waited[place]

    def _read_window(self, has_time: Callable[[], bool]) -> list[Upload]:
        """Fetched together, parsed one at a time: the parser may need many times the length of an upload."""
        assert self._ahead is not None
        chosen = list(_within_limits(self._ahead))
        fetched = self._workers.map(lambda version: self._fetch(version) if has_time() or version is chosen[0] else None, chosen)
        self._note_what_failed(fetched)
        window: list[Upload] = []
        taken = parsed_bytes = 0
        while taken < len(chosen) and (not taken or (has_time() and parsed_bytes < MAX_PARSED_BYTES)):
            found, fetched[taken] = fetched[taken], None
            if found is not None and not isinstance(found, Unavailable):
                window.append(self._parse(chosen[taken], found))
                parsed_bytes += sum(map(_parsed_bytes, window[-1].bundle.values()))
            taken += 1
        del self._ahead[:taken]
        return window

    def _fetch(self, version: StoredVersion) -> Fetched:
        """The bytes, or why there are none; None if another drain took the upload since it was listed."""
        try:
            found = self._staging.get(version.key, MAX_TARGETS_LENGTH, version.version_id)
        except TooLarge as error:
            return Rejected.because(error)
        except Unreadable as error:
            return AwaitingAccess(version.key, str(error))
        except Unavailable as error:
            return error
        return found.body if found else None

    def _note_what_failed(self, fetched: Collection[Fetched]) -> None:
        """One object that the store fails to give stands in nobody's way. Raises Unavailable if it gives none of them."""
        failures = [found for found in fetched if isinstance(found, Unavailable)]
        if failures and len(failures) == len(fetched):
            raise failures[0]
        self.unread = self.unread or next(iter(failures), None)

    def _parse(self, version: StoredVersion, fetched: bytes | Rejected | Waiting) -> Upload:
        if not isinstance(fetched, bytes):
            # Never read, so never hashed: its receipt is found under the hash of its version.
            return Upload(version, hashlib.sha256(version.version_id.encode()).hexdigest(), error=fetched)
        sha256 = hashlib.sha256(fetched).hexdigest()
        try:
            return Upload(version, sha256, parse_upload(version.key.removeprefix(self._prefix), fetched))
        except Invalid as error:
            return Upload(version, sha256, error=Rejected.because(error))


def _place(version: StoredVersion) -> tuple[str, str]:
    return version.key, version.version_id


def _age(version: StoredVersion) -> datetime:
    return version.last_modified


def _within_limits(versions: Iterable[StoredVersion]) -> Iterable[StoredVersion]:
    total = 0
    for count, version in enumerate(versions):
        total += min(version.length, MAX_TARGETS_LENGTH)
        if count and (count >= MAX_UPLOADS or total > MAX_BYTES):
            return
        yield version


def _parsed_bytes(document: Document[Root] | Document[Targets]) -> int:
    """What a role takes beside its bytes, measured: each delegated role, each of its keys and patterns."""
    if isinstance(document.signed, Root):
        return 5_000 + 5 * len(document.body)
    roles = document.signed.delegations.roles.values()
    return 5_000 + sum(1_000 + 150 * len(role.role_keys.keys) + 100 * len(role.patterns.patterns) for role in roles)


def _building_order(upload: Upload) -> tuple[bool, int]:
    """Root first, then low versions: uploads that build on each other come in the order in which they were signed."""
    return "root" not in upload.bundle, min(upload.roles.values(), default=0)
