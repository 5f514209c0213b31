"""How much may wait in one inbox.

All that waits is read again at every look, for a day. Everybody who may upload can have something wait, so there is an end
to it; and what no key of the repository vouches for cannot take the place of what its owners have signed.
"""

from dataclasses import dataclass

from trustpress.verdicts import InboxFull

# A look at all of it takes a few of the seconds that a look has.
MAX_WAITING = 1_000
MAX_WAITING_BYTES = 64_000_000

# Less than half of a window, so that it never separates for longer than one look what belongs together; and few bytes, for
# a megabyte can be made to take a second or two.
MAX_UNVERIFIED = 100
MAX_UNVERIFIED_BYTES = 2_000_000


@dataclass
class _Bench:
    """Places for one kind of uploads. On an empty bench there is room for the largest."""

    max_uploads: int
    max_bytes: int
    uploads: int = 0
    bytes: int = 0

    def take(self, length: int) -> None:
        self.uploads += 1
        self.bytes += length


class WaitingRoom:
    """Counts what waits, over one look."""

    def __init__(self) -> None:
        self._benches = {True: _Bench(MAX_WAITING, MAX_WAITING_BYTES), False: _Bench(MAX_UNVERIFIED, MAX_UNVERIFIED_BYTES)}

    def keep_place(self, length: int, *, is_verified: bool) -> None:
        """For an upload that waits already: whoever comes later finds this much less room."""
        self._benches[is_verified].take(length)

    def turn_away(self, length: int, *, is_verified: bool) -> InboxFull | None:
        """Why an upload may not wait, None if it may. `is_verified`: keys of the repository have signed it."""
        bench = self._benches[is_verified]
        if bench.uploads >= bench.max_uploads:
            return InboxFull(bench.max_uploads, "uploads", is_verified=is_verified)
        if bench.uploads and bench.bytes + length > bench.max_bytes:
            return InboxFull(bench.max_bytes, "bytes", is_verified=is_verified)
        bench.take(length)
        return None
