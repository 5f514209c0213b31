"""Secrets: what no output, log, file, process list or core file ever shows.

Every command that handles a secret is run: keys of every type, with passphrases of every purpose.
"""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.uploader.desk import Desk
from tests.uploader.storage import STAGING
from tests.uploader.test_terminal import answer, finish, terminal
from tests.uploader.test_trouble import PATIENCE, eventually
from trustpress_uploader.keys.keystore import Keystore
from trustpress_uploader.keys.passphrases import Passphrase, Purpose, WrongPassphrase

RUN = "from trustpress_uploader.commands import main; main()"
WAYS_TO_START_A_PROGRAM = (
    "subprocess.Popen.__init__",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.posix_spawnp",
    "os.execve",
    "os.system",
)


def passphrase_for(purpose: Purpose) -> str:
    return f"unmistakable words for {purpose.short}"


@pytest.fixture
def bench(new_desk: Desk) -> Desk:
    """A machine with another passphrase for every purpose."""
    new_desk.environment |= {purpose.variable: passphrase_for(purpose) for purpose in Purpose}
    return new_desk


def secrets_of(desk: Desk) -> set[bytes]:
    """The passphrases, and the private keys of every file in the keystore in the forms in which they could slip out."""
    passphrases = [passphrase_for(purpose) for purpose in Purpose]
    found = {text.encode() for text in passphrases}
    for path in (desk.home / "keys").glob("*.json"):
        found |= private_forms(path, passphrases)
    return found


def private_forms(path: Path, passphrases: Iterable[str]) -> set[bytes]:
    for text in passphrases:
        try:
            key = Keystore(path.parent).load(path.stem, Passphrase(text)).reveal()
        except WrongPassphrase:
            continue
        der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        if isinstance(key, ed25519.Ed25519PrivateKey):
            number = key.private_bytes_raw()
        else:
            numbers = key.private_numbers()
            number = (
                (numbers.private_value if isinstance(numbers, ec.EllipticCurvePrivateNumbers) else numbers.d).to_bytes(512).lstrip(b"\0")
            )
        return {der, number, number.hex().encode(), str(int.from_bytes(number)).encode(), pem.splitlines()[1]}
    raise AssertionError(f"{path} opens with none of the passphrases")


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """No command starts another program: there is no child that could inherit or show anything."""

    def refuse(*arguments: object, **rest: object) -> None:
        raise AssertionError(arguments)

    for way in WAYS_TO_START_A_PROGRAM:
        monkeypatch.setattr(way, refuse)
    with pytest.raises(AssertionError):
        subprocess.run(["true"], check=True)


