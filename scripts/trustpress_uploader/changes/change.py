"""A change on its way: metadata that is to be published, and the signatures it has so far.

A change is a sequence of steps, published one after the other. A step is what the publisher calls a bundle: roles that
become visible together. It travels as one file between the holders of keys, or lies in the staging bucket for them:
`{"steps": [{ROLE: {"signatures": [...], "signed": {...}}, ...}, ...]}`. Nothing in it is believed: each holder is shown
what the signed members say, compared with what is published.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from trustpress.core import trust
from trustpress.core.canonical import canonical_from_compact, encode_compact
from trustpress.core.delegations import RoleKeys
from trustpress.core.metadata import Document, Root, Targets
from trustpress.core.parse import MAX_TARGETS_LENGTH, parse_object, parse_uploadable
from trustpress.errors import NotStrictJson, TooLarge
from trustpress.ports import Signer

_MAX_STEPS = 8

# The parser asks for a signature; what is being signed may have none yet.
_PLACEHOLDER = [{"keyid": "0" * 64, "sig": "00"}]


@dataclass(frozen=True)
class Draft:
    """One role of a step. `signatures` are keyed by keyid.

    `compact` is encoded once, and every copy carries it: what is shown, signed and uploaded are the same bytes, whatever becomes
    of `signed` meanwhile.
    """

    rolename: str
    signed: Mapping[str, Any]
    signatures: Mapping[str, bytes]
    compact: bytes = field(default=b"", repr=False, kw_only=True)

    def __post_init__(self) -> None:
        if not self.compact:
            object.__setattr__(self, "compact", encode_compact(self.signed))

    @cached_property
    def message(self) -> bytes:
        """What signatures cover."""
        return canonical_from_compact(self.compact)

    @cached_property
    def shown(self) -> dict[str, Any]:
        """What people are shown: read back from what signatures cover, which is JSON but for control characters."""
        read: dict[str, Any] = json.loads(self.message, strict=False)
        return read

    @cached_property
    def document(self) -> Document[Root] | Document[Targets]:
        """Parsed as the publisher will. Raises Invalid."""
        return parse_uploadable(self.rolename, self._envelope(self._signatures() or _PLACEHOLDER))

    def envelope(self) -> bytes:
        return self._envelope(self._signatures())

    def signed_by(self, role_keys: RoleKeys) -> set[str]:
        """The keyids of valid signatures; a key under two keyids counts once, under the first of them."""
        by_material = {
            key.material: keyid
            for keyid, key in reversed(list(role_keys.keys.items()))
            if keyid in self.signatures and key.verifies(self.signatures[keyid], self.message)
        }
        return set(by_material.values())

    def sign(self, signer: Signer) -> "Draft":
        return replace(self, signatures={**self.signatures, signer.public_key.keyid: signer.sign(self.message)})

    def _signatures(self) -> list[dict[str, str]]:
        return [{"keyid": keyid, "sig": sig.hex()} for keyid, sig in self.signatures.items()]

    def _envelope(self, signatures: list[dict[str, str]]) -> bytes:
        return b'{"signatures":%b,"signed":%b}' % (encode_compact(signatures), self.compact)


Step = Mapping[str, Draft]


@dataclass(frozen=True, slots=True)
class Need:
    """Signatures that one role of a step is to have: `whose` says by which root's or role's word."""

    draft: Draft
    role_keys: RoleKeys
    whose: str

    @property
    def signed_by(self) -> set[str]:
        return self.draft.signed_by(self.role_keys)

    @property
    def lacking(self) -> int:
        return max(0, self.role_keys.threshold - len(self.signed_by))


@dataclass(frozen=True)
class Authority:
    """Who may sign: `root` is the newest one, None before the first; `delegated` tells the keys of a published delegation."""

    root: Root | None
    delegated: Callable[[str], RoleKeys | None] = lambda _: None

    def after(self, step: Step) -> "Authority":
        return replace(self, root=_root_of(step) or self.root)

    def needs(self, step: Step) -> Iterator[Need]:
        """Specification 5.3.4 for root, 5.6.3 and 5.6.7 for targets and delegated roles. Raises Invalid."""
        in_force = _root_of(step) or self.root
        for rolename, draft in step.items():
            if isinstance(draft.document.signed, Root):
                if self.root is not None:
                    yield Need(draft, self.root.roles["root"], f"root {self.root.version}")
                yield Need(draft, draft.document.signed.roles["root"], f"root {draft.document.signed.version} itself")
            elif rolename == "targets":
                if in_force is None:
                    raise NotStrictJson("targets before the first root")
                yield Need(draft, in_force.roles["targets"], f"root {in_force.version}")
            elif role_keys := _delegated_in(step, rolename) or self.delegated(rolename):
                yield Need(draft, role_keys, "its delegation")
            else:
                raise NotStrictJson(f"nobody delegates to {rolename}")


@dataclass(frozen=True)
class Change:
    steps: tuple[Step, ...]

    @cached_property
    def id(self) -> str:
        """Stays the same while signatures are added: the first half of a SHA-256 over what is signed."""
        digest = hashlib.sha256()
        for step in self.steps:
            for rolename, draft in sorted(step.items()):
                digest.update(b"%b\0%b\0" % (rolename.encode(), hashlib.sha256(draft.message).digest()))
            digest.update(b"\n")
        return digest.hexdigest()[:32]

    @property
    def first_root(self) -> Root | None:
        """The root by which it begins a repository, if it does."""
        root = _root_of(self.steps[0])
        return root if root and root.version == 1 else None

    @property
    def roots(self) -> list[Root]:
        """In the order in which they are published."""
        return [root for step in self.steps if (root := _root_of(step))]

    def versions(self) -> dict[str, int]:
        """The last version of every role."""
        return {rolename: draft.signed["version"] for step in self.steps for rolename, draft in step.items()}

    def verify_repository(self, repository: str) -> None:
        """None of it says that it is another repository's. Raises ForeignRepository."""
        for step in self.steps:
            for rolename, draft in step.items():
                trust.verify_repository(rolename, draft.document.signed, repository)

    def encode(self) -> bytes:
        return b'{"steps":[%b]}' % b",".join(bundle(step) for step in self.steps)

    def needs(self, authority: Authority) -> Iterator[Need]:
        """What every step needs, each under the roots of the steps before it."""
        for _, needs in self._steps_with_needs(authority):
            yield from needs

    def signatures(self) -> set[tuple[int, str, str]]:
        """Every signature, valid or not, by step, role name and keyid."""
        return {(at, name, keyid) for at, step in enumerate(self.steps) for name, draft in step.items() for keyid in draft.signatures}

    def merge(self, other: "Change") -> "Change":
        """The signatures of both, which must be the same change."""
        assert self.id == other.id
        return Change(
            tuple(
                {
                    rolename: replace(draft, signatures={**theirs[rolename].signatures, **draft.signatures})
                    for rolename, draft in ours.items()
                }
                for ours, theirs in zip(self.steps, other.steps, strict=True)
            )
        )

    def sign(self, authority: Authority, signers: Callable[[str, RoleKeys], Iterable[Signer]]) -> "Change":
        """With every signature that `signers` can add, and without any that is not valid or nobody asked for.

        `signers` are asked for by role name and keys.
        """
        steps = []
        for step, needs in self._steps_with_needs(authority):
            drafts = {rolename: replace(draft, signatures={}) for rolename, draft in step.items()}
            for need in needs:
                rolename, signed_by = need.draft.rolename, need.signed_by
                kept = {keyid: need.draft.signatures[keyid] for keyid in signed_by}
                drafts[rolename] = replace(drafts[rolename], signatures={**drafts[rolename].signatures, **kept})
                for signer in signers(rolename, need.role_keys):
                    if signer.public_key.keyid not in drafts[rolename].signatures:
                        drafts[rolename] = drafts[rolename].sign(signer)
            steps.append(drafts)
        return Change(tuple(steps))

    def cleaned(self, authority: Authority) -> "Change":
        """Without signatures that are not valid or nobody asked for: the publisher refuses what carries one."""
        return self.sign(authority, lambda *_: ())

    def _steps_with_needs(self, authority: Authority) -> Iterator[tuple[Step, list[Need]]]:
        for step, following in zip(self.steps, (*self.steps[1:], {}), strict=True):
            yield step, [*authority.needs(step), *_needs_ahead(step, following)]
            authority = authority.after(step)


