"""A break-in at a deployment of many repositories, and the way back: a new master, a root by every owner, the old master dropped."""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import Progress, TaskID

from tests.attacks.fleet import Clients, Fleet
from tests.developer import Developer
from tests.fakes import FakeClock, FakeVault
from tests.readers import Reader
from trustpress.adapters.kms import Ed25519Signer
from trustpress.core.overlap import OVERLAP
from trustpress.online_keys import DerivedKeys
from trustpress.rekey import Rekeying
from trustpress.store.masters import Masters

EVERY = 50  # one client in so many repositories looks after every step


@dataclass(frozen=True, slots=True)
class Figures:
    repositories: int
    refreshes: int
    milliseconds: float
    derived: float
    opened: int

    def __str__(self) -> str:
        return (
            f"{self.repositories:,} repositories moved to a new master and the old one dropped; {self.refreshes:,} refreshes by "
            f"python-tuf, 0 failed; {self.milliseconds:.1f} ms for each repository that is shown its key; a new container derived all keys "
            f"in {self.derived * 1000:.0f} microseconds each, with {self.opened} opened secret"
        )


def run(count: int, progress: Progress) -> Figures:
    """Raises AssertionError, or what a client raised, where anything of it goes wrong."""
    task = progress.add_task("repositories move", total=3 * count)
    with TemporaryDirectory() as folder:
        fleet = Fleet(FakeClock())
        owners = {f"fleet/{number}": _begin(fleet, f"fleet/{number}", progress, task) for number in range(count)}
        readers = [Clients(fleet, name, Path(folder)).python_tuf() for name in list(owners)[::EVERY]]
        refreshes = _refresh(readers)
        rekeying = Rekeying(fleet.staging, fleet.public, fleet.masters, fleet.derived, workers=1)
        rekeying.begin()
        began = time.monotonic()
        assert len(rekeying.survey(FakeClock(fleet.clock.now(), seconds_left=900)).behind) == count
        milliseconds = (time.monotonic() - began) * 1000 / count
        refreshes += _refresh(readers)
        for name, owner in owners.items():
            owner.next_root()
            owner.list_online_keys(fleet.shown(name))
            assert fleet.publish(name, owner.signed("root"), filename="root.json").status == "waiting"
            progress.advance(task)
        refreshes += _refresh(readers)
        fleet.clock.pass_time(OVERLAP)
        for name in owners:
            assert [receipt.status for receipt in fleet.publisher.drain(name, fleet.clock).receipts] == ["published"]
            progress.advance(task)
        refreshes += _refresh(readers)
        assert rekeying.drop(1, FakeClock(fleet.clock.now(), seconds_left=900)).behind == []
        fleet.pass_time(timedelta(days=1))
        refreshes += _refresh(readers)
        vault = FakeVault()
        keys = DerivedKeys(Masters(fleet.staging, vault), Ed25519Signer)
        roots = {name: fleet.root(name) for name in owners}
        began = time.monotonic()
        signers = [keys.of(name, root) for name, root in roots.items() if root]
        derived = (time.monotonic() - began) * 1000 / sum(map(len, signers))
        assert len({signer.public_key.keyid for of_one in signers for signer in of_one}) == 2 * count  # each with the next one
        stored = [key for key in fleet.staging.objects if key.startswith("online-keys/")]
        assert len(stored) == 3  # two masters, and the mark of the one that was dropped
    return Figures(count, refreshes, milliseconds, derived, vault.calls["open"])


def _begin(fleet: Fleet, name: str, progress: Progress, task: TaskID) -> Developer:
    owner = fleet.owner(name)
    assert fleet.publish(name, owner.bundle("root", "targets"), filename="root.json").status == "published"
    progress.advance(task)
    return owner


def _refresh(readers: list[Reader]) -> int:
    for reader in readers:
        reader.refresh()
    return len(readers)
