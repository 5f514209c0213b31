"""What a machine remembers of a repository from the first use on, and what it says when that is damaged."""

import pytest

from tests.uploader.desk import Desk
from tests.uploader.holders import another_desk, answer, eventually, give_key, is_published, keyid, place
from tests.uploader.storage import STAGING
from trustpress_uploader.errors import UnusableFile
from trustpress_uploader.home.folder import Home
from trustpress_uploader.staging.uploads import Staging


def test_eight_jobs_that_use_a_repository_for_the_first_time_at_once_all_succeed(desk: Desk) -> None:
    desk.push("app", "application")
    jobs = another_desk(desk, "jobs")
    jobs.environment |= dict.fromkeys(desk.deployment.environment)
    known = ["-r", desk.repository, "--url", desk.deployment.url, "--root", str(desk.known().folder / "root.json")]
    running = [jobs.start("pull", "app", *known, "-o", str(jobs.folder / f"app.{job}")) for job in range(8)]
    for job in running:
        answer(job)
    assert {(jobs.folder / f"app.{job}").read_text() for job in range(8)} == {"application"}


def test_who_is_second_with_the_same_root_goes_on_and_with_another_does_not(desk: Desk) -> None:
    home, known = Home(desk.home), desk.known()
    again = home.add(desk.repository, known.connection, known.pinned_root())
    assert again.folder == known.folder
    (known.folder / "root.json").unlink()
    with pytest.raises(UnusableFile, match="not the root that was pinned"):
        home.add(desk.repository, known.connection, published_root(desk))


def published_root(desk: Desk) -> bytes:
    found = desk.deployment.public.get(f"{desk.repository}/metadata/1.root.json", 100_000)
    assert found is not None
    return found.body


@pytest.mark.parametrize("body", [b"", b'{"signatures": [', None])
def test_a_pinned_root_that_is_torn_or_gone_is_named_and_nobody_else_blamed(desk: Desk, body: bytes | None) -> None:
    path = desk.known().folder / "root.json"
    if body is None:
        path.unlink()
    else:
        path.write_bytes(body)
    for command in (["inspect"], ["push", desk.write("app", "application")], ["status"]):
        error = desk.run_json(*command, exit_code=1)["error"]
        assert (error["code"], str(path) in error["message"]) == ("E_FILE", True)
        assert "--root FILE" in error["hint"]


def test_a_staging_bucket_that_was_mistyped_is_forgotten_once_init_was_told_the_right_one(
    new_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The publisher has shown a key already, and the other bucket takes the request for one: the first that fails is the upload."""
    new_desk.run("init", *place(new_desk), "--timeout", "0", exit_code=3)
    eventually(lambda: is_published(new_desk, "online-keys.json"))
    with monkeypatch.context() as patch:
        patch.setattr(Staging, "ask_for_online_keys", lambda _: None)
        new_desk.refuse("E_STORAGE", "init", *place(new_desk)[:4], "--staging", "typo")
    assert new_desk.known().connection.staging == "typo"
    new_desk.init()
    assert new_desk.known().connection.staging == STAGING
    assert new_desk.push("app", "application")["versions"]["targets"] == 2


def test_the_root_that_is_handed_out_after_a_threshold_init_has_all_signatures(new_desk: Desk) -> None:
    ann, bob = new_desk, another_desk(new_desk, "bob")
    publics = [give_key(ann, "ann"), give_key(bob, "bob")]
    keys = [option for public in publics for option in ("--root-key", public)]
    ann.run("init", *place(ann), *keys, "--root-threshold", "2", exit_code=4)
    bob.run("root", "sign", *place(ann), "--yes", environment=dict(ann.environment) | {"TRUSTPRESS_HOME": str(bob.home)})
    assert bob.known().pinned_root() == published_root(bob)
    assert keyid("bob") in bob.known().pinned_root().decode()


def test_a_half_made_repository_does_not_stand_in_the_way_of_the_only_whole_one(desk: Desk) -> None:
    known = desk.known()
    half = known.folder.parent / "half"
    half.mkdir()
    (half / "repository.json").write_bytes((known.folder / "repository.json").read_bytes())
    (half / "root.json").write_bytes((known.folder / "root.json").read_bytes())
    (half / "change.json").write_text("{}")
    desk.run("inspect")
    assert Home(desk.home).only_name() == desk.repository
