"""Junk in front of a good upload, a part of what `scripts/prove junk` has: it is published, and the function's memory suffices."""

import sys

import pytest

from tests.proofs.overload import junk

# A function has 1,024 MB: some 120 are the process, 96 the bytes of a window, up to 512 one upload while it is parsed.
LIMIT = 256 * junk.MEGABYTE

SHORT = {
    "one byte": 500,
    "nested lists": 3,
    "bundles of small roles": 3,
    "delegations to many": 40,
    "many target entries": 1,
    "entries with custom members": 1,
    "unknown roles": 500,
    "a known role, forged": 250,
    "waiting versions": 250,
}


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process its peak")
@pytest.mark.parametrize("name", junk.KINDS)
def test_the_good_upload_behind_it_is_published(name: str) -> None:
    assert junk.in_its_own_process(name, SHORT[name]).peak < LIMIT
