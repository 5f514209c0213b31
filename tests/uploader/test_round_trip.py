"""From nothing to a file that a stranger has verified, with the command line alone."""

import shutil
import stat
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Root

from tests.uploader.deployment import Deployment
from tests.uploader.desk import Desk


def test_init_publishes_a_root_that_lists_the_right_keys(new_desk: Desk, deployment: Deployment) -> None:
    answer = new_desk.init()
    assert answer["versions"] == {"root": 1, "targets": 1, "snapshot": 1, "timestamp": 1}
    root = deployment.published(f"{new_desk.repository}/metadata/1.root.json")
    assert {rolename: role["keyids"] for rolename, role in root["roles"].items()} == answer["keyids"]
    own = [key.keyid for key in deployment.keys.offered(new_desk.repository, None)]
    assert answer["keyids"]["snapshot"] == answer["keyids"]["timestamp"] == own
    assert len({*answer["keyids"]["root"], *answer["keyids"]["targets"], *own}) == 3
    assert {path.stem for path in new_desk.key_files()} == {*answer["keyids"]["root"], *answer["keyids"]["targets"]}
    assert {stat.S_IMODE(path.stat().st_mode) for path in new_desk.key_files()} == {0o600}
    pinned = Metadata[Root].from_bytes(new_desk.known().pinned_root())
    pinned.verify_delegate("root", pinned)


@pytest.mark.on_seaweedfs_too
def test_push_then_pull_gives_the_file_back(desk: Desk) -> None:
    pushed = desk.push("hello.txt", "hello")
    assert pushed["versions"] == {"targets": 2, "root": 1, "snapshot": 2, "timestamp": 2}
    assert pushed["targets"]["hello.txt"]["url"].endswith(".hello.txt")
    assert desk.pull("hello.txt") == "hello"
    assert desk.staged() == []


def test_several_files_are_published_by_one_version(desk: Desk) -> None:
    files = [desk.write(name, name) for name in ("one.txt", "two.txt", "three.txt")]
    assert desk.run_json("push", *files)["versions"]["targets"] == 2
    assert desk.targets() == ["one.txt", "three.txt", "two.txt"]


def test_the_same_push_again_has_nothing_to_do_and_asks_for_no_passphrase(desk: Desk) -> None:
    desk.push("hello.txt", "hello")
    again = desk.run_json("push", desk.write("hello.txt", "hello"), environment={"TRUSTPRESS_TAGGING_PASSPHRASE": None})
    assert again["versions"] == {"targets": 2}


def test_a_new_file_under_an_old_name_replaces_it(desk: Desk) -> None:
    desk.push("dir/app", "old")
    desk.push("dir/app", "new")
    assert desk.pull("dir/app") == "new"


@pytest.mark.on_seaweedfs_too
def test_remove_takes_a_name_away_from_every_client(desk: Desk) -> None:
    desk.push("hello.txt", "hello")
    assert desk.run_json("remove", "hello.txt")["versions"]["targets"] == 3
    assert "no trust data available" in desk.refuse("E_NAME", "pull", "hello.txt")
    assert desk.targets() == []


def test_inspect_tells_roles_versions_days_and_targets(desk: Desk) -> None:
    desk.push("hello.txt", "hello")
    value = desk.run_json("inspect")
    assert {rolename: role["version"] for rolename, role in value["roles"].items()} == {
        "root": 1,
        "targets": 2,
        "snapshot": 2,
        "timestamp": 2,
    }
    assert (value["roles"]["root"]["days_left"], value["roles"]["targets"]["days_left"]) == (364, 89)
    assert value["targets"]["hello.txt"]["length"] == 5


def test_a_stranger_pulls_with_a_root_and_without_credentials(desk: Desk, tmp_path: Path) -> None:
    desk.push("hello.txt", "hello")
    stranger = Desk(tmp_path / "stranger", desk.deployment, desk.repository)
    stranger.environment |= dict.fromkeys([*desk.deployment.environment, "TRUSTPRESS_TAGGING_PASSPHRASE", "TRUSTPRESS_ROOT_PASSPHRASE"])
    root = str(shutil.copy(desk.known().folder / "root.json", tmp_path))
    place = ["-r", desk.repository, "--url", desk.deployment.url]
    assert "does not know" in stranger.refuse("E_REPOSITORY", "pull", "hello.txt", *place)
    assert stranger.pull("hello.txt", *place, "--root", root) == "hello"
    assert stranger.pull("hello.txt") == "hello"


