"""The tree of delegations: one delegating role for each role, not too deep, and keys that are no top-level role's."""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator

from trustpress.core.delegations import Delegated, Delegations, RoleKeys
from trustpress.core.keys import Material
from trustpress.core.metadata import Root, Targets
from trustpress.errors import BadDelegation, BadRoot, MisnamedRole

# How many delegated roles a client visits in search of one target: max_delegations in python-tuf and go-tuf, maxDelegations in
# tuf-js; specification 5.6.7.1 leaves the number to them. They count roles, not levels, so nobody finds a role below that.
MAX_DELEGATION_DEPTH = 32

# The delegating roles from targets down to one of them, by name.
Chain = list[tuple[str, Delegations]]


def chains(find: Callable[[str], Delegations | None]) -> Iterator[Chain]:
    """Every chain of delegating roles, breadth first, each role once; `find` tells what a role delegates, None if it is not there."""
    waiting: deque[Chain] = deque([[("targets", delegations)]] if (delegations := find("targets")) is not None else [])
    seen = {"targets"}
    while waiting:
        chain = waiting.popleft()
        yield chain
        for child in chain[-1][1].roles:
            if child not in seen and (delegations := find(child)):
                seen.add(child)
                waiting.append([*chain, (child, delegations)])


def verify_depth(found: Iterable[Chain]) -> None:
    """Raises BadDelegation for delegated roles so deep that no client finds them."""
    deepest = max(found, key=len)
    if len(deepest) > MAX_DELEGATION_DEPTH:
        raise BadDelegation(
            deepest[-1][0],
            f"it delegates, and is itself {len(deepest) - 1} delegations below targets: clients visit {MAX_DELEGATION_DEPTH} roles",
            "Delegate to the role from one that is nearer to targets.",
        )


def verify_no_circle(found: Iterable[Chain], delegator: str, rolename: str) -> None:
    """What lies below a role that is newly delegated leads to no role on the way to it. Raises BadDelegation."""
    for chain in found:
        path = [name for name, _ in chain]
        if delegator in path and path[path.index(delegator) + 1 :][:1] == [rolename]:
            for ancestor in path[: path.index(rolename)]:
                if chain[-1][1].role_keys(ancestor):
                    raise BadDelegation(
                        rolename,
                        f"it leads back to {ancestor} by {path[-1]}",
                        "Have that role drop the delegation first: it would be a circle.",
                    )


def top_level_keys(root: Root) -> set[Material]:
    return {key.material for role in root.roles.values() for key in role.keys.values()}


def verify_own_keys(rolename: str, role_keys: RoleKeys, top_level: Collection[Material]) -> None:
    """What a top-level key signs must never pass as a delegated role, or the reverse. Raises BadDelegation."""
    if any(key.material in top_level for key in role_keys.keys.values()):
        raise BadDelegation(rolename, "one of its keys is a root, targets, snapshot or timestamp key", "Give the role a key of its own.")


def verify_no_delegated_keys(old: Root, new: Root, delegating: Iterable[tuple[str, Delegations]]) -> None:
    """The reverse, where root changes: no key that a top-level role gets is one of a delegated role.

    What is published already stays, so that it can be changed step by step. `delegating` are all roles that delegate, by name;
    they are asked for only where a key is new. Raises BadRoot.
    """
    added = {material for name, role in new.roles.items() for material in _materials(role) - _materials(old.roles[name])}
    for delegator, delegations in delegating if added else ():
        for name, role_keys in delegations.families():
            if added & _materials(role_keys):
                raise BadRoot(
                    f"one of its new keys is a key of {name}, to which {delegator} delegates",
                    "List a key of its own: what the delegated role has signed could pass as a top-level role's.",
                )


def shared_keys(delegating: Iterable[Delegations]) -> set[Material]:
    """The keys of more than one delegated role, all bins of a family taken for one."""
    counted = Counter(material for delegations in delegating for _, keys in delegations.families() for material in _materials(keys))
    return {material for material, count in counted.items() if count > 1}


def verify_says_its_name(rolename: str, delegated: Delegated, targets: Targets, shared: set[Material]) -> None:
    """A role that shares a key with another has to say which it is, or either's metadata would pass as the other's.

    But for an empty bin's first version, which tools write without knowing of names. Raises MisnamedRole.
    """
    is_first_bin = delegated.is_bin and targets.version == 1 and next(targets.targets.targetpaths(), None) is None
    if targets.rolename is None and not is_first_bin and shared & _materials(delegated.role_keys):
        raise MisnamedRole(rolename, None)


def _materials(role_keys: RoleKeys) -> set[Material]:
    return {key.material for key in role_keys.keys.values()}


def verify_one_delegator(rolename: str, others: Iterable[Delegations]) -> None:
    """Raises BadDelegation where one of the other delegating roles delegates to it as well."""
    if any(delegations.role_keys(rolename) for delegations in others):
        raise BadDelegation(rolename, "another role delegates to it already", "Give the role another name: one role, one delegating role.")
