"""What the local cloud gets otherwise than AWS: this list, and nothing that is not on it."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.emulator import PATCHES, NothingToPatch, Patch, apply, patch_for_ministack
from tests.template.facts import ROOT, Template, sub

PATCHED = {
    ("StagingBucketPolicy", "NobodyReplacesASealedKey"): "left_out",
    ("PublicBucketPolicy", "NobodyOverwritesWhatIsImmutable"): "left_out",
    ("PublicBucketPolicy", "NobodyReplacesWhatTheyHaveNotRead"): "left_out",
    ("PublicBucketPolicy", "OnlyTheExpireFunctionMarksForExpiry"): "also_for_sessions",
    ("PublicBucketPolicy", "OnlyTheRecoverFunctionHidesWhatIsPublished"): "also_for_sessions",
    ("PublishRole", "AnnouncesReleasesAndRejections"): "if_the_key_exists",
    ("AdministratorPolicy", "FindsFunctionsAndQueuesOfThisStack"): "on_any_resource",
}


@pytest.fixture
def body(template: Template) -> Any:
    """A copy that may be changed."""
    return copy.deepcopy(template.body)


@pytest.fixture
def patched(body: Any) -> Template:
    for patch in PATCHES:
        apply(patch, body)
    return Template(body)


def named(patch: Patch) -> str:
    return f"{patch.resource}-{patch.sid}"


def test_these_are_the_patches_and_each_says_why() -> None:
    assert {(patch.resource, patch.sid): patch.change.__name__ for patch in PATCHES} == PATCHED
    assert len(PATCHES) == len(PATCHED)
    assert all(patch.reason.endswith(".") for patch in PATCHES)


def test_the_statements_on_the_list_are_all_that_is_changed(template: Template, patched: Template) -> None:
    policies = {resource for resource, _sid in PATCHED}
    assert {name for name, found in template.body["Resources"].items() if found != patched.body["Resources"][name]} == policies
    assert {part: found for part, found in patched.body.items() if part != "Resources"} == {
        part: found for part, found in template.body.items() if part != "Resources"
    }
    for policy in policies:
        before, after = template.statements(policy), patched.statements(policy)
        assert {(policy, sid) for sid in before if before[sid] != after.get(sid)} == {place for place in PATCHED if place[0] == policy}
        assert set(after) <= set(before)


def test_what_is_changed_says_this(template: Template, patched: Template) -> None:
    for (policy, sid), change in PATCHED.items():
        before, after = template.statements(policy)[sid], patched.statements(policy).get(sid)
        assert after == _expected(before, change)


def _expected(before: Any, change: str) -> Any:
    role = "RecoverRole" if "RecoverRole" in str(before) else "ExpireRole"
    session = sub(f"arn:${{AWS::Partition}}:sts::${{AWS::AccountId}}:assumed-role/${{{role}}}/*")
    changes: dict[str, dict[str, Any]] = {
        "also_for_sessions": {"Condition": {"ArnNotLike": {"aws:PrincipalArn": [{"Fn::GetAtt": [role, "Arn"]}, session]}}},
        "if_the_key_exists": {"Condition": {"StringEqualsIfExists": {"events:source": "trustpress"}}},
        "on_any_resource": {"Resource": "*"},
    }
    return None if change == "left_out" else {**before, **changes[change]}


@pytest.mark.parametrize("patch", PATCHES, ids=named)
def test_a_patch_that_finds_nothing_to_patch_fails(body: Any, patch: Patch) -> None:
    apply(patch, body)
    with pytest.raises(NothingToPatch, match=patch.sid):
        apply(patch, body)
    del body["Resources"][patch.resource]
    with pytest.raises(NothingToPatch, match=patch.sid):
        apply(patch, body)


def test_the_patched_template_lies_beside_the_built_one_which_stays_as_it_is(template: Template, patched: Template, tmp_path: Path) -> None:
    built = tmp_path / "template.yaml"
    built.write_text(json.dumps(template.body))  # JSON is YAML
    before = built.read_bytes()
    written = patch_for_ministack(built)
    assert (written.parent, built.read_bytes()) == (tmp_path, before)
    assert yaml.safe_load(written.read_text()) == patched.body


def test_the_readme_says_where_the_list_is_and_how_long() -> None:
    told = " ".join((ROOT / "README.md").read_text().split())
    assert len(PATCHES) == 7
    assert "the same template that AWS gets (but for seven statements of its policies, which [scripts/local/emulator.py]" in told


def test_the_template_itself_is_about_aws_alone() -> None:
    text = (ROOT / "template.yaml").read_text().lower()
    assert "ministack" not in text
    assert "ifexists" not in text
