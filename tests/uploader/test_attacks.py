"""What somebody else may put before a holder of keys: an edge, a bucket, an archive and a home that are not what they seem."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import TargetFile

from tests.uploader.desk import TAGGING_PASSPHRASE, Desk
from tests.uploader.holders import DELEGATION_PASSPHRASE, board, give_key, keyid
from trustpress.adapters.kms import Ed25519Signer
from trustpress.ports import Caching
from trustpress_uploader.changes import words
from trustpress_uploader.commands import options
from trustpress_uploader.errors import NotVerified, UnreadableReceipt, UnusableFile
from trustpress_uploader.home.backup import restore_backup
from trustpress_uploader.home.folder import Home
from trustpress_uploader.keys.envelope import seal
from trustpress_uploader.keys.passphrases import Passphrase
from trustpress_uploader.pushing.desk import Desk as PublishingDesk
from trustpress_uploader.reading import published
from trustpress_uploader.staging.receipts import Receipt, parse_receipt

PASSPHRASE = Passphrase("of the archive, known")


def online_keys(*seeds: bytes) -> bytes:
    keys = [Ed25519Signer(seed).public_key for seed in seeds]
    role = {"keyids": [key.keyid for key in keys], "threshold": 1}
    return json.dumps({"keys": {key.keyid: key.as_json() for key in keys}, "roles": {"snapshot": role, "timestamp": role}}).encode()


def archive(path: Path, value: Any) -> Path:
    path.write_text(json.dumps({"trustpress-backup": 1, "data": seal(json.dumps(value).encode(), PASSPHRASE)}))
    return path


def test_an_online_key_that_the_edge_slips_in_is_refused_by_the_publisher(desk: Desk) -> None:
    edge, place = desk.deployment.edge, f"{desk.repository}/metadata/online-keys.json"
    edge.remembered[place] = online_keys(bytes(31) + b"7")
    try:
        assert "is not an online key of" in desk.refuse("E_ONLINE", "online-key", "rotate", "--yes")
    finally:
        del edge.remembered[place]


def test_what_a_stolen_key_may_have_signed_is_shown_before_it_is_signed_again(desk: Desk) -> None:
    desk.push("hello.txt", "hello")
    shown = desk.run("recover", "--stolen", "--yes").stderr
    assert "= hello.txt (5 bytes, sha256 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824)" in shown


def test_every_hash_is_shown() -> None:
    after = {
        "version": 1,
        "expires": "2027-01-01T00:00:00Z",
        "targets": {"a": {"length": 1, "hashes": {"sha256": "good", "sha512": "evil"}}},
    }
    assert "  + a (1 bytes, sha256 good, sha512 evil)" in words.describe("targets", None, after)


@pytest.mark.parametrize("keyid", ["../../outside", "0" * 63, "A" * 64])
def test_an_archive_writes_nothing_but_keys(tmp_path: Path, keyid: str) -> None:
    file = archive(tmp_path / "archive", {"keys": {keyid: "{}"}, "repositories": {}})
    with pytest.raises(UnusableFile, match="no keyid"):
        restore_backup(Home(tmp_path / "home"), file, PASSPHRASE)
    assert not (tmp_path / "home").exists()


def test_an_archive_pins_nothing_but_roots(tmp_path: Path) -> None:
    files = {"repository.json": '{"url": "https://example.org"}', "root.json": "{}"}
    file = archive(tmp_path / "archive", {"keys": {}, "repositories": {"acme/api": files}})
    with pytest.raises(UnusableFile, match="not a root"):
        restore_backup(Home(tmp_path / "home"), file, PASSPHRASE)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"url": 5}', '{"url": "https://a", "staging": 5}', '{"staging": "b"}'])
def test_nor_a_repository_that_lives_nowhere(tmp_path: Path, desk: Desk, text: str) -> None:
    files = {"repository.json": text, "root.json": desk.known().pinned_root().decode()}
    file = archive(tmp_path / "archive", {"keys": {"0" * 64: "{}"}, "repositories": {"acme/api": files}})
    with pytest.raises(UnusableFile, match="not readable"):
        restore_backup(Home(tmp_path / "home"), file, PASSPHRASE)
    assert not (tmp_path / "home").exists()
    (desk.known().folder / "repository.json").write_text(text)
    desk.refuse("E_FILE", "inspect", "-r", desk.repository)


def test_what_a_later_version_says_of_a_repository_is_left_out(desk: Desk) -> None:
    path = desk.known().folder / "repository.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"self": 1, "later": "x"}))
    desk.run("inspect")


@pytest.mark.parametrize("value", [None, [], {"keys": {}}, {"keys": {"0": 5}, "repositories": {}}, {"keys": {}, "repositories": {"a": {}}}])
def test_an_archive_of_another_shape_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UnusableFile, match="not an archive"):
        restore_backup(Home(tmp_path / "home"), archive(tmp_path / "archive", value), PASSPHRASE)


def test_a_forged_receipt_forgets_no_change(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(PublishingDesk, "upload", lambda *_: Receipt("published", {"root": 2}))
        desk.run("root", "renew", "--yes", "--timeout", "1", exit_code=1)
    assert desk.known().change_file.exists()
    assert desk.run_json("change", "sign", "--yes")["versions"]["root"] == 2


def test_nor_does_one_for_somebody_who_signs_a_waiting_change(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = Desk(tmp_path / "alice", desk.deployment, desk.repository)
    key = {"TRUSTPRESS_KEY_PASSPHRASE": "of the delegated role", "TRUSTPRESS_DELEGATION_PASSPHRASE": "of the delegated role"}
    alice.run("key", "generate", "-o", str(tmp_path / "alice.pub"), environment=key)
    desk.run("signer", "add", "alice", "--key", str(tmp_path / "alice.pub"), "--paths", "a/*", exit_code=4)
    place = ("-r", desk.repository, "--url", desk.deployment.url, "--staging", "staging", "--root", str(desk.known().folder / "root.json"))
    with monkeypatch.context() as patch:
        patch.setattr(PublishingDesk, "upload", lambda *_: Receipt("published", {"alice": 1}))
        alice.run("change", "sign", "--yes", "--timeout", "1", *place, exit_code=1, environment=key)
    assert len(desk.run_json("change", "list")["pending"]) == 1
    assert alice.run_json("change", "sign", "--yes", environment=key)["versions"]["alice"] == 1


@pytest.mark.parametrize(
    "members",
    [
        {"status": "fine"},
        {"status": None},
        {"roles": 5},
        {"roles": {"root": "x"}},
        {"roles": {"root": True}},
        {"release": {"root": -1}},
        {"release": []},
        {"message": {"a": "b"}},
        {"hint": ["x"]},
        {"note": 5},
        {"until": "soon"},
        {"until": "2026-11-24"},
        {"until": "2026-11-24T00:00:00+02:00"},
        {"until": 5},
        {"at": "2026-13-01T00:00:00Z"},
    ],
)
def test_a_receipt_of_another_shape_is_said_to_be_none(members: dict[str, Any]) -> None:
    body = json.dumps({"status": "waiting", "roles": {}, **members}).encode()
    with pytest.raises(UnreadableReceipt, match=r"^receipts/acme/api/1\.json: "):
        parse_receipt("receipts/acme/api/1.json", body)


@pytest.mark.parametrize("body", [b"junk", b"[]", b"", b"\xff"])
def test_nor_is_what_is_no_object(body: bytes) -> None:
    with pytest.raises(UnreadableReceipt, match=r"^receipts/acme/api/1\.json: "):
        parse_receipt("receipts/acme/api/1.json", body)


def test_a_push_says_which_receipt_is_unreadable_and_so_do_status_and_log(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both pushes are of one instant, so that they sign the same bytes and share a receipt."""
    now = datetime.now(UTC)
    monkeypatch.setattr(options, "clock", lambda: now)
    staging, file = desk.deployment.staging, desk.write("hello.txt", "hello")
    with desk.deployment.asleep():
        desk.run("push", file, "--timeout", "0.1", exit_code=3)
        (upload,) = staging.list_keys(f"inbox/{desk.repository}/metadata/")
        found = staging.get(upload, 100_000)
        assert found is not None
        key = f"receipts/{desk.repository}/{hashlib.sha256(found.body).hexdigest()}.json"
        staging.put(key, b'{"status": "waiting", "message": "wait", "until": "tomorrow"}', Caching.PRIVATE)
        for command in (["push", file], ["log"]):
            assert key in desk.refuse("E_RECEIPT", *command)
        assert key in desk.run_json("status")["unseen"]
    desk.push("other.txt", "other")


