"""Things kept elsewhere, signed by hash and length: firmware, and container images of every platform."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.uploader.deployment import Deployment
from tests.uploader.desk import Desk
from tests.uploader.test_trouble import eventually

IMAGE = "registry.example.com/acme/api"
HEX = hashlib.sha256(b"x").hexdigest()


def digest_of(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


@pytest.fixture(scope="module")
def external(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A repository of things kept elsewhere, shared: every story has names of its own."""
    desk = Desk(tmp_path_factory.mktemp("external"), deployment, f"acme/{uuid4().hex}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trustpress_uploader.keys.envelope._COST", 32768)
        desk.init("--external-targets")
    return desk


@pytest.fixture
def nothing_stored(external: Desk) -> Iterator[None]:
    yield
    eventually(lambda: external.staged() == [])
    assert list(external.deployment.public.list_keys(f"{external.repository}/targets/")) == []


@pytest.mark.usefixtures("nothing_stored")
class TestSign:
    @pytest.mark.on_seaweedfs_too
    def test_a_hash_and_a_length_are_enough(self, external: Desk) -> None:
        digest = digest_of("firmware")
        signed = external.run_json("sign", "fw/1.2.bin", "--digest", digest, "--length", "8", "--custom", "board=a1")
        assert signed["targets"] == {"fw/1.2.bin": {"length": 8, "hashes": {"sha256": digest[7:]}, "custom": {"board": "a1"}}}
        resolved = external.run_json("resolve", "fw/1.2.bin")
        assert (resolved["digest"], resolved["length"], resolved["custom"]) == (digest, 8, {"board": "a1"})
        file = external.write("1.2.bin", "firmware")
        assert external.run_json("verify", "fw/1.2.bin", file)["verified"]
        assert "expected sha256" in external.refuse("E_FILE", "verify", "fw/1.2.bin", external.write("other", "firmwarf"))

    def test_a_length_of_any_size_and_of_none(self, external: Desk) -> None:
        external.run("sign", "large", "--digest", digest_of("large"), "--length", str(6 * 1024**4))
        external.run("sign", "empty", "--digest", digest_of(""), "--length", "0")
        assert external.run_json("resolve", "large")["length"] == 6 * 1024**4
        assert external.run_json("verify", "empty", external.write("nothing", ""))["verified"]

    def test_pull_says_that_it_is_kept_elsewhere(self, external: Desk, tmp_path: Path) -> None:
        external.run("sign", "elsewhere", "--digest", digest_of("x"), "--length", "1")
        error = external.run_json("pull", "elsewhere", "-o", str(tmp_path / "pulled"), exit_code=1)["error"]
        assert (error["code"], "kept elsewhere" in error["message"], "trustpress verify" in error["hint"]) == ("E_IMPOSSIBLE", True, True)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        "digest",
        [
            "", "sha256:", HEX, f"sha512:{HEX}", f"sha256:{HEX[1:]}", f"sha256:{HEX}0", f"sha256:{HEX.upper()}", f"sha256:{'g' * 64}",
            f"sha256:{HEX}\n",
        ],
    )  # fmt: skip
    def test_what_is_no_digest_is_refused_before_anything_is_asked_for(self, external: Desk, digest: str) -> None:
        before = len(external.deployment.edge.requests)
        assert "expected sha256:" in external.refuse("E_IMPOSSIBLE", "sign", "a", "--digest", digest, "--length", "1")
        assert len(external.deployment.edge.requests) == before

    def test_a_name_and_a_length_that_are_none(self, external: Desk) -> None:
        external.refuse("E_PORTABLE", "sign", "a b", "--digest", digest_of("x"), "--length", "1")
        for missing in (["--length", "1"], ["--digest", digest_of("x")], ["--digest", digest_of("x"), "--length", "-1"]):
            external.run("sign", "a", *missing, exit_code=2)

    def test_a_dry_run_signs_nothing(self, external: Desk) -> None:
        arguments = ("sign", "dry", "--digest", digest_of("x"), "--length", "1", "--dry-run")
        said = external.run(*arguments, environment={"TRUSTPRESS_TAGGING_PASSPHRASE": None}).stdout
        assert f"+ dry (1 bytes, sha256 {digest_of('x')[7:]})" in said
        external.refuse("E_NAME", "resolve", "dry")


