"""A draft: the repository as it would be with the uploads accepted so far.

Uploads are judged against the draft, not against what is published, so that one commit can carry many of them, each
building on the one before. Nothing here writes.
"""

import itertools
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from trustpress.core import trust
from trustpress.core.entries import TargetFile
from trustpress.core.keys import Material
from trustpress.core.metadata import Delegations, Document, MetaFile, Root, Targets
from trustpress.errors import AwaitingNewRoot, AwaitingOverlap, AwaitingRoles, BadDelegation, BadRoot, Equivocation, TooLarge
from trustpress.store.repository import Head, Repository
from trustpress.store.target_files import Copy

# Each takes a few requests, and the function has two minutes.
MAX_NEW_TARGET_FILES = 2_000

# How many delegated roles a client visits in search of one target: max_delegations in python-tuf and go-tuf, maxDelegations in
# tuf-js; specification 5.6.7.1 leaves the number to them. They count roles, not levels, so nobody finds a role below that.
MAX_DELEGATION_DEPTH = 32

_ROLES_READ_TOGETHER = 256

Chain = list[tuple[str, Delegations]]
Bundle = Mapping[str, Document[Root] | Document[Targets]]


def is_signed_for(head: Head, root: Root) -> bool:
    """Whether a client that trusts `root` accepts the signatures of this release."""
    return trust.is_signed_by(head.timestamp, root.roles["timestamp"]) and trust.is_signed_by(head.snapshot, root.roles["snapshot"])


@dataclass(frozen=True)
class View:
    """What judging needs besides the documents: the instant, the keys held, and a look at the world.

    `overlap` is the time in which every cache forgets: a timestamp, or that a root was missing. `plan_copies` finds target
    files; `is_taken` tells whether a role file of this version exists, `find_public` which of these roles have one with the same bytes;
    `waiting_since` tells since when a root that drops keys has been waiting, None if it has not; `former_roots` are the published
    ones that were replaced within the overlap, newest first, each with when that was.
    """

    now: datetime
    overlap: timedelta
    held_keyids: Collection[str]
    plan_copies: Callable[[Iterable[tuple[str, TargetFile]]], list[Copy]]
    is_taken: Callable[[str, int], bool]
    find_public: Callable[[Sequence[tuple[str, Document[Root] | Document[Targets]]]], set[str]]
    waiting_since: Callable[[Root], datetime | None]
    former_roots: Callable[[], Sequence[tuple[Root, datetime]]]


def _keeps_family(old: Delegations, new: Delegations) -> bool:
    """Whether the keys of all bins are the same."""
    return old.succinct_keys == new.succinct_keys


