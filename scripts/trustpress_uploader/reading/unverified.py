"""What a server says, believed. For the one run of pull, verify or resolve that somebody lets through without content trust.

Kept apart from everything that verifies, so that nothing else can come to use it.
"""

import functools
from pathlib import Path

from trustpress.core import client, layout
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Targets, published_version
from trustpress.core.parse import MAX_LENGTH, MAX_TARGETS_LENGTH, parse_snapshot, parse_targets, parse_timestamp
from trustpress_uploader.disk import replacing
from trustpress_uploader.errors import NoSuchTarget
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.reading.files import check_bytes
from trustpress_uploader.reading.web import fetcher, require
from trustpress_uploader.terminal.progress import Show


def find_unverified(repository: KnownRepository, targetpath: str) -> TargetFile:
    """Raises NoSuchTarget, NotPublished, Unreachable or Invalid."""
    timestamp = parse_timestamp(_fetch(repository, layout.timestamp(repository.name), MAX_LENGTH["timestamp"]))
    version = timestamp.signed.snapshot["version"]
    snapshot = parse_snapshot(_fetch(repository, layout.metadata(repository.name, "snapshot", version), MAX_LENGTH["snapshot"]))

    @functools.cache
    def load(rolename: str) -> Targets:
        key = layout.metadata(repository.name, rolename, published_version(snapshot.signed, rolename))
        return parse_targets(_fetch(repository, key, MAX_TARGETS_LENGTH)).signed

    for rolename in client.search(targetpath, lambda rolename: load(rolename).delegations):
        if entry := load(rolename).targets.get(targetpath):
            return entry
    raise NoSuchTarget([targetpath])


def download_unverified(repository: KnownRepository, targetpath: str, destination: Path, show: Show) -> int:
    """Download a target and return its length. It is compared with what the server says of it: for accidents, not for attacks."""
    entry = find_unverified(repository, targetpath)
    key = layout.target(repository.name, targetpath, entry["hashes"]["sha256"])
    with show(f"Downloading {targetpath}", entry["length"]) as fetcher().advance:
        body = _fetch(repository, key, entry["length"])
    check_bytes(body, targetpath, entry)
    with replacing(destination) as file:
        file.write(body)
    return len(body)


def _fetch(repository: KnownRepository, key: str, limit: int) -> bytes:
    return require(f"{repository.connection.url}/{key}", limit)
