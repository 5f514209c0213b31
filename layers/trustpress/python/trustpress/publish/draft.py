"""A draft: the repository as it would be with the uploads accepted so far.

Uploads are judged against the draft, not against what is published, so that one commit can carry many of them, each
building on the one before. Nothing here writes.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from trustpress.core import overlap, tree, trust
from trustpress.core.delegations import Delegated, Delegations
from trustpress.core.keys import Material
from trustpress.core.metadata import Document, MetaFile, Root, Targets
from trustpress.core.portable import check_new_pattern, check_new_rolename, check_new_targetpath
from trustpress.errors import BadDelegation, BadRoot, TooLarge
from trustpress.publish.evidence import Evidence
from trustpress.publish.inbox import Bundle
from trustpress.store.repository import Repository
from trustpress.store.target_files import Copy
from trustpress.verdicts import AwaitingNewRoot, AwaitingOverlap, AwaitingRoles, AwaitingVersion, Equivocation, Reserved

# Each takes a few requests, and the function has two minutes.
MAX_NEW_TARGET_FILES = 2_000

_ROLES_READ_TOGETHER = 256


@dataclass
class Draft:
    """`root` and `roles` are what is newest, published or accepted. `documents` are all that were accepted, in that order,
    `meta` is what snapshot is to list of them, and `copies` are the target files they need. `breaks_overlap` tells that a
    bundle among them replaces a targets key at once.
    """

    evidence: Evidence
    root: Document[Root] | None = None
    roles: dict[str, Document[Targets]] = field(default_factory=dict)
    documents: list[tuple[str, Document[Root] | Document[Targets]]] = field(default_factory=list)
    meta: dict[str, MetaFile] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    breaks_overlap: bool = False

    def __post_init__(self) -> None:
        if self.root is None and self.repository.head:
            self.root = self.repository.head.root

    @property
    def repository(self) -> Repository:
        """What is published."""
        return self.evidence.repository

    def accept(self, bundle: Bundle) -> "Draft":
        """The draft with all roles of a bundle: all of them or none. Raises Invalid, Rejected or Waiting."""
        draft = replace(self, roles=dict(self.roles), documents=list(self.documents), meta=dict(self.meta), copies=list(self.copies))
        draft.add(bundle)
        return draft

    def add(self, bundle: Bundle) -> None:
        """Take a bundle's roles into this very draft, which is of no use if that fails. Raises Invalid, Rejected or Waiting."""
        done, former = self._done(bundle), self.root
        remaining = {rolename: document for rolename, document in bundle.items() if rolename not in done}
        while remaining:
            rolename = self._next_role(remaining)
            self._accept_role(rolename, remaining.pop(rolename), bundle)
        for rolename in bundle:
            if rolename in self.roles:
                self._verify_delegations(rolename, self.roles[rolename].signed.delegations)
        if self.root and former:
            tree.verify_no_delegated_keys(former.signed, self.root.signed, (chain[-1] for chain in self._chains()))
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
            found = self.evidence.find_public(part)
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

    def chain_to(self, rolename: str) -> tree.Chain | None:
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

    def _chains(self) -> Iterator[tree.Chain]:
        return tree.chains(lambda rolename: document.signed.delegations if (document := self.role(rolename)) else None)

    def _next_role(self, remaining: Bundle) -> str:
        """Root first, then targets, then roles whose delegating roles have all had their turn."""
        for rolename in itertools.chain(("root", "targets"), remaining):
            if rolename in remaining and (rolename in {"root", "targets"} or self._is_settled(self.chain_to(rolename), remaining)):
                return rolename
        raise AwaitingRoles(min(remaining), "no role delegates to it yet", remaining)

    @staticmethod
    def _is_settled(chain: tree.Chain | None, remaining: Bundle) -> bool:
        return chain is not None and not any(delegator in remaining for delegator, _ in chain)

    def _accept_role(self, rolename: str, document: Document[Root] | Document[Targets], bundle: Bundle) -> None:
        trust.verify_repository(rolename, document.signed, self.repository.name)
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
            self._verify_turn("root", current.signed.version, root.signed.version)
            trust.verify_next_root(current.signed, root)
        trust.check_expiry("root", root.signed.expires, self.evidence.now)
        self.evidence.keys.verify_own(self.repository.name, root.signed)
        self._verify_overlap(root.signed, bundle)
        self.root = root
        self.documents.append(("root", root))

    def _verify_pinned(self, root: Document[Root]) -> None:
        """A first root that was pinned and never written may be replaced: nobody has seen it."""
        register = self.repository.register
        if register and register.first_root != root.sha256 and self.evidence.is_taken("root", 1):
            raise Equivocation("root", root.signed.version)
        reserved = self.evidence.reserved_first_root()
        if reserved and reserved != root.sha256:
            raise Reserved(self.repository.name, reserved, root.sha256)

    def _verify_overlap(self, root: Root, bundle: Bundle) -> None:
        """Every release that a client may be served, the present one and cached ones, verifies under a root before it shows.

        What has to be signed anew is signed by old and new keys first, and given the time that caches need. Only a bundle of
        targets with a root that says so drops a targets key at once, as one does when it is stolen.
        """
        head, published = self.repository.head, self.repository.role("targets")
        if head is None or published is None:
            return
        targets, is_at_once = self.role("targets"), root.is_at_once and "targets" in bundle
        if not is_at_once and targets and not trust.is_signed_by(targets, root.roles["targets"]):
            raise BadRoot(
                "the published targets role would not verify under it",
                "Keep the old targets key listed until targets is re-signed with the new one, and drop it with a later root. Only if the "
                "old key is stolen, sign root with its own version as x-trustpress-at-once, and put it and the re-signed targets into one "
                "bundle: clients may then fail until caches expire.",
            )
        is_signed = trust.is_signed_by(published, root.roles["targets"])
        if not is_signed and is_at_once:
            self.breaks_overlap = True
        else:
            self._verify_overlapped(root, is_signed, "targets")
        self._verify_overlapped(root, overlap.is_signed_for(root, head.timestamp, head.snapshot), "snapshot", "timestamp")

    def _verify_overlapped(self, root: Root, is_signed: bool, *rolenames: str) -> None:
        """What these roles have published verifies under the root, and caches had time to forget what does not.

        Raises AwaitingOverlap.
        """
        assert self.root is not None
        if is_signed and not overlap.drops_keys(self.root.signed, root, *rolenames):
            return
        # The clock of an overlap starts when what is published verifies: an upload may come back after it was withdrawn.
        since = (self.evidence.waiting_since(root) if is_signed else None) or self.evidence.now
        until = since + self.evidence.overlap
        if not is_signed or self.evidence.now < until:
            raise AwaitingOverlap(until, self.evidence.overlap, is_signed=is_signed)

    def _accept_targets(self, rolename: str, document: Document[Targets], bundle: Bundle) -> None:
        if self.root is None:
            raise AwaitingRoles(rolename, "the first publish needs", ["root"])
        chain: tree.Chain = [] if rolename == "targets" else self.chain_to(rolename) or []
        role_keys = chain[-1][1].role_keys(rolename) if chain else self.root.signed.roles["targets"]
        assert role_keys is not None
        trust.verify_signatures(rolename, document, role_keys)
        if chain:
            check_new_rolename(rolename)
        published = self.version(rolename)
        if document.signed.version == published:
            raise Equivocation(rolename, published)
        trust.verify_rolename(rolename, document.signed, is_bin=bool(chain and chain[-1][1].succinct))
        if chain and document.signed.rolename is None and published and not self._is_unnamed(rolename):
            is_bin = chain[-1][1].succinct is not None
            tree.verify_says_its_name(rolename, Delegated(role_keys, is_bin), document.signed, self._shared_keys())
        trust.verify_authority(rolename, document.signed, chain)
        newest = max(published, self.repository.newest_version(rolename))
        newest = self._newest_taken(rolename, newest, document.signed.version)
        self._verify_turn(rolename, newest, document.signed.version)
        trust.verify_next_version(rolename, newest, document.signed.version)
        trust.check_expiry(rolename, document.signed.expires, self.evidence.now)
        self._check_new_targetpaths(rolename, document.signed)
        self._plan_copies(rolename, document.signed)
        if rolename == "targets":
            self._verify_under_former_roots(document, bundle)
        self.roles[rolename] = document
        self.documents.append((rolename, document))
        self.meta[rolename] = document.meta_file if not chain or chain[-1][1].succinct is None else document.bin_meta_file

    def _is_unnamed(self, rolename: str) -> bool:
        """Whether it was published without its name, from before that was asked for, and may be renewed so."""
        published = self.role(rolename)
        return published is not None and published.signed.rolename is None

    def _shared_keys(self) -> set[Material]:
        return tree.shared_keys(chain[-1][1] for chain in self._chains())

    def _verify_under_former_roots(self, targets: Document[Targets], bundle: Bundle) -> None:
        """Clients that a cache still keeps from the newest root accept these targets, if they accept the present ones.

        Only a bundle with a root that says so replaces a targets key at once, as one does when it is stolen: root and targets lie
        open to many while they wait, and whoever brings them together says nothing. Raises AwaitingNewRoot.
        """
        root_of_bundle = bundle["root"].signed if "root" in bundle else None
        is_at_once = isinstance(root_of_bundle, Root) and root_of_bundle.is_at_once
        current = self.role("targets")
        for root, replaced in self._former_roots():
            role_keys = root.roles["targets"]
            fails_already = current is not None and not trust.is_signed_by(current, role_keys)
            if fails_already or trust.is_signed_by(targets, role_keys):
                continue
            if not is_at_once:
                raise AwaitingNewRoot(replaced + self.evidence.overlap, self.evidence.overlap)
            self.breaks_overlap = True

    def _former_roots(self) -> Iterator[tuple[Root, datetime]]:
        """The roots that were the newest within the overlap and are not now, newest first, each with when it was replaced."""
        head = self.repository.head
        accepted = [document.signed for _, document in self.documents if isinstance(document.signed, Root)]
        for root in reversed([*([head.root.signed] if head else []), *accepted][:-1]):
            yield root, self.evidence.now
        yield from self.evidence.former_roots

    @staticmethod
    def _verify_turn(rolename: str, newest: int, version: int) -> None:
        """Raises AwaitingVersion for a gap that uploads on their way may close."""
        if newest + 1 < version <= newest + 1 + trust.MAX_GAP:
            raise AwaitingVersion(rolename, newest + 1, version)

    def _newest_taken(self, rolename: str, published: int, version: int) -> int:
        """The published version, or the last of the versions behind it that a crashed publish has taken for good.

        Their upload may be gone; were they not stepped over, the role could never move again.
        """
        while published + 1 < version and self.evidence.is_taken(rolename, published + 1):
            published += 1
        return published

    def _verify_delegations(self, rolename: str, new: Delegations) -> None:
        """Every delegated role is there, verifies, and is delegated by nobody else.

        One that is not breaks clients' search for everything behind it. Raises BadDelegation or AwaitingRoles.
        """
        published = self.repository.role(rolename)
        old = published.signed.delegations if published else Delegations({})
        if new == old:
            return
        assert self.root is not None
        for pattern in new.patterns() - old.patterns():
            check_new_pattern(pattern)
        chains = list(self._chains())
        tree.verify_depth(chains)
        others = [delegations for delegator, delegations in (chain[-1] for chain in chains) if delegator != rolename]
        top_level = tree.top_level_keys(self.root.signed)
        shared = tree.shared_keys(chain[-1][1] for chain in chains)
        missing = []
        for name, delegated in new.items():
            role_keys = delegated.role_keys
            if old.role_keys(name) == role_keys:
                continue
            if old.role_keys(name) is None and not self.repository.version(name):
                check_new_rolename(name)
            tree.verify_own_keys(name, role_keys, top_level)
            tree.verify_one_delegator(name, others)
            tree.verify_no_circle(chains, rolename, name)
            document = self.role(name)
            if document is None:
                missing.append(name)
            elif not overlap.keeps_verifiable(old.role_keys(name), role_keys) and not trust.is_signed_by(document, role_keys):
                raise BadDelegation(
                    name,
                    f"its metadata would not verify under the keys {rolename} lists for it",
                    "Keep the old keys listed until the role is re-signed, or put the re-signed role into the same bundle.",
                )
            else:
                tree.verify_says_its_name(name, delegated, document.signed, shared)
        if missing:
            raise AwaitingRoles(rolename, "delegates to roles without metadata", missing, is_verified=True)

    def _check_new_targetpaths(self, rolename: str, targets: Targets) -> None:
        """Paths that not every client can fetch stay where they are listed already, unchanged. Raises NotPortable."""
        if targets.targets.former_paths:
            current = self.role(rolename)
            for targetpath, _ in targets.targets.changed_since(current.signed.targets if current else None):
                check_new_targetpath(targetpath)

    def _plan_copies(self, rolename: str, targets: Targets) -> None:
        assert self.root is not None
        if self.root.signed.policy.external_targets:
            return
        current = self.role(rolename)
        changed = targets.targets.changed_since(current.signed.targets if current else None)
        entries = list(itertools.islice(changed, MAX_NEW_TARGET_FILES + 1))
        if len(entries) > MAX_NEW_TARGET_FILES:
            raise TooLarge(f"{rolename}: new target files in one upload", MAX_NEW_TARGET_FILES, "files")
        self.copies += self.evidence.plan_copies(entries)
