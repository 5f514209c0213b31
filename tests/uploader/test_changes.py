"""A change on its way between holders: what counts as a signature, what is dropped, what is shown, what is refused."""

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from trustpress.core.delegations import RoleKeys
from trustpress.core.keys import PublicKey, compute_keyid, parse_key
from trustpress.core.metadata import Root
from trustpress.core.parse import MAX_TARGETS_LENGTH
from trustpress.core.paths import SuccinctRoles
from trustpress.errors import BadSignature, Invalid, NotStrictJson, TooLarge
from trustpress.ports import Signer
from trustpress_uploader.changes.change import Authority, Change, Draft, compose_change, compose_draft, parse_change
from trustpress_uploader.changes.vouched import View, show_change
from trustpress_uploader.changes.words import describe
from trustpress_uploader.keys.private_keys import PrivateKey
from trustpress_uploader.plans import root_editor, targets_editor

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=90)
ANN, BOB, CARL, TAGGING, ONLINE, ALICE, STRANGER = (PrivateKey.from_seed(bytes(31) + bytes([number])) for number in range(1, 8))
# Made from a secret number, so that it is the same in every run.
CURVED = PrivateKey(ec.derive_private_key(7, ec.SECP256R1()))

Signed = dict[str, Any]


def listing(*keys: PrivateKey, threshold: int = 1) -> RoleKeys:
    return RoleKeys({key.public_key.keyid: key.public_key for key in keys}, threshold)


def first_root(*holders: PrivateKey, threshold: int = 2) -> Signed:
    roles = {
        "root": listing(*(holders or (ANN, BOB, CARL)), threshold=threshold),
        "targets": listing(TAGGING),
        "snapshot": listing(ONLINE),
        "timestamp": listing(ONLINE),
    }
    return root_editor.compose_root(roles, LATER, external_targets=False)


def next_root(root: Signed, **members: Any) -> Signed:
    return root_editor.next_root(root, LATER) | members


def read_root(root: Signed) -> Root:
    signed = compose_draft("root", root).document.signed
    assert isinstance(signed, Root)
    return signed


def authority(root: Signed) -> Authority:
    return Authority(read_root(root))


def sign(change: Change, who: Authority, *keys: PrivateKey) -> Change:
    """As a person who holds these keys."""
    by_keyid = {key.public_key.keyid: key for key in keys}
    return change.sign(who, lambda _, role_keys: [by_keyid[keyid] for keyid in role_keys.keys if keyid in by_keyid])


def forged(change: Change, rolename: str, signatures: Mapping[str, bytes]) -> Change:
    """With these signatures as well, whatever they are."""
    return Change(
        tuple(
            {
                name: Draft(name, draft.signed, {**draft.signatures, **(signatures if name == rolename else {})})
                for name, draft in step.items()
            }
            for step in change.steps
        )
    )


def signatures(change: Change, rolename: str = "root", step: int = 0) -> Mapping[str, bytes]:
    return change.steps[step][rolename].signatures


def keyids(*keys: PrivateKey) -> set[str]:
    return {key.public_key.keyid for key in keys}


def lacking(change: Change, who: Authority) -> dict[tuple[str, str], int]:
    return {(need.draft.rolename, need.whose): need.lacking for need in change.needs(who) if need.lacking}


def as_nistp256(key: PublicKey) -> PublicKey:
    """The same ECDSA key, as python-tuf and older metadata call it."""
    value = key.as_json() | {"keytype": "ecdsa-sha2-nistp256"}
    return parse_key(compute_keyid(value["keytype"], value["scheme"], value["keyval"]["public"]), value)


ROOT = first_root()
RENEWED = compose_change({"root": next_root(ROOT)})


def valid(change: Change) -> int:
    return sum(len(need.signed_by) for need in change.needs(authority(ROOT)))