@pytest.mark.parametrize(("area", "limit", "command"), [("receipts", 64_000, "log"), ("pending", 64_000_000, "change show")])
def test_nothing_in_the_bucket_is_read_without_end(desk: Desk, area: str, limit: int, command: str) -> None:
    desk.deployment.staging.put(f"{area}/{desk.repository}/{'0' * 32}.json", b" " * (limit + 1), Caching.PRIVATE)
    assert f"expected at most {limit:,} bytes" in desk.refuse("E_STORAGE", *command.split())


def test_a_receipt_speaks_in_single_lines() -> None:
    body = json.dumps({"status": "rejected", "message": "no\n2026-11-24T00:00:00Z  published  targets 9"}).encode()
    assert parse_receipt("receipts/acme/api/1.json", body).message == "no 2026-11-24T00:00:00Z published targets 9"


def test_a_home_that_others_may_write_to_is_refused(desk: Desk) -> None:
    desk.home.chmod(0o777)
    assert "may write here" in desk.refuse("E_FILE", "inspect")


def test_a_home_is_its_owners_alone_from_the_beginning(desk: Desk) -> None:
    assert desk.home.stat().st_mode & 0o077 == 0


def test_a_digest_is_printed_only_if_it_is_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    found = TargetFile(5, {"sha256": "00 --entrypoint sh"}, "hello.txt")
    monkeypatch.setattr(published, "_find", lambda *_: found)
    with pytest.raises(NotVerified, match="no well-formed SHA-256"):
        published.find_target(desk.known(), "hello.txt")


