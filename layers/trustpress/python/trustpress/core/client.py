"""What a client does (TUF specification 5.3 to 5.6), step by step, with bytes that somebody else fetches.

Written once, for all who build on what is published: publisher, refresher, watch and recovery, and the uploader before it
signs. What verifies for a user is python-tuf's client, and the tests hold these steps against it. Expiry is nobody's
business here: whoever renews what has expired must be able to read it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from trustpress.core import layout, trust
from trustpress.core.delegations import Delegated, Delegations, RoleKeys
from trustpress.core.metadata import CLIENT_LIMIT, Document, MetaFile, Root, Snapshot, Targets, Timestamp
from trustpress.core.parse import MAX_LENGTH, MAX_TARGETS_LENGTH, parse_root, parse_snapshot, parse_targets
from trustpress.errors import NotThere, SchemaViolation

# The bytes of one version of a role, by role name, version and the most bytes it may have; None where there is none.
Fetch = Callable[[str, int, int], bytes | None]

R = TypeVar("R")


def follow_roots(root: Document[Root], fetch: Fetch) -> Iterator[Document[Root]]:
    """Each next root, verified by the one before, until there is none (specification 5.3.2 to 5.3.9). Raises Invalid."""
    while body := fetch("root", root.signed.version + 1, MAX_LENGTH["root"]):
        following = parse_root(body)
        trust.verify_next_root(root.signed, following)
        yield following
        root = following


def open_snapshot(timestamp: Timestamp, fetch: Fetch, known: Document[Snapshot] | None = None) -> Document[Snapshot]:
    """The snapshot that a timestamp commits (5.5.1, 5.5.2); `known` itself if it is that one. Raises Invalid."""
    listed = timestamp.snapshot
    if known and known.meta_file == listed:
        return known
    limit = min(listed.get("length", MAX_LENGTH["snapshot"]), MAX_LENGTH["snapshot"])
    snapshot = parse_snapshot(_require(fetch, "snapshot", listed["version"], limit))
    trust.verify_meta_file("snapshot", snapshot, listed)
    return snapshot


def open_role(rolename: str, snapshot: Snapshot, fetch: Fetch) -> Document[Targets]:
    """A targets role as snapshot lists it (5.6.1, 5.6.2, 5.6.4), whoever has signed it. Raises Invalid."""
    listed = snapshot.meta.get(rolename)
    if listed is None:
        raise SchemaViolation("snapshot.meta", f"expected {rolename}, which is delegated to")
    document = parse_targets(_require(fetch, rolename, listed["version"], role_limit(listed)))
    trust.verify_meta_file(rolename, document, listed)
    return document


def role_limit(listed: MetaFile) -> int:
    """How many bytes of a targets role a client reads."""
    return min(listed.get("length", CLIENT_LIMIT), MAX_TARGETS_LENGTH)


def walk(
    targets: RoleKeys, open_all: Callable[[Mapping[str, Delegated]], Iterable[R]], delegations: Callable[[R], Delegations]
) -> dict[str, R]:
    """Targets and all that is delegated, each role once, a level at a time (5.6.7): what `open_all` makes of each, by role name."""
    found: dict[str, R] = {}
    level = {"targets": Delegated(targets, is_bin=False)}
    while level:
        opened = list(open_all(level))
        found.update(zip(level, opened, strict=True))
        level = {name: delegated for role in opened for name, delegated in delegations(role).items() if name not in found}
    return found


def search(targetpath: str, delegations: Callable[[str], Delegations]) -> Iterator[str]:
    """The roles that a client asks for a target, in order (5.6.7): preorder, each once, and nobody behind a terminating one."""
    waiting, visited = ["targets"], set[str]()
    while waiting:
        rolename = waiting.pop()
        if rolename in visited:
            continue
        visited.add(rolename)
        yield rolename
        delegates = delegations(rolename).delegates_of(targetpath)
        if any(is_terminating for _, is_terminating in delegates):
            waiting.clear()
        waiting += [name for name, _ in reversed(delegates)]


def _require(fetch: Fetch, rolename: str, version: int, limit: int) -> bytes:
    body = fetch(rolename, version, limit)
    if body is None:
        raise NotThere(layout.metadata_filename(rolename, version))
    return body
