"""`trustpress key backup` and `restore`: the laptop is gone, and nothing else is."""

import json
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.uploader.desk import ROOT_PASSPHRASE, Desk
from tests.uploader.storage import STAGING
from trustpress_uploader.home import backup
from trustpress_uploader.home.folder import Home
from trustpress_uploader.keys import keystore
from trustpress_uploader.keys.keystore import write_new

BACKUP_PASSPHRASE = "only for the archive, on paper"


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustpress_uploader.keys.envelope._COST", 32768)


@pytest.fixture
def archive(tmp_path: Path) -> str:
    return str(tmp_path / "trustpress.backup")


def with_passphrase(desk: Desk) -> Desk:
    desk.environment["TRUSTPRESS_BACKUP_PASSPHRASE"] = BACKUP_PASSPHRASE
    return desk


def copy_of(desk: Desk, tmp_path: Path) -> Desk:
    """The same machine once more, for a story that changes what is on it."""
    copy = with_passphrase(Desk(tmp_path / "copy", desk.deployment, desk.repository))
    shutil.copytree(desk.home, copy.home)
    return copy


def make_root_key(desk: Desk) -> str:
    """Returns its public half, to be handed to others."""
    path = str(desk.folder / "root.pub")
    desk.run("key", "generate", "-o", path, environment={"TRUSTPRESS_KEY_PASSPHRASE": ROOT_PASSPHRASE})
    return path


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_after_the_home_folder_is_lost_everything_works_again(desk: Desk, archive: str) -> None:
    """https://github.com/notaryproject/notary/issues/1622 and 583."""
    desk.push("hello.txt", "hello")
    keys = [(path.name, path.read_bytes()) for path in desk.key_files()]
    written = with_passphrase(desk).run_json("key", "backup", archive)
    assert (len(written["keys"]), written["repositories"]) == (2, [desk.repository])

    shutil.rmtree(desk.home)
    desk.refuse("E_REPOSITORY", "pull", "hello.txt")
    restored = desk.run_json("key", "restore", archive)
    assert (restored["keys"], restored["repositories"]) == (written["keys"], written["repositories"])
    assert [(path.name, path.read_bytes()) for path in desk.key_files()] == keys
    assert {stat.S_IMODE(path.stat().st_mode) for path in desk.key_files()} == {0o600}
    assert {stat.S_IMODE((desk.home / name).stat().st_mode) for name in ("keys", "repositories")} == {0o700}

    assert desk.pull("hello.txt") == "hello"
    assert desk.push("more.txt", "more")["versions"]["targets"] == 3
    assert desk.run_json("root", "renew", "--yes")["versions"]["root"] == 2


def test_a_key_that_is_on_a_stick_is_found_there_again(quiet_desk: Desk, tmp_path: Path, archive: str) -> None:
    """It is said not to be in an archive that was made without the stick."""
    desk, stick = copy_of(quiet_desk, tmp_path), tmp_path / "stick"
    stick.mkdir()
    moved = desk.run_json("key", "move-offline", str(stick))
    stick.rename(tmp_path / "unplugged")
    said = desk.run("key", "backup", archive).stdout
    assert "complete" not in said
    assert f"The offline key {moved['keyid']} is NOT in this archive" in said
    assert "1 key, 1 repository" in said
    shutil.rmtree(desk.home)
    restored = desk.run_json("key", "restore", archive)
    assert restored["absent"] == {moved["keyid"]: f"file:{moved['file']}"}
    (tmp_path / "unplugged").rename(stick)
    rows = {row["keyid"]: row for row in desk.run_json("key", "list")["keys"]}
    assert rows[moved["keyid"]]["where"] == f"file:{moved['file']}"
    assert rows[moved["keyid"]]["signs"] == [f"root of {desk.repository}"]


def test_a_key_on_a_stick_that_is_plugged_in_is_in_the_archive(desk: Desk, tmp_path: Path, archive: str) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    moved = with_passphrase(desk).run_json("key", "move-offline", str(stick))
    written = desk.run_json("key", "backup", archive)
    assert (moved["keyid"] in written["keys"], written["absent"]) == (True, {})
    desk.run("key", "restore", archive)  # the note that is here is no other key
    shutil.rmtree(stick)
    shutil.rmtree(desk.home)
    desk.run("key", "restore", archive)
    assert desk.run_json("root", "renew", "--yes")["versions"]["root"] == 2


def test_a_first_root_that_others_have_yet_to_sign_is_completed_after_a_restore(new_desk: Desk, tmp_path: Path, archive: str) -> None:
    alice, bob = with_passphrase(new_desk), Desk(tmp_path / "bob", new_desk.deployment, new_desk.repository)
    keys = ["--root-key", make_root_key(alice), "--root-key", make_root_key(bob)]
    place = ["-r", alice.repository, "--url", alice.deployment.url, "--staging", STAGING]
    alice.run("init", *place, *keys, "--root-threshold", "2", exit_code=4)
    alice.run("key", "backup", archive)
    shutil.rmtree(alice.home)
    bob.run("root", "sign", *place, "--yes")
    alice.run("key", "restore", archive)
    assert alice.push("hello.txt", "hello")["versions"]["targets"] == 2


