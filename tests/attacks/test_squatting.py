"""A thief with the credentials of a build system, whose repository is not published yet: he would bring the first root.

Whoever brings it owns the name for ever. So a root comes under a key that says so, and the policy for build systems leaves these
keys out; and an operator can reserve a name for one first root.
"""

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.attacks.fleet import Clients, Fleet
from tests.developer import Developer
from tests.template.facts import Template, read_template
from trustpress.core.layout import reservation
from trustpress.core.parse import parse_root

REPOSITORY, FILES = "acme/api", {"app.bin": b"the owner's"}


@pytest.fixture
def owner(fleet: Fleet) -> Developer:
    owner = fleet.owner(REPOSITORY)
    owner.next_version(files=FILES).version = 1
    return owner


def may_upload(template: Template, policy: str, key: str) -> bool:
    """What IAM says of a PutObject by somebody with this policy, who is tagged with the repository."""

    def speaks(effect: str) -> bool:
        statements = [found for found in template.statements(policy).values() if found["Effect"] == effect]
        patterns = [
            re.sub(r"\$\{!.*?\}", REPOSITORY, pattern["Fn::Sub"]).removeprefix("${StagingBucket.Arn}/")
            for found in statements
            if found["Action"] == "s3:PutObject"
            for pattern in found["Resource"]
        ]
        return any(fnmatchcase(key, pattern) for pattern in patterns)

    return speaks("Allow") and not speaks("Deny")


def test_who_may_only_push_pins_nothing_and_the_owner_is_not_refused(fleet: Fleet, owner: Developer, tmp_path: Path) -> None:
    template, thief = read_template(), fleet.owner(REPOSITORY)
    names = ("first.json", "targets.json", "1.targets.json", "root.json", "1.root.json", "first.root.json", "x.root", "rOOt.json")
    for name in names:
        key = f"inbox/{REPOSITORY}/metadata/{name}"
        assert may_upload(template, "DeveloperPolicy", key)
        if may_upload(template, "BuildSystemPolicy", key):
            receipt = fleet.publish(REPOSITORY, thief.bundle("root", "targets"), filename=name)
            assert receipt.status == "rejected"
    assert not [key for key in fleet.staging.objects if key.startswith("repositories/")]

    receipt = fleet.publish(REPOSITORY, owner.bundle("root", "targets"), FILES, "first.root.json")
    assert receipt.status == "published"
    client = Clients(fleet, REPOSITORY, tmp_path).new()
    client.refresh()
    assert client.download("app.bin") == FILES["app.bin"]


@pytest.mark.parametrize("is_right", [True, False])
def test_a_reserved_name_is_published_by_whom_it_is_reserved_for(fleet: Fleet, owner: Developer, is_right: bool) -> None:
    """The hash is that of the root as it is published, however the owner's tool has spelled it."""
    thief, root = fleet.owner(REPOSITORY), parse_root(owner.signed("root"))
    fleet.staging.upload(reservation(REPOSITORY), f"{root.sha256 if is_right else 'nobody'}\n".encode())
    refused = fleet.publish(REPOSITORY, thief.bundle("root", "targets"), filename="first.root.json")
    assert refused.error is not None
    assert refused.error.code == "E_RESERVED"
    assert not [key for key in fleet.staging.objects if key.startswith("repositories/")]
    receipt = fleet.publish(REPOSITORY, owner.bundle("root", "targets"), FILES, "first.root.json")
    assert receipt.status == ("published" if is_right else "rejected")


def test_a_reservation_is_asked_for_at_the_first_publish_alone(fleet: Fleet, owner: Developer) -> None:
    fleet.publish(REPOSITORY, owner.bundle("root", "targets"), FILES, "first.root.json")
    fleet.staging.upload(reservation(REPOSITORY), b"0" * 64)
    owner.next_root()
    assert fleet.publish(REPOSITORY, owner.signed("root"), filename="root.json").status == "published"
