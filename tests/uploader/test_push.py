"""Push: everything of it becomes visible together, or nothing does, whatever happens on the way."""

import http.client
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.uploader.desk import Desk
from tests.uploader.test_trouble import PATIENCE, eventually
from trustpress.core import layout
from trustpress.publish import draft
from trustpress_uploader.commands import options
from trustpress_uploader.plans import targets_editor

REFUSED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class Gate:
    """A staging store in front of the real one, which lets so many PUTs through and holds every other until it closes.

    Without `may_list` it answers listings as S3 does where a policy lacks s3:ListBucket.
    """

    def __init__(self, endpoint: str, puts: int, *, may_list: bool = True) -> None:
        self.is_reached, self._is_closed = threading.Event(), threading.Event()
        gate, upstream, left = self, endpoint.removeprefix("http://"), threading.Semaphore(puts)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if "list-type=" in self.path and not may_list:
                    self._answer(403, [], REFUSED)
                else:
                    self._forward()

            def do_PUT(self) -> None:
                if not left.acquire(blocking=False):
                    gate.is_reached.set()
                    gate._is_closed.wait(PATIENCE)
                    self.close_connection = True
                    return
                self._forward()

            def _forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                connection = http.client.HTTPConnection(upstream)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                self._answer(answer.status, answer.getheaders(), content)

            def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in {"content-length", "connection", "date", "server"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._is_closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def gate_after(puts: int, desk: Desk, *, may_list: bool = True) -> Iterator[Gate]:
    """The desk's store lets `puts` PUTs through."""
    endpoint = desk.environment["AWS_ENDPOINT_URL"]
    assert endpoint is not None
    gate = Gate(endpoint, puts, may_list=may_list)
    desk.environment["AWS_ENDPOINT_URL"] = gate.url
    try:
        yield gate
    finally:
        desk.environment["AWS_ENDPOINT_URL"] = endpoint
        gate.close()


class TestInterrupted:
    """Two files and one piece of metadata are three PUTs; the publisher sleeps."""

    @pytest.mark.parametrize(("puts", "way"), [(0, signal.SIGKILL), (1, signal.SIGINT), (1, signal.SIGKILL), (2, signal.SIGKILL)])
    def test_before_the_metadata_is_there_nothing_asks_to_be_published(self, desk: Desk, puts: int, way: signal.Signals) -> None:
        files = [desk.write(name, name) for name in ("one.txt", "two.txt")]
        with desk.deployment.asleep(), gate_after(puts, desk) as gate:
            process = desk.start("push", *files)
            assert gate.is_reached.wait(PATIENCE)
            process.send_signal(way)
            assert ended(process) == (130 if way is signal.SIGINT else -way)
            assert desk.staged() == [layout.inbox_target(desk.repository, name) for name in ("one.txt", "two.txt")[:puts]]
        assert desk.targets() == []
        assert desk.run_json("push", *files)["versions"]["targets"] == 2
        assert [desk.pull(name) for name in ("one.txt", "two.txt")] == ["one.txt", "two.txt"]

    @pytest.mark.on_seaweedfs_too
    def test_killed_while_it_waits_it_is_published_by_itself_and_again_does_nothing_new(self, desk: Desk) -> None:
        files = [desk.write(name, name) for name in ("one.txt", "two.txt")]
        metadata = layout.inbox_metadata(desk.repository)
        with desk.deployment.asleep():
            process = desk.start("push", *files)
            while not any(key.startswith(metadata) for key in desk.staged()):
                assert process.poll() is None
            process.kill()
            assert ended(process) == -signal.SIGKILL
            assert desk.targets() == []
        assert desk.run_json("push", *files)["versions"]["targets"] == 2
        assert desk.targets() == ["one.txt", "two.txt"]
        assert desk.run_json("push", *files)["versions"] == {"targets": 2}


def ended(process: "subprocess.Popen[str]") -> int:
    process.communicate(timeout=PATIENCE)
    return process.returncode


class TestRefusedToSign:
    """https://github.com/docker/cli/issues/2721 and https://github.com/moby/moby/issues/30462: the push is there, its signature is not."""

    @pytest.fixture
    def before(self, quiet_desk: Desk) -> list[str]:
        return everything_stored(quiet_desk)

    def test_with_a_wrong_passphrase_nothing_was_uploaded(self, quiet_desk: Desk, before: list[str]) -> None:
        quiet_desk.refuse("E_PASSPHRASE", "push", quiet_desk.write("a", "a"), environment={"TRUSTPRESS_TAGGING_PASSPHRASE": "wrong"})
        assert everything_stored(quiet_desk) == before

    def test_without_the_key_nothing_was_uploaded(self, quiet_desk: Desk, tmp_path: Path, before: list[str]) -> None:
        (keyid,) = quiet_desk.run_json("inspect")["roles"]["targets"]["keyids"]
        key = quiet_desk.home / "keys" / f"{keyid}.json"
        away = key.rename(tmp_path / "away")
        try:
            assert keyid in quiet_desk.refuse("E_NOKEY", "push", quiet_desk.write("a", "a"))
        finally:
            away.rename(key)
        assert everything_stored(quiet_desk) == before

    def test_with_one_file_missing_none_was_uploaded(self, quiet_desk: Desk, before: list[str]) -> None:
        quiet_desk.refuse("E_FILE", "push", quiet_desk.write("a", "a"), str(quiet_desk.folder / "missing"))
        assert everything_stored(quiet_desk) == before


def everything_stored(desk: Desk) -> list[str]:
    prefixes = [f"{area}/{desk.repository}/" for area in ("inbox", "receipts", "pending")]
    staged = [version.key for prefix in prefixes for version in desk.deployment.staging.list_versions(prefix)]
    return staged + [version.key for version in desk.deployment.public.list_versions(f"{desk.repository}/")]


def settled(desk: Desk) -> list[str]:
    """The same, once the publisher has cleared away what it published."""
    eventually(lambda: desk.staged() == [])
    return everything_stored(desk)


class TestDryRun:
    def test_it_prints_exactly_what_then_happens_and_changes_nothing(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        now = datetime.now(UTC)
        monkeypatch.setattr(options, "clock", lambda: now)
        desk.push("old", "old")
        push = ["push", desk.write("new", "new"), desk.write("old", "changed"), "--custom", "commit=9f3c1e2"]
        before = settled(desk)
        said = desk.run_json(*push, "--dry-run", environment={"TRUSTPRESS_TAGGING_PASSPHRASE": None})
        assert everything_stored(desk) == before
        assert said["would_publish"] == {"targets": 3}
        assert desk.run_json(*push)["versions"]["targets"] == 3
        assert desk.run_json("diff")["changes"] == said["changes"][1:]
        assert said["changes"][0] == "targets 2 -> 3"
        assert [line[:7] for line in said["changes"][1:3]] == ["  + new", "  ~ old"]
        assert desk.run("push", *push[1:], "--dry-run").stdout == "Nothing would change.\n"

    def test_remove_and_renew_have_one_as_well(self, desk: Desk) -> None:
        desk.push("hello.txt", "hello")
        before = settled(desk)
        without = {"TRUSTPRESS_TAGGING_PASSPHRASE": None}
        assert "  - hello.txt\n" in desk.run("remove", "hello.txt", "--dry-run", environment=without).stdout
        assert desk.run_json("renew", "--dry-run", environment=without)["would_publish"] == {"targets": 3}
        assert "no trust data" in desk.refuse("E_NAME", "remove", "hallo.txt", "--dry-run")
        assert everything_stored(desk) == before

    def test_it_refuses_what_the_push_would_refuse(self, quiet_desk: Desk) -> None:
        quiet_desk.refuse("E_FILE", "push", str(quiet_desk.folder / "missing"), "--dry-run")
        quiet_desk.refuse("E_PORTABLE", "push", quiet_desk.write("a", "a"), "--as", "a b", "--dry-run")
        assert "it has '['" in quiet_desk.refuse("E_PORTABLE", "push", quiet_desk.write("a", "a"), "--as", "a[1]", "--dry-run")

    def test_a_file_whose_name_was_allowed_once_keeps_no_other_from_being_pushed(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as before:
            for place in (draft, targets_editor):
                before.setattr(place, "check_new_targetpath", lambda _: None)
            desk.push("a[1]", "one")
        old, new = desk.write("a[1]", "one"), desk.write("new", "two")
        assert desk.run_json("push", old, new, "--dry-run")["would_publish"] == {"targets": 3}
        desk.run("push", old, new)
        desk.write("a[1]", "changed")
        assert "it has '['" in desk.refuse("E_PORTABLE", "push", old)


class TestPublished:
    @pytest.mark.on_seaweedfs_too
    def test_a_folder_arrives_whole_and_custom_data_with_it(self, desk: Desk) -> None:
        for name in ("app", "docs/index.html", "docs/deep/er"):
            desk.write(f"dist/{name}", name)
        pushed = desk.run_json("push", str(desk.folder / "dist"), "--as", "1.2", "--custom", "commit=9f3c1e2")
        assert sorted(pushed["targets"]) == desk.targets() == ["1.2/app", "1.2/docs/deep/er", "1.2/docs/index.html"]
        assert pushed["versions"]["targets"] == 2
        assert desk.pull("1.2/docs/deep/er") == "docs/deep/er"
        assert desk.run_json("resolve", "1.2/app")["custom"] == {"commit": "9f3c1e2"}

    def test_the_same_again_makes_no_version_and_other_custom_data_does(self, desk: Desk) -> None:
        file = desk.write("app", "app")
        desk.run_json("push", file, "--custom", "commit=1")
        before = settled(desk)
        for options_ in ([], ["--custom", "commit=1"]):
            assert desk.run_json("push", file, *options_, environment={"TRUSTPRESS_TAGGING_PASSPHRASE": None})["versions"] == {"targets": 2}
        assert everything_stored(desk) == before
        assert desk.run_json("push", file, "--custom", "commit=2")["versions"]["targets"] == 3
        assert desk.run_json("resolve", "app")["custom"] == {"commit": "2"}

    def test_revoke_asks_and_then_takes_all_of_it_back(self, desk: Desk) -> None:
        desk.run_json("push", desk.write("a", "a"), desk.write("b", "b"))
        assert "revoke all 2 targets" in desk.refuse("E_DECLINED", "revoke", "--all")
        assert desk.targets() == ["a", "b"]
        assert "NAMES or --all" in desk.run("revoke", exit_code=2).stderr
        assert desk.run_json("revoke", "--all", "--yes")["removed"] == ["a", "b"]
        assert desk.targets() == []
