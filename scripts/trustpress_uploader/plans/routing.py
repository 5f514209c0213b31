"""Which role a target belongs to, and what a push or a removal changes in it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from trustpress.core.entries import TargetFile
from trustpress_uploader.keys.keyring import Keyring
from trustpress_uploader.plans.plan import Plan, edited
from trustpress_uploader.plans.targets_editor import Signed, TargetsEdit, check_names
from trustpress_uploader.reading.roles import Roles


def add_targets(entries: Mapping[str, TargetFile], keyring: Keyring, expires: datetime) -> Plan:
    """List these targets, each in the role that its path belongs to."""

    def plan(roles: Roles) -> Mapping[str, Signed]:
        by_role: dict[str, dict[str, TargetFile]] = defaultdict(dict)
        for targetpath, entry in entries.items():
            by_role[find_role(roles, keyring, targetpath)][targetpath] = entry
        return edited(roles, {rolename: TargetsEdit(added=added) for rolename, added in by_role.items()}, expires)

    return plan


def remove_targets(names: Sequence[str], expires: datetime) -> Plan:
    """List these targets nowhere any more. Raises NoSuchTarget if one of them is not listed."""

    def plan(roles: Roles) -> Mapping[str, Signed]:
        listing = {name: roles.holding(name) for name in names}
        check_names([*(name for name, found in listing.items() if found), *roles.newest().signed.targets.targetpaths()], names)
        by_role: dict[str, set[str]] = defaultdict(set)
        for name, found in listing.items():
            for rolename in found:
                by_role[rolename].add(name)
        return edited(roles, {rolename: TargetsEdit(removed=frozenset(removed)) for rolename, removed in by_role.items()}, expires)

    return plan


def find_role(roles: Roles, keyring: Keyring, targetpath: str) -> str:
    """The role that lists a target already, else the last one that its path is delegated to.

    Where several share a path, the first of them whose key is at hand. Clients believe the first role that lists a target: an
    entry elsewhere would not be seen.
    """
    if listing := roles.listing(targetpath):
        return listing[0]
    owners = roles.owners(targetpath)
    return next((rolename for rolename in owners if (keys := roles.role_keys(rolename)) and keyring.held(keys)), owners[0])
