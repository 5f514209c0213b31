"""What only the owner can sign again, after the public bucket has lost it for good."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from tests.fakes import RecordingInvalidator
from tests.s3 import SystemClock
from tests.uploader.desk import Desk
from tests.uploader.test_looking import live_in_the_future
from trustpress.core.parse import parse_root
from trustpress.recover.plan import ToSign
from trustpress.recover.recovery import Recovery
from trustpress_uploader.errors import NotVerified
from trustpress_uploader.reading.published import after_loss, known_root


def lose(desk: Desk, *filenames: str) -> list[ToSign]:
    """Destroy metadata with all its versions, and recover what is left: what is to be signed again."""
    deployment = desk.deployment
    with deployment.asleep():
        for filename in filenames:
            key = f"{desk.repository}/metadata/{filename}"
            for version in list(deployment.public.list_versions(key)):
                deployment.public.delete_version(version)
        recovery = Recovery(deployment.staging, deployment.public, deployment.keys, RecordingInvalidator())
        return recovery.recover(desk.repository, SystemClock()).to_sign


@pytest.fixture
def followed(desk: Desk) -> Desk:
    """Clients have seen targets version 3."""
    desk.push("app", "application")
    desk.push("app", "application 2")
    assert desk.pull("app") == "application 2"
    return desk


@pytest.fixture
def recovered(followed: Desk) -> Desk:
    """Nothing is left of version 3, and a recovery has said so."""
    assert lose(followed, "3.targets.json") == [ToSign("targets", 3, 2)]
    return followed


@pytest.fixture
def newcomer(recovered: Desk) -> Desk:
    """The same owner at a machine that has seen nothing yet."""
    shutil.rmtree(recovered.known().metadata_folder)
    return recovered


def test_a_push_is_refused_and_says_how_to_go_on(newcomer: Desk) -> None:
    error = newcomer.run_json("push", newcomer.write("news", "news"), exit_code=1)["error"]
    assert (error["code"], "expected version 4" in error["message"]) == ("E_OLD", True)
    assert "trustpress renew ROLE --version N" in error["hint"]


@pytest.mark.on_seaweedfs_too
def test_a_machine_that_has_seen_what_is_gone_brings_it_back(recovered: Desk) -> None:
    recovered.refuse("E_VERIFY", "resolve", "app")
    assert recovered.run_json("renew", "targets", "--version", "4", "--dry-run")["would_publish"] == {"targets": 4}
    renewed = recovered.run_json("renew", "targets", "--version", "4")
    assert (renewed["versions"]["targets"], renewed["said_by_version"]) == (4, 3)
    assert recovered.pull("app") == "application 2"
    assert recovered.push("app", "application 3")["versions"]["targets"] == 5


def test_another_machine_signs_what_is_left(newcomer: Desk) -> None:
    assert "targets says what its version 2 said" in newcomer.run("renew", "targets", "--version", "4").stdout
    assert newcomer.pull("app") == "application"
    assert newcomer.push("app", "application 2")["versions"]["targets"] == 5


def test_where_nothing_is_left_the_machine_that_has_seen_it_brings_it_back(followed: Desk) -> None:
    assert lose(followed, "1.targets.json", "2.targets.json", "3.targets.json") == [ToSign("targets", 3, 0)]
    assert followed.run_json("renew", "targets", "--version", "4")["said_by_version"] == 3
    assert followed.pull("app") == "application 2"


def test_it_can_be_run_again(recovered: Desk) -> None:
    recovered.run("renew", "targets", "--version", "4")
    again = recovered.run_json("renew", "targets", "--version", "4")
    assert (again["changed"], again["versions"]["targets"]) == (False, 4)


def test_what_was_seen_last_is_not_signed_if_its_keys_did_not_sign_it(recovered: Desk) -> None:
    path = recovered.known().metadata_folder / "targets.json"
    forged = json.loads(path.read_bytes())
    forged["signed"]["targets"]["app"]["length"] = 1
    path.write_text(json.dumps(forged))
    assert recovered.run_json("renew", "targets", "--version", "4")["said_by_version"] == 2
    assert recovered.pull("app") == "application"


def test_an_older_timestamp_than_was_seen_does_not_say_what_is_left(followed: Desk) -> None:
    """Or whoever serves it could have an older version signed as a new one."""
    key = f"{followed.repository}/metadata/timestamp.json"
    with followed.deployment.edge.remembering(key):
        followed.push("app", "application 3")
        newest = followed.deployment.public.get(key, 100_000)
        assert newest is not None
        (followed.known().metadata_folder / "timestamp.json").write_bytes(newest.body)
        (followed.known().metadata_folder / "targets.json").unlink()
        followed.refuse("E_VERIFY", "renew", "targets", "--version", "9")


def test_nothing_is_taken_that_the_snapshot_does_not_list(followed: Desk) -> None:
    """Whoever serves it could show what the same key has signed for another repository."""
    key = f"{followed.repository}/metadata/3.targets.json"
    with followed.deployment.edge.remembering(key):
        lose(followed, "3.targets.json")
        shutil.rmtree(followed.known().metadata_folder)
        assert followed.run_json("renew", "targets", "--version", "4")["said_by_version"] == 2


def test_where_only_an_expired_timestamp_is_served_nothing_is_signed(followed: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others may have published since it was signed."""
    live_in_the_future(monkeypatch, timedelta(days=30))
    assert "nobody can tell what is left" in followed.refuse("E_VERIFY", "renew", "targets", "--version", "9")


def test_no_older_root_than_was_seen_says_whose_keys_are_good(followed: Desk) -> None:
    followed.run("root", "renew", "--yes")
    followed.run("status")
    with after_loss(followed.known(), datetime.now(UTC)) as view:
        assert parse_root(view.pinned_root()).signed.version == 2


def test_a_version_that_was_published_before_is_not_signed_again(recovered: Desk) -> None:
    assert "targets version 3 was published before" in recovered.refuse("E_IMPOSSIBLE", "renew", "targets", "--version", "3")


@pytest.mark.parametrize("rolenames", [(), ("targets", "docs")])
def test_a_version_is_for_one_role(quiet_desk: Desk, rolenames: tuple[str, ...]) -> None:
    assert "--version is for one role" in quiet_desk.run("renew", *rolenames, "--version", "4", exit_code=2).output


def test_a_file_that_is_corrupt_here_is_not_taken_for_a_role_that_was_never_seen(recovered: Desk) -> None:
    """What was seen may be the only copy of what is gone: nothing is signed in its place before its owner knows."""
    path = recovered.known().metadata_folder / "targets.json"
    path.write_bytes(path.read_bytes()[:-10])
    assert str(path) in recovered.refuse("E_VERIFY", "renew", "targets", "--version", "4")
    assert not recovered.staged()


def test_a_newest_root_that_is_corrupt_here_is_not_replaced_by_the_first(recovered: Desk) -> None:
    """The first may list keys that were replaced since."""
    path = recovered.known().metadata_folder / "root.json"
    path.write_bytes(b"<html>")
    with pytest.raises(NotVerified, match=r"root\.json"):
        known_root(recovered.known())