@pytest.mark.usefixtures("nothing_stored")
class TestSignImage:
    def test_an_index_and_each_of_its_platforms_are_signed_by_their_digests(self, external: Desk) -> None:
        """https://github.com/docker/cli/issues/910: an image of several platforms is signed as any other manifest is."""
        parts = {"1.2": 1609, "1.2-linux-amd64": 528, "1.2-linux-arm64": 7321}
        for tag, length in parts.items():
            external.run("sign-image", f"{IMAGE}:{tag}@{digest_of(tag)}", "--length", str(length))
        for tag, length in parts.items():
            assert external.run("resolve", tag).stdout == f"{digest_of(tag)}\n"
            resolved = external.run_json("resolve", tag)
            assert (resolved["length"], resolved["custom"]) == (length, {"image": IMAGE})

    def test_a_tag_that_moves_resolves_to_where_it_points_now(self, external: Desk) -> None:
        for text in ("monday", "tuesday"):
            external.run("sign-image", f"{IMAGE}:nightly@{digest_of(text)}", "--length", "500")
        assert external.run("resolve", "nightly").stdout.strip() == digest_of("tuesday")

    @pytest.mark.parametrize(
        ("image", "options", "name", "repository"),
        [
            (IMAGE, [], "latest", IMAGE),
            ("localhost:5000/api:1.2_rc.1", [], "1.2_rc.1", "localhost:5000/api"),
            (f"{IMAGE}:1.2", ["--as", "api/stable"], "api/stable", IMAGE),
        ],
    )
    def test_the_tag_is_the_name_unless_there_is_another(
        self, external: Desk, image: str, options: list[str], name: str, repository: str
    ) -> None:
        external.run("sign-image", f"{image}@{digest_of(image)}", "--length", "500", *options)
        resolved = external.run_json("resolve", name)
        assert (resolved["digest"], resolved["custom"]) == (digest_of(image), {"image": repository})

    @pytest.mark.parametrize(
        "image",
        [
            IMAGE, f"{IMAGE}:1.2", f"{IMAGE}:1.2@sha256:abc", f"{IMAGE}:1.2@sha256:{HEX.upper()}", f"{IMAGE}@sha512:{HEX}{HEX}",
            f"{IMAGE}:1.2:3@sha256:{HEX}", f"{IMAGE}:1.2@sha256:{HEX} ", f"{IMAGE}:-@sha256:{HEX}", f"{IMAGE}:{'x' * 129}@sha256:{HEX}",
            f"@sha256:{HEX}", f"{IMAGE}/@sha256:{HEX}", f"https://{IMAGE}@sha256:{HEX}",
        ],
    )  # fmt: skip
    def test_what_is_no_image_by_digest_is_refused(self, external: Desk, image: str) -> None:
        error = external.run_json("sign-image", image, "--length", "500", exit_code=1)["error"]
        assert (error["code"], "imagetools inspect" in error["hint"]) == ("E_IMPOSSIBLE", True)

    def test_a_manifest_has_a_length(self, external: Desk) -> None:
        for length in ([], ["--length", "0"]):
            external.run("sign-image", f"{IMAGE}@{digest_of('x')}", *length, exit_code=2)


def test_a_repository_that_keeps_its_files_refuses_both(quiet_desk: Desk) -> None:
    for command in (["sign", "a", "--digest", digest_of("x")], ["sign-image", f"{IMAGE}:1.2@{digest_of('x')}"]):
        error = quiet_desk.run_json(*command, "--length", "1", exit_code=1, environment={"TRUSTPRESS_TAGGING_PASSPHRASE": None})["error"]
        assert (error["code"], "init --external-targets" in error["hint"]) == ("E_IMPOSSIBLE", True)
    assert quiet_desk.staged() == []