class TestWhatCounts:
    def test_signatures_of_two_holders_make_two_and_a_third_is_welcome(self) -> None:
        once = sign(RENEWED, authority(ROOT), ANN)
        assert lacking(once, authority(ROOT)) == {("root", "root 1"): 1, ("root", "root 2 itself"): 1}
        twice = sign(once, authority(ROOT), BOB)
        assert lacking(twice, authority(ROOT)) == {}
        assert signatures(sign(twice, authority(ROOT), CARL)).keys() == keyids(ANN, BOB, CARL)

    def test_a_holder_who_signs_twice_counts_once(self) -> None:
        once = sign(RENEWED, authority(ROOT), ANN)
        assert signatures(sign(once, authority(ROOT), ANN)) == signatures(once)

    def test_one_signature_under_two_keyids_counts_once_and_is_carried_once(self) -> None:
        once = sign(RENEWED, authority(ROOT), ANN)
        (ann,) = signatures(once).values()
        copied = forged(once, "root", {BOB.public_key.keyid: ann})
        assert lacking(copied, authority(ROOT))["root", "root 1"] == 1
        assert signatures(sign(copied, authority(ROOT))).keys() == keyids(ANN)

    def test_one_key_under_two_keyids_counts_once(self) -> None:
        """No root can list it twice; were it listed all the same, it would not help."""
        other = as_nistp256(CURVED.public_key)
        twice = RoleKeys({CURVED.public_key.keyid: CURVED.public_key, other.keyid: other}, 2)
        draft = compose_draft("root", first_root(CURVED, threshold=1)).sign(CURVED)
        draft = Draft("root", draft.signed, {**draft.signatures, other.keyid: draft.signatures[CURVED.public_key.keyid]})
        assert draft.signed_by(RoleKeys({other.keyid: other}, 1)) == {other.keyid}
        assert draft.signed_by(twice) == {CURVED.public_key.keyid}

    def test_a_root_that_lists_one_key_under_two_keyids_is_no_change(self) -> None:
        other = as_nistp256(CURVED.public_key)
        root = first_root(CURVED, ANN)
        root["keys"][other.keyid] = other.as_json()
        root["roles"]["root"]["keyids"].append(other.keyid)
        with pytest.raises(BadSignature, match="listed twice"):
            parse_change(compose_change({"root": root}).encode())

    def test_what_was_altered_after_the_first_signature_has_none(self) -> None:
        once = sign(RENEWED, authority(ROOT), ANN)
        value = json.loads(once.encode())
        value["steps"][0]["root"]["signed"]["expires"] = "2036-01-01T00:00:00Z"
        altered = parse_change(json.dumps(value).encode())
        assert altered.id != once.id
        assert lacking(altered, authority(ROOT))["root", "root 1"] == 2
        assert signatures(sign(altered, authority(ROOT), BOB)).keys() == keyids(BOB)

    def test_strangers_and_junk_are_dropped_and_the_others_kept(self) -> None:
        once = sign(RENEWED, authority(ROOT), ANN)
        stranger = compose_draft("root", next_root(ROOT)).sign(STRANGER).signatures
        junk = {BOB.public_key.keyid: bytes(64), CARL.public_key.keyid: b"\xff", "0" * 64: b"\xab" * 64}
        littered = forged(once, "root", {**stranger, **junk})
        assert valid(littered) == valid(once) == 2
        assert signatures(sign(littered, authority(ROOT))).keys() == keyids(ANN)
        assert signatures(sign(littered, authority(ROOT), BOB)).keys() == keyids(ANN, BOB)


