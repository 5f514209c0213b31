"""All that the signatures of a change would vouch for, in words, rendered from the very bytes that they cover.

That is more than what changes: whatever a role goes on saying is signed once more, and whatever the roles list that it delegates
to comes with it. A thief who held a key may have put it there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trustpress.core import trust
from trustpress.core.delegations import Delegations, RoleKeys
from trustpress.core.metadata import Document, Root, Targets
from trustpress_uploader.changes.change import Change, Draft
from trustpress_uploader.changes.words import Line, Signed, head, tell

# As many lines of one kind as are read one by one.
MANY = 20

_NOTHING: Signed = {"targets": {}}


@dataclass(frozen=True)
class View:
    """What is published: a role as it is now, None if it is new, and a delegated role as these keys have signed it, None if they
    have signed nothing that can be seen from here."""

    published: Callable[[str], Document[Any] | None] = lambda _: None
    delegated: Callable[[Mapping[str, RoleKeys]], Mapping[str, Document[Targets] | None]] = dict.fromkeys


@dataclass(frozen=True)
class Shown:
    """`full` is every line, `short` has counts for long lists of what stays, and `changes` nothing of that; `contents` is what each
    role says, but for its version and its expiry."""

    full: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    contents: list[tuple[str, Signed]] = field(default_factory=list)

    def say(self, *lines: str) -> None:
        self.full.extend(lines)
        self.short.extend(lines)
        self.changes.extend(lines)

    def tell(self, lines: Iterable[Line]) -> None:
        """Differences one by one; what stays one by one if it is not much, targets apart from the rest."""
        lines = list(lines)
        self.full.extend(f"  {line.text}" for line in lines)
        self.changes.extend(f"  {line.text}" for line in lines if not line.is_kept)
        for is_target, what in ((True, "targets"), (False, "lines on keys, delegations and the rest")):
            kind = [line for line in lines if line.is_target == is_target]
            kept = sum(line.is_kept for line in kind)
            is_long = kept > MANY
            self.short.extend(f"  {line.text}" for line in kind if not (line.is_kept and is_long))
            if is_long:
                self.short.append(f"  = {kept:,} {what} as before; --show-in FILE writes them down")

    def covers(self, other: "Shown") -> bool:
        """Whether the other one's signatures would vouch for nothing else."""
        return all(content in self.contents for content in other.contents)


def show_change(change: Change, view: View) -> Shown:
    """Each step against the one before it, then what comes with delegations. Raises Invalid for what is no metadata."""
    shown, latest = Shown(), dict[str, Draft]()
    for number, step in enumerate(change.steps, start=1):
        if len(change.steps) > 1:
            shown.say(f"step {number} of {len(change.steps)}")
        for rolename, draft in sorted(step.items()):
            published = view.published(rolename)
            before = latest[rolename].shown if rolename in latest else published.members() if published else None
            shown.say(head(rolename, before, draft.shown))
            shown.tell(tell(rolename, before, draft.shown))
            shown.contents.append((rolename, _content(draft.shown)))
            latest[rolename] = draft
    _tell_targets_to_be_signed(shown, change, view)
    _tell_delegated(shown, latest, view)
    return shown


def _content(signed: Signed) -> Signed:
    return {name: value for name, value in signed.items() if name not in {"version", "expires"}}


def _tell_targets_to_be_signed(shown: Shown, change: Change, view: View) -> None:
    """Where a root of the change asks for signatures that the published targets do not have, they are given before it."""
    roots = [draft.document.signed for step in change.steps for draft in step.values() if isinstance(draft.document.signed, Root)]
    targets = view.published("targets")
    if targets is None or any("targets" in step for step in change.steps):
        return
    if all(trust.is_signed_by(targets, root.roles["targets"]) for root in roots):
        return
    members = targets.members()
    shown.say(f"targets {members['version']}, which is to be signed by the new keys as it is")
    shown.tell(tell("targets", members, members))
    shown.contents.append(("targets", _content(members)))
    _tell_roles(shown, {}, _tree(targets.signed.delegations, {}, view))


def _tell_delegated(shown: Shown, latest: Mapping[str, Draft], view: View) -> None:
    before: dict[str, Document[Targets] | None] = {}
    after: dict[str, Document[Targets] | None] = {}
    for rolename, draft in latest.items():
        published, signed = view.published(rolename), draft.document.signed
        if published and isinstance(published.signed, Targets):
            before |= _tree(published.signed.delegations, {}, view)
        if isinstance(signed, Targets):
            after |= _tree(signed.delegations, latest, view)
    gone = {name: document for name, document in before.items() if name not in after and name not in latest}
    _tell_roles(shown, gone, {name: document for name, document in after.items() if name not in latest})


def _tell_roles(shown: Shown, gone: Mapping[str, Document[Targets] | None], kept: Mapping[str, Document[Targets] | None]) -> None:
    for name, document in gone.items():
        if document:
            shown.say(f"{name} {document.signed.version}, of which clients find nothing any more")
            shown.tell(Line(f"- {targetpath}", is_target=True) for targetpath in sorted(document.signed.targets.targetpaths()))
    rest = Shown()
    for name, document in kept.items():
        if document is None:
            rest.say(f"{name}, of which nothing that its keys have signed can be seen from here")
        else:
            members = document.members()
            rest.say(f"{name} {members['version']}, signed by keys of its own, comes with its delegation")
            rest.tell(tell(name, members, members))
    shown.full.extend(rest.full)
    if len(kept) > MANY:
        count = sum(len(list(document.signed.targets.targetpaths())) for document in kept.values() if document)
        shown.short.append(f"{len(kept):,} delegated roles with {count:,} targets come with it; --show-in FILE writes them down")
    else:
        shown.short.extend(rest.short)


def _tree(delegations: Delegations, drafts: Mapping[str, Draft], view: View) -> dict[str, Document[Targets] | None]:
    """The roles that are delegated to, and those that they delegate to. Drafts speak for themselves, and for what is below them."""
    found: dict[str, Document[Targets] | None] = {}
    waiting = [delegations]
    while waiting:
        role_keys = {name: delegated.role_keys for name, delegated in waiting.pop(0).items() if name not in found and name not in drafts}
        documents = view.delegated(role_keys)
        found |= documents
        waiting += [document.signed.delegations for document in documents.values() if document]
    return found
