"""What this machine remembers, in `~/.trustpress` or TRUSTPRESS_HOME.

keys/                       private keys, encrypted; see keys/keystore.py
repositories/NAME/          one folder per repository, its name percent-encoded
    repository.json         where it lives
    root.json               the first root: the pin that all trust hangs on
    metadata/               what python-tuf's client has verified since
    change.json             a change that was begun here and is not published yet; see changes/change.py
    offered-KEYID.pub       the key of a signer whose delegation was dropped, for the command that offers it again
    pin-incomplete          here as long as other holders have not signed the first root
"""

import errno
import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from trustpress.core import layout, trust
from trustpress.core.parse import parse_root
from trustpress.errors import Invalid
from trustpress_uploader.disk import is_somebody_elses, replace_file
from trustpress_uploader.errors import UnknownRepository, UnusableFile
from trustpress_uploader.keys.keystore import Keystore

INCOMPLETE = "pin-incomplete"

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a repository lives. `staging` is None on a machine that only reads."""

    url: str
    staging: str | None = None
    bucket_owner: str | None = None


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """A repository whose first root is pinned on this machine."""

    name: str
    folder: Path
    connection: Connection

    @property
    def base_url(self) -> str:
        return f"{self.connection.url}/{self.name}"

    def metadata_url(self, rolename: str, version: int) -> str:
        """Where a version of a role is, for ever."""
        return f"{self.connection.url}/{layout.metadata(self.name, rolename, version)}"

    @property
    def metadata_folder(self) -> Path:
        return self.folder / "metadata"

    @property
    def change_file(self) -> Path:
        return self.folder / "change.json"

    @property
    def is_pin_incomplete(self) -> bool:
        return self.incomplete_mark.exists()

    @property
    def is_new(self) -> bool:
        """Whether no client on this machine has verified anything of it yet."""
        return not (self.metadata_folder / "timestamp.json").exists()

    @property
    def is_begun(self) -> bool:
        """Whether its init has not ended yet."""
        return self.is_new and self.change_file.exists()

    @property
    def incomplete_mark(self) -> Path:
        return self.folder / INCOMPLETE

    def pinned_root(self) -> bytes:
        """Raises UnusableFile where it is torn or gone."""
        path = self.folder / "root.json"
        try:
            body = path.read_bytes()
            parse_root(body)
        except (FileNotFoundError, Invalid) as error:
            hint = f"Bring it back: move {self.folder} away, then `trustpress key restore FILE`, or give --url and --root FILE once."
            raise UnusableFile(path, "not the root that was pinned on this machine", hint) from error
        return body

    def pin(self, root: bytes) -> None:
        """Replace the pin by the same root with the signatures of all its holders."""
        replace_file(self.folder / "root.json", root)
        self.incomplete_mark.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time in this folder: python-tuf replaces files there without locks of its own."""
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


