"""The first root on a machine that knows none: told, never guessed."""

import hashlib
from pathlib import Path
from uuid import uuid4

import pytest

from tests.uploader.deployment import Deployment
from tests.uploader.desk import Desk

TOLD_NOTHING = "this machine does not know"


@pytest.fixture(scope="module")
def published(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("published"), deployment, f"acme/{uuid4().hex}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trustpress_uploader.keys.envelope._COST", 32768)
        desk.init()
    desk.push("app", "application")
    return desk


@pytest.fixture(scope="module")
def other(published: Desk, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Another repository of the same deployment, which has another root."""
    desk = Desk(tmp_path_factory.mktemp("other"), published.deployment, f"acme/{uuid4().hex}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trustpress_uploader.keys.envelope._COST", 32768)
        desk.init()
    return desk


@pytest.fixture
def stranger(published: Desk, tmp_path: Path) -> Desk:
    """A machine that knows the repository's name and URL from its environment, and nothing else; it has no credentials."""
    desk = Desk(tmp_path / "stranger", published.deployment, published.repository)
    desk.environment |= dict.fromkeys(published.deployment.environment)
    desk.environment |= {"TRUSTPRESS_REPOSITORY": published.repository, "TRUSTPRESS_URL": published.deployment.url}
    return desk


def root_of(desk: Desk) -> str:
    return str(desk.known().folder / "root.json")


def hash_of(desk: Desk) -> str:
    """As its owner reads it off what is published."""
    found = desk.deployment.public.get(f"{desk.repository}/metadata/1.root.json", 100_000)
    assert found is not None
    return hashlib.sha256(found.body).hexdigest()


def knows_nothing(desk: Desk) -> bool:
    return not list(desk.home.rglob("*.json"))


class TestNeverSilently:
    @pytest.mark.parametrize(
        "command", [["pull", "app"], ["verify", "app", __file__], ["resolve", "app"], ["list"], ["inspect"], ["status"]]
    )
    def test_no_command_believes_what_the_server_shows(self, stranger: Desk, command: list[str]) -> None:
        error = stranger.run_json(*command, exit_code=1)["error"]
        assert (error["code"], TOLD_NOTHING in error["message"]) == ("E_REPOSITORY", True)
        assert all(way in error["hint"] for way in ("--root FILE", "--root-hash SHA256", "--trust-on-first-use"))
        assert knows_nothing(stranger)

    def test_nor_a_server_that_was_not_named(self, stranger: Desk) -> None:
        nowhere = {"TRUSTPRESS_URL": None}
        for how in ([], ["--root-hash", "0" * 64], ["--trust-on-first-use"]):
            assert TOLD_NOTHING in stranger.refuse("E_REPOSITORY", "pull", "app", *how, environment=nowhere)


class TestRootFile:
    def test_it_is_asked_for_once(self, stranger: Desk, published: Desk) -> None:
        assert stranger.pull("app", "--root", root_of(published)) == "application"
        assert stranger.pull("app") == "application"

    def test_another_one_later_is_refused_and_the_first_stays(self, stranger: Desk, published: Desk, other: Desk) -> None:
        stranger.pull("app", "--root", root_of(published))
        before = stranger.known().pinned_root()
        for command in (["pull", "app"], ["inspect"]):
            assert "not the root that is pinned" in stranger.refuse("E_REPOSITORY", *command, "--root", root_of(other))
        assert stranger.known().pinned_root() == before
        assert stranger.pull("app", "--root", root_of(published)) == "application"


class TestRootHash:
    def test_the_right_one_pins_and_is_compared_with_what_the_owner_sees(self, stranger: Desk, published: Desk) -> None:
        said = stranger.run("pull", "app", "-o", str(stranger.folder / "pulled"), "--root-hash", hash_of(published).upper())
        assert "which has the hash you gave" in said.stderr
        assert (stranger.folder / "pulled").read_text() == "application"
        assert hashlib.sha256(stranger.known().pinned_root()).hexdigest() == hash_of(published)

    @pytest.mark.parametrize("wrong", ["0" * 64, "abc", "sha256:", "ff"])
    def test_a_wrong_one_pins_nothing(self, stranger: Desk, published: Desk, wrong: str) -> None:
        assert hash_of(published) in stranger.refuse("E_VERIFY", "pull", "app", "--root-hash", wrong)
        assert knows_nothing(stranger)
        assert TOLD_NOTHING in stranger.refuse("E_REPOSITORY", "pull", "app")

    def test_it_goes_before_trust_on_first_use(self, stranger: Desk) -> None:
        stranger.refuse("E_VERIFY", "pull", "app", "--root-hash", "0" * 64, "--trust-on-first-use")
        assert knows_nothing(stranger)

    def test_a_build_machine_that_is_thrown_away_is_told_by_its_environment(self, published: Desk, stranger: Desk, tmp_path: Path) -> None:
        """https://github.com/docker/cli/issues/2752: every run of it is the first one."""
        stranger.environment["TRUSTPRESS_ROOT_HASH"] = hash_of(published)
        for run in ("first", "second"):
            home = {"TRUSTPRESS_HOME": str(tmp_path / run)}
            assert stranger.run("resolve", "app", environment=home).stdout.startswith("sha256:")
        wrong = {"TRUSTPRESS_HOME": str(tmp_path / "third"), "TRUSTPRESS_ROOT_HASH": "0" * 64}
        stranger.refuse("E_VERIFY", "resolve", "app", environment=wrong)
        assert not (tmp_path / "third").exists()

    def test_a_machine_that_has_pinned_another_root_says_so(self, published: Desk, stranger: Desk, other: Desk) -> None:
        for machine, how in ((stranger, ["--root-hash", hash_of(published)]), (published, [])):
            machine.run("resolve", "app", *how)
            machine.run("resolve", "app", environment={"TRUSTPRESS_ROOT_HASH": hash_of(published)})
            wrong = {"TRUSTPRESS_ROOT_HASH": hash_of(other)}
            assert "not the SHA-256 of the root that is pinned" in machine.refuse("E_REPOSITORY", "resolve", "app", environment=wrong)

    def test_a_machine_that_starts_from_a_later_root_cannot_tell_and_goes_on(self, desk: Desk, tmp_path: Path) -> None:
        desk.run("root", "renew", "--yes")
        found = desk.deployment.public.get(f"{desk.repository}/metadata/2.root.json", 100_000)
        assert found is not None
        late = Desk(tmp_path / "late", desk.deployment, desk.repository)
        (late.folder / "2.root.json").write_bytes(found.body)
        place = ["-r", desk.repository, "--url", desk.deployment.url]
        late.run("inspect", *place, "--root", str(late.folder / "2.root.json"))
        late.run("inspect", environment={"TRUSTPRESS_ROOT_HASH": hash_of(desk)})

    def test_what_is_no_root_is_not_pinned_even_with_the_right_hash(self, stranger: Desk, published: Desk) -> None:
        key, edge = f"{published.repository}/metadata/1.root.json", published.deployment.edge
        edge.remembered[key] = b"<html>not found</html>"
        try:
            sha256 = hashlib.sha256(edge.remembered[key]).hexdigest()
            for how in (["--root-hash", sha256], ["--trust-on-first-use"]):
                assert "not a root" in stranger.refuse("E_FILE", "pull", "app", *how)
        finally:
            del edge.remembered[key]
        assert knows_nothing(stranger)


class TestFirstUse:
    def test_it_prints_the_hash_to_be_compared_and_pins_for_good(self, stranger: Desk, published: Desk, other: Desk) -> None:
        said = stranger.run("resolve", "app", "--trust-on-first-use")
        assert hash_of(published) in said.stderr
        assert len(said.stdout.splitlines()) == 1
        again = stranger.run("resolve", "app", "--trust-on-first-use")
        assert again.stderr == ""
        stranger.refuse("E_REPOSITORY", "resolve", "app", "--root", root_of(other))

    def test_programs_see_the_hash_as_well(self, stranger: Desk, published: Desk) -> None:
        said = stranger.run("resolve", "app", "--trust-on-first-use", "--json")
        assert hash_of(published) in said.stderr

    def test_a_repository_that_is_not_published_pins_nothing(self, stranger: Desk) -> None:
        stranger.refuse("E_MISSING", "inspect", "-r", f"{stranger.repository}/none", "--trust-on-first-use")
        assert knows_nothing(stranger)