@dataclass
class Draft:
    """`root` and `roles` are what is newest, published or accepted. `documents` are all that were accepted, in that order,
    `meta` is what snapshot is to list of them, and `copies` are the target files they need. `breaks_overlap` tells that a
    bundle among them replaces a targets key at once.
    """

    repository: Repository
    view: View
    root: Document[Root] | None = None
    roles: dict[str, Document[Targets]] = field(default_factory=dict)
    documents: list[tuple[str, Document[Root] | Document[Targets]]] = field(default_factory=list)
    meta: dict[str, MetaFile] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    breaks_overlap: bool = False

    def __post_init__(self) -> None:
        if self.root is None and self.repository.head:
            self.root = self.repository.head.root

    def accept(self, bundle: Bundle) -> "Draft":
        """The draft with all roles of a bundle: all of them or none. Raises Rejected or Waiting."""
        draft = replace(self, roles=dict(self.roles), documents=list(self.documents), meta=dict(self.meta), copies=list(self.copies))
        draft.add(bundle)
        return draft

    def add(self, bundle: Bundle) -> None:
        """Take a bundle's roles into this very draft, which is of no use if that fails. Raises Rejected or Waiting."""
        done = self._done(bundle)
        remaining = {rolename: document for rolename, document in bundle.items() if rolename not in done}
        while remaining:
            rolename = self._next_role(remaining)
            self._accept_role(rolename, remaining.pop(rolename), bundle)
        for rolename in bundle:
            if rolename in self.roles:
                self._verify_delegations(rolename, self.roles[rolename].signed.delegations)
        if self.root is not None and not self.version("targets"):
            raise AwaitingRoles("root", "the first publish needs", ["targets"])

    def _done(self, bundle: Bundle) -> set[str]:
        """The roles whose very bytes were accepted or written before, as this version or one that was replaced since.

        Whoever wrote them may have died before it could commit them, or say so, and a whole series is looked at again. Nothing
        that would be said of them by now counts: a later version may have taken the key that signed them, or the delegation.
        Where one role has other bytes than were published, the bundle is refused whatever the others are: no more are read.
        """
        accepted = {(rolename, document.sha256) for rolename, document in self.documents}
        done = {rolename for rolename, document in bundle.items() if (rolename, document.sha256) in accepted}
        old = [(name, document) for name, document in bundle.items() if self._is_replaced_or_published(name, document.signed.version)]
        for start in range(0, len(old), _ROLES_READ_TOGETHER):
            part = old[start : start + _ROLES_READ_TOGETHER]
            found = self.view.find_public(part)
            done |= found
            if len(found) < len(part):
                break
        return done

    def _is_replaced_or_published(self, rolename: str, version: int) -> bool:
        """What was accepted just now is neither: the key of its version may still be taken by other bytes."""
        newest = (self.root.signed.version if self.root else 0) if rolename == "root" else self.version(rolename)
        return version < newest or version <= self.repository.version(rolename)

    def version(self, rolename: str) -> int:
        accepted = self.roles.get(rolename)
        return accepted.signed.version if accepted else self.repository.version(rolename)

    def role(self, rolename: str) -> Document[Targets] | None:
        """The accepted or published document of a targets role, None if there is none. Raises BrokenRepository."""
        return self.roles.get(rolename) or self.repository.role(rolename)

    def chain_to(self, rolename: str) -> Chain | None:
        """The delegating roles from targets down to the one that delegates `rolename`; None where none does.

        Each role has one delegating role, so there is one chain. Specification 5.6.7 searches breadth-wide like this too.
        """
        if not self._may_be_delegated(rolename):
            return None
        return next((chain for chain in self._chains() if chain[-1][1].role_keys(rolename)), None)

    def _may_be_delegated(self, rolename: str) -> bool:
        """Whether a search is worth its requests: what a published role delegates to is in the snapshot as well.

        Without this, a file named for no role would have every delegated role of the repository read.
        """
        return self.repository.version(rolename) > 0 or any(
            document.signed.delegations.role_keys(rolename) for document in self.roles.values()
        )

    def _chains(self) -> Iterator[Chain]:
        """Every chain of delegating roles, breadth first, each role once."""
        targets = self.role("targets")
        chains: deque[Chain] = deque([[("targets", targets.signed.delegations)]] if targets else [])
        seen = {"targets"}
        while chains:
            chain = chains.popleft()
            yield chain
            for child in chain[-1][1].roles:
                if child not in seen and (document := self.role(child)) and document.signed.delegations:
                    seen.add(child)
                    chains.append([*chain, (child, document.signed.delegations)])

    def _next_role(self, remaining: Bundle) -> str:
        """Root first, then targets, then roles whose delegating roles have all had their turn."""
        for rolename in itertools.chain(("root", "targets"), remaining):
            if rolename in remaining and (rolename in {"root", "targets"} or self._is_settled(self.chain_to(rolename), remaining)):
                return rolename
        raise AwaitingRoles(min(remaining), "no role delegates to it yet", remaining)

    @staticmethod
    def _is_settled(chain: Chain | None, remaining: Bundle) -> bool:
        return chain is not None and not any(delegator in remaining for delegator, _ in chain)

    def _accept_role(self, rolename: str, document: Document[Root] | Document[Targets], bundle: Bundle) -> None:
        if isinstance(document.signed, Root):
            self._accept_root(document, bundle)
        else:
            self._accept_targets(rolename, document, bundle)

    def _accept_root(self, root: Document[Root], bundle: Bundle) -> None:
        current = self.root
        if current is None:
            self._verify_pinned(root)
            trust.verify_first_root(root)
        elif root.signed.version == current.signed.version:
            raise Equivocation("root", root.signed.version)
        else:
            trust.verify_next_root(current.signed, root)
        trust.check_expiry("root", root.signed.expires, self.view.now)
        trust.verify_online_keys(root.signed, self.view.held_keyids)
        self._verify_overlap(root.signed, bundle)
        self.root = root
        self.documents.append(("root", root))

    def _verify_pinned(self, root: Document[Root]) -> None:
        """A first root that was pinned and never written may be replaced: nobody has seen it."""
        register = self.repository.register
        if register and register.first_root != root.sha256 and self.view.is_taken("root", 1):
            raise Equivocation("root", root.signed.version)

    def _verify_overlap(self, root: Root, bundle: Bundle) -> None:
        """Every release that a client may be served, the present one and cached ones, verifies under a root before it shows.

        What has to be signed anew is signed by old and new keys first, and given the time that caches need. Only a bundle of
        root with targets drops a targets key at once, as one does when it is stolen.
        """
        head, published = self.repository.head, self.repository.role("targets")
        if head is None or published is None:
            return
        targets = self.role("targets")
        if "targets" not in bundle and targets and not trust.is_signed_by(targets, root.roles["targets"]):
            raise BadRoot(
                "the published targets role would not verify under it",
                "Keep the old targets key listed until targets is re-signed with the new one, and drop it with a later root. Only if the "
                "old key is stolen, put root and the re-signed targets into one bundle: clients may then fail until caches expire.",
            )
        is_signed = trust.is_signed_by(published, root.roles["targets"])
        if not is_signed and "targets" in bundle:
            self.breaks_overlap = True
        else:
            self._verify_overlapped(root, is_signed, "targets")
        self._verify_overlapped(root, is_signed_for(head, root), "snapshot", "timestamp")

    def _verify_overlapped(self, root: Root, is_signed: bool, *rolenames: str) -> None:
        """What these roles have published verifies under the root, and caches had time to forget what does not.

        Raises AwaitingOverlap.
        """
        if is_signed and not self._drops_keys(root, *rolenames):
            return
        # The clock of an overlap starts when what is published verifies: an upload may come back after it was withdrawn.
        since = (self.view.waiting_since(root) if is_signed else None) or self.view.now
        until = since + self.view.overlap
        if not is_signed or self.view.now < until:
            raise AwaitingOverlap(until, self.view.overlap, is_signed=is_signed)

    def _drops_keys(self, root: Root, *rolenames: str) -> bool:
        assert self.root is not None
        return not all(trust.keeps_verifiable(self.root.signed.roles[name], root.roles[name]) for name in rolenames)

    def _accept_targets(self, rolename: str, document: Document[Targets], bundle: Bundle) -> None:
        if self.root is None:
            raise AwaitingRoles(rolename, "the first publish needs", ["root"])
        chain: Chain = [] if rolename == "targets" else self.chain_to(rolename) or []
        role_keys = chain[-1][1].role_keys(rolename) if chain else self.root.signed.roles["targets"]
        assert role_keys is not None
        trust.verify_signatures(rolename, document, role_keys)
        published = self.version(rolename)
        if document.signed.version == published:
            raise Equivocation(rolename, published)
        trust.verify_rolename(rolename, document.signed, is_bin=bool(chain and chain[-1][1].succinct))
        trust.verify_authority(rolename, document.signed, chain)
        newest = max(published, self.repository.newest_version(rolename))
        trust.check_next_version(rolename, self._newest_taken(rolename, newest, document.signed.version), document.signed.version)
        trust.check_expiry(rolename, document.signed.expires, self.view.now)
        self._plan_copies(rolename, document.signed)
        if rolename == "targets":
            self._verify_under_former_roots(document, bundle)
        self.roles[rolename] = document
        self.documents.append((rolename, document))
        self.meta[rolename] = document.meta_file if not chain or chain[-1][1].succinct is None else document.bin_meta_file

    def _verify_under_former_roots(self, targets: Document[Targets], bundle: Bundle) -> None:
        """Clients that a cache still keeps from the newest root accept these targets, if they accept the present ones.

        Only a bundle of root with targets replaces a targets key at once, as one does when it is stolen. Raises AwaitingNewRoot.
        """
        current = self.role("targets")
        for root, replaced in self._former_roots():
            role_keys = root.roles["targets"]
            fails_already = current is not None and not trust.is_signed_by(current, role_keys)
            if fails_already or trust.is_signed_by(targets, role_keys):
                continue
            if "root" not in bundle:
                raise AwaitingNewRoot(replaced + self.view.overlap, self.view.overlap)
            self.breaks_overlap = True

    def _former_roots(self) -> Iterator[tuple[Root, datetime]]:
        """The roots that were the newest within the overlap and are not now, newest first, each with when it was replaced."""
        head = self.repository.head
        accepted = [document.signed for _, document in self.documents if isinstance(document.signed, Root)]
        for root in reversed([*([head.root.signed] if head else []), *accepted][:-1]):
            yield root, self.view.now
        yield from self.view.former_roots()

    def _newest_taken(self, rolename: str, published: int, version: int) -> int:
        """The published version, or the last of the versions behind it that a crashed publish has taken for good.

        Their upload may be gone; were they not stepped over, the role could never move again.
        """
        while published + 1 < version and self.view.is_taken(rolename, published + 1):
            published += 1
        return published

    def _verify_delegations(self, rolename: str, new: Delegations) -> None:
        """Every delegated role is there, verifies, and is delegated by nobody else.

        One that is not breaks clients' search for everything behind it. Raises BadDelegation or AwaitingRoles.
        """
        published = self.repository.role(rolename)
        old = published.signed.delegations if published else Delegations({})
        if new.succinct == old.succinct and new.roles == old.roles and _keeps_family(old, new):
            return
        reserved = self._top_level_keys()
        chains = list(self._chains())
        self._verify_depth(chains)
        others = [delegations for chain in chains for name, delegations in chain[-1:] if name != rolename]
        missing = []
        for name in new.rolenames():
            role_keys = new.role_keys(name)
            assert role_keys is not None
            if old.role_keys(name) == role_keys:
                continue
            if reserved & {key.material for key in role_keys.keys.values()}:
                raise BadDelegation(
                    name, "one of its keys is a root, targets, snapshot or timestamp key", "Give the role a key of its own."
                )
            if any(delegations.role_keys(name) for delegations in others):
                raise BadDelegation(
                    name, "another role delegates to it already", "Give the role another name: one role, one delegating role."
                )
            document = self.role(name)
            if document is None:
                missing.append(name)
            elif not trust.keeps_verifiable(old.role_keys(name), role_keys) and not trust.is_signed_by(document, role_keys):
                raise BadDelegation(
                    name,
                    f"its metadata would not verify under the keys {rolename} lists for it",
                    "Keep the old keys listed until the role is re-signed, or put the re-signed role into the same bundle.",
                )
        if missing:
            raise AwaitingRoles(rolename, "delegates to roles without metadata", missing, is_verified=True)

    @staticmethod
    def _verify_depth(chains: Iterable[Chain]) -> None:
        """Raises BadDelegation for delegated roles so deep that no client finds them."""
        deepest = max(chains, key=len)
        if len(deepest) > MAX_DELEGATION_DEPTH:
            raise BadDelegation(
                deepest[-1][0],
                f"it delegates, and is itself {len(deepest) - 1} delegations below targets: clients visit {MAX_DELEGATION_DEPTH} roles",
                "Delegate to the role from one that is nearer to targets.",
            )

    def _top_level_keys(self) -> set[Material]:
        """The keys of the top-level roles. What one of them signs must never pass as a delegated role, or the reverse."""
        assert self.root is not None
        return {key.material for role in self.root.signed.roles.values() for key in role.keys.values()}

    def _plan_copies(self, rolename: str, targets: Targets) -> None:
        assert self.root is not None
        if self.root.signed.policy.external_targets:
            return
        current = self.role(rolename)
        changed = targets.targets.changed_since(current.signed.targets if current else None)
        entries = list(itertools.islice(changed, MAX_NEW_TARGET_FILES + 1))
        if len(entries) > MAX_NEW_TARGET_FILES:
            raise TooLarge(f"{rolename}: new target files in one upload", MAX_NEW_TARGET_FILES, "files")
        self.copies += self.view.plan_copies(entries)
