"""Who may sign a role, and whom a targets role delegates to (TUF specification, sections 4.3 and 4.5)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from trustpress.core.keys import PublicKey
from trustpress.core.paths import PathPatterns, SuccinctRoles


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """Who may sign a role: distinct keys, of which `threshold` must."""

    keys: Mapping[str, PublicKey]
    threshold: int


@dataclass(frozen=True, slots=True)
class DelegatedRole:
    """`terminating` ends a client's search: whom it would have asked next, it asks no more."""

    name: str
    role_keys: RoleKeys
    patterns: PathPatterns
    terminating: bool = False


class Delegated(NamedTuple):
    """Who signs a delegated role, and whether it is a bin."""

    role_keys: RoleKeys
    is_bin: bool


@dataclass(frozen=True, slots=True)
class Delegations:
    """Either delegated roles with path patterns, in order of priority, or one family of succinct roles (TAP 15)."""

    roles: Mapping[str, DelegatedRole]
    succinct: SuccinctRoles | None = None
    succinct_keys: RoleKeys | None = None

    def role_keys(self, rolename: str) -> RoleKeys | None:
        """Who may sign `rolename` under this delegation, or None where it does not name that role."""
        if self.succinct is not None and self.succinct.names(rolename):
            return self.succinct_keys
        role = self.roles.get(rolename)
        return role.role_keys if role else None

    def __bool__(self) -> bool:
        return bool(self.roles) or self.succinct is not None

    def rolenames(self) -> Iterator[str]:
        yield from self.roles if self.succinct is None else self.succinct.rolenames()

    def items(self) -> Iterator[tuple[str, Delegated]]:
        """Every role that is delegated to, by name, in order of priority."""
        if self.succinct is None:
            yield from ((name, Delegated(role.role_keys, is_bin=False)) for name, role in self.roles.items())
        elif self.succinct_keys is not None:
            delegated = Delegated(self.succinct_keys, is_bin=True)
            yield from ((name, delegated) for name in self.succinct.rolenames())

    def families(self) -> Iterator[tuple[str, RoleKeys]]:
        """As `items`, with all bins as one, by their prefix: they have their keys in common."""
        if self.succinct is not None and self.succinct_keys is not None:
            yield f"{self.succinct.prefix}-*", self.succinct_keys
        yield from ((name, role.role_keys) for name, role in self.roles.items())

    def patterns(self) -> set[str]:
        """The path patterns of all delegated roles."""
        return {pattern for role in self.roles.values() for pattern in role.patterns.patterns}

    def delegates_of(self, targetpath: str) -> list[tuple[str, bool]]:
        """The roles that a path is delegated to, up to a terminating one, each with whether it is that (specification 5.6.7.2)."""
        if self.succinct is not None:
            return [(self.succinct.bin_of(targetpath), True)]
        found = []
        for name, role in self.roles.items():
            if role.patterns.match(targetpath):
                found.append((name, role.terminating))
                if role.terminating:
                    break
        return found
