"""Pull, verify, resolve: what verifies, and what does not."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.uploader.deployment import Deployment
from tests.uploader.desk import Desk


@pytest.fixture(scope="module")
def published(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A repository with two files, shared by the stories that publish nothing."""
    desk = Desk(tmp_path_factory.mktemp("published"), deployment, f"acme/{uuid4().hex}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trustpress_uploader.keys.envelope._COST", 32768)
        desk.init()
    desk.run("push", desk.write("app", "application"), desk.write("deep/readme", "read me"), "--as", "1.2/")
    return desk


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def tampered(published: Desk) -> Iterator[None]:
    """Somebody has changed a byte of the file on its way."""
    edge = published.deployment.edge
    (key,) = [key for key in published.deployment.public.list_keys(f"{published.repository}/targets/") if key.endswith(".app")]
    edge.remembered[key] = b"Application"
    yield
    del edge.remembered[key]


class TestNoTrustData:
    @pytest.mark.parametrize("command", [["pull", "missing"], ["verify", "missing", __file__], ["resolve", "missing"]])
    def test_it_is_said_in_these_words_and_is_a_failure(self, published: Desk, here: Path, command: list[str]) -> None:
        assert published.refuse("E_NAME", *command) == "no trust data available for missing"
        result = published.run(*command, exit_code=1)
        assert "no trust data available for missing" in result.stderr
        assert result.stdout == ""
        assert list(here.iterdir()) == []


class TestPull:
    def test_it_lands_here_under_its_own_name(self, published: Desk, here: Path) -> None:
        pulled = published.run_json("pull", "1.2/app")
        assert pulled == {"repository": published.repository, "name": "1.2/app", "file": "app", "length": 11, "verified": True}
        assert (here / "app").read_text() == "application"

    def test_it_lands_in_a_folder_or_under_another_name(self, published: Desk, here: Path) -> None:
        published.run("pull", "1.2/app", "-o", str(here))
        published.run("pull", "1.2/readme", "-o", str(here / "new" / "name"))
        assert (here / "app").read_text() == "application"
        assert (here / "new" / "name").read_text() == "read me"

    @pytest.mark.usefixtures("tampered")
    def test_a_file_that_does_not_verify_replaces_none(self, published: Desk, here: Path) -> None:
        (here / "app").write_text("the one from yesterday")
        published.refuse("E_VERIFY", "pull", "1.2/app")
        assert [path.read_text() for path in here.iterdir()] == ["the one from yesterday"]


class TestVerify:
    def test_the_file_itself_is_and_says_so(self, published: Desk) -> None:
        file = published.write("mine", "application")
        said = published.run_json("verify", "1.2/app", file)
        assert said == {"repository": published.repository, "name": "1.2/app", "file": file, "verified": True}
        assert "NOT" not in published.run("verify", "1.2/app", file).output

    @pytest.mark.parametrize(
        ("text", "said"),
        [("applicatiom", "expected sha256"), ("app", "expected 11 bytes, found 3"), ("", "found 0"), ("application\n", "found 12")],
    )
    def test_another_file_is_not_by_hash_or_by_length(self, published: Desk, text: str, said: str) -> None:
        file = published.write("mine", text)
        assert said in published.refuse("E_FILE", "verify", "1.2/app", file)
        assert published.run("verify", "1.2/app", file, exit_code=1).stdout == ""

    def test_a_file_of_another_name_is_not(self, published: Desk) -> None:
        published.refuse("E_FILE", "verify", "1.2/readme", published.write("mine", "application"))

    def test_no_file_is_wrong_usage(self, published: Desk, here: Path) -> None:
        published.run("verify", "1.2/app", "missing", exit_code=2)

    def test_the_version_before_is_no_longer_what_is_signed_now(self, desk: Desk) -> None:
        old = desk.write("old", "application 1")
        desk.push("app", "application 1")
        desk.run("verify", "app", old)
        desk.push("app", "application 2")
        desk.refuse("E_FILE", "verify", "app", old)


class TestResolve:
    def test_a_script_gets_the_digest_and_nothing_else(self, published: Desk) -> None:
        said = published.run("resolve", "1.2/app")
        (line,) = said.stdout.splitlines()
        assert line == f"sha256:{published.run_json('inspect')['targets']['1.2/app']['hashes']['sha256']}"
        assert said.stderr == ""

    def test_programs_get_everything_that_is_signed(self, published: Desk) -> None:
        resolved = published.run_json("resolve", "1.2/app")
        assert (resolved["length"], resolved["custom"], resolved["verified"]) == (11, None, True)


def test_an_earlier_timestamp_is_refused_on_a_machine_that_saw_a_later_one(desk: Desk) -> None:
    key, edge = f"{desk.repository}/metadata/timestamp.json", desk.deployment.edge
    earlier = desk.deployment.public.get(key, 10_000)
    assert earlier is not None
    desk.push("app", "application")
    desk.pull("app")
    edge.remembered[key] = earlier.body
    try:
        for command in (["pull", "app"], ["resolve", "app"], ["verify", "app", desk.write("app", "application")]):
            desk.refuse("E_VERIFY", *command)
    finally:
        del edge.remembered[key]
    assert desk.pull("app") == "application"


def test_the_role_of_a_signer_verifies_for_its_own_paths_alone(desk: Desk) -> None:
    """What is delegated is found where it is delegated to, by all three."""
    passphrase = {"TRUSTPRESS_KEY_PASSPHRASE": "of the delegated role"}
    desk.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = "of the delegated role"
    key = desk.run_json("key", "generate", environment=passphrase)["keyid"]
    desk.run("signer", "add", "alice", "--key", key, "--paths", "alice/*")
    assert set(desk.run_json("push", desk.write("app", "hers"), "--as", "alice/app")["versions"]) >= {"alice", "snapshot", "timestamp"}
    assert desk.pull("alice/app") == "hers"
    assert desk.run_json("verify", "alice/app", desk.write("mine", "hers"))["verified"]
    desk.refuse("E_NAME", "resolve", "app")
