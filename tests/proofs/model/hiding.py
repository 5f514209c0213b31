"""Hiding junk as a state machine: what a recovery does to roots while owners publish, and others recover too.

Two roots are still to come, N+1 and N+2. A move is one request that others can notice, as in protocol.py. A recovery first lists
the keys that hold something and then every version that any key has held, and neither listing is of one instant: S3 gives it page
by page, in the order of keys, in which a root can stand before the one that it follows. Whoever broke into publish asks for roots
all the time; whoever broke into the function that writes them puts what he likes, until it is mended.
"""

from collections import deque
from collections.abc import Iterator
from enum import Enum
from itertools import permutations
from typing import NamedTuple, TypeVar

PLACES = (0, 1)
ORDERS = tuple(permutations(PLACES))

# What lies under a number: nothing, the root that its owner signed for it, or the n-th piece of junk, counted down from minus one.
Object = int
NOTHING, SIGNED = 0, 1
T = TypeVar("T")
Slots = tuple[Object, ...]
# What a number has ever held, the newest last.
Versions = tuple[Object, ...]


class Variant(NamedTuple):
    """Ways to build it. The defaults are the real one."""

    verifies: bool = True  # whoever writes roots verifies them, whatever publish says
    hides: bool = True
    only_what_it_judged: bool = True  # If-Match of the version that was judged
    looks_again: bool = True  # whether the number behind the chain is as it was listed


THE_REAL_ONE = Variant()


class Store(NamedTuple):
    """`visible` is what clients get, `kept` the versions of each number; `freed` are the numbers at which something was hidden."""

    visible: Slots = (NOTHING,) * len(PLACES)
    kept: tuple[Versions, ...] = ((),) * len(PLACES)
    freed: frozenset[int] = frozenset()
    junk: int = 0
    is_mended: bool = False

    def put(self, place: int, thing: Object) -> "Store":
        return self._replace(visible=_with(self.visible, place, thing), kept=_with(self.kept, place, (*self.kept[place], thing)))


class Recovery(NamedTuple):
    """One run: `order` is that of its listings, `place` how far it is in one of them. `there` are the numbers that hold something."""

    at: str = "list"
    order: tuple[int, ...] = PLACES
    place: int = 0
    is_second: bool = False
    there: frozenset[int] = frozenset()
    kept: tuple[Versions, ...] = ((),) * len(PLACES)
    junk: tuple[tuple[int, Object], ...] = ()

    def newest(self, place: int) -> Object:
        """What it takes clients to get."""
        return self.kept[place][-1] if place in self.there and self.kept[place] else NOTHING


class Step(NamedTuple):
    """`who` is a recovery's place, or -1 for anybody else."""

    what: str
    store: Store
    who: int = -1
    recovery: Recovery | None = None


class Invariant(Enum):
    GENUINE_STAYS = "a recovery hides no root that its owner signed"
    ONLY_GENUINE_FOLLOWS = "once the break-in is mended, only a root that its owner signed takes a number that was freed"
    NEVER_STUCK = "once it is mended, a recovery alone makes way for the owner's roots"


State = tuple[Store, Recovery, Recovery]