def test_the_archive_shows_nothing_and_is_its_owners_alone(quiet_desk: Desk, tmp_path: Path, archive: str) -> None:
    desk = copy_of(quiet_desk, tmp_path)
    said = desk.run("key", "backup", archive).stdout
    body = Path(archive).read_text()
    assert stat.S_IMODE(Path(archive).stat().st_mode) == 0o600
    hidden = [desk.repository, desk.deployment.url, *(path.stem for path in desk.key_files())]
    hidden += [json.loads(path.read_bytes())["data"]["ciphertext"] for path in desk.key_files()]
    assert not any(text in body for text in hidden)
    assert f"Backed up in {archive}: 2 keys, 1 repository" in said


def test_no_file_is_replaced(quiet_desk: Desk, archive: str) -> None:
    Path(archive).write_text("the backup of last year")
    quiet_desk.refuse("E_FILE", "key", "backup", archive, environment={"TRUSTPRESS_BACKUP_PASSPHRASE": BACKUP_PASSPHRASE})
    assert Path(archive).read_text() == "the backup of last year"


def write_nothing(path: Path, body: bytes) -> None:
    write_new(path, b"")


def write_half(path: Path, body: bytes) -> None:
    write_new(path, body[: len(body) // 2])


def write_other_bytes(path: Path, body: bytes) -> None:
    write_new(path, body.replace(b'"ciphertext": "', b'"ciphertext": "AAAA', 1))


@pytest.mark.parametrize("write", [write_nothing, write_half, write_other_bytes])
def test_a_disk_that_keeps_other_bytes_is_noticed(
    quiet_desk: Desk, tmp_path: Path, archive: str, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path, bytes], None]
) -> None:
    monkeypatch.setattr(backup, "write_new", write)
    assert "reads back otherwise" in copy_of(quiet_desk, tmp_path).refuse("E_FILE", "key", "backup", archive)
    assert not Path(archive).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what it has in memory")
def test_what_is_read_back_comes_from_the_disk(tmp_path: Path) -> None:
    control, path = tmp_path / "control", tmp_path / "written"
    control.write_bytes(bytes(1000))
    keystore.write_new(path, bytes(1000))
    with control.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if is_in_memory(control):
        pytest.skip("this file system is in memory")
    assert not is_in_memory(path)


def is_in_memory(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            return os.preadv(file.fileno(), [bytearray(10)], 0, os.RWF_NOWAIT) > 0
        except OSError:
            return False


class TestRestore:
    @pytest.fixture
    def saved(self, quiet_desk: Desk, tmp_path: Path, archive: str) -> Desk:
        desk = copy_of(quiet_desk, tmp_path)
        desk.run("key", "backup", archive)
        return desk

    def test_what_is_here_already_stays(self, saved: Desk, archive: str) -> None:
        before = everything_in(saved.home)
        assert saved.run_json("key", "restore", archive) == {"keys": [], "repositories": [], "absent": {}}
        assert everything_in(saved.home) == before

    def test_a_key_that_differs_is_reported_and_nothing_is_written(self, saved: Desk, archive: str) -> None:
        kept, lost = saved.key_files()
        lost.unlink()
        kept.write_bytes(kept.read_bytes() + b"\n")
        before = everything_in(saved.home)
        assert kept.stem in saved.refuse("E_IMPOSSIBLE", "key", "restore", archive)
        assert everything_in(saved.home) == before

    def test_a_pinned_root_that_differs_is_reported_and_nothing_is_written(self, saved: Desk, archive: str) -> None:
        shutil.rmtree(saved.home / "keys")
        pinned = saved.known().folder / "root.json"
        pinned.write_bytes(pinned.read_bytes() + b"\n")
        before = everything_in(saved.home)
        assert saved.repository in saved.refuse("E_IMPOSSIBLE", "key", "restore", archive)
        assert everything_in(saved.home) == before

    def test_into_another_folder_goes_everything(self, saved: Desk, archive: str, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        restored = saved.run_json("key", "restore", archive, environment={"TRUSTPRESS_HOME": str(elsewhere)})
        assert len(restored["keys"]) == 2
        assert Home(elsewhere).names() == [saved.repository]

    def test_one_that_was_interrupted_is_finished_by_the_next(self, saved: Desk, archive: str, monkeypatch: pytest.MonkeyPatch) -> None:
        class Crash(BaseException):
            pass

        def crash(*arguments: object) -> None:
            raise Crash

        before = everything_in(saved.home / "keys")
        shutil.rmtree(saved.home)
        with monkeypatch.context() as patch:
            patch.setattr(Home, "restore", crash)
            with pytest.raises(Crash):
                saved.run("key", "restore", archive)
        assert saved.run_json("key", "restore", archive)["repositories"] == [saved.repository]
        assert everything_in(saved.home / "keys") == before

    def test_the_wrong_passphrase_restores_nothing(self, saved: Desk, archive: str) -> None:
        shutil.rmtree(saved.home)
        wrong = {"TRUSTPRESS_BACKUP_PASSPHRASE": "not that of the archive"}
        assert archive in saved.refuse("E_PASSPHRASE", "key", "restore", archive, environment=wrong)
        assert not saved.home.exists()

    @pytest.mark.parametrize("body", [b"", b"no archive", b"[]", b"{}", b'{"data": []}', b'{"data": {"kdf": {}}}', b"\xff\xfe"])
    def test_what_is_no_archive_is_told_from_a_wrong_passphrase(self, quiet_desk: Desk, archive: str, body: bytes) -> None:
        Path(archive).write_bytes(body)
        environment = {"TRUSTPRESS_BACKUP_PASSPHRASE": BACKUP_PASSPHRASE}
        assert "not an archive" in quiet_desk.refuse("E_FILE", "key", "restore", archive, environment=environment)
