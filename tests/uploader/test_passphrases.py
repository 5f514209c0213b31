"""Passphrases come from a terminal, a file or the environment; never from the command line, and nothing ever hangs."""

import os
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.tour.command_tree import every_command
from tests.uploader.desk import ROOT_PASSPHRASE, TAGGING_PASSPHRASE, Desk
from tests.uploader.storage import STAGING
from trustpress_uploader.keys.envelope import _secret_box
from trustpress_uploader.keys.passphrases import Passphrase, Purpose

PASSPHRASE, ANOTHER = "a passphrase for this story", "and another one for later"
PATIENCE = 60

# Where a passphrase is chosen, where one is asked for, and where a question is to be answered.
AS_PROCESSES = {("key", "generate"), ("key", "restore"), ("root", "renew")}


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trustpress_uploader.keys.envelope._COST", 32768)


@pytest.fixture
def bench(new_desk: Desk) -> Desk:
    """A machine without any passphrase in its environment."""
    new_desk.environment |= {purpose.variable: None for purpose in Purpose}
    return new_desk


def secret_file(desk: Desk, name: str, text: str) -> str:
    path = Path(desk.write(name, text))
    path.chmod(0o600)
    return str(path)


def generate(desk: Desk, passphrase: str = PASSPHRASE) -> str:
    return str(desk.run_json("key", "generate", environment={"TRUSTPRESS_KEY_PASSPHRASE": passphrase})["keyid"])


class TestFiles:
    def test_one_file_serves_every_purpose_and_a_named_one_goes_before_it(self, bench: Desk) -> None:
        every, tagging = (
            secret_file(bench, "every", f"{ROOT_PASSPHRASE}\n"),
            secret_file(bench, "tagging", f"{TAGGING_PASSPHRASE}\r\nnotes\n"),
        )
        bench.init("--passphrase-file", every, "--passphrase-file", f"tagging={tagging}")
        file = bench.write("hello.txt", "hello")
        bench.refuse("E_PASSPHRASE", "push", file, "--passphrase-file", every)
        assert bench.run_json("push", file, "--passphrase-file", f"tagging={tagging}")["versions"]["targets"] == 2
        assert bench.run_json("root", "renew", "--yes", "--passphrase-file", f"root={every}")["versions"]["root"] == 2

    def test_it_goes_before_the_environment(self, bench: Desk) -> None:
        keyid = generate(bench)
        both = {"TRUSTPRESS_KEY_PASSPHRASE": "this one is wrong", "TRUSTPRESS_NEW_PASSPHRASE": ANOTHER}
        bench.run("key", "passwd", keyid, "--passphrase-file", f"key={secret_file(bench, 'key', PASSPHRASE)}", environment=both)
        bench.run("key", "passwd", keyid, environment={"TRUSTPRESS_KEY_PASSPHRASE": ANOTHER, "TRUSTPRESS_NEW_PASSPHRASE": PASSPHRASE})

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
    def test_one_that_others_may_read_is_refused(self, bench: Desk, mode: int) -> None:
        path = secret_file(bench, "passphrase", PASSPHRASE)
        Path(path).chmod(mode)
        error = bench.run_json("key", "generate", "--passphrase-file", path, exit_code=1)["error"]
        assert (error["code"], f"chmod 600 {path}" in error["hint"]) == ("E_FILE", True)
        assert PASSPHRASE not in str(error)
        assert not (bench.home / "keys").exists()

    @pytest.mark.parametrize("body", [b"", b"\n", b"\r\n", b"\nsecond line", b"\xff\xfe not text", b"x" * 5000])
    def test_one_without_a_passphrase_is_refused(self, bench: Desk, body: bytes) -> None:
        path = secret_file(bench, "passphrase", "")
        Path(path).write_bytes(body)
        assert "expected a passphrase" in bench.refuse("E_FILE", "key", "generate", "--passphrase-file", path)
        assert not (bench.home / "keys").exists()

    def test_one_that_is_not_there_is_named(self, bench: Desk) -> None:
        assert "missing" in bench.refuse("E_FILE", "key", "generate", "--passphrase-file", str(bench.folder / "missing"))

    def test_a_purpose_that_there_is_not_is_wrong_usage(self, bench: Desk) -> None:
        path = secret_file(bench, "passphrase", PASSPHRASE)
        said = bench.run("key", "generate", "--passphrase-file", f"taging={path}", exit_code=2).stderr
        assert all(f"{purpose.short}=FILE" in said for purpose in Purpose)
        assert not (bench.home / "keys").exists()

    def test_a_path_with_an_equals_sign_is_reached_by_its_purpose(self, bench: Desk) -> None:
        path = secret_file(bench, "a=b", PASSPHRASE)
        bench.run("key", "generate", "--passphrase-file", f"key={path}")


