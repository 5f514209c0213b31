"""The limits in docs/operations.md are those of the code."""

import re

from local.processes import ROOT
from trustpress.core import entries, parse, parse_delegations, portable, tree, trust
from trustpress.publish import backlog, draft, inbox, looks, pacing, settlement

LIMITS = [
    parse.MAX_TARGETS_LENGTH,
    parse.MAX_LENGTH["root"],
    parse.MAX_PARSED_LENGTH,
    parse.MAX_VALUES,
    parse.MAX_COMMAS_IN_TARGETS,
    entries._MAX_PIECE,
    portable.MAX_DEPTH,
    parse.MAX_SIGNATURES,
    parse.MAX_ROLES_IN_BUNDLE,
    draft.MAX_NEW_TARGET_FILES,
    parse_delegations.MAX_ROLES,
    parse_delegations.MAX_KEYS,
    parse_delegations.MAX_PATTERNS,
    1 << parse_delegations.MAX_BITS,
    tree.MAX_DELEGATION_DEPTH,
    trust.MAX_GAP,
    backlog.MAX_WAITING,
    backlog.MAX_WAITING_BYTES,
    backlog.MAX_UNVERIFIED,
    backlog.MAX_UNVERIFIED_BYTES,
    settlement.MAX_WAIT.total_seconds() / 3600,
]


def section(heading: str) -> str:
    found = re.search(rf"^## {heading}\n(.*?)^## ", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_table_of_limits_is_right() -> None:
    rows = re.findall(r"^\|[^|]+\| ([0-9,]+) \|", section("Limits"), re.MULTILINE)
    assert rows == [f"{limit:,.0f}" for limit in LIMITS]


def test_the_numbers_of_pacing_are_right() -> None:
    text = section("When somebody floods a repository")
    assert f"go on for {looks.SECONDS_FOR_LOOKS} seconds in all" in text
    assert f"a pause of {pacing.PAUSE.total_seconds():.0f} seconds" in text
    assert f"at most {inbox.MAX_UPLOADS} uploads, {inbox.MAX_BYTES // 1_000_000} MB of them" in text
    assert f"more than {inbox.MAX_LISTED:,} in one inbox" in text
