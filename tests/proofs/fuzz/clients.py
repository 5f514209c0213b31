"""Two real clients that read a release from memory: what they verify, what they find, or why they refuse."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from tests.clients.tuf_js import HERE, NODE

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Release:
    """Public metadata by file name, and what a client is asked to look for. `before` is what a warm client remembers."""

    first_root: bytes
    files: Files
    before: Files
    now: datetime
    targetpaths: Sequence[str]


@dataclass(frozen=True)
class Reading:
    """The versions verified, and for each target path its length and hashes, or None. `refusal` is the client's own words."""

    seen: Mapping[str, int]
    found: Sequence[Any]
    refusal: str = ""


class _Memory(FetcherInterface):
    def __init__(self, files: Files) -> None:
        self._files = files

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.removeprefix("memory:/metadata/")
        if name not in self._files:
            raise DownloadHTTPError(f"{name} is missing", 404)
        yield self._files[name]


class _InMemory(Updater):
    """python-tuf's client without its folder: it remembers what it is given."""

    def __init__(self, release: Release) -> None:
        self._remembered: dict[str, bytes] = dict(release.before)
        super().__init__("", "memory:/metadata", fetcher=_Memory(release.files), bootstrap=release.first_root)
        self._trusted_set.reference_time = release.now

    def _load_local_metadata(self, rolename: str) -> bytes:
        if rolename not in self._remembered:
            raise OSError(f"no {rolename}")
        return self._remembered[rolename]

    def _persist_metadata(self, rolename: str, data: bytes) -> None:
        self._remembered[rolename] = data

    def _persist_root(self, version: int, data: bytes) -> None:
        """Keep nothing: roots are fetched again."""

    def _update_root_symlink(self) -> None:
        """There is none."""


def read_with_python_tuf(release: Release) -> Reading:
    """A client that remembers the release before reads this one."""
    try:
        client = _InMemory(release)
        client.refresh()
        infos = [client.get_targetinfo(targetpath) for targetpath in release.targetpaths]
    except Exception as error:  # noqa: BLE001, whatever it raises, this client does not get through
        return Reading({}, [], f"{type(error).__name__}: {error}")
    trusted = client._trusted_set
    seen = {"root": trusted.root.version, "timestamp": trusted.timestamp.version, "snapshot": trusted.snapshot.version}
    return Reading(seen, [{"length": info.length, "hashes": info.hashes} if info else None for info in infos])


class TufJsReleases:
    """tuf-js, one Node process that reads as many releases as it is given, cold."""

    def __enter__(self) -> Self:
        program = HERE / "tuf_js_releases.mjs"
        self._process = subprocess.Popen([NODE, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate(timeout=10)

    def read(self, releases: Sequence[Release]) -> list[Reading]:
        """One line there and one back, so that neither side waits for the other to listen."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([_as_json(release) for release in releases]) + "\n")
        self._process.stdin.flush()
        answers = json.loads(self._process.stdout.readline())
        return [Reading(answer.get("seen", {}), answer.get("found", []), answer.get("error", "")) for answer in answers]


def _as_json(release: Release) -> dict[str, Any]:
    return {
        "first_root": release.first_root.decode(),
        "files": {name: body.decode() for name, body in release.files.items()},
        "now": release.now.isoformat(),
        "targetpaths": list(release.targetpaths),
    }
