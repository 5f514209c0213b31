"""Clients that know nothing of Trustpress: python-tuf's, with and without a memory."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface


@dataclass(frozen=True, slots=True)
class Seen:
    """The version numbers that a client has verified, of each role that snapshot lists too."""

    root: int
    timestamp: int
    snapshot: int
    meta: dict[str, int]

    def is_older_than(self, earlier: "Seen") -> bool:
        if (self.root, self.timestamp, self.snapshot) == (earlier.root, earlier.timestamp, earlier.snapshot):
            return self.meta != earlier.meta
        numbers = [(self.root, earlier.root), (self.timestamp, earlier.timestamp), (self.snapshot, earlier.snapshot)]
        numbers += [(self.meta.get(name, 0), version) for name, version in earlier.meta.items()]
        return any(now < before for now, before in numbers)


class Reader:
    """python-tuf's client. It keeps what it verified in `state`; one with a new folder is cold.

    `now` is what it takes the time to be. Whatever does not verify raises.
    """

    def __init__(
        self,
        state: Path,
        url: str,
        first_root: bytes,
        fetcher: FetcherInterface | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._state, self._url, self._first_root, self._fetcher, self._now = state, url, first_root, fetcher, now
        (state / "metadata").mkdir(parents=True, exist_ok=True)
        (state / "targets").mkdir(exist_ok=True)

    def refresh(self) -> Seen:
        updater = self._updater()
        updater.refresh()
        trusted = updater._trusted_set
        versions = {name: found.version for name, found in trusted.snapshot.meta.items()}
        return Seen(trusted.root.version, trusted.timestamp.version, trusted.snapshot.version, versions)

    def download(self, targetpath: str) -> bytes | None:
        """The verified bytes of a target, None if the repository has no such target."""
        return self.download_all([targetpath])[targetpath]

    def download_all(self, targetpaths: Iterable[str]) -> dict[str, bytes | None]:
        """The same for several targets of one release."""
        updater = self._updater()
        found = {targetpath: updater.get_targetinfo(targetpath) for targetpath in targetpaths}
        return {path: Path(updater.download_target(entry)).read_bytes() if entry else None for path, entry in found.items()}

    def _updater(self) -> Updater:
        metadata, targets = str(self._state / "metadata"), str(self._state / "targets")
        updater = Updater(metadata, f"{self._url}metadata/", targets, f"{self._url}targets/", self._fetcher, bootstrap=self._first_root)
        updater._trusted_set.reference_time = self._now()
        return updater
