"""Export: a repository as plain files, from which every client reads as it does from the deployment."""

import functools
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.readers import Reader
from tests.uploader.deployment import Deployment
from tests.uploader.desk import Desk
from tests.uploader.test_trouble import eventually, let_clients_live_in_the_future
from trustpress_uploader.reading import export

DELEGATION_PASSPHRASE = "of the delegated role"


@pytest.fixture(scope="module")
def published(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Two files, one of them alice's, and two roots; shared by the stories that publish nothing."""
    desk = Desk(tmp_path_factory.mktemp("published"), deployment, f"acme/{uuid4().hex}")
    desk.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = DELEGATION_PASSPHRASE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trustpress_uploader.keys.envelope._COST", 32768)
        desk.init()
        key = desk.run_json("key", "generate", environment={"TRUSTPRESS_KEY_PASSPHRASE": DELEGATION_PASSPHRASE})["keyid"]
    desk.push("docs/readme", "read me")
    desk.run("signer", "add", "alice", "--key", key, "--paths", "alice/*")
    desk.push("alice/app", "hers")
    desk.run("root", "renew", "--yes")
    eventually(lambda: desk.staged() == [])
    return desk


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """A web server that knows nothing but files."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


class TestExported:
    def test_any_client_reads_it_from_a_plain_web_server(self, published: Desk, tmp_path: Path) -> None:
        folder = tmp_path / "mirror" / published.repository
        said = published.run_json("export", str(folder))
        with served(tmp_path / "mirror") as url:
            reader = Reader(tmp_path / "reader", f"{url}/{published.repository}/", published.known().pinned_root())
            seen = reader.refresh()
            assert (seen.root, seen.meta) == (2, {"targets.json": 3, "alice.json": 2})
            assert reader.download_all(["docs/readme", "alice/app", "none"]) == {
                "docs/readme": b"read me",
                "alice/app": b"hers",
                "none": None,
            }
            stranger = Desk(tmp_path / "stranger", published.deployment, published.repository)
            root = ["--root", str(published.known().folder / "root.json")]
            stranger.run("list", "-r", published.repository, "--url", url, *root)
            assert stranger.pull("alice/app") == "hers"
            again = stranger.run_json("export", str(tmp_path / "again"))
        assert again["files"] == said["files"] == len(files_in(folder))
        assert {name: (folder / name).read_bytes() for name in files_in(folder)} == {
            name: (tmp_path / "again" / name).read_bytes() for name in files_in(tmp_path / "again")
        }
        assert said["length"] == sum((folder / name).stat().st_size for name in files_in(folder))

    def test_it_holds_all_roots_the_newest_release_and_every_file_once(self, published: Desk, tmp_path: Path) -> None:
        published.run("export", str(tmp_path / "mirror"))
        entries = {name: entry["hashes"]["sha256"] for name, entry in published.run_json("list")["targets"].items()}
        snapshot = published.run_json("inspect")["roles"]["snapshot"]["version"]
        roles = ["1.root.json", "2.root.json", "3.targets.json", "2.alice.json", f"{snapshot}.snapshot.json", "timestamp.json"]
        assert files_in(tmp_path / "mirror") == sorted(
            [
                f"targets/docs/{entries['docs/readme']}.readme",
                f"targets/alice/{entries['alice/app']}.app",
                *(f"metadata/{name}" for name in roles),
            ]
        )
        assert stat.S_IMODE((tmp_path / "mirror").stat().st_mode) == 0o755

    def test_of_things_kept_elsewhere_it_holds_the_metadata(self, new_desk: Desk, tmp_path: Path) -> None:
        new_desk.init("--external-targets")
        new_desk.push("image.tar", "kept elsewhere")
        new_desk.run("export", str(tmp_path / "mirror"))
        assert [path.name for path in (tmp_path / "mirror").iterdir()] == ["metadata"]
        with served(tmp_path) as url:
            reader = Reader(tmp_path / "reader", f"{url}/mirror/", new_desk.known().pinned_root())
            assert reader.refresh().meta == {"targets.json": 2}

    def test_it_is_one_release_even_while_another_is_being_published(self, desk: Desk, tmp_path: Path) -> None:
        """A cache still serves the timestamp before: everything that one lists is there, and nothing else."""
        desk.push("old", "old")
        desk.run("inspect")
        with desk.deployment.edge.remembering(f"{desk.repository}/metadata/timestamp.json"):
            desk.run("remove", "old")
            desk.push("new", "new")
            desk.run("export", str(tmp_path / "mirror"))
        with served(tmp_path) as url:
            reader = Reader(tmp_path / "reader", f"{url}/mirror/", desk.known().pinned_root())
            assert reader.download_all(["old", "new"]) == {"old": b"old", "new": None}
        assert [name.rpartition(".")[2] for name in files_in(tmp_path / "mirror" / "targets")] == ["old"]


class TestWholeOrNotAtAll:
    def test_a_folder_that_exists_is_left_alone(self, published: Desk, tmp_path: Path) -> None:
        (tmp_path / "mirror").mkdir()
        (tmp_path / "mirror" / "mine").touch()
        assert "exists already" in published.refuse("E_FILE", "export", str(tmp_path / "mirror"))
        assert files_in(tmp_path) == ["mirror/mine"]

    @pytest.mark.parametrize(("sent", "code"), [(None, "E_MISSING"), (b"hersX", "E_VERIFY"), (b"hirs", "E_FILE"), (b"her", "E_FILE")])
    def test_a_file_that_is_missing_or_wrong_leaves_nothing(
        self, published: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes | None, code: str
    ) -> None:
        (key,) = [key for key in published.deployment.public.list_keys(f"{published.repository}/targets/") if key.endswith(".app")]
        edge = published.deployment.edge
        if sent is None:
            monkeypatch.setattr(f"{export.__name__}.layout.target", lambda *where: "acme/gone")
            published.refuse(code, "export", str(tmp_path / "mirror"))
        else:
            with edge.remembering(key):
                edge.remembered[key] = sent
                published.refuse(code, "export", str(tmp_path / "mirror"))
        assert list(tmp_path.iterdir()) == []

    def test_roots_are_the_pinned_one_and_those_that_follow_from_it(self, published: Desk, tmp_path: Path) -> None:
        """Whoever serves them may have changed them since: what this machine knows is not asked for again."""
        edge, folder = published.deployment.edge, f"{published.repository}/metadata"
        with edge.remembering(f"{folder}/1.root.json"):
            edge.remembered[f"{folder}/1.root.json"] = b"{}"
            published.run("export", str(tmp_path / "mirror"))
        assert (tmp_path / "mirror" / "metadata" / "1.root.json").read_bytes() == published.known().pinned_root()
        with edge.remembering(f"{folder}/2.root.json"):
            edge.remembered[f"{folder}/2.root.json"] = edge.remembered[f"{folder}/2.root.json"].replace(b'"sig":"', b'"sig":"00', 1)
            published.refuse("E_VERIFY", "export", str(tmp_path / "another"))
        assert [path.name for path in tmp_path.iterdir()] == ["mirror"]

    def test_interrupted_it_leaves_nothing(self, published: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*arguments: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(export, "_write_targets", interrupt)
        published.run("export", str(tmp_path / "mirror"), exit_code=130)
        assert list(tmp_path.iterdir()) == []


class TestExpired:
    def test_a_machine_that_has_seen_the_release_writes_it(self, published: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        published.run("export", str(tmp_path / "before"))
        let_clients_live_in_the_future(monkeypatch, timedelta(days=400))
        assert "Clients refuse this" in published.run("export", str(tmp_path / "after")).stderr
        assert files_in(tmp_path / "after") == files_in(tmp_path / "before")

    def test_one_that_saw_the_next_timestamp_alone_writes_what_it_commits(
        self, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The snapshot that it remembers is that of another release."""
        desk.run("inspect")
        former = {name: (desk.known().metadata_folder / name).read_bytes() for name in ("snapshot.json", "targets.json")}
        desk.push("app", "application")
        desk.run("export", str(tmp_path / "before"))
        for name, body in former.items():
            (desk.known().metadata_folder / name).write_bytes(body)
        let_clients_live_in_the_future(monkeypatch, timedelta(days=3))
        desk.run("export", str(tmp_path / "after"))
        assert files_in(tmp_path / "after") == files_in(tmp_path / "before")

    def test_one_that_has_not_writes_what_is_served(self, published: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        published.run("export", str(tmp_path / "before"))
        stranger = Desk(tmp_path / "stranger", published.deployment, published.repository)
        let_clients_live_in_the_future(monkeypatch, timedelta(days=3))
        root = ["--root", str(published.known().folder / "root.json")]
        arguments = ["-r", published.repository, "--url", published.deployment.url, *root]
        assert "Clients refuse this" in stranger.run("export", str(tmp_path / "after"), *arguments).stderr
        assert files_in(tmp_path / "after") == files_in(tmp_path / "before")
