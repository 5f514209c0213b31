"""What goes wrong at a developer's desk ends in a code and a hint, with nothing half published."""

import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from local.processes import free_port
from tests.uploader.desk import ROOT_PASSPHRASE, TAGGING_PASSPHRASE, Desk
from tests.uploader.storage import STAGING
from trustpress.adapters.kms import Ed25519Signer
from trustpress.ports import Caching
from trustpress.publish.show_keys import show_online_keys
from trustpress_uploader.errors import NoReceipt, StorageRefused, UnusableFile
from trustpress_uploader.staging.artifacts import MAX_LENGTH, Artifact, check_lengths, find_artifacts
from trustpress_uploader.staging.bucket import Bucket
from trustpress_uploader.staging.uploads import Staging, Upload
from trustpress_uploader.terminal.progress import hidden, hidden_waiting

PATIENCE = 60


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def answer(process: "subprocess.Popen[str]") -> Any:
    stdout, _ = process.communicate(timeout=PATIENCE)
    return json.loads(stdout) if stdout else None


def staged_metadata(desk: Desk) -> int:
    return len(list(desk.deployment.staging.list_versions(f"inbox/{desk.repository}/metadata/")))


class TestWaiting:
    def test_without_a_receipt_the_exit_code_says_so_and_the_next_push_finishes(self, desk: Desk) -> None:
        file = desk.write("hello.txt", "hello")
        with desk.deployment.asleep():
            error = desk.run_json("push", file, "--timeout", "0.3", exit_code=3)["error"]
            assert error["code"] == "E_TIMEOUT"
            assert "s3:ListBucket" in error["hint"]
            assert desk.targets() == []
        assert desk.run_json("push", file)["versions"]["targets"] == 2
        assert desk.pull("hello.txt") == "hello"

    def test_ctrl_c_publishes_nothing_by_halves_and_the_next_push_finishes(self, desk: Desk) -> None:
        file = desk.write("hello.txt", "hello")
        with desk.deployment.asleep():
            process = desk.start("push", file)
            eventually(lambda: staged_metadata(desk) == 1)
            process.send_signal(signal.SIGINT)
            assert answer(process) is None
            assert process.returncode == 130
            assert desk.targets() == []
        assert desk.run_json("push", file)["versions"]["targets"] == 2

    def test_an_interrupted_init_is_finished_with_the_same_keys(self, new_desk: Desk) -> None:
        place = ["-r", new_desk.repository, "--url", new_desk.deployment.url, "--staging", STAGING]
        deployment = new_desk.deployment
        with deployment.asleep():
            new_desk.run("init", *place, "--timeout", "0.3", exit_code=3)
            assert not (new_desk.home / "keys").exists()
            show_online_keys(deployment.public, deployment.keys, new_desk.repository, None)
            new_desk.run("init", *place, "--timeout", "0.3", exit_code=3)
            keys = new_desk.key_files()
            assert "trustpress init" in json.loads(new_desk.run("inspect", "--json", exit_code=1).stdout)["error"]["hint"]
        assert new_desk.run_json("init", *place)["versions"]["targets"] == 1
        assert new_desk.key_files() == keys
        new_desk.refuse("E_EXISTS", "init", *place)

    def test_an_upload_that_is_listed_nowhere_yet_is_waited_for(self, desk: Desk) -> None:
        """Another push of the same file is under way: its role file is there, its timestamp still in a cache."""
        timestamp = f"{desk.repository}/metadata/timestamp.json"
        with desk.deployment.edge.remembering(timestamp):
            desk.push("hello.txt", "hello")
            again = desk.run_json("push", desk.write("hello.txt", "hello"))
        assert again["versions"] == {"targets": 2, "root": 1, "snapshot": 2, "timestamp": 2}

    @pytest.mark.on_seaweedfs_too
    def test_a_publish_that_crashed_half_way_is_finished_by_the_next_push(self, desk: Desk) -> None:
        """The role file is there, no snapshot lists it, and the upload it came from is gone."""
        file, staging, public = desk.write("hello.txt", "hello"), desk.deployment.staging, desk.deployment.public
        with desk.deployment.asleep():
            desk.run("push", file, "--timeout", "0.3", exit_code=3)
            (upload,) = staging.list_versions(f"inbox/{desk.repository}/metadata/")
            found = staging.get(upload.key, 10_000)
            assert found is not None
            public.put_new(f"{desk.repository}/metadata/2.targets.json", found.body, Caching.IMMUTABLE)
            staging.delete_version(upload)
        assert desk.run_json("push", file)["versions"] == {"targets": 2, "root": 1, "snapshot": 2, "timestamp": 2}
        assert desk.pull("hello.txt") == "hello"

    def test_a_receipt_that_may_not_be_read_yet_answers_403(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        bucket = Bucket("bucket", None)
        with Stubber(bucket._s3) as s3:
            for code, status in (("AccessDenied", 403), ("NoSuchKey", 404)) * 50:
                s3.add_client_error("get_object", code, http_status_code=status)
            upload = Upload("inbox/acme/api/metadata/targets.json", "receipts/acme/api/0.json", b"")
            with pytest.raises(NoReceipt):
                Staging(bucket, "acme/api").wait(upload, 0.4, hidden_waiting)


class TestSomebodyElse:
    def test_a_cached_timestamp_hides_no_version_from_the_next_push(self, desk: Desk) -> None:
        with desk.deployment.edge.remembering(f"{desk.repository}/metadata/timestamp.json"):
            versions = [desk.push(name, name)["versions"]["targets"] for name in ("a", "b", "c")]
            assert desk.targets() == []
        assert versions == [2, 3, 4]
        assert desk.targets() == ["a", "b", "c"]

    @pytest.mark.on_seaweedfs_too
    def test_pushes_at_the_same_time_are_rebased_onto_each_other(self, desk: Desk) -> None:
        files = [desk.write(name, name) for name in ("a.txt", "b.txt", "c.txt")]
        with desk.deployment.asleep():
            processes = [desk.start("push", file) for file in files]
            eventually(lambda: staged_metadata(desk) == 3)
        versions = sorted(answer(process)["versions"]["targets"] for process in processes)
        assert versions == [2, 3, 4]
        assert desk.targets() == ["a.txt", "b.txt", "c.txt"]
        eventually(lambda: desk.staged() == [])

    def test_pushes_of_one_name_at_the_same_time_end_with_one_of_them_and_its_file(self, desk: Desk) -> None:
        with desk.deployment.asleep():
            processes = [desk.start("push", desk.write(f"{text}/latest", text)) for text in ("this", "that")]
            eventually(lambda: staged_metadata(desk) == 2)
        assert sorted(answer(process)["versions"]["targets"] for process in processes) == [2, 3]
        assert desk.pull("latest") in {"this", "that"}

    def test_a_name_that_is_taken_is_not_initialised_again(self, desk: Desk, tmp_path: Path) -> None:
        other = Desk(tmp_path / "other", desk.deployment, desk.repository)
        other.refuse("E_EXISTS", "init", "-r", desk.repository, "--url", desk.deployment.url, "--staging", STAGING)
        assert not (other.home / "keys").exists()


class TestRejected:
    def test_the_publishers_reason_is_passed_on_and_init_starts_anew(self, new_desk: Desk) -> None:
        edge, place = new_desk.deployment.edge, ["-r", new_desk.repository, "--url", new_desk.deployment.url, "--staging", STAGING]
        stranger = Ed25519Signer(bytes(31) + b"9").public_key
        role = {"keyids": [stranger.keyid], "threshold": 1}
        value = {"keys": {stranger.keyid: stranger.as_json()}, "roles": {"snapshot": role, "timestamp": role}}
        shown = f"{new_desk.repository}/metadata/online-keys.json"
        edge.remembered[shown] = json.dumps(value).encode()
        try:
            assert f"is not an online key of {new_desk.repository} alone" in new_desk.refuse("E_ONLINE", "init", *place)
        finally:
            del edge.remembered[shown]
        assert new_desk.run_json("init", *place)["versions"]["root"] == 1

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"keys": {}, "roles": {}}', b'{"keys": {"0": {}}}', b"<html>"])
    def test_online_keys_that_are_none_are_not_believed(self, new_desk: Desk, body: bytes) -> None:
        edge, shown = new_desk.deployment.edge, f"{new_desk.repository}/metadata/online-keys.json"
        edge.remembered[shown] = body or b" "
        try:
            message = new_desk.refuse("E_VERIFY", "init", "-r", new_desk.repository, "--url", new_desk.deployment.url, "--staging", STAGING)
        finally:
            del edge.remembered[shown]
        assert "online-keys.json" in message
        assert not (new_desk.home / "keys").exists()