class TestWhoIsAsked:
    def test_a_next_root_is_signed_under_the_present_one_and_under_itself(self) -> None:
        replaced = root_editor.remove_key(root_editor.add_key(next_root(ROOT), "root", STRANGER.public_key), "root", CARL.public_key.keyid)
        change = sign(compose_change({"root": replaced}), authority(ROOT), ANN, CARL)
        assert lacking(change, authority(ROOT)) == {("root", "root 2 itself"): 1}
        assert signatures(change).keys() == keyids(ANN, CARL)
        assert lacking(sign(change, authority(ROOT), STRANGER), authority(ROOT)) == {}

    def test_a_first_root_is_signed_under_itself_and_targets_under_it(self) -> None:
        change = compose_change({"root": ROOT, "targets": targets_editor.compose_targets(LATER)})
        assert lacking(change, Authority(None)) == {("root", "root 1 itself"): 2, ("targets", "root 1"): 1}

    def test_targets_that_come_with_a_root_are_signed_by_the_keys_of_that_root(self) -> None:
        root = root_editor.replace_keys(next_root(ROOT), "targets", [ALICE.public_key])
        change = compose_change({"root": root, "targets": targets_editor.compose_targets(LATER)})
        assert [list(need.role_keys.keys) for need in change.needs(authority(ROOT))][-1] == [ALICE.public_key.keyid]
        assert signatures(sign(change, authority(ROOT), TAGGING, ALICE), "targets").keys() == keyids(ALICE)

    def test_a_later_step_is_signed_under_the_root_of_the_step_before(self) -> None:
        second = root_editor.replace_keys(next_root(ROOT), "root", [STRANGER.public_key])
        third = next_root(second)
        change = sign(compose_change({"root": second}, {"root": third}), authority(ROOT), ANN, BOB, STRANGER)
        assert signatures(change, step=0).keys() == keyids(ANN, BOB, STRANGER)
        assert signatures(change, step=1).keys() == keyids(STRANGER)
        assert [need.whose for need in change.needs(authority(ROOT))] == ["root 1", "root 2 itself", "root 2", "root 3 itself"]

    def test_targets_that_go_before_a_root_satisfy_that_root_too(self) -> None:
        """Else it could never be published behind them."""
        root = root_editor.set_threshold(root_editor.add_key(next_root(ROOT), "targets", ALICE.public_key), "targets", 2)
        change = compose_change({"targets": targets_editor.compose_targets(LATER)}, {"root": root})
        before = authority(root_editor.add_key(ROOT, "targets", ALICE.public_key))
        once = sign(change, before, ANN, BOB, TAGGING)
        assert lacking(once, before) == {("targets", "root 2"): 1}
        assert lacking(sign(once, before, ALICE), before) == {}

    def test_a_new_role_is_signed_by_the_keys_that_come_with_it_and_an_old_one_by_the_published_ones(self) -> None:
        targets = targets_editor.delegate("alice", listing(ALICE), ["a/*"])(targets_editor.compose_targets(LATER))
        role = targets_editor.compose_targets(LATER, "alice")
        published = Authority(read_root(ROOT), lambda name: listing(BOB) if name == "alice" else None)
        together = compose_change({"targets": targets, "alice": role})
        assert lacking(sign(together, published, TAGGING, ALICE), published) == {}
        assert lacking(sign(compose_change({"alice": role}), published, ALICE), published) == {("alice", "its delegation"): 1}

    def test_a_role_that_nobody_delegates_is_refused(self) -> None:
        change = compose_change({"alice": targets_editor.compose_targets(LATER, "alice")})
        with pytest.raises(NotStrictJson, match="nobody delegates to alice"):
            list(change.needs(authority(ROOT)))

    def test_targets_without_any_root_are_refused(self) -> None:
        with pytest.raises(Invalid):
            list(compose_change({"targets": targets_editor.compose_targets(LATER)}).needs(Authority(None)))

    def test_no_key_signs_what_it_is_not_asked_for(self) -> None:
        asked: list[tuple[str, tuple[str, ...]]] = []

        def signers(rolename: str, role_keys: RoleKeys) -> Iterable[Signer]:
            asked.append((rolename, tuple(role_keys.keys)))
            return []

        compose_change({"root": ROOT, "targets": targets_editor.compose_targets(LATER)}).sign(Authority(None), signers)
        assert asked == [("root", tuple(ROOT["roles"]["root"]["keyids"])), ("targets", (TAGGING.public_key.keyid,))]


class TestMerging:
    def test_signatures_of_both_are_kept(self) -> None:
        ann, bob = (sign(RENEWED, authority(ROOT), key) for key in (ANN, BOB))
        assert signatures(ann.merge(bob)).keys() == keyids(ANN, BOB)
        assert ann.merge(bob).id == ann.id

    def test_ones_own_signature_is_not_replaced_by_junk(self) -> None:
        ann = sign(RENEWED, authority(ROOT), ANN)
        littered = forged(RENEWED, "root", {ANN.public_key.keyid: bytes(64)})
        assert signatures(ann.merge(littered)) == signatures(ann)


