"""What is written to a developer's disk: whole or not at all, and where it was meant to go."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.uploader.deployment import Deployment
from tests.uploader.desk import Desk
from trustpress_uploader.disk import check_folder, replace_file, replacing
from trustpress_uploader.errors import BadKeyFile, UnusableFile
from trustpress_uploader.keys.keystore import Keystore, read_owners_alone, wipe, write_new
from trustpress_uploader.keys.passphrases import Passphrases, Purpose

SOMEBODY = 4711
UNVERIFIED = ("--disable-content-trust",)


@pytest.fixture(scope="module")
def published(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("published"), deployment, f"acme/{uuid4().hex}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trustpress_uploader.keys.envelope._COST", 32768)
        desk.init()
    desk.push("hello.txt", "hello")
    return desk


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk takes what is written, and has no room for it in the end."""

    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory, in which somebody has put a link that leads out of it."""
    folder, outside = tmp_path / "here", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "dist").symlink_to(outside)
    monkeypatch.chdir(folder)
    yield folder
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("options", [(), UNVERIFIED])
def test_a_link_in_the_place_of_a_file_is_replaced_and_what_it_leads_to_stays(
    published: Desk, tmp_path: Path, options: tuple[str, ...]
) -> None:
    victim, path = tmp_path / "victim", tmp_path / "pulled"
    victim.write_text("precious")
    for target in (victim, tmp_path / "missing"):
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        published.run("pull", "hello.txt", "-o", str(path), *options)
        assert not path.is_symlink()
        assert path.read_text() == "hello"
    assert victim.read_text() == "precious"
    assert sorted(tmp_path.iterdir()) == [path, victim]


def test_folders_on_the_way_are_made(published: Desk, tmp_path: Path) -> None:
    published.run("pull", "hello.txt", "-o", str(tmp_path / "new" / "newer" / "file"))
    assert (tmp_path / "new" / "newer" / "file").read_text() == "hello"


@pytest.mark.parametrize("options", [(), UNVERIFIED])
@pytest.mark.usefixtures("full_disk")
def test_on_a_full_disk_the_good_old_file_stays(published: Desk, tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "pulled"
    path.write_text("the good old file")
    published.refuse("E_FILE", "pull", "hello.txt", "-o", str(path), *options)
    assert path.read_text() == "the good old file"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_those_of_the_umask_or_of_the_file_before(published: Desk, tmp_path: Path) -> None:
    path, before = tmp_path / "pulled", os.umask(0o027)
    try:
        published.run("pull", "hello.txt", "-o", str(path))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o755)
    published.run("pull", "hello.txt", "-o", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


def test_what_is_no_file_is_not_replaced(published: Desk, tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        assert "expected a file" in published.refuse("E_FILE", "pull", "hello.txt", "-o", str(path))
    assert pipe.is_fifo()
    assert link.is_symlink()


@pytest.mark.parametrize("path", ["dist", "dist/app", "./dist/app", "dist/deeper/app"])
@pytest.mark.usefixtures("here")
def test_a_folder_that_a_link_leads_out_of_is_refused(published: Desk, path: str) -> None:
    assert "a link leads to" in published.refuse("E_FILE", "pull", "hello.txt", "-o", path)
    assert "a link leads to" in published.refuse("E_FILE", "export", f"{path}/mirror")


def test_a_folder_that_was_named_is_taken(here: Path) -> None:
    (here / "inner").mkdir()
    (here / "linked").symlink_to(here / "inner")
    for folder in ("inner", "linked", "..", "../outside", str(here.parent / "outside"), str(here / "dist")):
        check_folder(Path(folder))


def test_an_export_takes_no_links_place(published: Desk, tmp_path: Path) -> None:
    link = tmp_path / "mirror"
    link.symlink_to(tmp_path / "missing")
    assert "exists already" in published.refuse("E_FILE", "export", str(link))
    assert link.is_symlink()


def test_the_public_half_of_a_new_key_is_not_written_through_a_link(new_desk: Desk, tmp_path: Path) -> None:
    link = tmp_path / "alice.pub"
    link.symlink_to(tmp_path / "missing")
    new_desk.refuse("E_FILE", "key", "generate", "-o", str(link), environment={"TRUSTPRESS_KEY_PASSPHRASE": "a long passphrase"})
    assert not (tmp_path / "missing").exists()
    assert not (new_desk.home / "keys").exists()


@pytest.fixture
def give_away(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Makes a file another user's; who is not root becomes that other user instead."""

    def give(path: Path) -> None:
        if os.getuid() == 0:
            os.chown(path, SOMEBODY, -1)
        else:
            monkeypatch.setattr(os, "getuid", lambda: SOMEBODY)

    return give


