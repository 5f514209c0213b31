"""Changes to a JSON tree that know nothing of TUF."""

import copy
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tests.proofs.fuzz import hostile
from tests.proofs.fuzz.uploads import Upload

Place = tuple[Any, Any]


def places(value: Any) -> list[Place]:
    """Every member and item below a value, as its container and its name or index."""
    found: list[Place] = []
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        names = list(inner) if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        for name in names:
            found.append((inner, name))
            if isinstance(inner[name], dict | list):
                waiting.append(inner[name])
    return found


def change(rng: Random, upload: Upload, tree: Any) -> None:
    """Change one place of a tree."""
    found = places(tree)
    if found:
        rng.choice(_CHANGES)(rng, upload, tree, rng.choice(found))


def _replace(rng: Random, upload: Upload, tree: Any, place: Place) -> None:
    container, name = place
    container[name] = hostile.anything(rng, upload)


def _tweak(rng: Random, upload: Upload, tree: Any, place: Place) -> None:
    """Something close to what is there."""
    container, name = place
    value = container[name]
    if isinstance(value, bool):
        container[name] = rng.choice([not value, int(value), None, str(value)])
    elif isinstance(value, int):
        container[name] = rng.choice([value + 1, value - 1, -value, value * 2, value + 2**31, str(value), float(value), [value]])
    elif isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        container[name] = rng.choice(
            [
                f"{value}\n", f" {value}", f"{value}\0", value[:-1], value[1:], value.upper(), value.swapcase(), value * 2, [value],
                value[:at] + rng.choice(hostile.TEXTS) + value[at:],
            ]
        )  # fmt: skip
    elif isinstance(value, list):
        container[name] = rng.choice(
            [value * 2, value[::-1], value[:1], [], {str(number): item for number, item in enumerate(value)}, [value], value * 70]
        )
    elif isinstance(value, dict):
        container[name] = rng.choice([list(value.values()), {}, [value], {"a": value}, None, dict(list(value.items())[1:])])


def _remove(rng: Random, upload: Upload, tree: Any, place: Place) -> None:
    container, name = place
    del container[name]


def _add(rng: Random, upload: Upload, tree: Any, place: Place) -> None:
    container, _ = place
    if isinstance(container, dict):
        container[rng.choice(hostile.NAMES)] = hostile.anything(rng, upload)
    else:
        container.append(hostile.anything(rng, upload))


def _rename(rng: Random, upload: Upload, tree: Any, place: Place) -> None:
    container, name = place
    if isinstance(container, dict):
        near = [name.upper(), name.capitalize(), f"x-{name}", f"{name} ", f"{name}\0", name[:-1], *hostile.NAMES]
        container[rng.choice(near)] = container.pop(name)


def _copy(rng: Random, upload: Upload, tree: Any, place: Place) -> None:
    """What is at one place, at another as well."""
    container, name = place
    other, other_name = rng.choice(places(tree))
    container[name] = copy.deepcopy(other[other_name])


def _swap(rng: Random, upload: Upload, tree: Any, place: Place) -> None:
    container, name = place
    siblings: Sequence[Any] = list(container) if isinstance(container, dict) else range(len(container))
    other = rng.choice(siblings)
    container[name], container[other] = container[other], container[name]


_CHANGES: list[Callable[[Random, Upload, Any, Place], None]] = [_replace, _replace, _tweak, _tweak, _remove, _add, _rename, _copy, _swap]
