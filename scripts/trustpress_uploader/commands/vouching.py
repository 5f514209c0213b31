"""What people are shown before they sign, and what they are asked: all that their signatures would vouch for."""

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from trustpress_uploader.commands.options import Asking
from trustpress_uploader.terminal.door import printable
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress.core.keys import PublicKey
    from trustpress_uploader.changes.change import Change
    from trustpress_uploader.changes.vouched import Shown, View
    from trustpress_uploader.home.folder import KnownRepository
    from trustpress_uploader.plans.way_back import Dropped


class Vouching:
    """Shows each change, and asks. Of one that would vouch for no more than was agreed to just now, the differences are shown alone."""

    def __init__(self, output: Output, repository: "KnownRepository", asking: Asking, *, is_offline: bool = False) -> None:
        self._output, self._repository, self._asking, self._is_offline = output, repository, asking, is_offline
        self._agreed: Shown | None = None

    def __call__(self, change: "Change", notes: Iterable[str] = ()) -> None:
        """Nobody is asked about what they are not shown. Raises Declined."""
        from trustpress_uploader.changes.vouched import show_change

        view, warnings = find_view(self._repository, change, is_offline=self._is_offline)
        shown = show_change(change, view)
        heading = [f"{self._repository.name}:", *warnings, *notes]
        show = self._output.note if self._asking.yes else self._output.say
        if self._agreed and self._agreed.covers(shown):
            show(*heading, *shown.changes)
            return
        show(*heading, *shown.short)
        self._write([*heading, *shown.full])
        self._output.require_yes(f"sign the change {change.id[:8]}", "Sign this?", yes=self._asking.yes)
        self._agreed = shown

    def _write(self, lines: Sequence[str]) -> None:
        if self._asking.show_in:
            from trustpress_uploader.disk import replacing

            with replacing(self._asking.show_in) as file:
                file.write("".join(f"{printable(line)}\n" for line in lines).encode())


def find_view(repository: "KnownRepository", change: "Change", *, is_offline: bool = False) -> "tuple[View, list[str]]":
    """What is published; without a network, what this machine has verified last. With warnings of what may be out of date."""
    from trustpress_uploader.changes.vouched import View
    from trustpress_uploader.errors import NotPublished
    from trustpress_uploader.reading.published import known_root, refresh
    from trustpress_uploader.reading.roles import Roles

    if not repository.folder.exists():
        return View(), []
    if is_offline:
        root = known_root(repository)
        return View(lambda rolename: root if rolename == "root" else None), []
    try:
        trusted = refresh(repository)
    except NotPublished:
        if not (change.first_root and repository.is_new):
            raise
        return View(), []
    roles = Roles(repository, trusted)
    stale = [f"Warning: {trusted.expired}; what is published may be newer than what this machine is shown."] if trusted.expired else []

    def published(rolename: str) -> Any:
        if rolename == "root":
            return trusted.root
        return roles.newest(rolename) if roles.role_keys(rolename) else None

    return View(published, roles.signed_by), stale


class Offers:
    """Delegations that were dropped, as the commands that make them anew."""

    def __init__(self, repository: "KnownRepository", dropped: Iterable["Dropped"]) -> None:
        self._repository, self._dropped = repository, list(dropped)

    @property
    def commands(self) -> list[str]:
        return [shlex.join(self._command(dropped)) for dropped in self._dropped]

    @property
    def notes(self) -> list[str]:
        """For whoever is asked, and once more at the end."""
        names = ", ".join(dropped.name for dropped in self._dropped)
        said = f"Dropped, as a key that goes signs for it, or what is published is not signed by its keys: {names}. To offer it again:"
        return [said, *(f"  {command}" for command in self.commands)] if self._dropped else []

    def write_keys(self) -> None:
        """The public halves that the commands name, beside what this machine remembers of the repository."""
        from trustpress_uploader.disk import replace_file
        from trustpress_uploader.keys.formats import write_public_key

        for dropped in self._dropped:
            for key in dropped.keys:
                replace_file(self._file(key), write_public_key(key))

    def _command(self, dropped: "Dropped") -> list[str]:
        keys = [option for key in dropped.keys for option in ("--key", str(self._file(key)))] or ["--key", "KEY"]
        where = ["--repository", self._repository.name]
        if dropped.bits:
            return ["trustpress", "bins", "init", *where, "--bits", str(dropped.bits), "--prefix", dropped.name, *keys[:2]]
        threshold = ["--threshold", str(min(dropped.threshold, len(dropped.keys) or 1))]
        ending = ["--terminating"] if dropped.is_terminating else []
        paths = [option for path in dropped.paths for option in ("--paths", path)]
        return ["trustpress", "signer", "add", dropped.name, *where, *keys, *threshold, *ending, *paths]

    def _file(self, key: "PublicKey") -> Any:
        return self._repository.folder / f"offered-{key.keyid}.pub"
