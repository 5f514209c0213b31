"""How commands end that publish: with versions, or with the signatures that are still lacking."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from trustpress_uploader.terminal.output import Output, write_versions

if TYPE_CHECKING:
    from trustpress_uploader.home.folder import KnownRepository
    from trustpress_uploader.pushing.desk import Outcome

_WAITS_FOR_OTHERS = 4


def show(output: Output, repository: "KnownRepository", outcome: "Outcome", value: Mapping[str, Any], *lines: str) -> None:
    """Print what came of a change. `value` and `lines` are what the command has to say if it was published."""
    if outcome.lacking:
        _show_lacking(output, repository, outcome, value)
        click.get_current_context().exit(_WAITS_FOR_OTHERS)
    if outcome.note:
        output.note(f"Note: {outcome.note}")
    output.result(
        {"repository": repository.name, "versions": dict(outcome.versions), "changed": not outcome.is_unchanged, **value},
        f"{'Published already, unchanged' if outcome.is_unchanged else 'Published'} {repository.name}: {write_versions(outcome.versions)}.",
        *lines,
    )


def _show_lacking(output: Output, repository: "KnownRepository", outcome: "Outcome", value: Mapping[str, Any]) -> None:
    if outcome.note:
        output.note(f"Note: {outcome.note}")
    lacking: list[dict[str, Any]] = [
        {
            "role": need.draft.rolename,
            "by": need.whose,
            "signed_by": sorted(need.signed_by),
            "threshold": need.role_keys.threshold,
            "keyids": list(need.role_keys.keys),
        }
        for need in outcome.lacking
    ]
    output.result(
        {
            "repository": repository.name,
            "versions": dict(outcome.versions),
            "needs": lacking,
            "change": outcome.change_id,
            "place": outcome.place,
            **value,
        },
        f"Signed; {_so_far(outcome)}. The change {outcome.change_id[:8]} waits in {outcome.place}.",
        *(f"  {row['role']} has {len(row['signed_by'])} of {row['threshold']} signatures that {row['by']} asks for" for row in lacking),
        "Other holders sign with `trustpress change sign`; the last of them publishes.",
    )


def _so_far(outcome: "Outcome") -> str:
    return f"published so far: {write_versions(outcome.versions)}" if outcome.versions else "nothing is published yet"
