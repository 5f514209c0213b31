"""docs/architecture.md is held to the tree and to the contracts of import-linter."""

import re
import tomllib
from pathlib import Path

import pytest

from local.processes import ROOT

PACKAGES = {
    "trustpress": ROOT / "layers" / "trustpress" / "python" / "trustpress",
    "trustpress_uploader": ROOT / "scripts" / "trustpress_uploader",
}
PAGE = (ROOT / "docs" / "architecture.md").read_text()

_LISTING = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROOM = re.compile(r"(\w+)(/|\.py) +([┌│└]?) *(\S.*)")
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)+|[\w-]+\.(?:py|md|toml|yaml))`")


def rooms_of(package: str) -> set[str]:
    """As the page spells them: `core/` for a package, `errors.py` for a file at the top level."""
    found = [path for path in PACKAGES[package].iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    return {path.name if path.suffix else f"{path.name}/" for path in found} - {"__init__.py"}


def listed_on_the_page(package: str) -> list[tuple[str, str]]:
    """Each room and the stroke of the bracket beside it, in the order of the page."""
    listing = dict(zip(PACKAGES, _LISTING.findall(PAGE), strict=True))[package]
    rooms = [_ROOM.fullmatch(line) for line in listing.splitlines()]
    assert None not in rooms, f"a line of this listing names no room:\n{listing}"
    return [(f"{room[1]}{room[2]}", room[3]) for room in rooms if room]


def storeys_on_the_page(package: str) -> list[str]:
    """The listing as a contract says it: a storey a line, siblings joined."""
    storeys: list[str] = []
    for room, stroke in listed_on_the_page(package):
        name = room.removesuffix("/").removesuffix(".py")
        if stroke in {"│", "└"}:
            storeys[-1] += f" | {name}"
        else:
            storeys.append(name)
    return storeys


def storeys_of_the_contract(package: str) -> list[str]:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract.get("containers") == [package]]
    return list(layers)


def named_paths() -> set[str]:
    return set(_PATH.findall(PAGE))


def find(path: str) -> Path | None:
    """Where it is, from the top of the tree or of one of the packages."""
    return next((found for base in (ROOT, *PACKAGES.values()) if (found := base / path).exists()), None)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_is_on_the_page_and_no_other(package: str) -> None:
    listed = [room for room, _ in listed_on_the_page(package)]
    assert sorted(listed) == sorted(rooms_of(package))


@pytest.mark.parametrize("package", PACKAGES)
def test_who_may_import_whom_is_what_the_contract_says(package: str) -> None:
    assert storeys_on_the_page(package) == storeys_of_the_contract(package)


def test_every_path_on_the_page_exists() -> None:
    assert [path for path in sorted(named_paths()) if find(path) is None] == []


@pytest.mark.parametrize("room", ["publish", "store"])
def test_every_file_that_an_upload_or_a_refresh_passes_is_named(room: str) -> None:
    files = {f"{room}/{path.name}" for path in (PACKAGES["trustpress"] / room).glob("*.py")} - {f"{room}/__init__.py"}
    assert files <= named_paths()


def test_the_page_is_one_page() -> None:
    assert len(PAGE.splitlines()) <= 115