def test_a_home_of_somebody_else_is_refused(desk: Desk, give_away: Callable[[Path], None]) -> None:
    give_away(desk.home)
    for command in ("inspect", "key list"):
        assert "belongs to another user" in desk.refuse("E_FILE", *command.split())


def test_a_key_of_somebody_else_is_refused(desk: Desk, give_away: Callable[[Path], None]) -> None:
    for path in desk.key_files():
        give_away(path)
    with pytest.raises(BadKeyFile, match="belongs to another user"):
        list(Keystore(desk.home / "keys").all())


def test_so_is_a_folder_for_keys(tmp_path: Path, give_away: Callable[[Path], None]) -> None:
    keystore = Keystore(tmp_path / "keys")
    keystore.put_new("0" * 64, b"{}")
    give_away(keystore.folder)
    with pytest.raises(BadKeyFile, match="belongs to another user"):
        keystore.put_new("1" * 64, b"{}")


def test_so_is_a_key_that_is_named_and_a_passphrase(desk: Desk, give_away: Callable[[Path], None], tmp_path: Path) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes(desk.key_files()[0].read_bytes())
    copy.chmod(0o600)
    give_away(copy)
    with pytest.raises(BadKeyFile, match="belongs to another user"):
        read_owners_alone(copy)
    with pytest.raises(UnusableFile, match="other users"):
        Passphrases({None: copy}).choose(Purpose.KEY)


@pytest.mark.usefixtures("full_disk")
def test_a_pin_stays_whole_on_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "root.json"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    interrupted = replacing(tmp_path / "file")
    interrupted.__enter__().write(b"half")
    assert len(list(tmp_path.iterdir())) == 1
    interrupted.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def on_the_disk(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What each file held when the disk was told to keep it."""
    kept, fsync = [], os.fsync

    def look(descriptor: int) -> None:
        fsync(descriptor)
        kept.append(Path(f"/proc/self/fd/{descriptor}").read_bytes())

    monkeypatch.setattr(os, "fsync", look)
    return kept


def test_a_file_takes_its_place_when_all_of_it_is_on_the_disk(tmp_path: Path, on_the_disk: list[bytes]) -> None:
    path = tmp_path / "file"
    write_new(path, b"first")
    replace_file(path, b"second")
    with replacing(path) as file:
        file.write(b"third")
    assert path.read_bytes() == b"third"
    assert on_the_disk == [b"first", b"second", b"third"]


def test_a_file_is_removed_when_other_bytes_are_on_the_disk(tmp_path: Path, on_the_disk: list[bytes]) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a secret of some length")
    wipe(path)
    assert not path.exists()
    (found,) = on_the_disk
    assert len(found) == len(b"a secret of some length")
    assert found != b"a secret of some length"


def test_no_file_is_read_without_end(quiet_desk: Desk, tmp_path: Path) -> None:
    endless = tmp_path / "endless"
    with endless.open("wb") as file:
        file.truncate(10**13)
    for command in (
        ["inspect", "--root", endless],
        ["change", "show", endless],
        ["change", "sign", endless, "--offline"],
        ["key", "restore", endless],
        ["signer", "add", "alice", "--paths", "a/*", "--key", endless],
    ):
        environment = {"TRUSTPRESS_BACKUP_PASSPHRASE": "a long passphrase"}
        assert "expected at most" in quiet_desk.refuse("E_FILE", *map(str, command), environment=environment)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match="expected a file"), replacing(tmp_path):
        pass
