"""Which uploads can be published together, and why the others cannot."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trustpress.core.metadata import Document, Root
from trustpress.errors import Invalid
from trustpress.publish.draft import Draft
from trustpress.publish.inbox import Bundle, Upload
from trustpress.verdicts import AwaitingOverlap, AwaitingRoles, AwaitingVersion, Rejected, Waiting, without_trace

# How many combinations of waiting uploads are tried in one drain.
_MAX_GROUPS = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """`error` is None for an upload that is, or is about to be, published."""

    upload: Upload
    error: Rejected | Waiting | None


@dataclass(frozen=True)
class Judgement:
    """The draft with everything that can be accepted, and a verdict on every upload that there was time for."""

    draft: Draft
    verdicts: list[Verdict]

    @property
    def pending_root(self) -> Root | None:
        """A root that waits for its online keys to have signed for long enough. (Only a root ever waits for an overlap.)"""
        for verdict in self.verdicts:
            if isinstance(verdict.error, AwaitingOverlap):
                root = verdict.upload.bundle["root"].signed
                assert isinstance(root, Root)
                return root
        return None

    def accepted_with(self, rolename: str, version: int) -> list[Upload]:
        """The uploads that were accepted with this version of a role."""
        return [verdict.upload for verdict in self.verdicts if verdict.error is None and verdict.upload.roles.get(rolename) == version]

    def upload_of(self, root: Document[Any]) -> Upload:
        """The accepted upload that this root came with."""
        accepted = (verdict.upload for verdict in self.verdicts if verdict.error is None)
        return next(upload for upload in accepted if "root" in upload.bundle and upload.bundle["root"].sha256 == root.sha256)


def judge(draft: Draft, uploads: Iterable[Upload], refused: Mapping[Upload, Rejected], has_time: Callable[[], bool]) -> Judgement:
    """Accept what can be accepted, in whatever order makes that possible. A bad upload never stands in another's way.

    `refused` are uploads that this drain has learnt to be impossible. When time is over, what has not been judged is left to
    another drain; one upload always is.
    """
    return _Judging(draft, list(uploads), refused, has_time).conclude()


class _Judging:
    def __init__(self, draft: Draft, uploads: list[Upload], refused: Mapping[Upload, Rejected], has_time: Callable[[], bool]) -> None:
        self._draft = draft
        self._uploads = uploads
        self._has_time = has_time
        self._groups_left = _MAX_GROUPS
        errors = {upload: refused.get(upload, upload.error) for upload in uploads}
        self._errors: dict[Upload, Rejected | Waiting | None] = {upload: error for upload, error in errors.items() if error}

    def conclude(self) -> Judgement:
        candidates = [upload for upload in self._uploads if upload not in self._errors]
        while self._accept_each(candidates) or self._accept_groups():
            candidates = self._waiting_for(AwaitingVersion, AwaitingRoles)
        return Judgement(self._draft, [Verdict(upload, self._errors[upload]) for upload in self._uploads if upload in self._errors])

    def _accept_each(self, candidates: list[Upload]) -> int:
        """How many of them were accepted, each judged by what was accepted before it."""
        accepted = 0
        for number, upload in enumerate(candidates):
            if number and not self._has_time():
                break
            accepted += self._accept([upload])
        return accepted

    def _accept(self, group: list[Upload]) -> bool:
        """Accept the roles of these uploads together, or note why not."""
        try:
            self._draft = self._draft.accept(_merged(group))
        except (Invalid, Rejected, Waiting) as error:
            if len(group) == 1:
                self._errors[group[0]] = Rejected.because(error) if isinstance(error, Invalid) else without_trace(error)
            return False
        self._errors |= dict.fromkeys(group)
        return True

    def _accept_groups(self) -> bool:
        """Uploads that wait for each other's roles, as when a role and its delegation come as two files."""
        return any(self._accept_with_companions([upload]) for upload in self._waiting_for(AwaitingRoles))

    def _accept_with_companions(self, group: list[Upload]) -> bool:
        """Try the group with each upload that brings a role it waits for: one of them may be anybody's, another the right one."""
        missing = self._missing_roles(group)
        present = {rolename for upload in group for rolename in upload.bundle}
        for upload in self._waiting_for(AwaitingRoles) if missing else []:
            if not missing & upload.bundle.keys() or present & upload.bundle.keys():
                continue
            if self._groups_left > 0 and self._has_time():
                self._groups_left -= 1
                if self._accept([*group, upload]) or self._accept_with_companions([*group, upload]):
                    return True
        return False

    def _missing_roles(self, group: list[Upload]) -> frozenset[str]:
        try:
            self._draft.accept(_merged(group))
        except AwaitingRoles as error:
            return error.rolenames
        except (Invalid, Rejected, Waiting):
            pass
        return frozenset()

    def _waiting_for(self, *kinds: type[Waiting]) -> list[Upload]:
        return [upload for upload in self._uploads if isinstance(self._errors.get(upload), kinds)]


def _merged(group: list[Upload]) -> Bundle:
    return {rolename: document for upload in group for rolename, document in upload.bundle.items()}
