"""A client's steps, held against python-tuf's: what it follows, opens and asks, and what it refuses."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from tests.builders import (
    JsonObject,
    compact,
    delegated,
    delegations,
    ed25519_signer,
    envelope,
    root,
    snapshot,
    succinct,
    targets,
    timestamp,
)
from trustpress.core import client
from trustpress.core.delegations import Delegations
from trustpress.core.parse import parse_root, parse_snapshot, parse_targets, parse_timestamp
from trustpress.errors import Invalid, NotThere, SchemaViolation

TOP_LEVEL = {name: ed25519_signer(name) for name in ("root", "targets", "snapshot", "timestamp")}
OTHER = ed25519_signer("other")
PATH = "a/b"

Files = dict[str, bytes]


class Shelf(FetcherInterface):
    """Files by name, for python-tuf; it writes down which were asked for."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files, self.asked = files, list[str]()

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.rpartition("/")[2]
        self.asked.append(name)
        if name not in self.files:
            raise DownloadHTTPError("not here", 404)
        yield self.files[name]


def signed(member: JsonObject, *names: str) -> bytes:
    return compact(envelope(member, *(TOP_LEVEL[name] for name in names)))


def repository(roles: Mapping[str, bytes]) -> Files:
    """One release of these targets roles, all at version 1."""
    return {
        "1.root.json": signed(root(), "root"),
        "timestamp.json": signed(timestamp(), "timestamp"),
        "1.snapshot.json": signed(snapshot(dict.fromkeys(roles, 1)), "snapshot"),
        **{f"1.{rolename}.json": body for rolename, body in roles.items()},
    }