class TestIdentity:
    def test_a_change_is_the_same_after_its_journey(self) -> None:
        change = sign(RENEWED, authority(ROOT), ANN, BOB)
        back = parse_change(change.encode())
        assert (back.id, back.encode(), signatures(back)) == (change.id, change.encode(), signatures(change))
        assert change.id == RENEWED.id

    def test_other_steps_are_another_change(self) -> None:
        """One at once, or one after the other: who signs one of them has not agreed to the other."""
        root, targets = next_root(ROOT), targets_editor.compose_targets(LATER)
        other = next_root(ROOT, **{"x-note": 1})
        ids = {
            change.id
            for change in (
                compose_change({"root": root, "targets": targets}),
                compose_change({"root": root}, {"targets": targets}),
                compose_change({"targets": targets}, {"root": root}),
                compose_change({"root": other}, {"targets": targets}),
            )
        }
        assert len(ids) == 4

    def test_versions_are_those_of_the_last_step(self) -> None:
        second = next_root(ROOT)
        assert compose_change({"root": second}, {"root": next_root(second)}).versions() == {"root": 3}


VALID = sign(
    compose_change({"root": ROOT, "targets": targets_editor.compose_targets(LATER)}, {"root": next_root(ROOT)}),
    Authority(None),
    ANN,
    TAGGING,
)


class TestMalformed:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff",
            b"null",
            b"[]",
            b'"steps"',
            b"{}",
            b'{"steps":[]}',
            b'{"steps":{}}',
            b'{"steps":null}',
            b'{"steps":"abc"}',
            b'{"steps":[{}]}',
            b'{"steps":[[]]}',
            b'{"steps":[null]}',
            b'{"steps":[{"root":null}]}',
            b'{"steps":[{"root":{}}]}',
            b'{"steps":[{"root":{"signed":{},"signatures":[]}}]}',
            b'{"steps":[{"root":{"signed":null,"signatures":null}}]}',
            b'{"steps":[{"root":{"signed":{},"signatures":[[]]}}]}',
            b'{"steps":[{"root":{"signed":{},"signatures":[{"keyid":[],"sig":""}]}}]}',
            b"[" * 100_000,
            b'{"steps":' * 200 + b"1" + b"}" * 200,
        ],
    )
    def test_what_is_no_change_is_refused(self, body: bytes) -> None:
        with pytest.raises(Invalid):
            parse_change(body)

    def test_nothing_beside_the_steps_and_not_too_many_of_them(self) -> None:
        value = json.loads(RENEWED.encode())
        for wrong in (value | {"note": "sign this"}, {"steps": value["steps"] * 9}):
            with pytest.raises(NotStrictJson):
                parse_change(json.dumps(wrong).encode())

    def test_more_than_anybody_could_publish_is_not_even_parsed(self) -> None:
        with pytest.raises(TooLarge):
            parse_change(b" " * (MAX_TARGETS_LENGTH + 1))

    def test_one_keyid_signs_once(self) -> None:
        value = json.loads(sign(RENEWED, authority(ROOT), ANN).encode())
        value["steps"][0]["root"]["signatures"] *= 2
        with pytest.raises(NotStrictJson, match="signs twice"):
            parse_change(json.dumps(value).encode())

    @pytest.mark.parametrize("rolename", ["snapshot", "timestamp", "Root", "mirrors", "../root", "", "a b", "root"])
    def test_only_roles_that_people_sign(self, rolename: str) -> None:
        value = {"steps": [{rolename: json.loads(compose_draft("targets", targets_editor.compose_targets(LATER)).envelope())}]}
        with pytest.raises(Invalid):
            parse_change(json.dumps(value).encode())

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_whatever_stands_in_it_is_read_or_refused(self, data: st.DataObject) -> None:
        value = json.loads(VALID.encode())
        holder, place = data.draw(st.sampled_from(list(places(value))))
        holder[place] = data.draw(anything)
        body = json.dumps(value).encode()
        try:
            change = parse_change(body)
        except Invalid:
            return
        assert parse_change(change.encode()).id == change.id
        show_change(change, View())


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every member and element within a JSON value, as what holds it and where."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for place, inner in list(pairs):
        yield value, place
        yield from places(inner)


