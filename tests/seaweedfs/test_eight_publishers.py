"""Eight processes publish into one repository, as Lambda may: conditional writes are all that keeps them apart."""

import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.developer import Developer
from tests.seaweedfs.actors import REPOSITORY, SEED, S3Fetcher, SystemClock, new_publisher, publish_all, read_all_the_time
from tests.seaweedfs.server import Endpoint
from trustpress.adapters.kms import Ed25519Signer

PROCESSES = 8
VERSIONS = 4


def test_every_acknowledged_upload_is_there_and_no_reader_notices_the_crowd(endpoint: Endpoint, tmp_path: Path) -> None:
    endpoint.new_store("staging")
    public = endpoint.new_store("public")
    developer = Developer([Ed25519Signer(SEED).public_key], datetime.now(UTC).replace(microsecond=0) + timedelta(days=30))
    # One role for two processes: they upload the same bytes at the same time.
    rolenames = [f"team-{min(number, PROCESSES - 2)}" for number in range(PROCESSES)]
    publish_first(endpoint, developer, sorted(set(rolenames)))
    bodies = {rolename: next_versions(developer, rolename) for rolename in set(rolenames)}

    spawn = multiprocessing.get_context("spawn")
    start, stop, noticed = spawn.Event(), spawn.Event(), spawn.Queue()
    reader = spawn.Process(target=read_all_the_time, args=(endpoint, tmp_path, stop, noticed))
    publishers = [spawn.Process(target=publish_all, args=(endpoint, f"{name}.json", bodies[name], start)) for name in rolenames]
    for process in (reader, *publishers):
        process.start()
    start.set()
    for process in publishers:
        process.join(60)
    stop.set()
    rounds = noticed.get(timeout=20)
    reader.join(20)

    assert [process.exitcode for process in publishers] == [0] * PROCESSES
    assert isinstance(rounds, int), rounds
    assert rounds > 3
    for rolename, versions in bodies.items():
        for version, body in enumerate(versions, start=2):
            found = public.get(f"{REPOSITORY}/metadata/{version}.{rolename}.json", 1_000_000)
            assert found is not None
            assert found.body == body
    assert published_meta(endpoint) == {"targets.json": 1} | {f"{rolename}.json": 1 + VERSIONS for rolename in bodies}


def publish_first(endpoint: Endpoint, developer: Developer, rolenames: list[str]) -> None:
    for rolename in rolenames:
        developer.delegate(rolename, f"{rolename}/*")
    body = developer.bundle("root", "targets", *rolenames)
    endpoint.client().put_object(Bucket="staging", Key=f"inbox/{REPOSITORY}/metadata/first.root.json", Body=body)
    [receipt] = new_publisher(endpoint).drain(REPOSITORY, SystemClock()).receipts
    assert receipt.status == "published"


def next_versions(developer: Developer, rolename: str) -> list[bytes]:
    bodies = []
    for _ in range(VERSIONS):
        developer.next_version(rolename)
        bodies.append(developer.signed(rolename))
    return bodies


def published_meta(endpoint: Endpoint) -> dict[str, int]:
    """What the committed snapshot lists."""
    fetcher = S3Fetcher(endpoint.store("public"))
    timestamp = json.loads(b"".join(fetcher._fetch(f"{REPOSITORY}/metadata/timestamp.json")))["signed"]
    version = timestamp["meta"]["snapshot.json"]["version"]
    snapshot = json.loads(b"".join(fetcher._fetch(f"{REPOSITORY}/metadata/{version}.snapshot.json")))["signed"]
    return {name: listed["version"] for name, listed in snapshot["meta"].items()}