def updater(state: Path, shelf: Shelf) -> Updater:
    for folder in ("metadata", "targets"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    return Updater(str(state / "metadata"), "m/", str(state / "targets"), "t/", shelf, bootstrap=shelf.files["1.root.json"])


def reading(files: Mapping[str, bytes]) -> client.Fetch:
    return lambda rolename, version, _limit: files.get(f"{version}.{rolename}.json")


# Roots


def chain(*, last_signers: tuple[str, ...] = ("root",), last_version: int = 3, junk: bytes | None = None) -> Files:
    files = {f"{version}.root.json": signed(root(version), "root") for version in (1, 2)}
    return files | {"3.root.json": junk or compact(envelope(root(last_version), *(TOP_LEVEL[name] for name in last_signers)))}


CHAINS: dict[str, tuple[Files, int]] = {
    "whole": (chain(), 3),
    "signed by another role": (chain(last_signers=("targets",)), 2),
    "unsigned": (chain(last_signers=()), 2),
    "a version too low": (chain(last_version=2), 2),
    "a version too high": (chain(last_version=4), 2),
    "junk": (chain(junk=b"{}"), 2),
}


@pytest.mark.parametrize(("files", "last"), CHAINS.values(), ids=CHAINS.keys())
def test_roots_are_followed_as_far_as_python_tuf_follows_them(files: Files, last: int, tmp_path: Path) -> None:
    theirs = updater(tmp_path, Shelf(repository({"targets": signed(targets(), "targets")}) | files))
    newest, is_refused = follow(files)
    assert is_refused == (last < 3)
    with pytest.raises(RepositoryError) if is_refused else nullcontext():
        theirs.refresh()
    assert newest == last == theirs._trusted_set.root.version


def follow(files: Files) -> tuple[int, bool]:
    """The version of the last root that verifies, and whether another one is there that does not."""
    newest = parse_root(files["1.root.json"])
    try:
        for following in client.follow_roots(newest, reading(files)):
            newest = following
    except Invalid:
        return newest.signed.version, True
    return newest.signed.version, False


# Snapshot and roles


def altered(listed: JsonObject, body: bytes) -> JsonObject:
    """What the role above says of a file, with its length and hash."""
    return {"version": 1, "length": len(body), "hashes": {"sha256": hashlib.sha256(body).hexdigest()}} | listed


@pytest.mark.parametrize("listed", [{}, {"version": 2}, {"length": 10}, {"hashes": {"sha256": "00" * 32}}], ids=str)
def test_a_snapshot_and_a_role_are_what_is_listed_of_them(listed: JsonObject, tmp_path: Path) -> None:
    role = signed(targets(), "targets")
    above = snapshot({"targets": 1})
    for place in ("snapshot", "role"):
        above["meta"]["targets.json"] = altered(listed if place == "role" else {}, role)
        body = signed(above, "snapshot")
        commit = timestamp()
        commit["meta"]["snapshot.json"] = altered(listed if place == "snapshot" else {}, body)
        version = listed.get("version", 1)
        files = {"1.root.json": signed(root(), "root"), "timestamp.json": signed(commit, "timestamp")}
        files |= {f"{version if place == 'snapshot' else 1}.snapshot.json": body}
        files |= {f"{version if place == 'role' else 1}.targets.json": role}
        theirs = updater(tmp_path / place, Shelf(files))
        if listed:
            with pytest.raises(Invalid):
                _open(files)
            with pytest.raises((RepositoryError, DownloadError)):
                theirs.refresh()
        else:
            _open(files)
            theirs.refresh()


def _open(files: Files) -> None:
    commit = parse_timestamp(files["timestamp.json"]).signed
    client.open_role("targets", client.open_snapshot(commit, reading(files)).signed, reading(files))


def test_what_is_listed_and_missing_is_named() -> None:
    files = repository({"targets": signed(targets(), "targets")})
    above = parse_snapshot(files["1.snapshot.json"]).signed
    with pytest.raises(NotThere, match=r"^1\.targets\.json is missing$"):
        client.open_role("targets", above, reading({}))
    with pytest.raises(NotThere, match=r"^1\.snapshot\.json is missing$"):
        client.open_snapshot(parse_timestamp(files["timestamp.json"]).signed, reading({}))
    with pytest.raises(SchemaViolation, match="expected alice, which is delegated to"):
        client.open_role("alice", above, reading(files))


def test_a_snapshot_that_is_known_is_not_fetched() -> None:
    known = parse_snapshot(signed(snapshot({"targets": 1}), "snapshot"))
    commit = timestamp()
    commit["meta"]["snapshot.json"] = dict(known.meta_file)
    parsed = parse_timestamp(signed(commit, "timestamp")).signed
    assert client.open_snapshot(parsed, reading({}), known) is known


# Delegations

ROLENAMES = [f"r{number}" for number in range(6)]


def tree(edges: Mapping[str, list[tuple[str, bool, bool]]]) -> dict[str, bytes]:
    """Targets roles by name; an edge says to whom, whether PATH is delegated, and whether the search ends there."""

    def role(rolename: str) -> bytes:
        below = [
            delegated(name, [OTHER], "a/*" if matches else "z/*", terminating=terminating)
            for name, matches, terminating in edges.get(rolename, [])
        ]
        member = targets(delegations=delegations([OTHER], *below) if below else None)
        return compact(envelope(member, TOP_LEVEL["targets"] if rolename == "targets" else OTHER))

    return {rolename: role(rolename) for rolename in ["targets", *ROLENAMES]}


@st.composite
def trees(draw: st.DrawFn) -> dict[str, list[tuple[str, bool, bool]]]:
    """Any graph of a few roles, cycles and several delegating roles for one included: clients meet those as well."""
    found = {}
    for rolename in ["targets", *ROLENAMES]:
        names = draw(st.lists(st.sampled_from(ROLENAMES), max_size=3, unique=True))
        found[rolename] = [(name, draw(st.booleans()), draw(st.integers(0, 4)) == 0) for name in names]
    return found


@given(trees())
def test_roles_are_asked_in_the_order_of_python_tuf(
    tmp_path_factory: pytest.TempPathFactory, edges: dict[str, list[tuple[str, bool, bool]]]
) -> None:
    roles = tree(edges)
    shelf = Shelf(repository(roles))
    assert updater(tmp_path_factory.mktemp("client"), shelf).get_targetinfo(PATH) is None
    asked = [name.split(".")[1] for name in shelf.asked if name.split(".")[1] in roles]
    assert list(client.search(PATH, delegations_of(roles))) == asked


def delegations_of(roles: Mapping[str, bytes]) -> Callable[[str], Delegations]:
    return lambda rolename: parse_targets(roles[rolename]).signed.delegations


def test_of_succinct_roles_the_bin_of_the_path_is_asked(tmp_path: Path) -> None:
    bins = {f"bin-{number:x}": compact(envelope(targets(), OTHER)) for number in range(8)}
    roles = {"targets": signed(targets(delegations=succinct(OTHER, 3, "bin")), "targets"), **bins}
    shelf = Shelf(repository(roles))
    assert updater(tmp_path, shelf).get_targetinfo(PATH) is None
    (_, asked) = client.search(PATH, delegations_of(roles))
    assert f"1.{asked}.json" == shelf.asked[-1]


@given(trees())
def test_a_walk_opens_every_role_that_is_reached_once(edges: dict[str, list[tuple[str, bool, bool]]]) -> None:
    roles, opened = tree(edges), list[str]()

    def open_all(level: Mapping[str, object]) -> list[Delegations]:
        opened.extend(level)
        return [delegations_of(roles)(rolename) for rolename in level]

    found = client.walk(parse_root(signed(root(), "root")).signed.roles["targets"], open_all, lambda role: role)
    reached = {"targets"}
    while more := {name for rolename in reached for name, _, _ in edges[rolename]} - reached:
        reached |= more
    assert sorted(opened) == sorted(reached) == sorted(found)