class TestEnvironment:
    def test_each_purpose_has_a_variable_of_its_own(self, bench: Desk, tmp_path: Path) -> None:
        """Every variable holds another passphrase: whoever takes the wrong one does not get in."""
        bench.environment |= {purpose.variable: f"the passphrase for {purpose.short}" for purpose in Purpose}
        archive, stick = str(tmp_path / "archive"), tmp_path / "stick"
        stick.mkdir()
        bench.init()
        bench.push("hello.txt", "hello")
        key = bench.run_json("key", "generate", "-o", str(bench.folder / "alice.pub"))["keyid"]
        bench.run("key", "passwd", key)
        bench.run(
            "key",
            "passwd",
            key,
            environment={
                "TRUSTPRESS_KEY_PASSPHRASE": "the passphrase for new",
                "TRUSTPRESS_NEW_PASSPHRASE": "the passphrase for delegation",
            },
        )
        bench.run("signer", "add", "alice", "--key", key, "--paths", "alice/*")
        assert bench.push("alice/hello.txt", "hello")["versions"]["alice"] == 2
        bench.run("key", "backup", archive)
        bench.run("key", "restore", archive)
        bench.run("key", "move-offline", str(stick))
        assert bench.run_json("root", "renew", "--yes")["versions"]["root"] == 2

    def test_a_wrong_one_is_tried_once_and_the_hint_names_where_it_came_from(self, bench: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        keyid, tries = generate(bench), []

        def count(passphrase: Passphrase, salt: bytes, cost: int) -> object:
            tries.append(salt)
            return _secret_box(passphrase, salt, cost)

        monkeypatch.setattr("trustpress_uploader.keys.envelope._secret_box", count)
        error = bench.run_json("key", "passwd", keyid, exit_code=1, environment={"TRUSTPRESS_KEY_PASSPHRASE": "wrong"})["error"]
        assert (error["code"], "TRUSTPRESS_KEY_PASSPHRASE" in error["hint"]) == ("E_PASSPHRASE", True)
        path = secret_file(bench, "passphrase", "wrong as well")
        for option in (path, f"key={path}"):
            error = bench.run_json("key", "passwd", keyid, "--passphrase-file", option, exit_code=1)["error"]
            assert (error["code"], path in error["hint"]) == ("E_PASSPHRASE", True)
        assert len(tries) == 3

    def test_an_empty_variable_is_none(self, bench: Desk) -> None:
        assert "no terminal" in bench.refuse("E_PASSPHRASE", "key", "generate", environment={"TRUSTPRESS_KEY_PASSPHRASE": ""})


class TestWeak:
    @pytest.mark.parametrize("weak", ["x", "eleven char"])
    def test_one_is_refused_unless_somebody_says_so(self, bench: Desk, weak: str) -> None:
        environment = {"TRUSTPRESS_KEY_PASSPHRASE": weak}
        message = bench.refuse("E_PASSPHRASE", "key", "generate", environment=environment)
        assert f"has {len(weak)} characters, expected at least 12" in message
        assert not (bench.home / "keys").exists()
        bench.run("key", "generate", "--allow-weak", environment=environment)
        assert len(bench.key_files()) == 1

    def test_every_command_that_chooses_one_asks_for_twelve_characters(self, bench: Desk) -> None:
        keyid = generate(bench)
        weak = {"TRUSTPRESS_KEY_PASSPHRASE": PASSPHRASE, "TRUSTPRESS_NEW_PASSPHRASE": "weak", "TRUSTPRESS_BACKUP_PASSPHRASE": "weak"}
        path = str(bench.folder / "written")
        for command in (["passwd", keyid], ["export", keyid, "-o", path], ["backup", path]):
            bench.refuse("E_PASSPHRASE", "key", *command, environment=weak)
            assert not Path(path).exists()


class TestNobodyThere:
    """https://github.com/docker/cli/issues/2610: a build system has no terminal, and waits until it is killed."""

    def test_no_command_waits_for_an_answer(self, desk: Desk, tmp_path: Path) -> None:
        stick, path = tmp_path / "stick", tmp_path / "pub"
        stick.mkdir()
        (keyid, *_) = [found.stem for found in desk.key_files()]
        archive = desk.write("archive", "{}")
        plain, encrypted = pem(desk, None), pem(desk, PASSPHRASE)
        place = ["--url", desk.deployment.url, "--staging", STAGING]
        expected = {
            ("init", "-r", f"{desk.repository}/new", *place): "root",
            ("push", desk.write("hello.txt", "hello")): "tagging",
            ("push", desk.write("hello.txt", "hello"), "--signer", f"file:{encrypted}"): "key",
            ("remove", "hello.txt"): None,
            ("root", "renew", "--yes"): "root",
            ("root", "renew"): "--yes",
            ("key", "generate"): "key",
            ("key", "import", encrypted): "key",
            ("key", "import", plain): "new",
            ("key", "export", keyid, "-o", str(path)): "key",
            ("key", "passwd", keyid): "key",
            ("key", "remove", keyid): "--yes",
            ("key", "backup", str(path)): "backup",
            ("key", "restore", archive): "backup",
            ("key", "move-offline", str(stick)): "root",
        }
        desk.environment |= {purpose.variable: None for purpose in Purpose}
        before = {found: found.read_bytes() for found in desk.key_files()}
        for command, way in expected.items():
            assert names_the_way_out(desk.run(*command, exit_code=1).stderr, way), (command, way)
        for redirected in ("</dev/null", "<&-"):
            commands = [command for command in expected if command[:2] in AS_PROCESSES]
            for command, said in zip(commands, in_parallel(desk, redirected, commands), strict=True):
                assert names_the_way_out(said, expected[command]), (redirected, command, said)
        assert {found: found.read_bytes() for found in desk.key_files()} == before
        assert desk.staged() == []


def names_the_way_out(said: str, way: str | None) -> bool:
    if way is None:
        return "E_NAME" in said
    purposes = {purpose.short: purpose for purpose in Purpose}
    if way not in purposes:
        return "E_DECLINED" in said and way in said
    return f"Set {purposes[way].variable}" in said and f"--passphrase-file {way}=FILE" in said and "no terminal" in said


def in_parallel(desk: Desk, redirected: str, commands: Iterable[tuple[str, ...]]) -> list[str]:
    """What each of them says on stderr before it ends with 1."""
    environment = {name: value for name, value in {**os.environ, **desk.environment}.items() if value is not None}
    shell = ["sh", "-c", f'exec "$@" {redirected}', "sh", str(Path(sys.executable).with_name("trustpress"))]

    def run(command: tuple[str, ...]) -> str:
        done = subprocess.run([*shell, *command], env=environment, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 1, done.stderr
        return done.stderr

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, commands))


