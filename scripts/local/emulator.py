"""What MiniStack gets otherwise than AWS: the built template is patched here and nowhere else, and tests/template pins the list.

What a template cannot mend stands where it is met: policy variables and the watch's address in deployment.py, 403 for 404 in edge.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Statement = dict[str, Any]
Change = Callable[[Statement], Statement | None]


class NothingToPatch(Exception):
    """The template does not say what a patch is for: either of them has to change."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What becomes of one statement of a resource's policy: another one, or none."""

    resource: str
    sid: str
    change: Change
    reason: str


def left_out(_statement: Statement) -> None:
    return None


def also_for_sessions(statement: Statement) -> Statement:
    role = statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
    name, _ = role["Fn::GetAtt"]
    session = {"Fn::Sub": f"arn:${{AWS::Partition}}:sts::${{AWS::AccountId}}:assumed-role/${{{name}}}/*"}
    return {**statement, "Condition": {"ArnNotLike": {"aws:PrincipalArn": [role, session]}}}


def if_the_key_exists(statement: Statement) -> Statement:
    return {**statement, "Condition": {"StringEqualsIfExists": statement["Condition"]["StringEquals"]}}


def on_any_resource(statement: Statement) -> Statement:
    return {**statement, "Resource": "*"}


_UNKNOWN_HEADERS = "s3:if-none-match and s3:if-match are unknown there, hence always missing: every write would be denied."

PATCHES = (
    Patch("StagingBucketPolicy", "NobodyReplacesASealedKey", left_out, _UNKNOWN_HEADERS),
    Patch("PublicBucketPolicy", "NobodyOverwritesWhatIsImmutable", left_out, _UNKNOWN_HEADERS),
    Patch("PublicBucketPolicy", "NobodyReplacesWhatTheyHaveNotRead", left_out, _UNKNOWN_HEADERS),
    Patch(
        "PublicBucketPolicy",
        "OnlyTheExpireFunctionMarksForExpiry",
        also_for_sessions,
        "aws:PrincipalArn is the session's ARN there, and the role's on AWS: expire itself would be denied.",
    ),
    Patch(
        "PublicBucketPolicy",
        "OnlyTheRecoverFunctionHidesWhatIsPublished",
        also_for_sessions,
        "The same: recover itself would be denied.",
    ),
    Patch(
        "PublishRole",
        "AnnouncesReleasesAndRejections",
        if_the_key_exists,
        "events:source is unknown there: publish could announce nothing.",
    ),
    Patch(
        "AdministratorPolicy",
        "FindsFunctionsAndQueuesOfThisStack",
        on_any_resource,
        "A request to describe a resource names no stack there: an administrator would find nothing.",
    ),
)


def patch_for_ministack(built: Path) -> Path:
    """Write the built template as MiniStack gets it, next to it: paths in it are relative. Raises NothingToPatch."""
    body = yaml.safe_load(built.read_text())
    for patch in PATCHES:
        apply(patch, body)
    patched = built.with_name("ministack.yaml")
    patched.write_text(yaml.safe_dump(body, sort_keys=False))
    return patched


def apply(patch: Patch, body: dict[str, Any]) -> None:
    """Change one statement of a template in its place. Raises NothingToPatch."""
    for document in _documents(body["Resources"].get(patch.resource, {}).get("Properties", {})):
        for at, statement in enumerate(document["Statement"]):
            if statement.get("Sid") == patch.sid:
                changed = _changed(patch, statement)
                document["Statement"][at : at + 1] = [] if changed is None else [changed]
                return
    raise NothingToPatch(f"{patch.resource} has no statement {patch.sid}")


def _documents(properties: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Those of a role, or the one of a bucket or of a managed policy."""
    yield from (policy["PolicyDocument"] for policy in properties.get("Policies", []))
    if "PolicyDocument" in properties:
        yield properties["PolicyDocument"]


def _changed(patch: Patch, statement: Statement) -> Statement | None:
    try:
        changed = patch.change(statement)
    except (KeyError, TypeError):
        changed = statement
    if changed == statement:
        raise NothingToPatch(f"{patch.resource}, {patch.sid}: nothing to be {patch.change.__name__}")
    return changed