class Home:
    def __init__(self, folder: Path) -> None:
        self.keystore = Keystore(folder / "keys")
        self._repositories = folder / "repositories"

    def names(self) -> list[str]:
        if not self._repositories.is_dir():
            return []
        folders = (folder for folder in self._repositories.iterdir() if not folder.name.startswith("."))
        return sorted(unquote(folder.name) for folder in folders if (folder / "repository.json").exists())

    def find(self, name: str) -> KnownRepository | None:
        """A repository that this machine knows. Raises UnusableFile where its folder is damaged."""
        path = self._folder(name) / "repository.json"
        if not path.exists():
            return None
        return KnownRepository(name, path.parent, read_connection(path.read_bytes(), path))

    def stranger(self, name: str, connection: Connection) -> KnownRepository:
        """A repository that this machine has no root of, and keeps nothing of."""
        return KnownRepository(name, self._folder(name), connection)

    def only_name(self) -> str:
        """The one repository this machine knows. Raises UnknownRepository if there are none or several."""
        names = self.names()
        begun = {name for name in names if (found := self.find(name)) and found.is_begun}
        names = [name for name in names if name not in begun] or names
        if len(names) != 1:
            known = f"this machine knows {', '.join(names)}" if names else "this machine knows no repository yet"
            raise UnknownRepository(f"{known}: name one by --repository or TRUSTPRESS_REPOSITORY")
        return names[0]

    def add(self, name: str, connection: Connection, root: bytes, change: bytes | None = None, *, complete: bool = True) -> KnownRepository:
        """Pin the first root of a repository. The folder appears as a whole or not at all. Raises ForeignRepository."""
        trust.verify_repository("root", parse_root(root).signed, name)
        self._repositories.parent.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
        self._repositories.mkdir(mode=stat.S_IRWXU, exist_ok=True)
        folder = self._folder(name)
        draft = KnownRepository(name, Path(tempfile.mkdtemp(dir=self._repositories, prefix=".")), connection)
        try:
            (draft.folder / "root.json").write_bytes(root)
            (draft.folder / "repository.json").write_text(json.dumps(_given(connection), indent=1))
            draft.metadata_folder.mkdir()
            if change is not None:
                draft.change_file.write_bytes(change)
            if not complete:
                draft.incomplete_mark.touch()
            draft.folder.rename(folder)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST} or not self._has_pinned(name, root):
                raise
            # Another process of this machine was first, with the same root.
        finally:
            shutil.rmtree(draft.folder, ignore_errors=True)
        return KnownRepository(name, folder, connection)

    def _has_pinned(self, name: str, root: bytes) -> bool:
        known = self.find(name)
        return known is not None and parse_root(known.pinned_root()).message == parse_root(root).message

    def remember_connection(self, repository: KnownRepository) -> None:
        """From now on it lives where its connection says."""
        replace_file(repository.folder / "repository.json", json.dumps(_given(repository.connection), indent=1).encode())

    def restore(self, name: str, files: Mapping[str, str]) -> None:
        """Bring a repository back from the text of its files."""
        connection = read_connection(files["repository.json"].encode(), name)
        self.add(name, connection, files["root.json"].encode(), complete=INCOMPLETE not in files)

    def forget(self, repository: KnownRepository) -> None:
        shutil.rmtree(repository.folder)

    def _folder(self, name: str) -> Path:
        return self._repositories / quote(layout.check_repository(name), safe="")


def read_connection(body: bytes, where: object) -> Connection:
    """Where a repository lives, as `repository.json` says; what later versions may say there is left out. Raises UnusableFile."""
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    match value:
        case {"url": str(url)}:
            staging, bucket_owner = value.get("staging"), value.get("bucket_owner")
            if isinstance(staging, str | None) and isinstance(bucket_owner, str | None):
                return Connection(url, staging, bucket_owner)
    raise UnusableFile(where, "not readable", "Delete its folder, then give --url and --root FILE once.")


def open_home() -> Home:
    """Raises UnusableFile where others could replace the pins that trust hangs on."""
    folder = Path(os.environ.get("TRUSTPRESS_HOME") or Path.home() / ".trustpress")
    if folder.exists() and is_somebody_elses(folder.stat()):
        hint = "Name a folder of your own by TRUSTPRESS_HOME, and bring keys and pins there from your backup."
        raise UnusableFile(folder, "belongs to another user of this machine, who may replace what is in it", hint)
    if folder.exists() and stat.S_IMODE(folder.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH):
        raise UnusableFile(folder, "other users of this machine may write here", f"chmod go-w {folder}, and look at what is in it.")
    return Home(folder)


def check_url(url: str) -> str:
    """Return the URL without a trailing slash. Raises UnknownRepository for what is none."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise UnknownRepository(f"{url}: expected a URL such as https://d111111abcdef8.cloudfront.net")
    return url.rstrip("/")


def is_private(url: str) -> bool:
    """Whether nobody on the way can change what this URL answers."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def _given(connection: Connection) -> dict[str, str]:
    values = {"url": connection.url, "staging": connection.staging, "bucket_owner": connection.bucket_owner}
    return {name: value for name, value in values.items() if value}
