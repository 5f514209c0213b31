"""Uploads that are large on purpose: what parsing and judging each takes, in a process of its own.

    python -m tests.proofs.fuzz.large NAME...

prints for each the code it ends in, the seconds of CPU time and the bytes of memory that it took on top of the process.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from tests.builders import JsonObject, compact
from tests.proofs.fuzz import oracle
from tests.proofs.fuzz.inputs import Input
from tests.proofs.fuzz.scenes import Scene, scenes
from tests.proofs.fuzz.uploads import Good
from trustpress.core.parse import MAX_PARSED_LENGTH, MAX_TARGETS_LENGTH, MAX_VALUES

_ENTRY = b'{"hashes":{"sha256":"%b"},"length":1}' % (b"0" * 64)
_LONG = MAX_PARSED_LENGTH - 1_000


@dataclass(frozen=True)
class Cost:
    """`code` is empty for what is accepted; `seconds` are of CPU time, `growth` is in bytes."""

    name: str
    code: str
    seconds: float
    growth: int

    def __str__(self) -> str:
        return f"{self.name}: {self.code or 'accepted'} after {self.seconds:.2f} s, {self.growth / 2**20:.0f} MiB"


def run(names: Iterable[str]) -> list[Cost]:
    """Measure these large uploads, one after the other, in one child."""
    arguments = [sys.executable, "-m", "tests.proofs.fuzz.large", *names]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.run(arguments, env=environment, check=True, capture_output=True, text=True)
    return [Cost(*json.loads(line)) for line in child.stdout.splitlines()]


def _paths() -> Scene:
    return next(scene for scene in scenes() if scene.name == "paths")


def _good(index: int = 0) -> Good:
    return _paths().uploads[index]


def _with(text: bytes, index: int = 0) -> bytes:
    """A good upload that is not signed for this member, which comes late."""
    body = _good(index).body()
    return body.replace(b',"version":3}}', b',"version":3,"x-large":%b}}' % text)


def _signed(**members: object) -> bytes:
    upload = _good().start()
    [role] = upload.roles.values()
    upload.sign(role, {**role.signed, **members})
    return compact(upload.value())


def _entries(count: int, custom: bytes = b"") -> bytes:
    """Targets with so many entries, signed."""
    signed = _signed(targets={})
    entry = b'{"custom":%b,%b' % (custom, _ENTRY[1:]) if custom else _ENTRY
    return signed.replace(b'"targets":{}', b'"targets":{%b}' % b",".join(b'"%07d":%b' % (number, entry) for number in range(count)))


def _imitating(count: int) -> bytes:
    """Entries of nearly a megabyte whose custom looks like the end of an entry, again and again."""
    end = {"a": [{"hashes": {"sha256": "0" * 64}, "length": 1} for _ in range(7_000)], "b": '"},"length":1},"'}
    return _entries(count, compact(end))


def _bundle(count: int) -> bytes:
    envelope: JsonObject = json.loads(_good().body())
    return compact({f"role-{number:05}": envelope for number in range(count)})


LARGE: Mapping[str, Callable[[], bytes]] = {
    "100,000 lists deep": lambda: _with(b"[" * 100_000 + b"]" * 100_000),
    "100,000 objects deep": lambda: _with(b'{"a":' * 100_000 + b"0" + b"}" * 100_000),
    "a number of 5,000 digits": lambda: _with(b"9" * 5_000),
    "a number of 20,000,000 digits": lambda: _with(b"9" * 20_000_000),
    "10,000 signatures": lambda: _good().body().replace(b'"signatures":[', b'"signatures":[' + b'{"keyid":"00","sig":"00"},' * 10_000),
    "40 MB of white space": lambda: b" " * 40_000_000,
    "40 MB of one text": lambda: _with(b'"%b"' % (b"x" * 40_000_000)),
    "64 MB, the most that is read": lambda: b'{"a":"%b"}' % (b"x" * (MAX_TARGETS_LENGTH - 8)),
    "a byte more than is read": lambda: b" " * (MAX_TARGETS_LENGTH + 1),
    "64 MB of empty lists": lambda: _with(b"[%b0]" % (b"[]," * 21_000_000)),
    "64 MB of brackets": lambda: b"[" * (MAX_TARGETS_LENGTH - 1),
    "half a million empty lists": lambda: _with(b"[%b0]" % (b"[]," * (MAX_VALUES // 2 - 1_000))),
    "half a million members": lambda: _with(b'{%b"z":0}' % b"".join(b'"%d":0,' % number for number in range(MAX_VALUES - 2_000))),
    "24 MB of one text": lambda: _with(b'"%b"' % (b"x" * (_LONG - 4_000))),
    "24 MB of one text with a wide character": lambda: _with('"{}\U0001f511"'.format("x" * (_LONG - 4_000)).encode()),
    "24 MB of escapes": lambda: _with(b'"%b"' % (b"\\u0001" * ((_LONG - 4_000) // 6))),
    "a bundle with 24 MB of a text with a wide character": lambda: b'{"a":"%b\xf0\x9f\x94\x91"}' % (b"x" * (_LONG - 20)),
    "24 MB of one text with a wide character, spelled otherwise": lambda: (
        b" " + _with('"{}\U0001f511"'.format("x" * (_LONG - 4_000)).encode())
    ),
    "24 MB of one text with a wide character, twice": lambda: _with('0,"x-large":"{}\U0001f511"'.format("x" * (_LONG - 4_000)).encode()),
    "a bundle of 6,000 roles": lambda: _bundle(6_000),
    "500,000 target entries": lambda: _entries(500_000),
    "60 entries that imitate their ends": lambda: _imitating(60),
    "64 MB of wide entries": lambda: _entries(100_000, compact({"a": "\U0001f511" * 120})),
}


# What takes longer than a second.
LONG = {"half a million members", "a bundle of 6,000 roles"}


def measure(name: str) -> Cost:
    """Make a large upload, then judge it; the most memory that takes is counted from the moment it is made."""
    body = LARGE[name]()
    scene = _paths()
    oracle.judge(Input(scene, "targets.json", _good().body(), ()))
    filename = "bundle.json" if "bundle" in name else "targets.json"
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    outcome = oracle.judge(Input(scene, filename, body, ()))
    return Cost(name, outcome.code, outcome.seconds, _memory("VmHWM") - before)


def _memory(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write(json.dumps(astuple(measure(name))) + "\n")
