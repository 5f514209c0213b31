"""The keys that sign snapshots and timestamps: which are a repository's own, and which of them is next (decision 32)."""

from collections.abc import Callable, Collection, Iterable, Sequence

from trustpress.core.derivation import derive_seed
from trustpress.core.keys import Material, PublicKey
from trustpress.core.lru import Lru
from trustpress.core.metadata import Root
from trustpress.errors import ForeignOnlineKey, Misconfigured
from trustpress.ports import ObjectStore, Signer
from trustpress.store.masters import Masters
from trustpress.store.register import published_repositories

ONLINE_ROLES = ("snapshot", "timestamp")

# A rotation a week for more than a year, before a new master is needed. A key that nobody here derives takes so many attempts.
MAX_GENERATIONS = 64

_MAX_REMEMBERED = 1_000


class DerivedKeys:
    """A key for each repository, derived from the master secret in use: nothing is stored for it.

    `former` are keys that all repositories of this deployment shared once. They sign for those whose published root still
    lists them, and no new root may list them. `new_signer` makes a signer of an Ed25519 seed.
    """

    def __init__(self, masters: Masters, new_signer: Callable[[bytes], Signer], former: Sequence[Signer] = ()) -> None:
        self._masters, self._new_signer, self._former = masters, new_signer, former
        self._known: Lru[tuple[str, int, int], Signer] = Lru(_MAX_REMEMBERED)

    def of(self, repository: str, *roots: Root) -> Sequence[Signer]:
        listed = listed_materials(roots)
        found = [signer for signer in self._former if signer.public_key.material in listed]
        return [*found, *self._derived(repository, listed.difference(_materials(found)))]

    def verify_own(self, repository: str, root: Root) -> None:
        own = _materials(self._derived(repository, listed_materials([root])))
        verify_listed(repository, root, own)

    def offered(self, repository: str, root: Root | None) -> Sequence[PublicKey]:
        numbers = self._masters.numbers(anew=True)
        if not numbers:
            raise Misconfigured("there is no master secret yet: run the refresh function once")
        last = self._last_listed(repository, numbers[-1], listed_materials([root] if root else []))
        generations = [generation for generation in (last, last + 1) if 0 < generation <= MAX_GENERATIONS]
        return [self._signer(repository, numbers[-1], generation).public_key for generation in generations]

    def master_of(self, repository: str, root: Root) -> int:
        """The newest master of which root lists a key for both roles alone, 0 where it lists another's. Raises Unavailable."""
        listed = listed_materials([root])
        for number in sorted(self._masters.numbers(), reverse=True):
            last = self._last_listed(repository, number, listed)
            if last and listed <= {self._signer(repository, number, each).public_key.material for each in range(1, last + 1)}:
                return number
        return 0

    def _derived(self, repository: str, listed: Collection[Material]) -> list[Signer]:
        """Keys of every master of which one is listed, up to the one after the last that is; of the newest the first at least, for
        a root on its way may list it. The newest master is tried first.

        Others may have made a master since: a key that nobody knows is looked for once more among those.
        """
        known = self._masters.numbers()
        found = self._derived_from(known, repository, listed)
        if set(listed).issubset(_materials(found)) or known == (numbers := self._masters.numbers(anew=True)):
            return found
        return self._derived_from(numbers, repository, listed)

    def _derived_from(self, numbers: Iterable[int], repository: str, listed: Collection[Material]) -> list[Signer]:
        found: list[Signer] = []
        for number in sorted(numbers, reverse=True):
            missing = set(listed).difference(_materials(found))
            last = self._last_listed(repository, number, missing)
            if last or not found:
                following = min(last + 1, MAX_GENERATIONS)
                found[:0] = [self._signer(repository, number, generation) for generation in range(1, following + 1)]
        return found

    def _last_listed(self, repository: str, number: int, listed: Collection[Material]) -> int:
        """The last generation that is listed, 0 where none is."""
        missing, last = set(listed), 0
        for generation in range(1, MAX_GENERATIONS + 1):
            if not missing:
                break
            material = self._signer(repository, number, generation).public_key.material
            if material in missing:
                missing.remove(material)
                last = generation
        return last

    def _signer(self, repository: str, number: int, generation: int) -> Signer:
        place = repository, number, generation
        known = self._known.get(place)
        return known or self._known.put(place, self._new_signer(derive_seed(self._masters.open(number), repository, generation)))


class OnlyKey:
    """One key that never leaves KMS, for the only repository of a deployment. `former` as for DerivedKeys."""

    def __init__(self, staging: ObjectStore, signer: Signer, former: Sequence[Signer] = ()) -> None:
        self._staging, self._signer, self._former = staging, signer, former

    def of(self, _repository: str, *roots: Root) -> Sequence[Signer]:
        listed = listed_materials(roots)
        return [*(signer for signer in self._former if signer.public_key.material in listed), self._signer]

    def verify_own(self, repository: str, root: Root) -> None:
        """There is no other repository: what has a register was published, or is about to be."""
        verify_listed(repository, root, [self._signer.public_key.material])
        other = next((name for name in published_repositories(self._staging) if name != repository), None)
        if other:
            raise ForeignOnlineKey(
                repository,
                "timestamp",
                self._signer.public_key.keyid,
                f"It signs for {other} too. A key in KMS serves a deployment of one repository: deploy with OnlineKey=sealed, which "
                "gives each its own.",
            )

    def offered(self, _repository: str, _root: Root | None) -> Sequence[PublicKey]:
        return [self._signer.public_key]


def listed_materials(roots: Iterable[Root]) -> set[Material]:
    """All keys that these roots list for snapshot and timestamp."""
    return {key.material for root in roots for rolename in ONLINE_ROLES for key in root.roles[rolename].keys.values()}


def verify_listed(repository: str, root: Root, own: Collection[Material]) -> None:
    """Every key that root lists for snapshot and timestamp is one of these. Raises ForeignOnlineKey."""
    for rolename in ONLINE_ROLES:
        for keyid, key in root.roles[rolename].keys.items():
            if key.material not in own:
                raise ForeignOnlineKey(repository, rolename, keyid)


def _materials(signers: Iterable[Signer]) -> set[Material]:
    return {signer.public_key.material for signer in signers}