class TestNothingShows:
    @pytest.mark.usefixtures("no_programs")
    def test_in_what_is_printed_logged_or_left_in_files(self, bench: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        stick, archive, exported = tmp_path / "stick", str(tmp_path / "archive"), tmp_path / "exported"
        stick.mkdir()
        place = ["-r", bench.repository, "--url", bench.deployment.url, "--staging", STAGING]
        file = bench.write("app", "application")
        said = [bench.run("init", *place), bench.run("push", file), bench.run("push", file, "--json"), bench.run("remove", "app")]
        keyids = []
        for keytype in ("ed25519", "ecdsa", "rsa"):
            said.append(bench.run("key", "generate", "--type", keytype))
            keyids.append(said[-1].stdout.split()[1])
            said.append(bench.run("key", "export", keyids[-1], "-o", str(exported / keytype), exit_code=1))
        exported.mkdir()
        secrets = secrets_of(bench)
        said += [
            bench.run("key", "export", keyids[0], "--format", kind, "-o", str(exported / kind)) for kind in ("trustpress", "pem", "notary")
        ]
        said += [bench.run("key", "passwd", keyids[2]), bench.run("key", "backup", archive), bench.run("key", "restore", archive)]
        said += [bench.run("key", "list"), bench.run("key", "move-offline", str(stick)), bench.run("root", "renew", "--yes")]
        said += [bench.run("key", "remove", keyids[0], "--yes"), bench.run("key", "import", str(exported / "pem"), exit_code=1)]
        said += [bench.run(*command, exit_code=1, environment=all_wrong()) for command in wrong_attempts(keyids[1], archive, file)]
        said += [bench.run("key", "import", str(exported / "pem"), environment={Purpose.KEY.variable: passphrase_for(Purpose.NEW)})]

        shown = [f"{result.output}{result.stderr}".encode() for result in said]
        written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
        stored = list(everything_uploaded(bench))
        assert len(secrets) == len(Purpose) + 5 * 5
        assert len(written) > 10
        for secret in secrets:
            for text in (*shown, *written, *stored, caplog.text.encode()):
                assert secret not in text

    def test_in_an_error_nobody_foresaw(self, bench: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        """A traceback shows the line of each frame and none of its values."""
        bench.init()
        script = f"import trustpress_uploader.staging.uploads as s; s.Staging.put_metadata = None\n{RUN}"
        done = run_here(bench, [sys.executable, "-c", script, "push", bench.write("app", "application")], bench.folder)
        assert "TypeError" in done.stderr
        assert not any(secret in f"{done.stdout}{done.stderr}".encode() for secret in secrets_of(bench))


def all_wrong() -> dict[str, str | None]:
    return {purpose.variable: f"{passphrase_for(purpose)}, and wrong" for purpose in Purpose}


def wrong_attempts(keyid: str, archive: str, file: str) -> list[list[str]]:
    return [["push", file], ["key", "passwd", keyid], ["key", "restore", archive], ["key", "export", keyid, "-o", f"{file}.exported"]]


def everything_uploaded(desk: Desk) -> Iterator[bytes]:
    staging, public = desk.deployment.staging, desk.deployment.public
    places = [(staging, f"{area}/{desk.repository}/") for area in ("inbox", "receipts", "pending")] + [(public, f"{desk.repository}/")]
    for store, prefix in places:
        for version in store.list_versions(prefix):
            found = store.get(version.key, 100_000, version.version_id)
            if found:
                yield found.body


def run_here(desk: Desk, command: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, cwd=folder, env=environment_of(desk), capture_output=True, text=True, timeout=PATIENCE, check=False)


def environment_of(desk: Desk, without: Iterable[str] = ()) -> dict[str, str]:
    return {name: value for name, value in {**os.environ, **desk.environment}.items() if value is not None and name not in without}


class TestProcesses:
    """Whoever lists the processes of a machine sees their arguments, and their owner and root see their environment."""

    def test_a_typed_passphrase_is_in_no_command_line_and_no_environment(self, bench: Desk) -> None:
        bench.init()
        typed = passphrase_for(Purpose.TAGGING)
        del bench.environment[Purpose.TAGGING.variable]
        with bench.deployment.asleep(), terminal(bench, "push", bench.write("app", "application")) as child:
            answer(child, ("tagging key", typed))
            eventually(lambda: any("/metadata/" in key for key in bench.staged()))
            seen = b"".join(process_texts(child.pid))
            assert b"push" in seen
            assert typed.encode() not in seen
            child.sendintr()
            assert finish(child) == 130


def process_texts(pid: int) -> Iterator[bytes]:
    """Arguments and environment of a process and of everything below it."""
    folder = Path("/proc") / str(pid)
    yield (folder / "cmdline").read_bytes()
    yield (folder / "environ").read_bytes()
    for task in (folder / "task").iterdir():
        for child in (task / "children").read_text().split():
            yield from process_texts(int(child))


class TestCoreFiles:
    """A crash while a key is unlocked must not leave the memory of the process on a disk."""

    @pytest.mark.parametrize(
        ("command", "moment", "way"),
        [
            (["push", "app"], "keys.private_keys.PrivateKey.sign", signal.SIGABRT),
            (["key", "passwd", "KEYID"], "keys.keystore.Keystore.replace", signal.SIGSEGV),
        ],
    )
    def test_there_is_none(self, bench: Desk, tmp_path: Path, command: list[str], moment: str, way: signal.Signals) -> None:
        folder = tmp_path / "here"
        folder.mkdir()
        (folder / "app").write_text("application")
        if command[0] == "push":
            bench.init()
        keyid = bench.run_json("key", "generate")["keyid"]
        set_up = f"def crash(*arguments, **rest): os.kill(os.getpid(), {int(way)})\ntrustpress_uploader.{moment} = crash"
        module = moment.rpartition(".")[0].rpartition(".")[0]
        script = f"import os, trustpress_uploader.{module}\n{set_up}\n{RUN}"
        arguments = [keyid if text == "KEYID" else text for text in command]
        with unlimited_core_files():
            done = run_here(bench, [sys.executable, "-c", script, *arguments], folder)
        assert done.returncode == -way, done.stderr
        assert [path.name for path in folder.iterdir()] == ["app"]

    def test_without_the_limit_there_would_be_one(self, tmp_path: Path, bench: Desk) -> None:
        if Path("/proc/sys/kernel/core_pattern").read_text().strip() != "core":
            pytest.skip("this system keeps core files elsewhere")
        with unlimited_core_files():
            run_here(bench, [sys.executable, "-c", "import os; os.abort()"], tmp_path)
        assert [path.name.partition(".")[0] for path in tmp_path.iterdir() if path.is_file()] == ["core"]

    def test_the_kernel_knows_the_limit_before_anything_is_asked_for(self, bench: Desk) -> None:
        bench.environment[Purpose.KEY.variable] = None
        with unlimited_core_files(), terminal(bench, "key", "generate") as child:
            child.expect("passphrase for the key")
            (line,) = [line for line in Path(f"/proc/{child.pid}/limits").read_text().splitlines() if line.startswith("Max core file size")]
            assert line.split()[4] == "1"
            child.sendintr()
            child.expect(pexpect.EOF)


@contextmanager
def unlimited_core_files() -> Iterator[None]:
    """`ulimit -c unlimited`, as far as this machine lets us, for the processes that are started meanwhile."""
    before, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (before, hard))
