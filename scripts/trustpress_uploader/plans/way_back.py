"""What of a role may be signed again when a key that signed goes: all but the delegations that stand by that key."""

from collections.abc import Collection
from dataclasses import dataclass

from trustpress.core.delegations import Delegations, RoleKeys
from trustpress.core.keys import Material, PublicKey
from trustpress.core.metadata import Document, Targets
from trustpress_uploader.plans.targets_editor import Signed, undelegate
from trustpress_uploader.reading.roles import Roles


@dataclass(frozen=True, slots=True)
class Dropped:
    """A delegation that goes, and `keys`, those of its keys that do not: it can be made anew. `bits` is of bins, else 0."""

    name: str
    keys: tuple[PublicKey, ...]
    threshold: int
    paths: tuple[str, ...] = ()
    is_terminating: bool = False
    bits: int = 0


def keep_standing(document: Document[Targets], roles: Roles, gone: Collection[Material]) -> tuple[Signed, list[Dropped]]:
    """What the document says, without delegations to a role that one of these keys signs, or that it delegates to in turn.

    A role whose published metadata its keys have not signed goes as well: the thief had replaced them. Nobody has to be there who
    could sign it again.
    """
    delegations, signed = document.signed.delegations, document.members()
    if delegations.succinct is not None:
        return _keep_standing_bins(signed, delegations, roles, gone)
    standing = _standing(delegations, roles, gone, set())
    fallen = [role for name, role in delegations.roles.items() if name not in standing]
    for role in fallen:
        signed = undelegate(role.name)(signed)
    return signed, [
        Dropped(role.name, _left(role.role_keys, gone), role.role_keys.threshold, tuple(role.patterns.patterns), role.terminating)
        for role in fallen
    ]


def _keep_standing_bins(signed: Signed, delegations: Delegations, roles: Roles, gone: Collection[Material]) -> tuple[Signed, list[Dropped]]:
    """Bins share their keys: all of them stand or none."""
    bins, role_keys = delegations.succinct, delegations.succinct_keys
    assert bins is not None
    assert role_keys is not None
    if len(_standing(delegations, roles, gone, set())) == 1 << bins.bit_length:
        return signed, []
    dropped = Dropped(bins.prefix, _left(role_keys, gone), role_keys.threshold, bits=bins.bit_length)
    return {name: value for name, value in signed.items() if name != "delegations"}, [dropped]


def _standing(delegations: Delegations, roles: Roles, gone: Collection[Material], seen: set[str]) -> set[str]:
    """The delegated roles that none of these keys signs, nor anything below them. One that comes twice has fallen."""
    role_keys = {name: delegated.role_keys for name, delegated in delegations.items() if name not in seen}
    seen |= role_keys.keys()
    documents = roles.signed_by({name: keys for name, keys in role_keys.items() if len(_left(keys, gone)) == len(keys.keys)})
    return {
        name
        for name, document in documents.items()
        if document and set(document.signed.delegations.rolenames()) == _standing(document.signed.delegations, roles, gone, seen)
    }


def _left(role_keys: RoleKeys, gone: Collection[Material]) -> tuple[PublicKey, ...]:
    return tuple(key for key in role_keys.keys.values() if key.material not in gone)
