"""A role that was lost, signed again as the version that a recovery asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from trustpress.core import trust
from trustpress.core.metadata import Document, Targets
from trustpress_uploader.errors import NotPossible, NotVerified
from trustpress_uploader.plans.targets_editor import Signed, next_version
from trustpress_uploader.reading.roles import Roles


@dataclass
class RenewalAfterLoss:
    """A plan: sign a role again as the version that a recovery asks for.

    It says what was `seen` of it last, if its keys sign that still, or else what is left of it. `base` tells which version that
    was, once the plan is made. Raises NotPossible if such a version was there before, and NotVerified if there is nothing to sign.
    """

    rolename: str
    version: int
    expires: datetime
    seen: Document[Targets] | None
    base: int = 0

    def __call__(self, roles: Roles) -> Mapping[str, Signed]:
        self.base = 0
        if self._is_done(roles):
            return {}
        role_keys = roles.role_keys(self.rolename)
        seen = [self.seen] if self.seen and role_keys and trust.is_signed_by(self.seen, role_keys) else []
        # What lies behind the version that snapshot lists has nobody's word for being of this repository.
        try:
            left = [roles.listed(self.rolename)]
        except NotVerified:
            if not seen:
                raise
            left = []
        newest = max([*seen, *left], key=lambda document: document.signed.version)
        if self.version <= newest.signed.version:
            raise NotPossible(
                f"{self.rolename} version {newest.signed.version} was published before",
                "Give the version that `trustpress admin recover` names: clients have seen those in front of it.",
            )
        self.base = newest.signed.version
        return {self.rolename: next_version(newest.members(), self.expires, self.rolename) | {"version": self.version}}

    def _is_done(self, roles: Roles) -> bool:
        try:
            return roles.newest(self.rolename).signed.version == self.version
        except NotVerified:
            return False
