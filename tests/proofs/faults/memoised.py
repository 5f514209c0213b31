"""Parsing and verifying, remembered over runs: both are pure, and the same few documents come back in every schedule."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from trustpress.core import client
from trustpress.core.keys import PublicKey
from trustpress.publish import inbox
from trustpress.store import loading, repository

_PARSERS = [
    (inbox, "parse_upload"),
    (client, "parse_root"),
    (client, "parse_snapshot"),
    (client, "parse_targets"),
    (repository, "parse_root"),
    (loading, "parse_timestamp"),
]
_REMEMBERED = 100_000


@contextmanager
def memoised() -> Iterator[None]:
    """Only what is refused is parsed anew. Documents are frozen, so nobody can tell whether one was parsed before."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in _PARSERS:
            patch.setattr(module, name, functools.lru_cache(_REMEMBERED)(getattr(module, name)))
        patch.setattr(PublicKey, "verifies", functools.lru_cache(_REMEMBERED)(PublicKey.verifies))
        yield
