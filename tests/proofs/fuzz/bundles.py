"""Changes to which roles an upload brings, and under which names."""

from collections.abc import Callable, Sequence
from random import Random

from tests.proofs.fuzz import hostile
from tests.proofs.fuzz.uploads import Good, Upload


def change(rng: Random, upload: Upload, goods: Sequence[Good]) -> None:
    """Change the bundle, or make one of a single role; `goods` are what else could be uploaded."""
    rng.choice(_CHANGES)(rng, upload, goods)


def _wrap(rng: Random, upload: Upload, goods: Sequence[Good]) -> None:
    upload.is_bundle = True
    upload.filename = "bundle.root.json"


def _add(rng: Random, upload: Upload, goods: Sequence[Good]) -> None:
    """The roles of another upload as well, or instead of its own where both have them."""
    upload.roles |= rng.choice(goods).start().roles
    upload.is_bundle = True


def _add_behind(rng: Random, upload: Upload, goods: Sequence[Good]) -> None:
    upload.roles = rng.choice(goods).start().roles | upload.roles
    upload.is_bundle = True


def _drop(rng: Random, upload: Upload, goods: Sequence[Good]) -> None:
    if len(upload.roles) > 1:
        del upload.roles[rng.choice(list(upload.roles))]


def _rename(rng: Random, upload: Upload, goods: Sequence[Good]) -> None:
    name = rng.choice(list(upload.roles))
    upload.roles[rng.choice(hostile.ROLENAMES)] = upload.roles.pop(name)
    upload.is_bundle = True


def _swap(rng: Random, upload: Upload, goods: Sequence[Good]) -> None:
    one, other = rng.choice(list(upload.roles)), rng.choice(list(upload.roles))
    upload.roles[one], upload.roles[other] = upload.roles[other], upload.roles[one]


def _twice(rng: Random, upload: Upload, goods: Sequence[Good]) -> None:
    """One role's metadata under another name too."""
    upload.roles[rng.choice(hostile.ROLENAMES)] = rng.choice(list(upload.roles.values()))
    upload.is_bundle = True


def _another_signer(rng: Random, upload: Upload, goods: Sequence[Good]) -> None:
    """Signed by the key of another role."""
    role = rng.choice(list(upload.roles.values()))
    role.signers = list(rng.choice(list(rng.choice(goods).start().roles.values())).signers)


def _other_signers(rng: Random, upload: Upload, goods: Sequence[Good]) -> None:
    """Signed by fewer, or in another order."""
    role = rng.choice(list(upload.roles.values()))
    role.signers = rng.choice([role.signers[:1], role.signers[1:], role.signers[::-1]])


_CHANGES: list[Callable[[Random, Upload, Sequence[Good]], None]] = [
    _wrap, _add, _add, _add_behind, _drop, _drop, _rename, _swap, _twice, _another_signer, _other_signers,
]  # fmt: skip