def compose_draft(rolename: str, signed: Mapping[str, Any]) -> Draft:
    return Draft(rolename, signed, {})


def name_repository(repository: str, step: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is to be signed, by role name, each saying of which repository it is: it is worth nothing in another."""
    return {rolename: {**signed, "x-trustpress-repository": repository} for rolename, signed in step.items()}


def compose_change(*steps: Mapping[str, Mapping[str, Any]]) -> Change:
    """From what is to be signed, by role name, step by step."""
    return Change(tuple({rolename: compose_draft(rolename, signed) for rolename, signed in step.items()} for step in steps))


def bundle(step: Step) -> bytes:
    """One upload with all roles of a step."""
    return b"{%b}" % b",".join(b'"%b":%b' % (rolename.encode(), draft.envelope()) for rolename, draft in sorted(step.items()))


def parse_change(body: bytes) -> Change:
    """Raises Invalid for anything that is not exactly a change of well-formed metadata."""
    if len(body) > MAX_TARGETS_LENGTH:
        raise TooLarge("change", MAX_TARGETS_LENGTH)
    try:
        value = parse_object(body)
        steps = value["steps"]
        if set(value) != {"steps"} or not 1 <= len(steps) <= _MAX_STEPS:
            raise NotStrictJson(f"expected one to {_MAX_STEPS} steps, and nothing else")
        parsed = Change(tuple({name: _parse_draft(name, envelope) for name, envelope in step.items()} for step in steps))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotStrictJson("not a change that waits for signatures") from error
    if not all(parsed.steps):
        raise NotStrictJson("a step without a role")
    return parsed


def _parse_draft(rolename: str, envelope: Any) -> Draft:
    if set(envelope) != {"signatures", "signed"}:
        raise NotStrictJson("expected exactly the members signed and signatures")
    # Parsed as the publisher will, signatures included, before anybody is shown what it says.
    entries = envelope["signatures"]
    document = parse_uploadable(rolename, encode_compact(envelope | {"signatures": entries or _PLACEHOLDER}))
    signatures = {signature.keyid: signature.sig for signature in document.signatures} if entries else {}
    if len(signatures) != len(entries):
        raise NotStrictJson(f"{rolename}: one keyid signs twice")
    return Draft(rolename, envelope["signed"], signatures)


def _root_of(step: Step) -> Root | None:
    root = step["root"].document.signed if "root" in step else None
    return root if isinstance(root, Root) else None


def _needs_ahead(step: Step, following: Step) -> Iterator[Need]:
    """Targets that go before a root are signed for it as well: it is never published before they are."""
    root = _root_of(following)
    if root and "targets" in step and "targets" not in following:
        yield Need(step["targets"], root.roles["targets"], f"root {root.version}")


def _delegated_in(step: Step, rolename: str) -> RoleKeys | None:
    for draft in step.values():
        signed = draft.document.signed
        if isinstance(signed, Targets) and (role_keys := signed.delegations.role_keys(rolename)):
            return role_keys
    return None
