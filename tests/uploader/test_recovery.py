"""What only the owner can sign again, after the public bucket has lost it for good."""

import json
import shutil

import pytest

from tests.uploader.deployment import PUBLIC, SystemClock
from tests.uploader.desk import Desk
from trustpress.recovery import Recovery


@pytest.fixture
def recovered(desk: Desk) -> Desk:
    """Clients have seen targets version 3; of it nothing is left, and a recovery has said so."""
    desk.push("app", "application")
    desk.push("app", "application 2")
    assert desk.pull("app") == "application 2"
    deployment, key = desk.deployment, f"{desk.repository}/metadata/3.targets.json"
    with deployment.asleep():
        for version in deployment.client.list_object_versions(Bucket=PUBLIC, Prefix=key)["Versions"]:
            deployment.client.delete_object(Bucket=PUBLIC, Key=key, VersionId=version["VersionId"])
        recovered = Recovery(deployment.staging, deployment.public, deployment.signers).recover(desk.repository, SystemClock())
    assert [(role.rolename, role.next) for role in recovered.to_sign] == [("targets", 4)]
    return desk


@pytest.fixture
def newcomer(recovered: Desk) -> Desk:
    """The same owner at a machine that has seen nothing yet."""
    shutil.rmtree(recovered.known().metadata_folder)
    return recovered


def test_a_push_is_refused_and_says_how_to_go_on(newcomer: Desk) -> None:
    error = newcomer.run_json("push", newcomer.write("news", "news"), exit_code=1)["error"]
    assert (error["code"], "expected version 4" in error["message"]) == ("E_OLD", True)
    assert "trustpress renew ROLE --version N" in error["hint"]


def test_a_machine_that_has_seen_what_is_gone_brings_it_back(recovered: Desk) -> None:
    recovered.refuse("E_VERIFY", "resolve", "app")
    assert recovered.run_json("renew", "targets", "--version", "4", "--dry-run")["would_publish"] == {"targets": 4}
    assert recovered.run_json("renew", "targets", "--version", "4")["versions"]["targets"] == 4
    assert recovered.pull("app") == "application 2"
    assert recovered.push("app", "application 3")["versions"]["targets"] == 5


def test_another_machine_signs_what_is_left(newcomer: Desk) -> None:
    assert newcomer.run_json("renew", "targets", "--version", "4")["versions"]["targets"] == 4
    assert newcomer.pull("app") == "application"
    assert newcomer.push("app", "application 2")["versions"]["targets"] == 5


def test_what_was_seen_last_is_not_signed_if_its_keys_are_no_longer_good(recovered: Desk) -> None:
    path = recovered.known().metadata_folder / "targets.json"
    forged = json.loads(path.read_bytes())
    forged["signed"]["targets"]["app"]["length"] = 1
    path.write_text(json.dumps(forged))
    recovered.run("renew", "targets", "--version", "4")
    assert recovered.pull("app") == "application"


def test_a_version_that_was_published_is_not_signed_again(recovered: Desk) -> None:
    assert "targets version 3 was published already" in recovered.refuse("E_IMPOSSIBLE", "renew", "targets", "--version", "3")


@pytest.mark.parametrize("rolenames", [(), ("targets", "docs")])
def test_a_version_is_for_one_role(quiet_desk: Desk, rolenames: tuple[str, ...]) -> None:
    assert "--version is for one role" in quiet_desk.run("renew", *rolenames, "--version", "4", exit_code=2).output