def test_a_file_that_is_no_root_is_not_pinned(desk: Desk, tmp_path: Path) -> None:
    """Not even one that looks like it: the right file is taken afterwards."""
    stranger = Desk(tmp_path / "stranger", desk.deployment, desk.repository)
    place = ("-r", desk.repository, "--url", desk.deployment.url)
    root = str(desk.known().folder / "root.json")
    forged = stranger.write("forged", Path(root).read_text().replace('"sig":"', '"sig":"00'))
    junk = stranger.write("junk", "no root")
    for wrong in (junk, forged):
        stranger.refuse("E_FILE", "inspect", *place, "--root", wrong)
    stranger.run_json("inspect", *place, "--root", root)


def test_a_stranger_with_the_wrong_root_gets_nothing(desk: Desk, tmp_path: Path) -> None:
    desk.push("hello.txt", "hello")
    other = Desk(tmp_path / "other", desk.deployment, f"{desk.repository}/other")
    other.init()
    wrong = str(other.known().folder / "root.json")
    stranger = Desk(tmp_path / "stranger", desk.deployment, desk.repository)
    stranger.refuse("E_FOREIGN", "pull", "hello.txt", "-r", desk.repository, "--url", desk.deployment.url, "--root", wrong)
    assert not Path("hello.txt").exists()
    assert "not the root that is pinned" in desk.refuse("E_REPOSITORY", "pull", "hello.txt", "--root", wrong)


def test_a_second_developer_publishes_with_a_copy_of_the_key(desk: Desk, tmp_path: Path) -> None:
    desk.push("hello.txt", "hello")
    colleague = Desk(tmp_path / "colleague", desk.deployment, desk.repository)
    file = colleague.write("more.txt", "more")
    place = ["-r", desk.repository, "--url", desk.deployment.url, "--staging", "staging"]
    root = str(desk.known().folder / "root.json")
    assert "no key that may sign targets" in colleague.refuse("E_NOKEY", "push", file, *place, "--root", root)
    shutil.copytree(desk.home / "keys", colleague.home / "keys")
    assert colleague.run_json("push", file)["versions"]["targets"] == 3
    assert desk.targets() == ["hello.txt", "more.txt"]


@pytest.mark.on_seaweedfs_too
def test_external_targets_are_listed_and_never_uploaded(new_desk: Desk) -> None:
    new_desk.init("--external-targets")
    assert new_desk.push("image.tar", "kept elsewhere")["versions"]["targets"] == 2
    assert not any("/targets/" in key for key in new_desk.staged())
    assert list(new_desk.deployment.public.list_keys(f"{new_desk.repository}/targets/")) == []
    value = new_desk.run_json("inspect")
    assert value["external_targets"]
    assert value["targets"]["image.tar"]["length"] == 14


def test_the_only_known_repository_needs_no_name_and_several_do(desk: Desk) -> None:
    desk.push("hello.txt", "hello")
    second = Desk(desk.folder, desk.deployment, f"{desk.repository}/second")
    second.init()
    assert "name one" in desk.refuse("E_REPOSITORY", "inspect")
    assert desk.run_json("inspect", environment={"TRUSTPRESS_REPOSITORY": desk.repository})["repository"] == desk.repository
    assert desk.run_json("inspect", "-r", second.repository)["targets"] == {}


def test_people_are_told_the_same_in_words(new_desk: Desk) -> None:
    place = ["-r", new_desk.repository, "--url", new_desk.deployment.url, "--staging", "staging"]
    init = new_desk.run("init", *place)
    assert "Published" in init.stdout
    assert all(f"{name} key" in init.stderr for name in ("Offline", "Tagging"))
    assert "targets 2" in new_desk.run("push", new_desk.write("hello.txt", "hello")).stdout
    inspect = new_desk.run("inspect").stdout
    assert all(word in inspect for word in (new_desk.repository, "timestamp", "days", "hello.txt"))
    assert "Verified hello.txt: 5 bytes" in new_desk.run("pull", "hello.txt", "-o", str(new_desk.folder)).stdout
    assert "targets 3" in new_desk.run("remove", "hello.txt").stdout