def pem(desk: Desk, passphrase: str | None) -> str:
    kind = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    body = Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, kind)
    path = Path(secret_file(desk, f"{'encrypted' if passphrase else 'plain'}.pem", ""))
    path.write_bytes(body)
    return str(path)


class TestCommandLine:
    def test_no_option_and_no_argument_takes_a_passphrase(self) -> None:
        parameters = [(" ".join(names), parameter) for names, command in every_command() for parameter in command.params]
        names = {name for _, parameter in parameters for name in [*parameter.opts, *parameter.secondary_opts]}
        assert len(names) > 40
        suspicious = {name for name in names if any(word in name for word in ("pass", "secret", "pin", "pw", "phrase"))}
        assert suspicious == {"--passphrase-file", "--no-passphrase"}
        for command, parameter in parameters:
            assert not getattr(parameter, "hide_input", False), (command, parameter.opts)
            assert not getattr(parameter, "prompt", None), (command, parameter.opts)
            if "--no-passphrase" in parameter.opts:
                assert isinstance(parameter, click.Option)
                assert parameter.is_flag

    def test_what_looks_like_one_on_the_command_line_is_a_file_that_is_not_there(self, bench: Desk) -> None:
        bench.refuse("E_FILE", "key", "generate", "--passphrase-file", f"key={PASSPHRASE}")
        assert not (bench.home / "keys").exists()


