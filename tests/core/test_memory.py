"""The worst upload stays below 512 MB: measured on an eighth of the largest of its kind, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders import JsonObject, compact, targets
from trustpress.core.parse import MAX_PARSED_LENGTH, MAX_TARGETS_LENGTH, MAX_VALUES, parse_targets
from trustpress.errors import TooLarge

PART = 8
LIMIT = 512 * 1024 * 1024 // PART

# What parsing, verifying and comparing take on top of the process itself, in bytes.
MEASURE = """
import re, sys
from pathlib import Path
from trustpress.core.parse import parse_upload

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

small, *uploads = map(Path, sys.argv[1:])
parse_upload("targets.json", small.read_bytes())
before = peak()
newest, *earlier = [parse_upload("targets.json", upload.read_bytes())["targets"] for upload in uploads]
newest.message
for _ in newest.signed.targets.changed_since(earlier[0].signed.targets if earlier else None):
    pass
print(peak() - before)
"""


def upload(**members: object) -> bytes:
    """Nobody looks at the signature here."""
    return compact({"signatures": [{"keyid": "0" * 64, "sig": "00"}], "signed": {**targets(), **members}})


def upload_of(entry: JsonObject) -> bytes:
    """As many entries like this as go into the part."""
    text = compact(entry)
    count = MAX_TARGETS_LENGTH // PART // (len(text) + 10)
    entries = b",".join(b'"%06d":%b' % (number, text) for number in range(count))
    return upload().replace(b'"targets":{}', b'"targets":{%b}' % entries)


def plain(digit: str) -> JsonObject:
    return {"hashes": {"sha256": digit * 64}, "length": 1}


def custom(value: object) -> JsonObject:
    return {**plain("0"), "custom": {"a": value}}


ASTRAL = "x" * (MAX_PARSED_LENGTH // PART - 1000) + "\U0001f511"

WORST: dict[str, Callable[[], list[bytes]]] = {
    "plain entries": lambda: [upload_of(plain("0"))],
    "plain entries that all changed": lambda: [upload_of(plain("1")), upload_of(plain("0"))],
    "entries of empty lists": lambda: [upload_of(custom([[]] * 20_000))],
    "entries of escapes": lambda: [upload_of(custom("ab\n" * 20_000))],
    "a wide character in a long text": lambda: [upload(**{"x-note": ASTRAL})],
    "a wide character in a bundle": lambda: [compact({"targets": json.loads(upload(**{"x-note": ASTRAL}))})],
    "members of our own": lambda: [upload(**{f"x-{number}": 0 for number in range(MAX_VALUES // PART - 100)})],
}


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process its peak")
@pytest.mark.parametrize("worst", WORST.values(), ids=WORST)
def test_the_worst_upload_does_not_exhaust_the_function(worst: Callable[[], list[bytes]], tmp_path: Path) -> None:
    uploads = [upload(), *worst()]
    paths = [tmp_path / str(number) for number in range(len(uploads))]
    for path, body in zip(paths, uploads, strict=True):
        path.write_bytes(body)
    measured = subprocess.run([sys.executable, "-c", MEASURE, *paths], check=True, capture_output=True, text=True)
    assert int(measured.stdout) < LIMIT


def test_one_entry_has_a_limit() -> None:
    """Else one entry of 64 MB would take gigabytes once parsed."""
    fits, too_large = (upload(targets={"a": custom("x" * size), "b": plain("0")}) for size in (900_000, 1_100_000))
    assert list(parse_targets(fits).signed.targets.targetpaths()) == ["a", "b"]
    with pytest.raises(TooLarge, match="one entry of targets: at most 1,048,576 bytes"):
        parse_targets(too_large)


@pytest.mark.parametrize("count", [10, 100, 1000])
def test_an_entry_with_many_objects_is_no_large_entry(count: int) -> None:
    """Each of them ends as an entry may end, so most places to cut are none."""
    body = upload_of(custom({f"part {number:04}": {"size": number} for number in range(count)}))
    assert sum(1 for _ in parse_targets(body).signed.targets.items()) > 1