class TestVerification:
    def test_a_file_that_was_changed_on_the_way_is_not_kept(self, desk: Desk) -> None:
        url = desk.push("hello.txt", "hello")["targets"]["hello.txt"]["url"]
        key = url.removeprefix(f"{desk.deployment.url}/")
        desk.deployment.edge.remembered[key] = b"hellO"
        path = desk.folder / "pulled"
        desk.refuse("E_VERIFY", "pull", "hello.txt", "-o", str(path))
        assert not path.exists()

    def test_metadata_that_was_changed_on_the_way_is_not_edited(self, desk: Desk) -> None:
        desk.push("hello.txt", "hello")
        key = f"{desk.repository}/metadata/3.targets.json"
        found = desk.deployment.public.get(f"{desk.repository}/metadata/2.targets.json", 10_000)
        assert found is not None
        desk.deployment.edge.remembered[key] = found.body.replace(b'"version":2', b'"version":3')
        assert "not signed by the keys that its delegating role lists" in desk.refuse("E_VERIFY", "push", desk.write("a", "a"))
        desk.deployment.edge.remembered[key] = found.body
        assert "expected version 3" in desk.refuse("E_VERIFY", "push", desk.write("a", "a"))

    def test_expired_metadata_can_still_be_seen_and_renewed(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        desk.push("hello.txt", "hello")
        desk.targets()
        let_clients_live_in_the_future(monkeypatch, timedelta(days=100))
        assert "expired" in desk.run_json("inspect")["expired"]
        assert "Clients refuse this" in desk.run("inspect").stdout
        desk.refuse("E_EXPIRED", "pull", "hello.txt")
        assert desk.push("more.txt", "more")["versions"]["targets"] == 3

    def test_even_an_expired_root_leaves_targets_to_be_edited(self, desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A machine that has verified nothing yet starts from the root alone."""
        desk.push("hello.txt", "hello")
        fresh = Desk(tmp_path / "fresh", desk.deployment, desk.repository)
        fresh.home.mkdir()
        (desk.home / "keys").rename(fresh.home / "keys")
        let_clients_live_in_the_future(monkeypatch, timedelta(days=400))
        place = ["-r", desk.repository, "--url", desk.deployment.url, "--staging", STAGING]
        root = str(desk.known().folder / "root.json")
        assert fresh.run_json("push", fresh.write("b", "b"), *place, "--root", root)["versions"]["targets"] == 3


def let_clients_live_in_the_future(monkeypatch: pytest.MonkeyPatch, delta: timedelta) -> None:
    from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet

    begin = TrustedMetadataSet.__init__

    def begin_later(self: TrustedMetadataSet, *arguments: Any) -> None:
        begin(self, *arguments)
        self.reference_time = datetime.now(UTC) + delta

    monkeypatch.setattr(TrustedMetadataSet, "__init__", begin_later)


class TestFiles:
    @pytest.mark.parametrize("name", ["a b", "../up", "/etc/passwd", "what?", "ü", "a//b"])
    def test_a_name_that_not_every_client_can_fetch_is_refused_before_anything_else(self, quiet_desk: Desk, name: str) -> None:
        before = len(quiet_desk.deployment.edge.requests)
        quiet_desk.refuse("E_PORTABLE", "push", quiet_desk.write("hello.txt", "hello"), "--as", name)
        assert len(quiet_desk.deployment.edge.requests) == before

    def test_two_files_of_one_name_are_refused(self, quiet_desk: Desk) -> None:
        quiet_desk.refuse("E_FILE", "push", quiet_desk.write("one/app", "1"), quiet_desk.write("two/app", "2"))
        assert quiet_desk.staged() == []

    def test_as_names_a_single_file(self, quiet_desk: Desk) -> None:
        files = [quiet_desk.write("one.txt", "1"), quiet_desk.write("two.txt", "2")]
        assert "--as app names one file" in quiet_desk.refuse("E_IMPOSSIBLE", "push", *files, "--as", "app")

    def test_a_file_over_five_gigabytes_is_refused_with_the_way_out(self, quiet_desk: Desk) -> None:
        path = Path(quiet_desk.write("large", ""))
        with path.open("wb") as file:
            file.truncate(MAX_LENGTH + 1)
        assert "at most 5,368,709,120 in one PUT" in quiet_desk.refuse("E_FILE", "push", str(path))
        with pytest.raises(UnusableFile) as caught:
            check_lengths(find_artifacts([str(path)]))
        assert "--external-targets" in caught.value.hint

    @pytest.mark.on_seaweedfs_too
    def test_a_file_that_changed_after_it_was_hashed_is_refused_by_the_store(
        self, quiet_desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in quiet_desk.deployment.environment.items():
            monkeypatch.setenv(name, value)
        path = Path(quiet_desk.write("app", "after"))
        before = hashlib.sha256(b"befor").hexdigest()
        with pytest.raises(StorageRefused):
            Staging(Bucket(STAGING, None), quiet_desk.repository).put_artifact(
                Artifact(path, "app", 5), {"length": 5, "hashes": {"sha256": before}}, hidden
            )
        assert quiet_desk.staged() == []

    def test_a_place_that_cannot_be_written_is_named(self, desk: Desk) -> None:
        desk.push("hello.txt", "hello")
        blocked = desk.write("file", "")
        assert blocked in desk.refuse("E_FILE", "pull", "hello.txt", "-o", f"{blocked}/below")


class TestPassphrases:
    def test_a_wrong_one_publishes_nothing(self, quiet_desk: Desk) -> None:
        file = quiet_desk.write("hello.txt", "hello")
        quiet_desk.refuse("E_PASSPHRASE", "push", file, environment={"TRUSTPRESS_TAGGING_PASSPHRASE": "not this one"})
        assert quiet_desk.staged() == []

    @pytest.mark.parametrize("variable", ["TRUSTPRESS_ROOT_PASSPHRASE", "TRUSTPRESS_TAGGING_PASSPHRASE"])
    def test_without_a_terminal_the_variable_is_named(self, new_desk: Desk, variable: str) -> None:
        place = ["-r", new_desk.repository, "--url", new_desk.deployment.url, "--staging", STAGING]
        result = new_desk.run("init", *place, exit_code=1, environment={variable: None})
        assert f"Set {variable}" in result.stderr
        assert not (new_desk.home / "keys").exists()

    def test_a_short_one_makes_no_key(self, new_desk: Desk) -> None:
        place = ["-r", new_desk.repository, "--url", new_desk.deployment.url, "--staging", STAGING]
        message = new_desk.refuse("E_PASSPHRASE", "init", *place, environment={"TRUSTPRESS_ROOT_PASSPHRASE": "eleven char"})
        assert "at least 12" in message
        assert not (new_desk.home / "keys").exists()

    def test_no_secret_is_printed_logged_or_stored(self, new_desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        from trustpress_uploader.keys.keystore import Keystore
        from trustpress_uploader.keys.passphrases import Passphrase, WrongPassphrase

        caplog.set_level("DEBUG")
        place = ["-r", new_desk.repository, "--url", new_desk.deployment.url, "--staging", STAGING]
        said = new_desk.run("init", *place).output + new_desk.run("push", new_desk.write("hello.txt", "hello")).output
        passphrases = {ROOT_PASSPHRASE, TAGGING_PASSPHRASE}
        secrets = {text.encode() for text in passphrases}
        for path in new_desk.key_files():
            for text in passphrases:
                try:
                    key = Keystore(path.parent).load(path.stem, Passphrase(text))
                except WrongPassphrase:
                    continue
                revealed = key.reveal()
                assert isinstance(revealed, Ed25519PrivateKey)
                seed = revealed.private_bytes_raw()
                secrets |= {seed, seed.hex().encode()}
        assert len(secrets) == 6
        written = [path.read_bytes() for path in new_desk.folder.rglob("*") if path.is_file()]
        for secret in secrets:
            assert not any(secret in text for text in [*written, said.encode(), caplog.text.encode()])


class TestSurroundings:
    def test_no_credentials(self, quiet_desk: Desk) -> None:
        nowhere = {
            "AWS_ACCESS_KEY_ID": None,
            "AWS_SECRET_ACCESS_KEY": None,
            "AWS_CONFIG_FILE": "/none",
            "AWS_SHARED_CREDENTIALS_FILE": "/none",
        }
        assert "credentials" in quiet_desk.refuse("E_STORAGE", "push", quiet_desk.write("a", "a"), environment=nowhere)

    def test_an_unknown_profile(self, quiet_desk: Desk) -> None:
        assert "nobody" in quiet_desk.refuse("E_STORAGE", "push", quiet_desk.write("a", "a"), environment={"AWS_PROFILE": "nobody"})

    @pytest.mark.on_seaweedfs_too
    def test_a_missing_bucket(self, quiet_desk: Desk) -> None:
        assert "s3://not-there" in quiet_desk.refuse("E_STORAGE", "push", quiet_desk.write("a", "a"), "--staging", "not-there")

    def test_a_store_that_does_not_answer(self, quiet_desk: Desk) -> None:
        silent = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"}
        quiet_desk.refuse("E_NETWORK", "push", quiet_desk.write("a", "a"), environment=silent)

    def test_an_edge_that_does_not_answer(self, quiet_desk: Desk) -> None:
        quiet_desk.refuse("E_NETWORK", "pull", "a", "--url", f"http://127.0.0.1:{free_port()}")

    @pytest.mark.parametrize("url", ["ftp://127.0.0.1", "example.org", "https://example.org/?x=1", "http://example.org"])
    def test_a_url_that_online_keys_cannot_come_from(self, new_desk: Desk, url: str) -> None:
        new_desk.refuse("E_REPOSITORY", "init", "-r", new_desk.repository, "--url", url, "--staging", STAGING)

    def test_a_repository_name_that_is_none(self, new_desk: Desk) -> None:
        new_desk.refuse("E_KEY", "init", "-r", "Acme/API", "--url", new_desk.deployment.url, "--staging", STAGING)

    def test_a_machine_that_knows_nothing(self, new_desk: Desk) -> None:
        assert "knows no repository yet" in new_desk.refuse("E_REPOSITORY", "inspect")

    def test_a_repository_that_was_only_read_so_far(self, quiet_desk: Desk, tmp_path: Path) -> None:
        reader = Desk(tmp_path / "reader", quiet_desk.deployment, quiet_desk.repository)
        root = str(quiet_desk.known().folder / "root.json")
        reader.run_json("inspect", "-r", quiet_desk.repository, "--url", quiet_desk.deployment.url, "--root", root)
        assert "--staging is missing" in reader.run("push", reader.write("a", "a"), exit_code=2).stderr
