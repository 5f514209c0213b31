"""The commands that rely on trust: pull, verify, resolve. None of them ever falls back to what it could not verify."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trustpress_uploader.commands import options
from trustpress_uploader.commands.options import Place
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress.core.entries import TargetFile
    from trustpress_uploader.home.folder import KnownRepository


@click.command("pull")
@click.argument("name")
@click.option("-o", "--output", "path", type=options.PATH, help="Where to write it. Default: here, under its own name.")
@options.content_trust
@options.reads
@options.json
@click.pass_obj
def pull_command(output: Output, /, *, name: str, path: Path | None, is_trust_disabled: bool, place: Place) -> None:
    """Fetch the target NAME, verified.

    python-tuf's client verifies it, from the pinned root on. Works without AWS credentials. A machine that does not know
    the repository yet is told its first root once: as a file, by its hash, or by --trust-on-first-use; never silently.

    \b
    Examples:
      trustpress pull app.tar.gz
      trustpress pull app.tar.gz -r acme/api --url https://d111111abcdef8.cloudfront.net --root root.json
      trustpress pull app.tar.gz -r acme/api --url URL --root-hash 4b8f7d5e7bb1238061f11b15aea6e091a32c11cb36e823bc31a90ca853141cd5
    """
    from trustpress_uploader.disk import check_folder
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.reading.published import download

    path = path or Path()
    if path.is_dir():
        path /= name.rpartition("/")[2]
    check_folder(path.parent)
    if _is_off(is_trust_disabled):
        repository = _open_unverified(output, place)
        length, is_verified = _pull_unverified(output, repository, name, path), False
    else:
        repository = place.open(open_home(), output)
        length, is_verified = download(repository, name, path, output.show), True
    output.result(
        {"repository": repository.name, "name": name, "file": str(path), "length": length, "verified": is_verified},
        f"{'Verified' if is_verified else 'NOT verified'} {name}: {length:,} bytes, in {path}.",
    )


@click.command("verify")
@click.argument("name")
@click.argument("file", type=options.FILE)
@options.content_trust
@options.reads
@options.json
@click.pass_obj
def verify_command(output: Output, /, *, name: str, file: Path, is_trust_disabled: bool, place: Place) -> None:
    """Tell whether FILE is the target NAME, as it is signed now.

    Exit code 0 if it is, 1 if it is not or nothing is known of it.

    \b
    Example:
      trustpress verify releases/1.2/app.tar.gz ./app.tar.gz && tar xf app.tar.gz
    """
    from trustpress_uploader.reading.files import check_file

    entry, repository, is_verified = _find(output, place, name, is_trust_disabled)
    check_file(file, name, entry, output.show)
    word = "is the signed target" if is_verified else "is, as far as the server says, NOT verified, the target"
    output.result(
        {"repository": repository.name, "name": name, "file": str(file), "verified": is_verified},
        f"{file} {word} {name} of {repository.name}.",
    )


@click.command("resolve")
@click.argument("name")
@options.content_trust
@options.reads
@options.json
@click.pass_obj
def resolve_command(output: Output, /, *, name: str, is_trust_disabled: bool, place: Place) -> None:
    """Print the digest of the target NAME, verified, for scripts.

    \b
    Example:
      docker pull registry.example.com/acme/api@$(trustpress resolve 1.2)
    """
    entry, repository, is_verified = _find(output, place, name, is_trust_disabled)
    digest = f"sha256:{entry['hashes']['sha256']}"
    output.result(
        {
            "repository": repository.name,
            "name": name,
            "digest": digest,
            "length": entry["length"],
            "custom": entry.get("custom"),
            "verified": is_verified,
        },
        digest,
    )


def _find(output: Output, place: Place, name: str, is_trust_disabled: bool) -> "tuple[TargetFile, KnownRepository, bool]":
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.reading.published import find_target

    if _is_off(is_trust_disabled):
        from trustpress_uploader.reading.unverified import find_unverified

        unknown = _open_unverified(output, place)
        return find_unverified(unknown, name), unknown, False
    repository = place.open(open_home(), output)
    return find_target(repository, name), repository, True


def _is_off(is_trust_disabled: bool) -> bool:
    return is_trust_disabled or os.environ.get("TRUSTPRESS_CONTENT_TRUST") == "0"


def _open_unverified(output: Output, place: Place) -> "KnownRepository":
    """The repository as the server shows it; nothing is pinned by it."""
    from trustpress_uploader.home.folder import open_home

    home = open_home()
    name = place.repository or home.only_name()
    known = home.find(name)
    repository = place.at(known) if known else home.stranger(name, place.connection())
    output.warn(
        "Content trust is off for this command: signatures, expiry and roll-back are NOT checked, and no root is asked. "
        f"Whoever can change what {repository.base_url} answers decides what you get."
    )
    return repository


def _pull_unverified(output: Output, repository: "KnownRepository", name: str, path: Path) -> int:
    from trustpress_uploader.reading.unverified import download_unverified

    return download_unverified(repository, name, path, output.show)
