"""Plans for delegated roles: signers with paths of their own, and succinct bins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from trustpress.core.delegations import RoleKeys
from trustpress.core.keys import PublicKey
from trustpress.core.metadata import Document, Targets
from trustpress.core.paths import SuccinctRoles
from trustpress.core.portable import check_new_pattern, check_new_rolename, check_rolename
from trustpress_uploader.errors import NotPossible
from trustpress_uploader.plans.plan import Plan, edited
from trustpress_uploader.plans.targets_editor import (
    Signed,
    compose_targets,
    delegate,
    delegate_to_bins,
    delegate_to_keys,
    next_version,
    undelegate,
)
from trustpress_uploader.plans.way_back import Dropped, keep_standing
from trustpress_uploader.reading.roles import Roles


def role_keys(keys: Iterable[PublicKey], threshold: int) -> RoleKeys:
    """Raises NotPossible if there are fewer keys than that, or one in two spellings."""
    listed = {key.keyid: key for key in keys}
    if len({key.material for key in listed.values()}) < len(listed):
        raise NotPossible("one key is given twice, in two spellings", "Give each key once.")
    if not 1 <= threshold <= len(listed):
        raise NotPossible(f"a threshold of {threshold} asks for that many keys, and {len(listed)} are given", "Give every key by --key.")
    return RoleKeys(listed, threshold)


def add_signer(name: str, keys: RoleKeys, paths: Iterable[str], expires: datetime, *, terminating: bool) -> Plan:
    """Targets delegates paths to a new role, whose first version lists nothing. Raises NotPortable for names and patterns."""
    check_new_rolename(name)
    patterns = list(paths)
    for pattern in patterns:
        check_new_pattern(pattern)

    def plan(roles: Roles) -> Mapping[str, Signed]:
        step = edited(roles, {"targets": delegate(name, keys, patterns, terminating=terminating)}, expires)
        return step | {name: roles.successor(name, compose_targets(expires, name))} if step else {}

    return plan


@dataclass
class SignerRotation:
    """A plan: a role gets other keys and is signed by them, in one step: snapshot shows both or neither.

    It says what `base` said, if that is given, else what it says now, without delegations that stand by a key that goes: they are
    `dropped`, once the plan is made. Raises NotPossible if nobody delegates to the role.
    """

    name: str
    keys: RoleKeys
    expires: datetime
    base: Document[Targets] | None = None
    dropped: list[Dropped] = field(default_factory=list)

    def __call__(self, roles: Roles) -> Mapping[str, Signed]:
        delegator, former = roles.delegator(self.name), roles.role_keys(self.name)
        if delegator is None or former is None:
            raise NotPossible(f"nobody delegates to {self.name}", "`trustpress signer list` shows the signers.")
        step = edited(roles, {delegator: delegate_to_keys(self.name, self.keys)}, self.expires)
        if not step:
            return {}
        newest = roles.newest(self.name)
        gone = {key.material for key in former.keys.values()} - {key.material for key in self.keys.keys.values()}
        signed, self.dropped = keep_standing(self.base or newest, roles, gone)
        return step | {self.name: next_version(signed | {"version": newest.signed.version}, self.expires, self.name)}


def remove_signer(name: str, expires: datetime) -> Plan:
    """What the role lists is found by nobody any more."""

    def plan(roles: Roles) -> Mapping[str, Signed]:
        return edited(roles, {roles.delegator(name) or "targets": undelegate(name)}, expires)

    return plan


def begin_bins(succinct: SuccinctRoles, keys: RoleKeys, expires: datetime) -> Plan:
    """Everything that targets lists moves into its bin; all bins come with the delegation."""
    check_rolename(next(succinct.rolenames()))

    def plan(roles: Roles) -> Mapping[str, Signed]:
        targets = roles.newest().members()
        bins = {rolename: compose_targets(expires, rolename) for rolename in succinct.rolenames()}
        for targetpath, entry in targets["targets"].items():
            bins[succinct.bin_of(targetpath)]["targets"][targetpath] = entry
        return {"targets": next_version(delegate_to_bins(succinct, keys)(targets), expires), **bins}

    return plan