class TestBuildSystem:
    """A key in a file that the build system provides, and no keystore at all."""

    @pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
    def test_push_signs_with_it_and_asks_nobody(self, new_desk: Desk, tmp_path: Path, passphrase: str | None) -> None:
        key, public = pem(new_desk, passphrase), str(new_desk.folder / "ci.pub")
        environment = {"TRUSTPRESS_KEY_PASSPHRASE": passphrase, "TRUSTPRESS_TAGGING_PASSPHRASE": None}
        loaded = serialization.load_pem_private_key(Path(key).read_bytes(), passphrase.encode() if passphrase else None)
        Path(public).write_bytes(
            loaded.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        place = ["-r", new_desk.repository, "--url", new_desk.deployment.url, "--staging", STAGING]
        new_desk.run("init", *place, "--tagging-key", f"file:{key}", "--signer", f"file:{key}", environment=environment)

        runner = Desk(tmp_path / "runner", new_desk.deployment, new_desk.repository)
        root = ["--root", str(new_desk.known().folder / "root.json")]
        pushed = runner.run_json(
            "push", runner.write("hello.txt", "hello"), *place, *root, "--signer", f"file:{key}", environment=environment
        )
        assert pushed["versions"]["targets"] == 2
        again = {**environment, "TRUSTPRESS_SIGNER": f"file:{key}"}
        assert runner.run_json("push", runner.write("more.txt", "more"), environment=again)["versions"]["targets"] == 3
        assert not (runner.home / "keys").exists()
        assert new_desk.pull("hello.txt") == "hello"

    def test_a_key_that_may_not_sign_says_so_and_uploads_nothing(self, quiet_desk: Desk, tmp_path: Path) -> None:
        runner = Desk(tmp_path / "runner", quiet_desk.deployment, quiet_desk.repository)
        place = ["-r", runner.repository, "--url", runner.deployment.url, "--staging", STAGING]
        root = ["--root", str(quiet_desk.known().folder / "root.json")]
        signer = ["--signer", f"file:{pem(runner, None)}"]
        assert "--signer" in runner.refuse("E_NOKEY", "push", runner.write("a", "a"), *place, *root, *signer)
        assert runner.staged() == []

    def test_a_key_file_that_others_may_read_is_refused(self, quiet_desk: Desk) -> None:
        key = Path(pem(quiet_desk, None))
        key.chmod(0o644)
        quiet_desk.refuse("E_KEYFILE", "push", quiet_desk.write("a", "a"), "--signer", f"file:{key}")
        assert quiet_desk.staged() == []
