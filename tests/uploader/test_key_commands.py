"""`trustpress key`: keys are made, brought in, taken out, moved to a stick and wiped, and none is ever lost on the way."""

import errno
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from securesystemslib.signer import SSlibKey

from tests.uploader.desk import Desk
from tests.uploader.test_terminal import finish, terminal
from trustpress_uploader.keys import keystore, offline, remote
from trustpress_uploader.keys.keystore import Keystore
from trustpress_uploader.keys.passphrases import Passphrase, WrongPassphrase
from trustpress_uploader.keys.private_keys import PrivateKey

OLD, NEW = "the first passphrase of a key", "and the one from now on"
VECTOR, VECTOR_PASSPHRASE = Path(__file__).with_name("vectors") / "go-tuf-key.json", "a known passphrase"

Write = Callable[[Path, bytes], None]


@pytest.fixture
def bench(new_desk: Desk) -> Desk:
    """A machine with passphrases for `trustpress key`, and no repository."""
    new_desk.environment |= {"TRUSTPRESS_KEY_PASSPHRASE": OLD, "TRUSTPRESS_NEW_PASSPHRASE": NEW}
    return new_desk


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


def generate(desk: Desk, *options: str) -> str:
    return str(desk.run_json("key", "generate", *options)["keyid"])


def opens(desk: Desk, keyid: str, passphrase: str) -> bool:
    try:
        key = Keystore(desk.home / "keys").load(keyid, Passphrase(passphrase))
    except WrongPassphrase:
        return False
    assert key.public_key.verifies(key.sign(b"message"), b"message")
    return True


def owners_alone(desk: Desk, name: str, body: bytes) -> str:
    path = desk.folder / name
    path.touch(mode=0o600)
    path.write_bytes(body)
    return str(path)


def second_name(desk: Desk, path: Path) -> Path:
    """Another name of the same file: it shows what becomes of the bytes on the disk."""
    name = desk.folder / "second-name"
    os.link(path, name)
    return name


def copy_of(desk: Desk, tmp_path: Path) -> Desk:
    """The same machine once more, for a story that changes its keys."""
    copy = Desk(tmp_path / "copy", desk.deployment, desk.repository)
    shutil.copytree(desk.home, copy.home)
    return copy


def write_nothing(path: Path, body: bytes) -> None:
    """The stick was pulled out."""


