"""Metadata in words: what a holder is shown before signing, and `diff` and `--dry-run` print."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Signed = Mapping[str, Any]


class Line(NamedTuple):
    """`is_kept` tells what stays as it was; `is_target` what is long where there are many files."""

    text: str
    is_kept: bool = False
    is_target: bool = False


def describe(rolename: str, before: Signed | None, after: Signed) -> list[str]:
    """What one version of a role changes."""
    return [head(rolename, before, after), *(f"  {line.text}" for line in tell(rolename, before, after) if not line.is_kept)]


def head(rolename: str, before: Signed | None, after: Signed) -> str:
    return f"{rolename} {before['version']} -> {after['version']}" if before else f"{rolename} {after['version']}, new"


def tell(rolename: str, before: Signed | None, after: Signed) -> Iterator[Line]:
    """Everything that a version of a role says, and what it no longer does."""
    yield from _root_details(before, after) if rolename == "root" else _targets_details(before, after)
    yield from _expiry(before, after)
    yield from _other_members(before, after)


def _root_details(before: Signed | None, after: Signed) -> Iterator[Line]:
    for rolename, role in after["roles"].items():
        yield from _role_details(rolename, before["roles"][rolename] if before else None, role, after["keys"])


def _role_details(rolename: str, before: Signed | None, after: Signed, keys: Signed) -> Iterator[Line]:
    old = before["keyids"] if before else []
    for keyid in after["keyids"]:
        yield _same(keyid in old, f"{rolename} key {keyid} ({keys[keyid]['keytype']})")
    for keyid in old:
        if keyid not in after["keyids"]:
            yield Line(f"- {rolename} key {keyid}")
    threshold = before["threshold"] if before else None
    asks = f"{rolename} asks for {after['threshold']} of {len(after['keyids'])} signatures"
    if threshold == after["threshold"]:
        yield _same(True, asks)
    else:
        yield Line(f"{asks}{f', was {threshold}' if threshold else ''}")


def _targets_details(before: Signed | None, after: Signed) -> Iterator[Line]:
    old = before["targets"] if before else {}
    for name, entry in sorted(after["targets"].items()):
        sign = "+" if name not in old else "=" if old[name] == entry else "~"
        yield Line(f"{sign} {name} ({_file(entry)}){_custom(entry)}{_dropped(old.get(name), entry)}", is_kept=sign == "=", is_target=True)
    yield from (Line(f"- {name}", is_target=True) for name in sorted(old) if name not in after["targets"])
    yield from _delegations_details((before or {}).get("delegations", {}), after.get("delegations", {}))


def _same(is_kept: bool, text: str) -> Line:
    return Line(f"{'=' if is_kept else '+'} {text}", is_kept=is_kept)


def _file(entry: Signed) -> str:
    """Every hash: clients choose which of them to believe."""
    return ", ".join([f"{entry['length']:,} bytes", *(f"{name} {value}" for name, value in sorted(entry["hashes"].items()))])


def _custom(entry: Signed) -> str:
    return "".join(f" {_plain(name)}={_plain(value)}" for name, value in sorted(entry.get("custom", {}).items()))


def _dropped(before: Signed | None, after: Signed) -> str:
    """What was said of a target and is no longer: the names of custom data and of hashes."""
    said, says = ((*_names(entry.get("custom", {})), *entry["hashes"]) for entry in (before or after, after))
    gone = [name for name in said if name not in says]
    return f", no longer {', '.join(gone)}" if gone else ""


def _names(custom: Signed) -> list[str]:
    return [_plain(name) for name in sorted(custom)]


def _delegations_details(before: Signed, after: Signed) -> Iterator[Line]:
    old = {role["name"]: role for role in before.get("roles", [])}
    new = {role["name"]: role for role in after.get("roles", [])}
    for name, role in new.items():
        if name in old and _scope(role) != _scope(old[name]):
            yield Line(f"~ delegates {_scope(role)}, no longer {_scope(old[name])}")
        else:
            yield _same(name in old, f"delegates {_scope(role)}")
        yield from _role_details(name, old.get(name), role, after["keys"])
    yield from (Line(f"- delegates nothing to {name} any more") for name in old if name not in new)
    # Clients believe the first role that lists a target; a new one comes last, unless somebody wants it otherwise.
    if list(new) != [*(name for name in old if name in new), *(name for name in new if name not in old)]:
        yield Line(f"~ asks in this order: {', '.join(new)}")
    yield from _bins_details(before.get("succinct_roles"), after.get("succinct_roles"), after.get("keys", {}))


def _scope(role: Signed) -> str:
    return f"{' '.join(role['paths'])} to {role['name']}{', and nobody behind it' if role['terminating'] else ''}"


def _bins_details(before: Signed | None, after: Signed | None, keys: Signed) -> Iterator[Line]:
    old, new = (f"{1 << bins['bit_length']:,} bins, {bins['name_prefix']}-..." if bins else "" for bins in (before, after))
    if old and old != new:
        yield Line(f"- delegates nothing to {old} any more")
    if new:
        yield _same(old == new, f"delegates everything to {new}")
    if after:
        yield from _role_details(after["name_prefix"], before, after, keys)


def _expiry(before: Signed | None, after: Signed) -> Iterator[Line]:
    if before and before["expires"] == after["expires"]:
        yield _same(True, f"expires {after['expires']}")
    else:
        yield Line(f"expires {after['expires']}{', was ' + before['expires'] if before else ''}")


def _other_members(before: Signed | None, after: Signed) -> Iterator[Line]:
    """What no client knows is signed as well, wherever it stands, and must not slip through."""
    old, new = dict(_extras(before or {})), dict(_extras(after))
    for name in sorted({*old, *new}):
        if old.get(name) == new.get(name):
            yield _same(True, f"{_plain(name)}: {new[name]}")
        else:
            yield Line(f"{_plain(name)}: {new.get(name, 'no more')}{f', was {old[name]}' if name in old else ''}")


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