def delegating(*edits: targets_editor.Edit) -> Signed:
    signed = targets_editor.compose_targets(LATER)
    for edit in edits:
        signed = edit(signed)
    return signed


TWO_SIGNERS = delegating(
    targets_editor.delegate("alice", listing(ALICE), ["a/*"]), targets_editor.delegate("bob", listing(BOB), ["a/*", "b/*"])
)


class TestWords:
    def test_a_root_is_told_by_keys_thresholds_and_expiry(self) -> None:
        after = root_editor.add_key(root_editor.remove_key(next_root(ROOT), "root", CARL.public_key.keyid), "targets", ALICE.public_key)
        after = root_editor.set_threshold(after, "targets", 2) | {"expires": "2028-01-01T00:00:00Z"}
        assert describe("root", ROOT, after) == [
            "root 1 -> 2",
            f"  - root key {CARL.public_key.keyid}",
            f"  + targets key {ALICE.public_key.keyid} (ed25519)",
            "  targets asks for 2 of 2 signatures, was 1",
            "  expires 2028-01-01T00:00:00Z, was 2027-02-22T12:00:00Z",
        ]

    def test_a_first_root_is_told_whole(self) -> None:
        lines = describe("root", None, ROOT)
        assert lines[0] == "root 1, new"
        assert "  root asks for 2 of 3 signatures" in lines
        assert all(any(keyid in line for line in lines) for keyid in ROOT["keys"])

    def test_steps_are_numbered_and_each_is_compared_with_the_one_before(self) -> None:
        second = next_root(ROOT, expires="2028-01-01T00:00:00Z")
        third = next_root(second, expires="2029-01-01T00:00:00Z")
        published = sign(compose_change({"root": ROOT}), Authority(None), ANN).steps[0]["root"].document
        shown = show_change(compose_change({"root": second}, {"root": third}), View({"root": published}.get))
        assert shown.full == shown.short
        assert [line for line in shown.full if not line.startswith("  = ")] == [
            "step 1 of 2",
            "root 1 -> 2",
            "  expires 2028-01-01T00:00:00Z, was 2027-02-22T12:00:00Z",
            "step 2 of 2",
            "root 2 -> 3",
            "  expires 2029-01-01T00:00:00Z, was 2028-01-01T00:00:00Z",
        ]
        assert [line for line in shown.full if "targets" in line] == [
            f"  = targets key {TAGGING.public_key.keyid} (ed25519)",
            "  = targets asks for 1 of 1 signatures",
        ] * 2

    def test_targets_are_told_by_name_length_hash_and_custom(self) -> None:
        before = delegating() | {"targets": {"gone": entry(1), "changed": entry(2)}}
        after = before | {"targets": {"changed": entry(3), "new": entry(4) | {"custom": {"commit": "9f3c1e2"}}}}
        assert [line.split(" (")[0] for line in describe("targets", before, after)[1:]] == ["  ~ changed", "  + new", "  - gone"]
        assert "commit=9f3c1e2" in describe("targets", before, after)[2]

    def test_delegations_are_told_by_paths_keys_and_what_becomes_of_them(self) -> None:
        after = delegating(
            lambda _: TWO_SIGNERS,
            targets_editor.undelegate("alice"),
            targets_editor.delegate_to_keys("bob", listing(BOB, CARL, threshold=2)),
            targets_editor.delegate("carl", listing(CARL), ["c/*"], terminating=True),
        )
        assert describe("targets", TWO_SIGNERS, after)[1:] == [
            f"  + bob key {CARL.public_key.keyid} (ed25519)",
            "  bob asks for 2 of 2 signatures, was 1",
            "  + delegates c/* to carl, and nobody behind it",
            f"  + carl key {CARL.public_key.keyid} (ed25519)",
            "  carl asks for 1 of 1 signatures",
            "  - delegates nothing to alice any more",
        ]

    def test_bins_are_told(self) -> None:
        after = delegating(targets_editor.delegate_to_bins(SuccinctRoles(3, "bin"), listing(ALICE)))
        assert any("8 bins, bin-..." in line for line in describe("targets", delegating(), after))

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("x-note",), "hidden"),
            (("x-trustpress",), {"targets": "external"}),
            (("roles", "root", "x-note"), 1),
            (("roles", "targets", "x-note"), {"deep": []}),
            (("keys", ANN.public_key.keyid, "x-note"), True),
        ],
    )
    def test_nothing_hides_in_a_root(self, path: tuple[str, ...], value: Any) -> None:
        after = altered(next_root(ROOT), path, value)
        parse_change(compose_change({"root": after}).encode())
        assert describe("root", ROOT, after)[1:]
        assert json.dumps(value) in describe("root", ROOT, after)[1] or str(value) in describe("root", ROOT, after)[1]
        assert len(describe("root", None, after)) == len(describe("root", None, ROOT)) + 1
        assert describe("root", after, ROOT)[1:]

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("x-note",), "hidden"),
            (("delegations", "x-note"), "hidden"),
            (("delegations", "roles", 0, "x-note"), "hidden"),
            (("delegations", "keys", ALICE.public_key.keyid, "x-note"), "hidden"),
            (("delegations", "roles", 0, "terminating"), True),
            (("delegations", "roles", 0, "paths"), ["a/*", "z/*"]),
            (("delegations", "roles"), TWO_SIGNERS["delegations"]["roles"][::-1]),
        ],
    )
    def test_nothing_hides_in_delegations(self, path: tuple[str | int, ...], value: Any) -> None:
        """Not even which signer comes first: clients believe the first one."""
        after = altered(TWO_SIGNERS, path, value)
        parse_change(compose_change({"targets": after}).encode())
        assert describe("targets", TWO_SIGNERS, after)[1:]
        assert describe("targets", after, TWO_SIGNERS)[1:]

    def test_bins_that_go_or_change_their_keys_are_told(self) -> None:
        before = delegating(targets_editor.delegate_to_bins(SuccinctRoles(3, "bin"), listing(ALICE)))
        for after in (
            delegating(),
            altered(before, ("delegations", "succinct_roles", "threshold"), 2),
            altered(before, ("delegations", "x-a"), 1),
        ):
            assert describe("targets", before, after)[1:]

    def test_what_is_signed_writes_no_line_of_its_own_on_the_terminal(self) -> None:
        trick = "harmless\n  + root key 0000\x1b[2K\u202e"
        after = altered(next_root(ROOT), ("x-note",), trick) | {f"x-{trick}": 1}
        with_custom = delegating() | {"targets": {"a": entry(1) | {"custom": {"note": trick, trick: 1}}}}
        for lines in (describe("root", ROOT, after), describe("targets", delegating(), with_custom)):
            assert len(lines) > 1
            assert all(line.isprintable() for line in lines)

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_whatever_differs_is_told(self, data: st.DataObject) -> None:
        """Any one member of what would be published is altered: there is a line that was not there."""
        rolename, before = data.draw(st.sampled_from([("root", ROOT), ("targets", RICH)]))
        after = copy.deepcopy(before)
        holder, place = data.draw(st.sampled_from([found for found in places(after) if found[1] not in {"_type", "version"}]))
        if isinstance(holder, dict) and data.draw(st.booleans()):
            place = data.draw(st.sampled_from(["x-a", "x-note"]))
        holder[place] = data.draw(anything)
        if after == before or not is_acceptable(rolename, after):
            return
        assert describe(rolename, before, after)[1:]


def entry(number: int) -> Signed:
    return {"length": number, "hashes": {"sha256": f"{number:064x}"}}


RICH = TWO_SIGNERS | {"targets": {"a": entry(1) | {"custom": {"commit": "1"}}}, "x-note": {"deep": [1]}}


def altered(signed: Signed, path: tuple[str | int, ...], value: Any) -> Signed:
    after = copy.deepcopy(signed)
    holder: Any = after
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return after


def is_acceptable(rolename: str, signed: Signed) -> bool:
    try:
        parse_change(compose_change({rolename: signed}).encode())
    except (Invalid, TypeError):
        return False
    return True