def write_half(path: Path, body: bytes) -> None:
    keystore.write_new(path, body[: len(body) // 2])


def write_other_bytes(path: Path, body: bytes) -> None:
    keystore.write_new(path, body.replace(b'"ciphertext": "', b'"ciphertext": "AAAA', 1))


def write_for_everybody(path: Path, body: bytes) -> None:
    """As on FAT, which keeps no permissions."""
    keystore.write_new(path, body)
    path.chmod(0o644)


class Crash(BaseException):
    """As if the machine had lost its power."""


def crash(*arguments: object) -> None:
    raise Crash


class TestGenerate:
    @pytest.mark.parametrize(
        ("keytype", "kind"), [("ed25519", ed25519.Ed25519PublicKey), ("ecdsa", ec.EllipticCurvePublicKey), ("rsa", rsa.RSAPublicKey)]
    )
    def test_a_key_of_each_type_opens_and_its_public_half_is_that_of_other_tools(self, bench: Desk, keytype: str, kind: type) -> None:
        path = bench.folder / "alice.pub"
        made = bench.run_json("key", "generate", "--type", keytype, "-o", str(path))
        assert opens(bench, made["keyid"], OLD)
        public_key = serialization.load_pem_public_key(path.read_bytes())
        assert isinstance(public_key, kind)
        assert SSlibKey.from_crypto(public_key).keyval["public"].strip() == made["public"].strip()

    def test_the_public_half_replaces_no_file_and_no_key_is_made(self, bench: Desk) -> None:
        path = bench.write("alice.pub", "somebody else's")
        bench.refuse("E_FILE", "key", "generate", "-o", path)
        assert Path(path).read_text() == "somebody else's"
        assert not (bench.home / "keys").exists()

    def test_no_key_is_made_whose_public_half_has_no_place(self, bench: Desk) -> None:
        bench.refuse("E_FILE", "key", "generate", "-o", str(bench.folder / "missing" / "alice.pub"))
        assert not (bench.home / "keys").exists()

    def test_folder_and_file_are_the_owners_alone_whatever_the_umask(self, bench: Desk) -> None:
        before = os.umask(0)
        try:
            generate(bench)
        finally:
            os.umask(before)
        (path,) = bench.key_files()
        assert [stat.S_IMODE(found.stat().st_mode) for found in (path, path.parent)] == [0o600, 0o700]

    def test_people_are_told_where_it_is(self, bench: Desk) -> None:
        said = bench.run("key", "generate", "-o", str(bench.folder / "a.pub")).stdout
        (path,) = bench.key_files()
        assert all(text in said for text in (path.stem, str(path.parent), "a.pub"))


class TestList:
    def test_it_says_what_each_key_signs_and_where_it_is(self, desk: Desk, stick: Path) -> None:
        keyids = desk.run_json("inspect")["roles"]
        (root,), (tagging,) = keyids["root"]["keyids"], keyids["targets"]["keyids"]
        unused = desk.run_json("key", "generate", environment={"TRUSTPRESS_KEY_PASSPHRASE": OLD})["keyid"]
        desk.run("key", "move-offline", str(stick))
        rows = {row["keyid"]: row for row in desk.run_json("key", "list")["keys"]}
        assert {keyid: row["signs"] for keyid, row in rows.items()} == {
            root: [f"root of {desk.repository}"],
            tagging: [f"targets of {desk.repository}"],
            unused: [],
        }
        assert rows[root]["where"] == f"file:{stick}/{root}.json"
        assert rows[tagging]["where"] == "here"
        shown = desk.run("key", "list").stdout
        assert all(keyid[:16] in shown for keyid in (root, tagging, unused))

    def test_an_empty_one_says_how_a_key_is_made(self, bench: Desk) -> None:
        assert "trustpress key generate" in bench.run("key", "list").stdout
        assert bench.run_json("key", "list")["keys"] == []


class TestPrefix:
    def test_the_first_characters_are_enough(self, bench: Desk) -> None:
        keyid = generate(bench)
        assert bench.run_json("key", "passwd", keyid[:4])["keyid"] == keyid

    @pytest.mark.parametrize(
        ("prefix", "said"),
        [("abcd", "several keys begin with abcd"), ("abc", "no key"), ("ffff", "no key"), ("*", "no key"), ("", "no key")],
    )
    def test_one_that_means_no_key_or_several_is_refused(self, bench: Desk, prefix: str, said: str) -> None:
        folder = bench.home / "keys"
        folder.mkdir(mode=0o700, parents=True)
        for keyid in ("abcd1", "abcd2"):
            (folder / f"{keyid}.json").write_text("{}")
        assert said in bench.refuse("E_KEYID", "key", "remove", prefix, "--yes")
        assert len(bench.key_files()) == 2


class TestImport:
    @pytest.mark.parametrize("passphrase", [None, OLD])
    def test_pem_as_openssl_writes_it(self, bench: Desk, passphrase: str | None) -> None:
        path = owners_alone(bench, "tagging.pem", b"")
        encryption = ["-aes256", "-pass", f"pass:{passphrase}"] if passphrase else []
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path, *encryption], check=True, stderr=subprocess.PIPE)
        before = Path(path).read_bytes()
        keyid = bench.run_json("key", "import", path)["keyid"]
        assert opens(bench, keyid, NEW)
        assert Path(path).read_bytes() == before

    def test_a_file_of_go_tuf(self, bench: Desk) -> None:
        path = owners_alone(bench, "go-tuf.json", VECTOR.read_bytes())
        keyid = bench.run_json("key", "import", path, environment={"TRUSTPRESS_KEY_PASSPHRASE": VECTOR_PASSPHRASE})["keyid"]
        assert opens(bench, keyid, NEW)
        assert not opens(bench, keyid, VECTOR_PASSPHRASE)

    def test_a_key_twice_leaves_the_first_one_and_asks_for_no_passphrase(self, bench: Desk) -> None:
        keyid = generate(bench)
        bench.run("key", "export", keyid, "--format", "pem", "--no-passphrase", "-o", str(bench.folder / "key.pem"))
        before = bench.key_files()[0].read_bytes()
        message = bench.refuse("E_KEYFILE", "key", "import", str(bench.folder / "key.pem"), environment={"TRUSTPRESS_NEW_PASSPHRASE": None})
        assert keyid in message
        assert [path.read_bytes() for path in bench.key_files()] == [before]

    def test_a_key_that_was_moved_away_says_how_it_comes_back(self, bench: Desk, stick: Path) -> None:
        keyid = generate(bench)
        bench.run("key", "move-offline", str(stick), "--key", keyid, environment={"TRUSTPRESS_ROOT_PASSPHRASE": OLD})
        (moved,) = stick.iterdir()
        error = bench.run_json("key", "import", str(moved), exit_code=1)["error"]
        assert "trustpress key remove" in error["hint"]
        bench.run("key", "remove", keyid, "--yes")
        bench.run("key", "import", str(moved))
        assert opens(bench, keyid, NEW)

    def test_one_that_others_may_read_is_refused(self, bench: Desk) -> None:
        path = Path(owners_alone(bench, "go-tuf.json", VECTOR.read_bytes()))
        path.chmod(0o644)
        error = bench.run_json("key", "import", str(path), exit_code=1)["error"]
        assert (error["code"], f"chmod 600 {path}" in error["hint"]) == ("E_KEYFILE", True)
        assert not (bench.home / "keys").exists()

    def test_one_in_kms_stays_there_and_asks_for_no_passphrase(self, bench: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        uri, public_key = "awskms:alias/tagging", PrivateKey.generate("ecdsa").public_key
        monkeypatch.setattr(remote, "find_key", lambda found, _: {uri: public_key}[found])
        silent = {"TRUSTPRESS_KEY_PASSPHRASE": None, "TRUSTPRESS_NEW_PASSPHRASE": None}
        assert bench.run_json("key", "import", uri, environment=silent) == {"keyid": public_key.keyid, "keytype": "ecdsa"}
        (row,) = bench.run_json("key", "list")["keys"]
        assert (row["keyid"], row["where"]) == (public_key.keyid, uri)

    def test_a_path_with_nothing_there_is_named(self, bench: Desk) -> None:
        assert "no such file" in bench.refuse("E_FILE", "key", "import", "missing.pem")


class TestExport:
    @pytest.mark.parametrize(("kind", "keytype"), [("trustpress", "ed25519"), ("pem", "ecdsa"), ("notary", "rsa")])
    def test_every_format_brings_the_same_key_back(self, bench: Desk, kind: str, keytype: str) -> None:
        keyid, path = generate(bench, "--type", keytype), bench.folder / "exported"
        before = os.umask(0)
        try:
            bench.run("key", "export", keyid, "--format", kind, "-o", str(path))
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        bench.run("key", "remove", keyid, "--yes")
        bench.refuse("E_PASSPHRASE", "key", "import", str(path))
        again = bench.run_json("key", "import", str(path), environment={"TRUSTPRESS_KEY_PASSPHRASE": NEW})
        assert again["keyid"] == keyid
        assert opens(bench, keyid, NEW)

    def test_notarys_headers_name_role_and_collection(self, bench: Desk) -> None:
        path = bench.folder / "alice.key"
        bench.run("key", "export", generate(bench), "--format", "notary", "--role", "alice", "--gun", "example.org/api", "-o", str(path))
        assert {b"role: alice", b"gun: example.org/api"} <= set(path.read_bytes().splitlines())

    def test_the_public_half_needs_no_passphrase_and_holds_no_secret(self, bench: Desk) -> None:
        keyid = generate(bench, "-o", str(bench.folder / "generated.pub"))
        path = bench.folder / "exported.pub"
        bench.run("key", "export", keyid, "--public", "-o", str(path), environment={"TRUSTPRESS_KEY_PASSPHRASE": None})
        assert path.read_bytes() == (bench.folder / "generated.pub").read_bytes()
        assert b"PRIVATE" not in path.read_bytes()

    def test_without_a_passphrase_only_as_pem_and_readable_by_nobody_else(self, bench: Desk) -> None:
        keyid, path = generate(bench), bench.folder / "plain.pem"
        for kind in ("trustpress", "notary"):
            assert (
                "--format pem"
                in bench.run("key", "export", keyid, "--format", kind, "--no-passphrase", "-o", str(path), exit_code=2).stderr
            )
            assert not path.exists()
        bench.run("key", "export", keyid, "--format", "pem", "--no-passphrase", "-o", str(path))
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        assert isinstance(key, ed25519.Ed25519PrivateKey)
        assert PrivateKey(key).public_key.keyid == keyid
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_it_replaces_no_file(self, bench: Desk) -> None:
        keyid, path = generate(bench), bench.write("there", "already")
        for options in (["--public"], ["--format", "pem", "--no-passphrase"], []):
            bench.refuse("E_FILE", "key", "export", keyid, *options, "-o", path)
        assert Path(path).read_text() == "already"


class TestPasswd:
    def test_the_old_one_opens_it_no_longer_and_nothing_of_the_old_file_is_left(self, bench: Desk) -> None:
        keyid = generate(bench)
        (path,) = bench.key_files()
        former, before = second_name(bench, path), path.read_bytes()
        bench.run("key", "passwd", keyid)
        assert (opens(bench, keyid, NEW), opens(bench, keyid, OLD)) == (True, False)
        assert bench.key_files() == [path]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert before[:40] not in former.read_bytes()
        bench.refuse("E_PASSPHRASE", "key", "passwd", keyid)

    @pytest.mark.parametrize("step", ["os.fsync", "os.link", "Path.replace", "wipe"])
    def test_a_crash_at_any_step_leaves_a_key_that_opens_and_so_does_another(
        self, bench: Desk, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        keyid, passphrase = generate(bench), NEW if step == "wipe" else OLD
        for place in (step, "write_new"):
            with monkeypatch.context() as patch:
                patch.setattr(f"{keystore.__name__}.{place}", crash)
                with pytest.raises(Crash):
                    bench.run("key", "passwd", keyid)
            assert opens(bench, keyid, passphrase)
            assert [row["keyid"] for row in bench.run_json("key", "list")["keys"]] == [keyid]
            bench.environment["TRUSTPRESS_KEY_PASSPHRASE"] = passphrase
        bench.run("key", "passwd", keyid)
        assert opens(bench, keyid, NEW)
        assert [found.name for found in bench.key_files()] == [f"{keyid}.json"]

    def test_a_weak_one_changes_nothing(self, bench: Desk) -> None:
        keyid = generate(bench)
        bench.refuse("E_PASSPHRASE", "key", "passwd", keyid, environment={"TRUSTPRESS_NEW_PASSPHRASE": "short"})
        assert opens(bench, keyid, OLD)

    def test_a_key_that_is_elsewhere_says_where(self, bench: Desk, stick: Path) -> None:
        keyid = generate(bench)
        bench.run("key", "move-offline", str(stick), "--key", keyid, environment={"TRUSTPRESS_ROOT_PASSPHRASE": OLD})
        assert str(stick) in bench.refuse("E_KEYFILE", "key", "passwd", keyid)
        assert str(stick) in bench.refuse("E_KEYFILE", "key", "export", keyid, "-o", str(bench.folder / "exported"))


class TestRemove:
    def test_without_a_terminal_nothing_is_wiped(self, bench: Desk) -> None:
        keyid = generate(bench)
        assert keyid in bench.refuse("E_DECLINED", "key", "remove", keyid)
        assert opens(bench, keyid, OLD)

    def test_yes_wipes_the_bytes_and_not_just_the_name(self, bench: Desk) -> None:
        keyid = generate(bench)
        (path,) = bench.key_files()
        former, before = second_name(bench, path), path.read_bytes()
        bench.run("key", "remove", keyid[:8], "--yes")
        assert bench.key_files() == []
        assert len(former.read_bytes()) == len(before)
        assert before[:40] not in former.read_bytes()

    def test_what_an_interrupted_passwd_left_is_wiped_as_well(self, bench: Desk) -> None:
        keyid = generate(bench)
        (path,) = bench.key_files()
        for suffix in (".old", ".new"):
            path.with_suffix(suffix).write_bytes(path.read_bytes())
        bench.run("key", "remove", keyid, "--yes")
        assert bench.key_files() == []

    @pytest.mark.parametrize(("reply", "left"), [("n", 2), ("y", 1)])
    def test_on_a_terminal_it_asks_and_says_what_the_key_signs(self, quiet_desk: Desk, tmp_path: Path, reply: str, left: int) -> None:
        desk = copy_of(quiet_desk, tmp_path)
        (keyid,) = desk.run_json("inspect")["roles"]["targets"]["keyids"]
        with terminal(desk, "key", "remove", keyid) as child:
            child.expect("signs targets of")
            child.expect("gone for ever")
            child.sendline(reply)
            assert finish(child) == (0 if reply == "y" else 1)
        assert len(desk.key_files()) == left


class TestMoveOffline:
    def test_the_key_is_on_the_stick_alone_and_root_renew_finds_it_there(self, desk: Desk, stick: Path) -> None:
        (keyid,) = desk.run_json("inspect")["roles"]["root"]["keyids"]
        path = desk.home / "keys" / f"{keyid}.json"
        former, before = second_name(desk, path), path.read_bytes()
        assert desk.run_json("key", "move-offline", str(stick))["file"] == str(stick / f"{keyid}.json")
        assert [found.read_bytes() for found in stick.iterdir()] == [before]
        secret = json.loads(before)["data"]["ciphertext"].encode()
        assert not any(secret in found.read_bytes() for found in [former, *desk.home.rglob("*")] if found.is_file())
        assert desk.run_json("root", "renew", "--yes")["versions"]["root"] == 2

        unplugged = stick.rename(stick.with_name("drawer"))
        error = desk.run_json("root", "renew", "--yes", exit_code=1)["error"]
        assert (error["code"], str(stick) in error["message"], "plug in" in error["hint"]) == ("E_FILE", True, True)
        unplugged.rename(stick)
        assert desk.run_json("root", "renew", "--yes")["versions"]["root"] == 3

    def test_another_machine_takes_the_key_from_the_stick_by_name(self, desk: Desk, stick: Path) -> None:
        moved = desk.run_json("key", "move-offline", str(stick))
        desk.run("key", "remove", moved["keyid"], "--yes")
        desk.refuse("E_NOKEY", "root", "renew", "--yes")
        assert desk.run_json("root", "renew", "--yes", "--signer", f"file:{moved['file']}")["versions"]["root"] == 2

    @pytest.mark.parametrize("write", [write_nothing, write_half, write_other_bytes, write_for_everybody])
    def test_a_medium_that_does_not_keep_the_copy_leaves_the_key_here(
        self, bench: Desk, stick: Path, monkeypatch: pytest.MonkeyPatch, write: Write
    ) -> None:
        keyid = generate(bench)
        bench.environment["TRUSTPRESS_ROOT_PASSPHRASE"] = OLD
        monkeypatch.setattr(offline, "write_new", write)
        error = bench.run_json("key", "move-offline", str(stick), "--key", keyid, exit_code=1)["error"]
        assert error["code"] in {"E_KEYFILE", "E_FILE"}
        assert opens(bench, keyid, OLD)
        assert [row["where"] for row in bench.run_json("key", "list")["keys"]] == ["here"]

    @pytest.mark.parametrize("step", ["write_new", "os.link", "Path.replace", "wipe"])
    def test_a_crash_at_any_step_leaves_the_key_here_or_on_the_stick(
        self, bench: Desk, stick: Path, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        keyid, move = generate(bench), ["key", "move-offline", str(stick), "--key"]
        bench.environment["TRUSTPRESS_ROOT_PASSPHRASE"] = OLD
        with monkeypatch.context() as patch:
            patch.setattr(f"{keystore.__name__}.{step}", crash)
            with pytest.raises(Crash):
                bench.run(*move, keyid)
        (row,) = bench.run_json("key", "list")["keys"]
        assert row["where"] == (f"file:{stick}/{keyid}.json" if step == "wipe" else "here")
        if step != "wipe":
            assert opens(bench, keyid, OLD)
            bench.run(*move, keyid)
        bench.run("key", "remove", keyid, "--yes")
        assert bench.key_files() == []
        bench.run("key", "import", str(stick / f"{keyid}.json"))

    def test_a_stick_that_is_full_leaves_no_half_of_a_key(self, bench: Desk, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        move = ["key", "move-offline", str(stick), "--key", generate(bench)]
        bench.environment["TRUSTPRESS_ROOT_PASSPHRASE"] = OLD
        with monkeypatch.context() as patch:
            patch.setattr(f"{keystore.__name__}.os.fsync", fail)
            message = bench.refuse("E_FILE", *move)
        assert str(stick) in message
        assert "No space left" in message
        assert list(stick.iterdir()) == []
        bench.run(*move)
        assert len(list(stick.iterdir())) == 1

    def test_the_wrong_passphrase_moves_nothing(self, quiet_desk: Desk, stick: Path) -> None:
        wrong = {"TRUSTPRESS_ROOT_PASSPHRASE": "not the offline key's"}
        quiet_desk.refuse("E_PASSPHRASE", "key", "move-offline", str(stick), environment=wrong)
        assert list(stick.iterdir()) == []

    def test_what_has_moved_already_does_not_move_twice(self, bench: Desk, stick: Path) -> None:
        keyid = generate(bench)
        for code in (0, 1):
            result = bench.run(
                "key", "move-offline", str(stick), "--key", keyid, exit_code=code, environment={"TRUSTPRESS_ROOT_PASSPHRASE": OLD}
            )
        assert f"file:{stick}" in result.stderr


class TestOpenToOthers:
    @pytest.mark.parametrize("command", [["key", "list"], ["key", "passwd"], ["key", "export"], ["key", "remove"], ["key", "backup"]])
    def test_no_command_uses_such_a_key(self, bench: Desk, command: list[str]) -> None:
        keyid = generate(bench)
        (path,) = bench.key_files()
        path.chmod(0o640)
        rest = {
            "passwd": [keyid],
            "export": [keyid, "-o", "exported"],
            "remove": [keyid, "--yes"],
            "backup": [str(bench.folder / "archive")],
        }
        environment = {"TRUSTPRESS_BACKUP_PASSPHRASE": NEW}
        error = bench.run_json(*command, *rest.get(command[1], []), exit_code=1, environment=environment)["error"]
        assert (error["code"], f"chmod 600 {path}" in error["hint"]) == ("E_KEYFILE", True)

    def test_nothing_is_signed_with_it(self, quiet_desk: Desk, tmp_path: Path) -> None:
        desk = copy_of(quiet_desk, tmp_path)
        for path in desk.key_files():
            path.chmod(0o644)
        desk.refuse("E_KEYFILE", "push", desk.write("hello.txt", "hello"))
        assert desk.staged() == []

    def test_no_key_goes_into_such_a_folder(self, bench: Desk) -> None:
        (bench.home / "keys").mkdir(parents=True)
        (bench.home / "keys").chmod(0o755)
        error = bench.run_json("key", "generate", exit_code=1)["error"]
        assert (error["code"], "chmod 700" in error["hint"]) == ("E_KEYFILE", True)
        assert bench.key_files() == []
