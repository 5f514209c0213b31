"""The newest version of every targets role, verified from root down, each fetched when it is asked for.

Caches may serve a timestamp that is some seconds old, and whoever edits must start from the newest version. Numbered
versions are immutable, and that one is missing is never cached: asking for the next until there is none finds what was
published since.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from trustpress.core import client, trust
from trustpress.core.delegations import Delegations, RoleKeys
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, Targets, published_version
from trustpress.core.parse import MAX_TARGETS_LENGTH, parse_targets
from trustpress.workers import Workers
from trustpress_uploader.errors import NotPossible, NotVerified
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.reading.published import Trusted
from trustpress_uploader.reading.web import fetch, verifying

_AT_ONCE = 16


class Roles:
    def __init__(self, repository: KnownRepository, trusted: Trusted) -> None:
        self._repository, self._trusted = repository, trusted
        self._newest: dict[str, Document[Targets]] = {}
        self._entries: dict[str, dict[str, TargetFile]] = {}

    def newest(self, rolename: str = "targets") -> Document[Targets]:
        """Raises NotPossible if nobody delegates to this role, and NotVerified if no version of it is published and signed."""
        if rolename not in self._newest:
            role_keys = self.role_keys(rolename)
            if role_keys is None:
                raise NotPossible(f"nobody delegates to {rolename}", f"Known signers: {', '.join(self.named()) or 'none yet'}.")
            self._newest[rolename] = self._find_newest(rolename, role_keys)
        return self._newest[rolename]

    def listed(self, rolename: str = "targets") -> Document[Targets]:
        """The version of a role that clients see, and not what may have been signed since. Raises NotVerified."""
        return self._find_listed(rolename, self.role_keys(rolename))

    def signed_by(self, role_keys: Mapping[str, RoleKeys]) -> dict[str, Document[Targets] | None]:
        """Of each role what clients see, or else its newest version, as these keys have signed it; None where they have not."""
        return dict(zip(role_keys, Workers(_AT_ONCE).map(self._find_signed, role_keys.items()), strict=True))

    def seen(self) -> list[tuple[str, Document[Targets]]]:
        """The roles that were asked for so far."""
        return list(self._newest.items())

    def versions(self) -> dict[str, int]:
        return {rolename: document.signed.version for rolename, document in self._newest.items()}

    def role_keys(self, rolename: str) -> RoleKeys | None:
        """Who may sign a role now; None if nobody delegates to it."""
        if rolename == "targets":
            return self._trusted.root.signed.roles["targets"]
        return next((found for delegator in self._delegators() if (found := delegator.signed.delegations.role_keys(rolename))), None)

    def successor(self, rolename: str, first: dict[str, Any]) -> dict[str, Any]:
        """The first version of a new role; a role that was delegated before goes on counting, as snapshot still lists it."""
        return first | {"version": published_version(self._trusted.snapshot.signed, rolename) + 1}

    def delegator(self, rolename: str) -> str | None:
        """The one role that delegates to this one."""
        return next((name for name in self._tree("targets", set()) if self.newest(name).signed.delegations.role_keys(rolename)), None)

    def all(self) -> Iterator[tuple[str, Document[Targets]]]:
        """Every delegated role in the order in which clients search them, targets first."""
        for name in self._tree("targets", set()):
            document = self.newest(name)
            yield name, document
            if document.signed.delegations.succinct:
                bins = list(document.signed.delegations.rolenames())
                yield from zip(bins, Workers(_AT_ONCE).map(self.newest, bins), strict=True)

    def named(self) -> list[str]:
        """The delegated roles that are no bins, in the order in which clients search them."""
        return list(self._tree("targets", set()))[1:]

    def delegating(self) -> Iterator[tuple[str, Delegations]]:
        """What each role that may delegate does delegate."""
        return ((name, self._delegations(name)) for name in self._tree("targets", set()))

    def listing(self, targetpath: str) -> list[str]:
        """The roles that list a target and may, in the order in which clients search them."""
        return [name for name in self._search(targetpath) if targetpath in self.entries(name)]

    def holding(self, targetpath: str) -> list[str]:
        """As `listing`, with the roles that clients do not ask as long as a terminating one stands before them."""
        return [name for name in self._matching("targets", targetpath, set()) if targetpath in self.entries(name)]

    def entries(self, rolename: str) -> Mapping[str, TargetFile]:
        """What a role lists, by target path."""
        if rolename not in self._entries:
            self._entries[rolename] = dict(self.newest(rolename).signed.targets.items())
        return self._entries[rolename]

    def entry(self, targetpath: str) -> TargetFile | None:
        """What clients find under a target path."""
        return next((self.entries(rolename)[targetpath] for rolename in self.listing(targetpath)), None)

    def owners(self, targetpath: str) -> list[str]:
        """The roles that a new target of this path belongs to: the last that it is delegated to, in order of priority."""
        return [name for name in self._search(targetpath) if not self._delegations(name).delegates_of(targetpath)]

    def _search(self, targetpath: str) -> Iterator[str]:
        return client.search(targetpath, self._delegations)

    def _delegations(self, rolename: str) -> Delegations:
        return self.newest(rolename).signed.delegations

    def _matching(self, rolename: str, targetpath: str, seen: set[str]) -> Iterator[str]:
        seen.add(rolename)
        yield rolename
        delegations = self._delegations(rolename)
        if delegations.succinct:
            yield delegations.succinct.bin_of(targetpath)
        for name, role in delegations.roles.items():
            if name not in seen and role.patterns.match(targetpath):
                yield from self._matching(name, targetpath, seen)

    def _tree(self, rolename: str, seen: set[str]) -> Iterator[str]:
        """The roles that may delegate further: all but bins. Each comes once, whoever lets them delegate in a circle."""
        seen.add(rolename)
        yield rolename
        for delegate in self._delegations(rolename).roles:
            if delegate not in seen:
                yield from self._tree(delegate, seen)

    def _delegators(self) -> Iterator[Document[Targets]]:
        return (self.newest(name) for name in self._tree("targets", set()))

    def _find_signed(self, named: tuple[str, RoleKeys]) -> Document[Targets] | None:
        for find in (self._find_listed, self._find_newest):
            with suppress(NotVerified):
                return find(*named)
        return None

    def _find_listed(self, rolename: str, role_keys: RoleKeys | None) -> Document[Targets]:
        version = published_version(self._trusted.snapshot.signed, rolename) or 1
        document = self._known_targets(rolename, version) or self._fetch(rolename, version)
        if document is None or role_keys is None or not trust.is_signed_by(document, role_keys):
            raise NotVerified(f"{self._repository.base_url}: version {version} of {rolename} is missing, or not signed by its keys")
        return document

    def _find_newest(self, rolename: str, role_keys: RoleKeys) -> Document[Targets]:
        """The last version there is, which has to be signed by the keys that are listed now; earlier ones need not be any more."""
        version = published_version(self._trusted.snapshot.signed, rolename) or 1
        newest = self._known_targets(rolename, version) or self._fetch(rolename, version)
        if newest is None:
            raise NotVerified(f"{self._repository.base_url}: version {version} of {rolename} is missing")
        for following in range(version + 1, version + 1 + trust.MAX_GAP):
            document = self._fetch(rolename, following)
            if document is None:
                break
            newest = document
        if not trust.is_signed_by(newest, role_keys):
            raise NotVerified(
                f"{self._repository.base_url}: version {newest.signed.version} of {rolename} is not signed by the keys that its "
                "delegating role lists"
            )
        return newest

    def _known_targets(self, rolename: str, version: int) -> Document[Targets] | None:
        known = self._trusted.targets
        return known if rolename == "targets" and known.signed.version == version else None

    def _fetch(self, rolename: str, version: int) -> Document[Targets] | None:
        """One version of a role, whoever has signed it; None where it does not exist."""
        where = self._repository.base_url
        body = fetch(self._repository.metadata_url(rolename, version), MAX_TARGETS_LENGTH)
        if body is None:
            return None
        with verifying(where):
            document = parse_targets(body)
            trust.verify_repository(rolename, document.signed, self._repository.name)
            listed = self._trusted.snapshot.signed.meta.get(rolename)
            if listed and listed["version"] == version:
                trust.verify_meta_file(rolename, document, listed)
        if document.signed.rolename not in {None, rolename}:
            raise NotVerified(f"{where}: expected {rolename}, found {document.signed.rolename}")
        if document.signed.version != version:
            raise NotVerified(f"{where}: expected version {version} of {rolename}, found {document.signed.version}")
        return document
