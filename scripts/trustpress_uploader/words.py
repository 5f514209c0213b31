"""A change in words: what a holder is shown before signing, and `diff` and `--dry-run` print."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trustpress_uploader.changes import Change
from trustpress_uploader.keyring import SHORT

Signed = Mapping[str, Any]


def describe_change(change: Change, published: Callable[[str], Signed | None]) -> list[str]:
    """Line by line, each step against the one before it. `published` tells what a role says now, None if it is new."""
    latest: dict[str, Signed | None] = {}
    lines = []
    for number, step in enumerate(change.steps, start=1):
        if len(change.steps) > 1:
            lines.append(f"step {number} of {len(change.steps)}")
        for rolename, draft in sorted(step.items()):
            before = latest.get(rolename) or published(rolename)
            lines += describe(rolename, before, draft.signed)
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
            yield f"{'~' if name in old else '+'} {name} ({entry['length']:,} bytes, sha256 {entry['hashes']['sha256']}){_custom(entry)}"
    yield from (f"- {name}" for name in sorted(old) if name not in after["targets"])
    yield from _delegations_details((before or {}).get("delegations", {}), after.get("delegations", {}))


def _custom(entry: Signed) -> str:
    return "".join(f" {name}={value}" for name, value in sorted(entry.get("custom", {}).items()))


def _delegations_details(before: Signed, after: Signed) -> Iterator[str]:
    old = {role["name"]: role for role in before.get("roles", [])}
    new = {role["name"]: role for role in after.get("roles", [])}
    for name, role in new.items():
        if name not in old:
            yield f"+ delegates {' '.join(role['paths'])} to {name}{', and nobody behind it' if role['terminating'] else ''}"
        elif role["paths"] != old[name]["paths"]:
            yield f"~ delegates {' '.join(role['paths'])} to {name}, was {' '.join(old[name]['paths'])}"
        yield from _role_details(name, old.get(name), role, after["keys"])
    yield from (f"- delegates nothing to {name} any more" for name in old if name not in new)
    if (bins := after.get("succinct_roles")) and bins != before.get("succinct_roles"):
        yield f"+ delegates everything to {1 << bins['bit_length']:,} bins, {bins['name_prefix']}-..., by keys {_short(bins['keyids'])}"


def _expiry(before: Signed | None, after: Signed) -> Iterator[str]:
    if not before or before["expires"] != after["expires"]:
        yield f"expires {after['expires']}{', was ' + before['expires'] if before else ''}"


def _other_members(before: Signed | None, after: Signed) -> Iterator[str]:
    """What no client knows is signed as well, and must not slip through."""
    for name in sorted({*(before or {}), *after}):
        old, new = (before or {}).get(name), after.get(name)
        if name.startswith("x-") and old != new:
            yield f"{name}: {new}{f', was {old}' if old is not None else ''}"


def _short(keyids: list[str]) -> str:
    return ", ".join(keyid[:SHORT] for keyid in keyids)