def test_a_root_is_not_believed_over_a_line_that_others_can_write_to(new_desk: Desk) -> None:
    place = ("-r", "acme/api", "--url", "http://example.org", "--trust-on-first-use")
    assert "expected https" in new_desk.refuse("E_REPOSITORY", "list", *place)


@pytest.fixture
def two(new_desk: Desk) -> tuple[Desk, Desk]:
    """Two repositories of one person, with the same offline and tagging key."""
    new_desk.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = DELEGATION_PASSPHRASE
    board(new_desk, "ann", threshold=1)
    other = replace(new_desk, repository=f"{new_desk.repository}/two")
    other.init("--root-key", keyid("ann"), "--tagging-key", keyid("tagging", TAGGING_PASSPHRASE))
    return new_desk, other


def test_all_that_is_signed_names_its_repository(two: tuple[Desk, Desk]) -> None:
    one, _ = two
    options = ["-r", one.repository]
    public = give_key(one, "alice", DELEGATION_PASSPHRASE)
    one.run("signer", "add", "alice", "--key", public, "--paths", "alice/*", *options)
    one.run("root", "renew", "--yes", *options)
    for name in ("1.root", "2.root", "1.targets", "2.targets", "1.alice"):
        assert one.deployment.published(f"{one.repository}/metadata/{name}.json")["x-trustpress-repository"] == one.repository


def test_a_root_of_another_repository_is_refused_and_not_remembered(two: tuple[Desk, Desk]) -> None:
    one, other = two
    one.run("push", one.write("app", "one"), "--as", "app", "-r", one.repository)
    other.run("root", "renew", "--yes", "-r", other.repository)
    edge, options = one.deployment.edge, ["-r", one.repository]
    with edge.remembering(f"{other.repository}/metadata/2.root.json"):
        edge.remembered[f"{one.repository}/metadata/2.root.json"] = edge.remembered[f"{other.repository}/metadata/2.root.json"]
        for command in (["inspect"], ["resolve", "app"], ["status"]):
            assert "x-trustpress-repository" in one.refuse("E_VERIFY", *command, *options)
        del edge.remembered[f"{one.repository}/metadata/2.root.json"]
    assert one.run_json("resolve", "app", *options)["length"] == 3
    assert one.run_json("root", "renew", "--yes", *options)["versions"]["root"] == 2


def test_targets_of_another_repository_are_not_built_on(two: tuple[Desk, Desk]) -> None:
    one, other = two
    other.run("push", other.write("app", "other"), "--as", "app", "-r", other.repository)
    edge, options = one.deployment.edge, ["-r", one.repository]
    with edge.remembering(f"{other.repository}/metadata/2.targets.json"):
        edge.remembered[f"{one.repository}/metadata/2.targets.json"] = edge.remembered[f"{other.repository}/metadata/2.targets.json"]
        assert "x-trustpress-repository" in one.refuse("E_VERIFY", "push", one.write("mine", "mine"), *options)
        del edge.remembered[f"{one.repository}/metadata/2.targets.json"]
    assert one.run_json("push", one.write("mine", "mine"), *options)["versions"]["targets"] == 2


def test_nor_is_a_change_of_another_repository_signed_or_its_root_pinned(two: tuple[Desk, Desk], tmp_path: Path) -> None:
    one, other = two
    key = f"{other.repository}/metadata/1.root.json"
    found = one.deployment.public.get(key, 100_000)
    assert found
    (tmp_path / "root.json").write_bytes(found.body)
    stranger = Desk(tmp_path / "stranger", one.deployment, one.repository)
    stranger.refuse("E_FOREIGN", "inspect", "-r", one.repository, "--url", one.deployment.url, "--root", str(tmp_path / "root.json"))
    (tmp_path / "change.json").write_text(json.dumps({"steps": [{"root": json.loads(found.body)}]}))
    one.refuse("E_FOREIGN", "root", "sign", str(tmp_path / "change.json"), "--offline", "--yes", "-r", one.repository)


def test_only_a_root_that_replaces_a_stolen_key_says_at_once(desk: Desk) -> None:
    desk.run("recover", "--stolen", "--yes")
    desk.run("root", "renew", "--yes")
    roots = [desk.deployment.published(f"{desk.repository}/metadata/{version}.root.json") for version in (1, 2, 3)]
    assert [root.get("x-trustpress-at-once") for root in roots] == [None, 2, None]
