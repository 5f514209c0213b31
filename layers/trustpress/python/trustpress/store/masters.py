"""The master secrets of a deployment, sealed and numbered. None is ever written over; the newest is the one in use."""

from contextlib import suppress

from trustpress.core import layout
from trustpress.core.derivation import SEED_LENGTH
from trustpress.errors import Conflict, Misconfigured, StillNeeded, UnknownOutcome
from trustpress.ports import Caching, ObjectStore, Vault

_MAX_SEALED_LENGTH = 6144


class Masters:
    """One instance serves a container for its life: each secret is opened once, and only where something is derived from it."""

    def __init__(self, staging: ObjectStore, vault: Vault) -> None:
        self._staging, self._vault = staging, vault
        self._numbers: list[int] | None = None
        self.__secrets: dict[int, bytes] = {}

    def __repr__(self) -> str:
        return f"Masters({self._numbers})"

    def numbers(self, *, anew: bool = False) -> list[int]:
        """Those that were not dropped, ascending, as they were listed last. Raises Unavailable."""
        if self._numbers is None or anew:
            names = [key.removeprefix(layout.MASTERS).partition(".") for key in self._staging.list_keys(layout.MASTERS)]
            dropped = {number for number, _, kind in names if kind == "dropped"}
            self._numbers = [int(number) for number, _, kind in names if kind == "sealed" and number not in dropped]
        return self._numbers

    def open(self, number: int) -> bytes:
        """Raises Unavailable, or Misconfigured where it does not open."""
        if number not in self.__secrets:
            found = self._staging.get(layout.master(number), _MAX_SEALED_LENGTH)
            if found is None:
                raise Misconfigured(f"{layout.master(number)} is gone")
            secret = self._vault.open_secret(_name(number), found.body)
            if len(secret) != SEED_LENGTH:
                raise Misconfigured(f"{layout.master(number)} holds {len(secret)} bytes, expected {SEED_LENGTH}")
            self.__secrets[number] = secret
        return self.__secrets[number]

    def make_first(self) -> None:
        """Make the first one, if there never was any."""
        if not any(self._staging.list_keys(layout.MASTERS)):
            self._make(1)

    def make_next(self) -> int:
        """Make a new one, which is the one in use from now on, and return its number."""
        number = max(self.numbers(anew=True), default=0) + 1
        self._make(number)
        return self.numbers(anew=True)[-1]

    def drop(self, number: int) -> None:
        """Nothing is derived from it any more, once containers have looked again. Raises StillNeeded for the one in use."""
        if number not in self.numbers(anew=True)[:-1]:
            raise StillNeeded(number, f"expected one of {self.numbers()[:-1]}, the former ones")
        with suppress(Conflict, UnknownOutcome):
            self._staging.put_new(layout.dropped_master(number), b"", Caching.PRIVATE)
        self.numbers(anew=True)

    def _make(self, number: int) -> None:
        # Whoever was first made it. Losing this race is fine, and whether it was won is seen when the secret is opened.
        with suppress(Conflict, UnknownOutcome):
            self._staging.put_new(layout.master(number), self._vault.make_secret(_name(number)), Caching.IMMUTABLE)


def _name(number: int) -> str:
    return f"master-{number:04}"
