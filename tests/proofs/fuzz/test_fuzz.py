"""A short campaign, and proof that a campaign would notice."""

import hashlib
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from tests.proofs.fuzz import oracle, shrink
from tests.proofs.fuzz.campaign import MAX_GROWTH, Trial, run
from tests.proofs.fuzz.clients import TufJsReleases
from tests.proofs.fuzz.inputs import Input, plan
from tests.proofs.fuzz.scenes import scenes
from trustpress.core import entries, parse_delegations, portable, trust
from trustpress.core.canonical import encode_compact

SEED = 4


@pytest.fixture(scope="module")
def tuf_js(installed_tuf_js: None) -> Iterator[TufJsReleases]:
    with TufJsReleases() as reader:
        yield reader


@pytest.fixture(autouse=True)
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """Where findings go that are made on purpose."""
    if "guard" in request.fixturenames:
        monkeypatch.setattr(shrink, "SAVED", tmp_path)
    return tmp_path


def test_every_input_is_accepted_by_all_or_refused_with_a_receipt(installed_tuf_js: None) -> None:
    figures = run(inputs=4_000, processes=2, seed=SEED, progress=Progress(disable=True))
    assert figures.found == (), str(figures)
    assert figures.inputs == 4_000
    assert figures.growth < MAX_GROWTH
    assert figures.by_tuf_js == figures.by_python_tuf > 100
    assert {
        "E_AUTH",
        "E_DELEG",
        "E_EQUIVOCATION",
        "E_EXPIRY",
        "E_JSON",
        "E_JUMP",
        "E_KEY",
        "E_PORTABLE",
        "E_ROOT",
        "E_SCHEMA",
        "E_SIG",
    } <= figures.codes.keys()


def test_every_upload_that_is_left_as_it_is_gets_through(tuf_js: TufJsReleases) -> None:
    """Were the good ones refused, nothing that is made of them would show much."""
    for scene in scenes():
        for good in scene.uploads:
            made = Input(scene, good.filename, good.body(), ())
            assert shrink.problem(made, tuf_js) == ""
            expected = "waiting" if (scene.name, good.filename) == ("first", "root.json") else "accepted"
            assert oracle.judge(made).status == expected, (scene.name, good.filename)


def test_an_input_is_the_same_in_every_process() -> None:
    """What a campaign found is found again by its number."""
    program = "import sys; from tests.proofs.fuzz.test_fuzz import digest_of_inputs; sys.stdout.write(digest_of_inputs())"
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        other = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        assert other.stdout == digest_of_inputs()


def digest_of_inputs() -> str:
    digest = hashlib.sha256()
    for index in range(300):
        digest.update(plan(SEED, index).make().body)
    return digest.hexdigest()


# Where a guard is, what takes its place, what is said of the first input that shows it, and a number a little before that input's.
GUARDS: dict[str, tuple[Any, str, Any, str, int]] = {
    "members of delegations": (parse_delegations, "_check_members", lambda *_: None, "KeyError|TypeError|AttributeError", 0),
    "signatures": (trust, "verify_signatures", lambda *_: None, "python-tuf refuses", 0),
    "names that JavaScript's objects have": (portable, "_TARGETPATH", re.compile(r"[^+%#?]*"), "tuf-js", 3650),
    "what cannot be encoded": (entries, "_is_compact", lambda entry, piece: encode_compact(entry)[1:-1] == piece, "Recursion limit", 200),
    "one key twice": (parse_delegations, "KeyListedTwice", KeyError, "KeyError", 1500),
    "what matches a wildcard": (trust, "check_delegated_targetpath", lambda path: None, "tuf-js", 1550),
}


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_a_guard_that_is_gone_is_missed(
    guard: tuple[Any, str, Any, str, int], tuf_js: TufJsReleases, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, name, replacement, expected, start = guard
    monkeypatch.setattr(module, name, replacement)
    trial = Trial(SEED, tuf_js, tuf_js_every=1)
    found = itertools.chain.from_iterable(trial.try_all(range(at, at + 50)).found for at in range(start, start + 20_000, 50))
    assert re.search(expected, next(found).what)