class Hiding:
    """Two recoveries, an owner who publishes both roots, and a thief who leaves that many pieces of junk."""

    def __init__(self, variant: Variant = THE_REAL_ONE, junk: int = 2) -> None:
        self._variant, self._junk = variant, junk

    def explore(self, until: Invariant | None = None) -> tuple[int, dict[Invariant, list[str]]]:
        """How many states there are, and of each broken invariant the steps to it; no further than until this one is broken."""
        beginning: State = (Store(), Recovery(), Recovery())
        told: dict[State, list[str]] = {beginning: []}
        broken: dict[Invariant, list[str]] = {}
        waiting = deque([beginning])
        while waiting and until not in broken:
            state = waiting.popleft()
            for what, after, invariants in self._following(state):
                for invariant in invariants:
                    broken.setdefault(invariant, [*told[state], what])
                if after not in told:
                    told[after] = [*told[state], what]
                    waiting.append(after)
        return len(told), broken

    def _following(self, state: State) -> Iterator[tuple[str, State, list[Invariant]]]:
        store, recoveries = state[0], state[1:]
        steps = [*self._others(store), *(step for who in (0, 1) for step in self._steps(store, recoveries[who], who))]
        for step in steps:
            one, other = sorted(step.recovery if who == step.who and step.recovery else recoveries[who] for who in (0, 1))
            yield step.what, (step.store, one, other), list(self._broken(store, step))

    def _broken(self, before: Store, step: Step) -> Iterator[Invariant]:
        for was, now in zip(before.visible, step.store.visible, strict=True):
            if was == SIGNED != now:
                yield Invariant.GENUINE_STAYS
        for place in before.freed if before.is_mended else ():
            if before.visible[place] == NOTHING > step.store.visible[place]:
                yield Invariant.ONLY_GENUINE_FOLLOWS
        if step.store.is_mended and not self._ends_well(step.store):
            yield Invariant.NEVER_STUCK

    def _ends_well(self, store: Store) -> bool:
        """Everybody else has gone; one recovery, then the owner again."""
        recovery = Recovery()
        while recovery.at != "over":
            step = next(self._steps(store, recovery, 0))
            assert step.recovery
            store, recovery = step.store, step.recovery
        for place in PLACES:
            if store.visible[place] == NOTHING:
                store = store.put(place, SIGNED)
        return store.visible == (SIGNED,) * len(PLACES)

    def _others(self, store: Store) -> Iterator[Step]:
        for place in PLACES:
            if store.visible[place] != NOTHING:
                continue
            if all(store.visible[earlier] == SIGNED for earlier in range(place)):
                yield Step(f"the owner's root {place}", store.put(place, SIGNED))
            if store.junk < self._junk and not (store.is_mended and self._variant.verifies):
                yield Step(f"junk at root {place}", store.put(place, -store.junk - 1)._replace(junk=store.junk + 1))
        if not store.is_mended:
            yield Step("the break-in is mended", store._replace(is_mended=True))

    def _steps(self, store: Store, recovery: Recovery, who: int) -> Iterator[Step]:
        """Of one recovery. Where nobody else moves the first one leads on."""
        match recovery.at:
            case "list" if recovery.place == 0 and not recovery.is_second:
                for order in ORDERS:
                    yield self._list(store, recovery._replace(order=order), who)
            case "list":
                yield self._list(store, recovery, who)
            case "look again":
                yield self._look_again(store, recovery, who)
            case "hide":
                yield self._hide(store, recovery, who)
            case "bring back":
                yield self._bring_back(store, recovery, who)

    def _list(self, store: Store, recovery: Recovery, who: int) -> Step:
        place = recovery.order[recovery.place]
        if not recovery.is_second:
            recovery = recovery._replace(there=recovery.there | {place} if store.visible[place] else recovery.there)
        else:
            recovery = recovery._replace(kept=_with(recovery.kept, place, store.kept[place]))
        following = recovery._replace(place=recovery.place + 1)
        if following.place == len(PLACES):
            following = self._judged(following) if following.is_second else following._replace(place=0, is_second=True)
        return Step(f"recovery {who} lists root {place}", store, who, following)

    def _judged(self, recovery: Recovery) -> Recovery:
        """The chain goes as far as the owner's roots have ever been seen. What else there is, is junk."""
        chain = self._chain(recovery)
        newest = [(place, recovery.newest(place)) for place in PLACES]
        junk = [(place, thing) for place, thing in newest if thing < 0 or (thing == SIGNED and place >= chain)]
        at = "look again" if self._variant.looks_again and chain < len(PLACES) else "hide"
        return recovery._replace(at=at, place=0, is_second=False, junk=tuple(junk) if self._variant.hides else ())

    def _chain(self, recovery: Recovery) -> int:
        """How many roots of the owner's it knows, one behind the other."""
        return next((place for place in PLACES if SIGNED not in recovery.kept[place]), len(PLACES))

    def _look_again(self, store: Store, recovery: Recovery, who: int) -> Step:
        place = self._chain(recovery)
        following = recovery._replace(at="hide") if store.visible[place] == recovery.newest(place) else Recovery()
        return Step(f"recovery {who} looks at root {place} again", store, who, following)

    def _hide(self, store: Store, recovery: Recovery, who: int) -> Step:
        if not recovery.junk:
            return Step(f"recovery {who} has hidden all", store, who, recovery._replace(at="bring back"))
        (place, thing), *others = recovery.junk
        if self._variant.only_what_it_judged and store.visible[place] != thing:
            return Step(f"recovery {who} starts again", store, who, Recovery())
        hidden = store._replace(visible=_with(store.visible, place, NOTHING), freed=store.freed | {place})
        return Step(f"recovery {who} hides root {place}", hidden, who, recovery._replace(junk=tuple(others)))

    def _bring_back(self, store: Store, recovery: Recovery, who: int) -> Step:
        """What an owner's root was hidden from comes back, one after another; there is one only where something else has gone wrong."""
        for place in PLACES:
            if SIGNED in recovery.kept[place] and store.visible[place] == NOTHING:
                return Step(f"recovery {who} brings back root {place}", store.put(place, SIGNED), who, recovery)
        return Step(f"recovery {who} ends", store, who, Recovery("over"))


def _with(slots: tuple[T, ...], place: int, thing: T) -> tuple[T, ...]:
    return (*slots[:place], thing, *slots[place + 1 :])
