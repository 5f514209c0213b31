"""A plan: which roles change, and what their next versions say. Nothing here signs or writes."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from trustpress_uploader.plans.targets_editor import Edit, Signed, next_version
from trustpress_uploader.reading.roles import Roles

TARGETS_LIFE = timedelta(days=90)

# The next versions of the roles that change, from the newest: made again when somebody else was first.
Plan = Callable[[Roles], Mapping[str, Signed]]


def edited(roles: Roles, edits: Mapping[str, Edit], expires: datetime) -> dict[str, Signed]:
    """The next versions of the roles that an edit changes."""
    current = {rolename: roles.newest(rolename).members() for rolename in edits}
    return {
        rolename: next_version(changed, expires, rolename)
        for rolename, edit in edits.items()
        if (changed := edit(current[rolename])) != current[rolename]
    }


def renewed(roles: Roles, rolenames: Iterable[str], expires: datetime) -> dict[str, Signed]:
    """The next versions of these roles, which say the same for longer. Raises NotPossible for what is no role."""
    return {rolename: next_version(roles.newest(rolename).members(), expires, rolename) for rolename in rolenames}
