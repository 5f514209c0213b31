"""Which files a push means, under which names, and what it says of them."""

import functools
import hashlib
import json
import os
from pathlib import Path

import boto3
import pytest

from tests.uploader.desk import Desk
from tests.uploader.test_trouble import PATIENCE
from trustpress_uploader.staging.artifacts import Artifact, _measure

WITHOUT_PASSPHRASE = {"TRUSTPRESS_TAGGING_PASSPHRASE": None}


@pytest.fixture
def desk(quiet_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A machine whose current folder is empty; what AWS offers is read once, as nothing is uploaded."""
    monkeypatch.setattr(boto3, "Session", functools.cache(boto3.Session))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return quiet_desk


def write(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def changes(desk: Desk, *arguments: str) -> list[str]:
    """What a push would change, without the line that says until when."""
    lines = desk.run_json("push", *arguments, "--dry-run", environment=WITHOUT_PASSPHRASE)["changes"]
    return [line.strip() for line in lines[1:-1]]


def named(desk: Desk, *arguments: str) -> list[str]:
    return [line.split()[1] for line in changes(desk, *arguments)]


class TestNames:
    def test_a_file_has_its_own_name_without_its_folders(self, desk: Desk) -> None:
        write("build/app.tar.gz", "readme")
        assert named(desk, "build/app.tar.gz", "readme") == ["app.tar.gz", "readme"]
        assert named(desk, str(Path("readme").absolute())) == ["readme"]

    @pytest.mark.parametrize("argument", ["dist", "dist/", "./dist", "../project/dist", "dist/../dist"])
    def test_a_folder_comes_with_everything_below_it_under_its_own_name(self, desk: Desk, argument: str) -> None:
        write("dist/app", "dist/docs/index.html", "dist/docs/a/b/c", "elsewhere")
        assert named(desk, argument) == ["dist/app", "dist/docs/a/b/c", "dist/docs/index.html"]

    @pytest.mark.parametrize("argument", [".", "..", "../project", "dist/.."])
    def test_the_current_folder_has_a_name_as_well(self, desk: Desk, argument: str) -> None:
        write("app")
        Path("dist").mkdir()
        assert [name.rpartition("/")[2] for name in named(desk, argument)] == ["app"]
        assert "/../" not in str(named(desk, argument))

    def test_a_quoted_glob_means_what_the_shell_would_have_found(self, desk: Desk) -> None:
        write("dist/a.whl", "dist/b.whl", "dist/b.tar.gz", "dist/sub/c.whl")
        assert named(desk, "dist/*.whl") == ["a.whl", "b.whl"]
        assert named(desk, "dist/**/*.whl") == ["a.whl", "b.whl", "c.whl"]
        assert named(desk, f"{Path.cwd()}/dist/[b].*") == ["b.tar.gz", "b.whl"]
        assert named(desk, "di*") == ["dist/a.whl", "dist/b.tar.gz", "dist/b.whl", "dist/sub/c.whl"]

    def test_a_glob_for_nothing_is_no_success(self, desk: Desk) -> None:
        assert "*.whl: there is no such file" in desk.refuse("E_FILE", "push", "*.whl")


class TestAs:
    def test_it_renames_a_file(self, desk: Desk) -> None:
        write("build/app")
        assert named(desk, "build/app", "--as", "releases/1.2/app.tar.gz") == ["releases/1.2/app.tar.gz"]

    def test_it_renames_a_folder_and_keeps_what_is_below(self, desk: Desk) -> None:
        write("dist/app", "dist/docs/index.html")
        assert named(desk, "dist", "--as", "releases/1.2") == ["releases/1.2/app", "releases/1.2/docs/index.html"]

    def test_it_renames_a_folder_of_a_single_file(self, desk: Desk) -> None:
        write("dist/app")
        assert named(desk, "dist", "--as", "releases") == ["releases/app"]

    def test_with_a_slash_at_its_end_everything_goes_below_it(self, desk: Desk) -> None:
        write("a.whl", "b.whl", "dist/app")
        assert named(desk, "*.whl", "dist", "--as", "1.2/") == ["1.2/a.whl", "1.2/b.whl", "1.2/dist/app"]
        assert named(desk, "a.whl", "--as", "1.2/") == ["1.2/a.whl"]

    @pytest.mark.parametrize("arguments", [["a.whl", "b.whl"], ["*.whl"], ["dist", "a.whl"], ["dist", "docs"]])
    def test_one_name_for_several_is_refused_with_the_way_out(self, desk: Desk, arguments: list[str]) -> None:
        write("a.whl", "b.whl", "dist/app", "docs/index.html")
        error = desk.run_json("push", *arguments, "--as", "name", exit_code=1)["error"]
        assert (error["code"], "--as name/" in error["hint"]) == ("E_IMPOSSIBLE", True)


class TestRefused:
    def test_a_missing_file_beside_others_that_are_there(self, desk: Desk) -> None:
        write("here")
        assert "missing: there is no such file" in desk.refuse("E_FILE", "push", "here", "missing")
        assert desk.staged() == []

    def test_an_empty_folder(self, desk: Desk) -> None:
        Path("dist/sub").mkdir(parents=True)
        assert "this folder has no files" in desk.refuse("E_FILE", "push", "dist")

    @pytest.mark.parametrize("arguments", [["one/app", "two/app"], ["one/app", "one/app"], ["*/app"], ["one", "one/"]])
    def test_two_files_of_one_name(self, desk: Desk, arguments: list[str]) -> None:
        write("one/app", "two/app")
        assert "2 files have this name" in desk.refuse("E_FILE", "push", *arguments)

    def test_no_file_at_all_is_wrong_usage(self, desk: Desk) -> None:
        assert "FILES" in desk.run("push", exit_code=2).stderr

    def test_a_pipe_is_not_waited_for(self, desk: Desk) -> None:
        os.mkfifo("pipe")
        process = desk.start("push", "pipe")
        try:
            stdout, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        assert "pipe: expected a file" in json.loads(stdout)["error"]["message"]

    def test_a_file_that_may_not_be_read_is_named(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(artifact: Artifact, *rest: object) -> None:
            raise PermissionError(13, "Permission denied", str(artifact.path))

        write("secret")
        monkeypatch.setattr("trustpress_uploader.staging.artifacts._hash", refuse)
        assert "secret: Permission denied" in desk.refuse("E_FILE", "push", "secret")

    @pytest.mark.parametrize("custom", ["commit", "=9f3c1e2", ""])
    def test_custom_data_that_is_no_pair(self, desk: Desk, custom: str) -> None:
        write("app")
        assert "expected K=V" in desk.refuse("E_IMPOSSIBLE", "push", "app", "--custom", custom)


class TestLinks:
    def test_a_link_to_a_file_is_the_file_under_the_links_name(self, desk: Desk) -> None:
        write("app-1.2")
        Path("app").symlink_to("app-1.2")
        assert f"sha256 {hashlib.sha256(b'app-1.2').hexdigest()}" in changes(desk, "app")[0]
        assert named(desk, "app") == ["app"]

    def test_a_link_to_a_folder_is_the_folder_under_the_links_name(self, desk: Desk) -> None:
        write("release-1.2/app")
        Path("current").symlink_to("release-1.2")
        assert named(desk, "current") == ["current/app"]

    def test_a_link_to_a_file_within_a_folder_is_pushed_as_a_file(self, desk: Desk) -> None:
        write("dist/app-1.2")
        Path("dist/app").symlink_to("app-1.2")
        assert named(desk, "dist") == ["dist/app", "dist/app-1.2"]

    @pytest.mark.parametrize("destination", ["sub", "gone", "."])
    def test_one_within_a_folder_that_leads_to_no_file_is_not_left_out_silently(self, desk: Desk, destination: str) -> None:
        write("dist/app", "dist/sub/more")
        Path("dist/link").symlink_to(destination)
        assert "dist/link" in desk.refuse("E_FILE", "push", "dist")


class TestEntries:
    def test_length_hash_and_custom_data_are_the_files(self, desk: Desk) -> None:
        Path("app").write_bytes(b"12345")
        digest = hashlib.sha256(b"12345").hexdigest()
        assert changes(desk, "app", "--custom", "commit=9f3c1e2", "--custom", "note=a=b") == [
            f"+ app (5 bytes, sha256 {digest}) commit=9f3c1e2 note=a=b"
        ]

    def test_an_empty_file_is_a_file(self, desk: Desk) -> None:
        Path("empty").touch()
        assert changes(desk, "empty") == [f"+ empty (0 bytes, sha256 {hashlib.sha256(b'').hexdigest()})"]

    def test_a_file_that_grows_while_it_is_read_is_refused(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        def measure_before(path: Path, targetpath: str) -> Artifact:
            artifact = _measure(path, targetpath)
            path.write_text("a line more")
            return artifact

        write("log")
        monkeypatch.setattr("trustpress_uploader.staging.artifacts._measure", measure_before)
        assert "changed while it was read" in desk.refuse("E_FILE", "push", "log")
