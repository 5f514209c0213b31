"""What people are shown before they sign, and that it is what they sign; what an earlier version is believed to be."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.uploader.desk import TAGGING_PASSPHRASE, Desk
from tests.uploader.holders import DELEGATION_PASSPHRASE, WAITS, another_desk, board, eventually, give_key, is_published, keyid, open_key
from trustpress.core.delegations import RoleKeys
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, Targets
from trustpress.core.parse import parse_targets
from trustpress.core.paths import SuccinctRoles
from trustpress.ports import Caching
from trustpress_uploader.changes.change import compose_change, compose_draft
from trustpress_uploader.changes.vouched import MANY, View, show_change
from trustpress_uploader.changes.words import describe, tell
from trustpress_uploader.keys.private_keys import PrivateKey
from trustpress_uploader.plans import targets_editor
from trustpress_uploader.plans.targets_editor import Signed, TargetsEdit
from trustpress_uploader.plans.way_back import keep_standing
from trustpress_uploader.reading.roles import Roles

LATER = datetime(2027, 2, 22, 12, 0, 0, tzinfo=UTC)
TAGGING, ALICE, BOB, THIEF = (PrivateKey.from_seed(bytes(31) + bytes([number])) for number in range(1, 5))
ENTRY: TargetFile = {"length": 1, "hashes": {"sha256": "0" * 64}}


def listing(*keys: PrivateKey, threshold: int = 1) -> RoleKeys:
    return RoleKeys({key.public_key.keyid: key.public_key for key in keys}, threshold)


def role(key: PrivateKey, *edits: targets_editor.Edit) -> Document[Targets]:
    signed = targets_editor.compose_targets(LATER)
    for edit in edits:
        signed = edit(signed)
    return parse_targets(compose_draft("targets", signed).sign(key).envelope())


def delegate(name: str, *keys: PrivateKey) -> targets_editor.Edit:
    return targets_editor.delegate(name, listing(*keys), ["*"])


RICH = role(
    TAGGING,
    delegate("alice", ALICE),
    delegate("bob", BOB, THIEF),
    lambda signed: signed | {"targets": {"a": ENTRY | {"custom": {"commit": "1"}}, "b": ENTRY}, "x-note": {"deep": [1]}},
).members()


class Publishing(Roles):
    """Roles that are published, and signed by somebody."""

    def __init__(self, published: Mapping[str, Document[Targets]]) -> None:
        self._published = published

    def signed_by(self, role_keys: Mapping[str, RoleKeys]) -> dict[str, Document[Targets] | None]:
        found = {name: self._published.get(name) for name in role_keys}
        return {
            name: document if document and any(entry.keyid in role_keys[name].keys for entry in document.signatures) else None
            for name, document in found.items()
        }


def names(signed: Signed) -> list[str]:
    return [role["name"] for role in signed["delegations"]["roles"]]


class TestShowing:
    def test_what_stays_is_told_as_completely_as_what_is_new(self) -> None:
        """What a role says of itself when it is new, it says when nothing has changed, line for line."""
        kept = list(tell("targets", RICH, RICH))
        assert all(line.is_kept for line in kept)
        new = [line.removeprefix("  ").removeprefix("+ ") for line in describe("targets", None, RICH)[1:]]
        assert [line.text.removeprefix("= ") for line in kept] == new

    def test_what_is_shown_is_signed_whatever_becomes_of_what_it_was_made_of(self) -> None:
        signed = json.loads(json.dumps(RICH))
        change = compose_change({"targets": signed})
        shown = show_change(change, View()).full
        signed["targets"]["evil"] = ENTRY
        signed["delegations"]["roles"].clear()
        draft = change.steps[0]["targets"].sign(TAGGING)
        assert json.loads(draft.envelope())["signed"] == RICH
        assert draft.signed_by(listing(TAGGING))
        assert show_change(change, View()).full == shown
        assert not any("evil" in line for line in shown)

    def test_control_characters_stand_raw_in_what_signatures_cover_and_are_read_all_the_same(self) -> None:
        change = compose_change({"targets": RICH | {"x-note": "a\nb\x1b[2K"}})
        assert change.steps[0]["targets"].shown["x-note"] == "a\nb\x1b[2K"

    def test_long_lists_are_counted_and_differences_are_not(self) -> None:
        before = role(TAGGING, TargetsEdit(added={f"file-{number}": ENTRY for number in range(MANY + 1)}))
        after = before.members()
        after["targets"]["evil"] = after["targets"].pop("file-0")
        more = {f"new-{number}": ENTRY for number in range(2 * MANY)}
        after["targets"] |= more
        shown = show_change(compose_change({"targets": after}), View({"targets": before}.get))
        assert sum(line.startswith("  + new-") for line in shown.short) == 2 * MANY
        assert any(line.startswith("  + evil") for line in shown.short)
        assert "  - file-0" in shown.short
        assert f"  = {MANY:,} targets as before" not in "\n".join(shown.short)
        after["targets"]["file-0"] = ENTRY
        shown = show_change(compose_change({"targets": after}), View({"targets": before}.get))
        assert f"  = {MANY + 1:,} targets as before; --show-in FILE writes them down" in shown.short
        assert sum(line.startswith("  = file-") for line in shown.full) == MANY + 1

    def test_a_role_that_delegates_to_itself_ends(self) -> None:
        alice = role(ALICE, delegate("alice", ALICE))
        targets = role(TAGGING, delegate("alice", ALICE))
        change = compose_change({"targets": targets.members()})
        shown = show_change(change, View({"targets": targets}.get, Publishing({"alice": alice}).signed_by))
        assert shown.full.count("alice 1, signed by keys of its own, comes with its delegation") == 1

    def test_what_cannot_be_seen_is_said(self) -> None:
        assert (
            "alice, of which nothing that its keys have signed can be seen from here"
            in show_change(compose_change({"targets": RICH}), View()).full
        )


class TestStanding:
    def test_who_signs_with_a_key_that_goes_falls_and_keeps_the_others(self) -> None:
        targets = role(TAGGING, delegate("alice", ALICE), delegate("bob", BOB, THIEF))
        roles = Publishing({"alice": role(ALICE), "bob": role(BOB)})
        signed, (dropped,) = keep_standing(targets, roles, {THIEF.public_key.material})
        assert names(signed) == ["alice"]
        assert (dropped.name, dropped.keys, dropped.paths) == ("bob", (BOB.public_key,), ("*",))

    def test_who_delegates_to_a_key_that_goes_falls_as_well(self) -> None:
        targets = role(TAGGING, delegate("alice", ALICE), delegate("bob", BOB))
        roles = Publishing({"alice": role(ALICE, delegate("deep", THIEF)), "deep": role(THIEF), "bob": role(BOB)})
        signed, (dropped,) = keep_standing(targets, roles, {THIEF.public_key.material})
        assert (names(signed), dropped.name, dropped.keys) == (["bob"], "alice", (ALICE.public_key,))

    def test_who_delegates_in_a_circle_falls(self) -> None:
        targets = role(TAGGING, delegate("alice", ALICE))
        roles = Publishing({"alice": role(ALICE, delegate("bob", BOB)), "bob": role(BOB, delegate("alice", ALICE))})
        assert [dropped.name for dropped in keep_standing(targets, roles, set())[1]] == ["alice"]

    @pytest.mark.parametrize("signs_the_last", [ALICE, THIEF])
    def test_bins_stand_together(self, signs_the_last: PrivateKey) -> None:
        bins = SuccinctRoles(2, "bin")
        targets = role(TAGGING, targets_editor.delegate_to_bins(bins, listing(ALICE)))
        *others, last = bins.rolenames()
        roles = Publishing(dict.fromkeys(others, role(ALICE)) | {last: role(signs_the_last)})
        signed, dropped = keep_standing(targets, roles, set())
        if signs_the_last is ALICE:
            assert (signed, dropped) == (targets.members(), [])
        else:
            assert "delegations" not in signed
            assert [(found.name, found.bits) for found in dropped] == [("bin", 2)]


@pytest.fixture
def owner(new_desk: Desk) -> Iterator[Desk]:
    """Targets 2 lists a, targets 3 b as well."""
    board(new_desk, "ann", threshold=1)
    new_desk.push("a", "a")
    new_desk.push("b", "b")
    yield new_desk
    new_desk.deployment.edge.remembered.clear()


class TestEarlierVersions:
    def test_one_that_was_published_is_told_by_the_snapshot_that_lists_its_hash(self, owner: Desk) -> None:
        shown = owner.run("recover", "--stolen", "--as-of", "2", exit_code=1).stderr
        assert "targets 2 is as it was published: snapshot 2 lists it by its hash" in shown
        assert "  - b" in shown
        assert "  = a (1 bytes" in shown

    def test_one_that_the_thief_has_signed_since_is_refused(self, owner: Desk) -> None:
        """He has the stolen key, and shows what was never published under that number."""
        key = f"{owner.repository}/metadata/2.targets.json"
        forged = owner.deployment.published(key)
        forged["targets"]["evil"] = forged["targets"]["a"]
        body = compose_draft("targets", forged).sign(open_key("tagging", TAGGING_PASSPHRASE)).envelope()
        owner.deployment.edge.remembered[key] = body
        assert "expected" in owner.refuse("E_VERIFY", "recover", "--stolen", "--as-of", "2", "--yes", "--timeout", "2")

    def test_where_no_snapshot_is_left_that_is_said(self, owner: Desk) -> None:
        public = owner.deployment.public
        for version in list(public.list_versions(f"{owner.repository}/metadata/2.snapshot.json")):
            public.delete_version(version)
        shown = owner.run("recover", "--stolen", "--as-of", "2", exit_code=1).stderr
        assert "No snapshot that listed targets 2 is left" in shown
        assert keyid("tagging", TAGGING_PASSPHRASE) in shown

    @pytest.mark.parametrize("version", ["4", "9"])
    def test_one_that_clients_have_not_seen_is_none(self, owner: Desk, version: str) -> None:
        said = owner.refuse("E_MISSING", "recover", "--stolen", "--as-of", version, "--yes")
        assert said == f"targets {version}: the newest version of targets that shows is 3"

    def test_one_that_a_cache_still_hides_is_not_said_to_be_unpublished(self, owner: Desk) -> None:
        with owner.deployment.edge.remembering(f"{owner.repository}/metadata/timestamp.json"):
            owner.push("d", "d")
            said = owner.refuse("E_MISSING", "recover", "--stolen", "--as-of", "4", "--yes")
        assert said == "targets 4: the newest version of targets that shows is 3"

    def test_one_that_has_expired_for_good_is_told(self, owner: Desk) -> None:
        public = owner.deployment.public
        for version in list(public.list_versions(f"{owner.repository}/metadata/2.targets.json")):
            public.delete_version(version)
        assert "targets 2 is not there any more" in owner.refuse("E_MISSING", "recover", "--stolen", "--as-of", "2", "--yes")

    def test_what_clients_see_now_is_one_as_well(self, owner: Desk) -> None:
        recovered = owner.run("recover", "--stolen", "--as-of", "3", "--yes")
        assert "targets 3 is what clients see now" in recovered.stderr
        assert owner.targets() == ["a", "b"]

    def test_a_lost_key_needs_none(self, owner: Desk) -> None:
        assert "add --stolen" in owner.run("recover", "--as-of", "2", exit_code=2).stderr


class TestAsking:
    def test_what_the_screen_counts_a_file_has_in_full(self, owner: Desk, tmp_path: Path) -> None:
        for number in range(MANY):
            owner.write(f"dist/file-{number}", "text")
        owner.run("push", str(owner.folder / "dist"), "--as", "dist")
        file = tmp_path / "all.txt"
        shown = owner.run("recover", "--stolen", "--show-in", str(file), exit_code=1).stderr
        assert f"= {MANY + 2} targets as before; --show-in FILE writes them down" in shown
        assert "dist/file-7" not in shown
        assert sum("= dist/file-" in line for line in file.read_text().splitlines()) == MANY

    def test_a_rotation_asks_once_and_shows_what_is_signed_on_the_way(self, owner: Desk) -> None:
        rotated = owner.run("tagging", "rotate", "--yes").stderr
        assert rotated.count("= a (1 bytes") == 1
        assert "targets 3, which is to be signed by the new keys as it is" in rotated
        assert "targets 3 -> 4\n" in rotated

    def test_a_signer_who_signs_a_rotation_elsewhere_sees_all_of_it(self, owner: Desk) -> None:
        owner.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = DELEGATION_PASSPHRASE
        owner.run("signer", "add", "alice", "--key", give_key(owner, "alice", DELEGATION_PASSPHRASE), "--paths", "releases/*")
        owner.push("releases/app", "app")
        alice = another_desk(owner, "alice", knows=True)
        public = give_key(alice, "alices-next", DELEGATION_PASSPHRASE)
        owner.run("signer", "rotate", "alice", "--key", public, "--yes", exit_code=WAITS)
        shown = alice.run("change", "sign", exit_code=1).stderr
        for line in ("= releases/app (3 bytes", "= a (1 bytes", "= delegates releases/* to alice"):
            assert line in shown
        assert alice.run_json("change", "sign", "--yes")["versions"]["alice"] == 3

    def test_a_subdelegation_that_stands_by_the_key_that_goes_is_dropped_and_offered(self, owner: Desk) -> None:
        """Another tool delegates from alice's role to another role with her own key."""
        owner.environment["TRUSTPRESS_DELEGATION_PASSPHRASE"] = DELEGATION_PASSPHRASE
        owner.run("signer", "add", "alice", "--key", give_key(owner, "alice", DELEGATION_PASSPHRASE), "--paths", "releases/*")
        alice = open_key("alice", DELEGATION_PASSPHRASE)
        expires = datetime.now(UTC) + timedelta(days=9)
        signed = targets_editor.compose_targets(expires, "alice") | {"version": 2}
        keys = RoleKeys({alice.public_key.keyid: alice.public_key}, 1)
        drafts = {
            "alice": compose_draft("alice", targets_editor.delegate("deep", keys, ["releases/*"])(signed)).sign(alice),
            "deep": compose_draft("deep", targets_editor.compose_targets(expires, "deep")).sign(alice),
        }
        publish(owner, {name: json.loads(draft.envelope()) for name, draft in drafts.items()})
        rotated = owner.run_json("signer", "rotate", "alice", "--key", give_key(owner, "alices-next", DELEGATION_PASSPHRASE), "--yes")
        (offer,) = rotated["offers"]
        assert offer.startswith("trustpress signer add deep --repository")
        assert "--key KEY" in offer
        assert names(owner.deployment.published(f"{owner.repository}/metadata/3.alice.json")) == []


def publish(owner: Desk, bundle: Mapping[str, object]) -> None:
    owner.deployment.staging.put(f"inbox/{owner.repository}/metadata/2.alice.json", json.dumps(bundle).encode(), Caching.PRIVATE)
    eventually(lambda: is_published(owner, "2.alice.json") and is_published(owner, "1.deep.json"))
    eventually(lambda: not owner.staged())
