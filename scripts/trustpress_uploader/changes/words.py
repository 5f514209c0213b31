"""A change in words: what a holder is shown before signing, and `diff` and `--dry-run` print."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trustpress_uploader.changes.change import Change

Signed = Mapping[str, Any]


def describe_change(change: Change, published: Callable[[str], Signed | None], *, with_kept: bool = False) -> list[str]:
    """Line by line, each step against the one before it. `published` tells what a role says now, None if it is new.

    With `with_kept`, and where keys are dropped at once, the targets that stay as they are as well.
    """
    latest: dict[str, Signed | None] = {}
    lines = []
    for number, step in enumerate(change.steps, start=1):
        if len(change.steps) > 1:
            lines.append(f"step {number} of {len(change.steps)}")
        for rolename, draft in sorted(step.items()):
            before = latest.get(rolename) or published(rolename)
            lines += describe(rolename, before, draft.signed)
            if rolename != "root" and (with_kept or ("root" in step and rolename == "targets")):
                # With root in one step keys are dropped at once, because one of them was stolen.
                lines += kept_targets(before, draft.signed)
            latest[rolename] = draft.signed
    return lines


def describe(rolename: str, before: Signed | None, after: Signed) -> list[str]:
    """What one version of a role changes."""
    head = f"{rolename} {before['version']} -> {after['version']}" if before else f"{rolename} {after['version']}, new"
    details = _root_details(before, after) if rolename == "root" else _targets_details(before, after)
    return [head, *(f"  {line}" for line in (*details, *_expiry(before, after), *_other_members(before, after)))]


def _root_details(before: Signed | None, after: Signed) -> Iterator[str]:
    for rolename, role in after["roles"].items():
        yield from _role_details(rolename, before["roles"][rolename] if before else None, role, after["keys"])


def _role_details(rolename: str, before: Signed | None, after: Signed, keys: Signed) -> Iterator[str]:
    old = before["keyids"] if before else []
    for keyid in after["keyids"]:
        if keyid not in old:
            yield f"+ {rolename} key {keyid} ({keys[keyid]['keytype']})"
    for keyid in old:
        if keyid not in after["keyids"]:
            yield f"- {rolename} key {keyid}"
    threshold = before["threshold"] if before else None
    if threshold != after["threshold"]:
        was = f", was {threshold}" if threshold else ""
        yield f"{rolename} asks for {after['threshold']} of {len(after['keyids'])} signatures{was}"


def _targets_details(before: Signed | None, after: Signed) -> Iterator[str]:
    old = before["targets"] if before else {}
    for name, entry in sorted(after["targets"].items()):
        if old.get(name) != entry:
            yield f"{'~' if name in old else '+'} {name} ({_file(entry)}){_custom(entry)}"
    yield from (f"- {name}" for name in sorted(old) if name not in after["targets"])
    yield from _delegations_details((before or {}).get("delegations", {}), after.get("delegations", {}))


def kept_targets(before: Signed | None, after: Signed) -> Iterator[str]:
    """What is signed once more as it was: to be looked through where somebody else could have signed it before."""
    old = before["targets"] if before else {}
    yield from (
        f"  = {name} ({_file(entry)}){_custom(entry)}" for name, entry in sorted(after["targets"].items()) if old.get(name) == entry
    )


def _file(entry: Signed) -> str:
    """Every hash: clients choose which of them to believe."""
    return ", ".join([f"{entry['length']:,} bytes", *(f"{name} {value}" for name, value in sorted(entry["hashes"].items()))])


def _custom(entry: Signed) -> str:
    return "".join(f" {_plain(name)}={_plain(value)}" for name, value in sorted(entry.get("custom", {}).items()))


def _delegations_details(before: Signed, after: Signed) -> Iterator[str]:
    old = {role["name"]: role for role in before.get("roles", [])}
    new = {role["name"]: role for role in after.get("roles", [])}
    for name, role in new.items():
        if name not in old:
            yield f"+ delegates {_scope(role)}"
        elif _scope(role) != _scope(old[name]):
            yield f"~ delegates {_scope(role)}, no longer {_scope(old[name])}"
        yield from _role_details(name, old.get(name), role, after["keys"])
    yield from (f"- delegates nothing to {name} any more" for name in old if name not in new)
    # Clients believe the first role that lists a target; a new one comes last, unless somebody wants it otherwise.
    if list(new) != [*(name for name in old if name in new), *(name for name in new if name not in old)]:
        yield f"~ asks in this order: {', '.join(new)}"
    yield from _bins_details(before.get("succinct_roles"), after.get("succinct_roles"), after.get("keys", {}))


def _scope(role: Signed) -> str:
    return f"{' '.join(role['paths'])} to {role['name']}{', and nobody behind it' if role['terminating'] else ''}"


def _bins_details(before: Signed | None, after: Signed | None, keys: Signed) -> Iterator[str]:
    old, new = (f"{1 << bins['bit_length']:,} bins, {bins['name_prefix']}-..." if bins else "" for bins in (before, after))
    if old and old != new:
        yield f"- delegates nothing to {old} any more"
    if new and old != new:
        yield f"+ delegates everything to {new}"
    if after:
        yield from _role_details(after["name_prefix"], before, after, keys)


def _expiry(before: Signed | None, after: Signed) -> Iterator[str]:
    if not before or before["expires"] != after["expires"]:
        yield f"expires {after['expires']}{', was ' + before['expires'] if before else ''}"


def _other_members(before: Signed | None, after: Signed) -> Iterator[str]:
    """What no client knows is signed as well, wherever it stands, and must not slip through."""
    old, new = dict(_extras(before or {})), dict(_extras(after))
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            yield f"{_plain(name)}: {new.get(name, 'no more')}{f', was {old[name]}' if name in old else ''}"


def _extras(signed: Signed, where: str = "") -> Iterator[tuple[str, str]]:
    """Members that begin with x-, by their place, as JSON. Target entries have none."""
    for name, value in signed.items():
        if name.startswith("x-"):
            yield f"{where}{name}", json.dumps(value)
        elif isinstance(value, dict) and (where or name != "targets"):
            yield from _extras(value, f"{where}{name}.")
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    yield from _extras(item, f"{where}{item['name']}.")


def _plain(value: Any) -> str:
    """Text that writes no line and moves no cursor of its own."""
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value)
