"""Content trust switched off: loudly, for one command, and with nothing kept that a later command would rely on."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from tests.uploader.deployment import Deployment
from tests.uploader.desk import Desk
from tests.uploader.test_trouble import let_clients_live_in_the_future
from trustpress_uploader.home.folder import KnownRepository
from trustpress_uploader.keys.private_keys import PrivateKey
from trustpress_uploader.reading import unverified

OFF = {"TRUSTPRESS_CONTENT_TRUST": "0"}
SKIPPED = ("Content trust is off", "signatures, expiry and roll-back are NOT checked")


@pytest.fixture(scope="module")
def published(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("published"), deployment, f"acme/{uuid4().hex}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trustpress_uploader.keys.envelope._COST", 32768)
        desk.init()
    desk.push("app", "application")
    return desk


@pytest.fixture
def stranger(published: Desk, tmp_path: Path) -> Desk:
    """A machine that knows nothing, told where the repository is by its environment."""
    desk = Desk(tmp_path / "stranger", published.deployment, published.repository)
    desk.environment |= {"TRUSTPRESS_REPOSITORY": published.repository, "TRUSTPRESS_URL": published.deployment.url}
    return desk


def commands(desk: Desk) -> dict[str, list[str]]:
    return {
        "pull": ["pull", "app", "-o", str(desk.folder / "pulled")],
        "verify": ["verify", "app", desk.write("mine", "application")],
        "resolve": ["resolve", "app"],
    }


@pytest.mark.parametrize("command", ["pull", "verify", "resolve"])
class TestOff:
    @pytest.mark.parametrize("as_json", [True, False])
    def test_the_warning_says_what_is_skipped_and_who_decides_then(self, stranger: Desk, command: str, as_json: bool) -> None:
        arguments = [*commands(stranger)[command], *(["--json"] if as_json else [])]
        by_option, by_variable = stranger.run(*arguments, "--disable-content-trust"), stranger.run(*arguments, environment=OFF)
        assert by_option.stderr == by_variable.stderr
        assert all(text in by_option.stderr for text in (*SKIPPED, f"{stranger.deployment.url}/{stranger.repository}"))
        assert by_option.stdout == by_variable.stdout
        if as_json:
            assert json.loads(by_option.stdout)["verified"] is False
        elif command != "resolve":
            assert "NOT verified" in by_option.stdout

    def test_a_machine_that_knows_nothing_knows_nothing_afterwards(self, stranger: Desk, command: str) -> None:
        stranger.run(*commands(stranger)[command], "--disable-content-trust")
        assert not stranger.home.exists()
        assert "does not know" in stranger.refuse("E_REPOSITORY", *commands(stranger)[command])

    def test_it_works_where_everything_has_expired(self, published: Desk, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
        let_clients_live_in_the_future(monkeypatch, timedelta(days=4000))
        published.refuse("E_EXPIRED", *commands(published)[command])
        published.run(*commands(published)[command], "--disable-content-trust")
        published.refuse("E_EXPIRED", *commands(published)[command])

    def test_any_other_value_leaves_it_on(self, stranger: Desk, command: str) -> None:
        for value in ("1", "", "false"):
            stranger.refuse("E_REPOSITORY", *commands(stranger)[command], environment={"TRUSTPRESS_CONTENT_TRUST": value})

    def test_a_name_that_the_server_does_not_list_is_not_found(self, stranger: Desk, command: str) -> None:
        missing = ["missing", *commands(stranger)[command][2:]]
        assert "no trust data available for missing" in stranger.refuse("E_NAME", command, *missing, environment=OFF)


def test_a_known_repository_is_asked_where_the_option_says_and_keeps_its_memory(published: Desk) -> None:
    before = {path: path.read_bytes() for path in published.home.rglob("*") if path.is_file()}
    elsewhere = f"http://localhost:{published.deployment.edge.port}"
    said = published.run("resolve", "app", "--disable-content-trust", "--url", elsewhere)
    assert f"{elsewhere}/{published.repository}" in said.stderr
    assert {path: path.read_bytes() for path in published.home.rglob("*") if path.is_file()} == before


def test_what_is_delegated_is_found_and_a_circle_is_walked_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def delegating_in_a_circle(repository: KnownRepository, key: str, limit: int) -> bytes:
        asked.append(key.rpartition("/")[2])
        body = fetch(repository, key, limit)
        return delegating_to("alice", body) if key.endswith(".alice.json") else body

    desk.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = "of the delegated role"
    key = desk.run_json("key", "generate", environment={"TRUSTPRESS_KEY_PASSPHRASE": "of the delegated role"})["keyid"]
    desk.run("signer", "add", "alice", "--key", key, "--paths", "alice/*")
    desk.run("push", desk.write("app", "hers"), "--as", "alice/app")
    assert desk.pull("alice/app", "--disable-content-trust") == "hers"
    fetch = unverified._fetch
    monkeypatch.setattr(unverified, "_fetch", delegating_in_a_circle)
    desk.refuse("E_NAME", "resolve", "alice/missing", environment=OFF)
    assert asked == ["timestamp.json", "3.snapshot.json", "2.targets.json", "2.alice.json"]


def test_without_a_url_the_machine_says_what_is_missing(stranger: Desk) -> None:
    assert "--url is missing" in stranger.refuse("E_REPOSITORY", "resolve", "app", environment={**OFF, "TRUSTPRESS_URL": None})


class TestAccidents:
    """Nobody is kept from lying, but what the server says has to agree with what it sends."""

    @pytest.mark.parametrize(
        ("sent", "code"), [(b"applicatiom", "E_FILE"), (b"app", "E_FILE"), (b"", "E_FILE"), (b"application and more", "E_VERIFY")]
    )
    def test_a_file_that_is_not_what_the_server_says_replaces_none(self, stranger: Desk, sent: bytes, code: str) -> None:
        (key,) = stranger.deployment.public.list_keys(f"{stranger.repository}/targets/")
        edge, path = stranger.deployment.edge, Path(stranger.write("app", "the one from yesterday"))
        with edge.remembering(key):
            edge.remembered[key] = sent or b"\0"
            stranger.refuse(code, "pull", "app", "-o", str(path), environment=OFF)
        assert path.read_text() == "the one from yesterday"
        assert [found.name for found in stranger.folder.iterdir() if found.is_file()] == ["app"]

    def test_metadata_that_is_none_is_an_error_and_no_traceback(self, stranger: Desk) -> None:
        edge, key = stranger.deployment.edge, f"{stranger.repository}/metadata/timestamp.json"
        with edge.remembering(key):
            edge.remembered[key] = b"<html>sign in</html>"
            stranger.refuse("E_JSON", "resolve", "app", environment=OFF)


def delegating_to(rolename: str, body: bytes) -> bytes:
    value, key = json.loads(body), PrivateKey.generate().public_key
    role = {"name": rolename, "keyids": [key.keyid], "threshold": 1, "terminating": False, "paths": ["alice/*"]}
    value["signed"]["delegations"] = {"keys": {key.keyid: key.as_json()}, "roles": [role]}
    return json.dumps(value).encode()
