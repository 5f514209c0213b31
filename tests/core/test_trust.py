"""The rules of trust: each attack, and what it ends in. What clients accept but should not is refused too."""

import copy
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Delegations as TufDelegations
from tuf.api.metadata import Metadata
from tuf.api.metadata import Root as TufRoot

from tests.builders import (
    NOW,
    JsonObject,
    canonical,
    compact,
    delegated,
    delegations,
    ed25519_signer,
    envelope,
    keyid_of,
    p256_signer,
    root,
    rsa_signer,
    snapshot,
    succinct,
    target_file,
    targets,
    timestamp,
    tuf_key,
)
from trustpress.core import overlap, trust
from trustpress.core.delegations import Delegations, RoleKeys
from trustpress.core.keys import PublicKey, parse_key
from trustpress.core.metadata import Document, Root, Snapshot, Targets, Timestamp
from trustpress.core.parse import parse_root, parse_snapshot, parse_targets, parse_timestamp
from trustpress.core.paths import SuccinctRoles
from trustpress.errors import (
    BadDelegation,
    BadExpiry,
    BadRoot,
    BadSignature,
    NotAuthorized,
    OldVersion,
    SchemaViolation,
    VersionJump,
)

ALICE, BOB, CAROL = ed25519_signer("alice"), p256_signer("bob"), rsa_signer("carol")
MALLORY = ed25519_signer("mallory")

T = TypeVar("T")


def public(signer: Signer) -> PublicKey:
    return parse_key(signer.public_key.keyid, tuf_key(signer))


def role_keys(*signers: Signer, threshold: int = 1) -> RoleKeys:
    return RoleKeys({signer.public_key.keyid: public(signer) for signer in signers}, threshold)


def signed_by(*signers: Signer) -> Document[Targets]:
    return parse_targets(compact(envelope(targets(), *signers)))


def with_signatures(entries: Iterable[JsonObject]) -> Document[Targets]:
    return parse_targets(compact({"signatures": list(entries), "signed": targets()}))


def signature(signer: CryptoSigner) -> JsonObject:
    (entry,) = envelope(targets(), signer)["signatures"]
    assert isinstance(entry, dict)
    return entry


# Signatures


@pytest.mark.parametrize(("signers", "threshold"), [([ALICE], 1), ([ALICE, BOB], 1), ([BOB, ALICE], 2), ([ALICE, BOB, CAROL], 3)])
def test_a_threshold_of_keys_is_enough(signers: list[Signer], threshold: int) -> None:
    trust.verify_signatures("targets", signed_by(*signers), role_keys(ALICE, BOB, CAROL, threshold=threshold))
    assert trust.is_signed_by(signed_by(*signers), role_keys(ALICE, BOB, CAROL, threshold=threshold))


@pytest.mark.parametrize(("signers", "threshold"), [([ALICE], 2), ([ALICE, BOB], 3)])
def test_one_key_short_of_the_threshold_is_refused(signers: list[Signer], threshold: int) -> None:
    listed = role_keys(ALICE, BOB, CAROL, threshold=threshold)
    with pytest.raises(BadSignature, match=f"targets: expected signatures by {threshold} keys, found {threshold - 1}"):
        trust.verify_signatures("targets", signed_by(*signers), listed)
    assert not trust.is_signed_by(signed_by(*signers), listed)


def test_a_signature_by_a_key_not_listed_is_refused_though_clients_pass_over_it() -> None:
    document = signed_by(ALICE, MALLORY)
    with pytest.raises(BadSignature, match=f"targets: no key listed for this role has the keyid {MALLORY.public_key.keyid}"):
        trust.verify_signatures("targets", document, role_keys(ALICE))
    assert trust.is_signed_by(document, role_keys(ALICE))
    assert not trust.is_signed_by(document, role_keys(BOB))


def test_one_keyid_twice_does_not_count_twice() -> None:
    """CVE-2020-6174, CVE-2026-6966."""
    document = with_signatures([signature(ALICE), signature(ALICE)])
    with pytest.raises(BadSignature, match=f"targets: more than one signature by the key {ALICE.public_key.keyid}"):
        trust.verify_signatures("targets", document, role_keys(ALICE, BOB))
    assert not trust.is_signed_by(document, role_keys(ALICE, BOB, threshold=2))


def test_one_key_under_two_keyids_does_not_count_twice() -> None:
    """Three of four clients would count two; a parser that let both keyids through is not enough to get here."""
    key, other = tuf_key(BOB), {**tuf_key(BOB), "keytype": "ecdsa-sha2-nistp256"}
    listed = RoleKeys({keyid_of(value): parse_key(keyid_of(value), value) for value in (key, other)}, 2)
    document = with_signatures([signature(BOB), {**signature(BOB), "keyid": keyid_of(other)}])
    with pytest.raises(BadSignature, match="more than one signature by the key"):
        trust.verify_signatures("targets", document, listed)
    assert not trust.is_signed_by(document, listed)
    assert trust.is_signed_by(document, RoleKeys(listed.keys, 1))


@pytest.mark.parametrize("sig", ["00", "00" * 64, "00" * 256])
def test_a_signature_that_does_not_verify_is_refused(sig: str) -> None:
    for signer in (ALICE, BOB, CAROL):
        document = with_signatures([{"keyid": signer.public_key.keyid, "sig": sig}])
        with pytest.raises(BadSignature, match="does not verify"):
            trust.verify_signatures("targets", document, role_keys(signer))
        assert not trust.is_signed_by(document, role_keys(signer))


def test_one_bad_signature_is_refused_though_the_threshold_is_met() -> None:
    """A publisher has no reason to carry what nobody can verify."""
    document = with_signatures([signature(ALICE), {"keyid": BOB.public_key.keyid, "sig": signature(ALICE)["sig"]}])
    with pytest.raises(BadSignature, match=f"the signature by {BOB.public_key.keyid} does not verify"):
        trust.verify_signatures("targets", document, role_keys(ALICE, BOB))
    assert trust.is_signed_by(document, role_keys(ALICE, BOB))


def test_a_signature_over_other_metadata_is_refused() -> None:
    (entry,) = envelope(targets(version=2), ALICE)["signatures"]
    with pytest.raises(BadSignature, match="does not verify"):
        trust.verify_signatures("targets", with_signatures([entry]), role_keys(ALICE))


def test_the_canonical_form_is_signed_whatever_the_spelling() -> None:
    signed = {**targets(), "x-note": 'tab\tline\nquote"back\\slash\x01é🔑'}
    document = parse_targets(compact(envelope(signed, ALICE)))
    assert document.message == canonical(signed)
    trust.verify_signatures("targets", document, role_keys(ALICE))


@pytest.mark.parametrize("signers", [[ALICE], [ALICE, BOB], [MALLORY], [BOB, MALLORY]], ids=len)
@pytest.mark.parametrize("threshold", [1, 2])
def test_a_client_decides_as_python_tuf_decides(signers: list[Signer], threshold: int) -> None:
    tuf_root = TufRoot.from_dict(root(signers={"targets": [ALICE, BOB]}, thresholds={"targets": threshold}))
    document = signed_by(*signers)
    theirs: Metadata[Any] = Metadata.from_bytes(document.body)
    try:
        tuf_root.verify_delegate("targets", theirs.signed_bytes, theirs.signatures)
        accepted = True
    except UnsignedMetadataError:
        accepted = False
    assert trust.is_signed_by(document, role_keys(ALICE, BOB, threshold=threshold)) is accepted


# Root


ROOT, NEXT, TARGETS, ONLINE = (ed25519_signer(name) for name in ("root", "next root", "targets", "snapshot"))


def parsed_root(*signers: Signer, **members: Any) -> Document[Root]:
    return parse_root(compact(envelope(root(**members), *(signers or (ROOT,)))))


def test_the_first_root_is_version_1_and_signs_itself() -> None:
    trust.verify_first_root(parsed_root())
    trust.verify_first_root(parsed_root(ROOT, NEXT, signers={"root": [ROOT, NEXT]}, thresholds={"root": 2}))


def test_a_first_root_of_another_version_is_refused() -> None:
    with pytest.raises(VersionJump, match="root: expected version 1, found 2"):
        trust.verify_first_root(parsed_root(version=2))


def test_a_first_root_that_does_not_sign_itself_is_refused() -> None:
    for document in (parsed_root(MALLORY), parsed_root(ROOT, signers={"root": [ROOT, NEXT]}, thresholds={"root": 2})):
        with pytest.raises(BadSignature):
            trust.verify_first_root(document)


def test_the_next_root_is_signed_by_a_threshold_of_both() -> None:
    current = parsed_root().signed
    trust.verify_next_root(current, parsed_root(version=2))
    trust.verify_next_root(current, parsed_root(ROOT, NEXT, version=2, signers={"root": [NEXT]}))
    trust.verify_next_root(current, parsed_root(ROOT, NEXT, version=2, signers={"root": [ROOT, NEXT]}, thresholds={"root": 2}))


def test_a_next_root_without_the_old_keys_is_refused() -> None:
    """CVE-2020-15163: a rejected root became trusted."""
    with pytest.raises(BadSignature, match="root: expected signatures by 1 of the current root's keys"):
        trust.verify_next_root(parsed_root().signed, parsed_root(NEXT, version=2, signers={"root": [NEXT]}))


def test_a_next_root_without_its_own_keys_is_refused() -> None:
    with pytest.raises(BadSignature, match="root: expected signatures by 1 of the new root's keys"):
        trust.verify_next_root(parsed_root().signed, parsed_root(ROOT, version=2, signers={"root": [NEXT]}))


def test_a_lowered_threshold_is_signed_by_the_old_one() -> None:
    current = parsed_root(ROOT, NEXT, signers={"root": [ROOT, NEXT]}, thresholds={"root": 2}).signed
    with pytest.raises(BadSignature, match="root: expected signatures by 2 of the current root's keys"):
        trust.verify_next_root(current, parsed_root(ROOT, version=2))


def test_a_raised_threshold_is_signed_by_the_new_one() -> None:
    raised = parsed_root(ROOT, version=2, signers={"root": [ROOT, NEXT]}, thresholds={"root": 2})
    with pytest.raises(BadSignature, match="root: expected signatures by 2 of the new root's keys"):
        trust.verify_next_root(parsed_root().signed, raised)


def test_a_next_root_with_a_signature_of_neither_is_refused() -> None:
    with pytest.raises(BadSignature, match="no key listed for this role"):
        trust.verify_next_root(parsed_root().signed, parsed_root(ROOT, MALLORY, version=2))


@pytest.mark.parametrize(("version", "error"), [(1, OldVersion), (3, VersionJump), (2 + trust.MAX_GAP + 1, VersionJump)])
def test_a_next_root_of_another_version_is_refused(version: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        trust.verify_next_root(parsed_root().signed, parsed_root(version=version))


@pytest.mark.parametrize("offline", ["root", "targets"])
@pytest.mark.parametrize("online", ["snapshot", "timestamp"])
def test_an_online_key_decides_nothing_about_what_clients_install(offline: str, online: str) -> None:
    shared = {offline: [ROOT, ONLINE], online: [ONLINE]}
    with pytest.raises(BadRoot, match="a root or targets key is also a snapshot or timestamp key"):
        trust.verify_root_keys_apart(parsed_root(signers=shared).signed)
    with pytest.raises(BadRoot):
        trust.verify_first_root(parsed_root(signers={"root": [ROOT], **shared}))
    with pytest.raises(BadRoot):
        trust.verify_next_root(parsed_root().signed, parsed_root(version=2, signers={"root": [ROOT], **shared}))


def test_an_online_key_in_other_clothes_is_recognised() -> None:
    signed = root(signers={"snapshot": [BOB]})
    other = {**tuf_key(BOB), "keytype": "ecdsa-sha2-nistp256"}
    signed["keys"][keyid_of(other)] = other
    signed["roles"]["targets"]["keyids"] = [keyid_of(other)]
    with pytest.raises(BadRoot):
        trust.verify_root_keys_apart(parse_root(compact(envelope(signed, ROOT))).signed)


def test_online_roles_may_share_a_key_and_so_may_offline_roles() -> None:
    trust.verify_root_keys_apart(
        parsed_root(signers={"root": [ROOT], "targets": [ROOT], "snapshot": [ONLINE], "timestamp": [ONLINE]}).signed
    )


# Versions and expiry


def test_versions_go_up_by_exactly_one() -> None:
    trust.verify_next_version("targets", 0, 1)
    trust.verify_next_version("targets", 7, 8)


@pytest.mark.parametrize("version", [6, 7])
def test_a_version_that_does_not_go_up_is_old(version: int) -> None:
    with pytest.raises(OldVersion, match=f"targets: expected version 8, found {version}"):
        trust.verify_next_version("targets", 7, version)


@pytest.mark.parametrize("version", [9, 8 + trust.MAX_GAP, 2**31 - 1])
def test_a_version_that_skips_numbers_is_an_attack(version: int) -> None:
    """One upload of version 2147483647 bricked a collection (Cure53, TUF-01-002)."""
    with pytest.raises(VersionJump, match=f"targets: expected version 8, found {version}"):
        trust.verify_next_version("targets", 7, version)


def test_the_limits_are_those_that_hints_and_documents_name() -> None:
    assert (timedelta(hours=1), timedelta(days=3660), 1000) == (trust.MIN_LIFE, trust.MAX_LIFE, trust.MAX_GAP)


@pytest.mark.parametrize("life", [trust.MIN_LIFE, timedelta(days=365), trust.MAX_LIFE])
def test_an_expiry_within_an_hour_and_ten_years_passes(life: timedelta) -> None:
    trust.check_expiry("targets", NOW + life, NOW)


@pytest.mark.parametrize(
    ("life", "reason"),
    [
        (timedelta(days=-1), "at least an hour from 2030-01-01T12:00:00Z, found 2029-12-31T12:00:00Z"),
        (timedelta(0), "at least an hour"),
        (trust.MIN_LIFE - timedelta(seconds=1), "at least an hour"),
        (trust.MAX_LIFE + timedelta(seconds=1), "within ten years, found 2040-01-09T12:00:01Z"),
        (timedelta(days=40000), "within ten years"),
    ],
)
def test_another_expiry_is_refused(life: timedelta, reason: str) -> None:
    with pytest.raises(BadExpiry, match=f"targets: expected an expiry {reason}"):
        trust.check_expiry("targets", NOW + life, NOW)


# What the parent lists


def test_a_file_is_what_its_parent_lists() -> None:
    document = signed_by(ALICE)
    listed = document.meta_file
    assert listed["version"] == 1
    trust.verify_meta_file("targets.json", document, listed)
    trust.verify_meta_file("targets.json", document, {"version": 1})


@pytest.mark.parametrize(("member", "other"), [("version", 2), ("length", 1), ("hashes", {"sha256": "0" * 64})])
def test_a_file_that_is_not_what_its_parent_lists_is_refused(member: str, other: Any) -> None:
    document = signed_by(ALICE)
    listed: Any = {**document.meta_file, member: other}
    with pytest.raises(SchemaViolation, match=f"^targets.json: expected {member} "):
        trust.verify_meta_file("targets.json", document, listed)


# Authority


def parsed(*paths: str, delegating: TufDelegations | None = None) -> Targets:
    signed = {**targets(delegations=delegating), "targets": {path: target_file(b"") for path in paths}}
    return parse_targets(compact(envelope(signed, ALICE))).signed


def delegating_to(rolename: str, *patterns: str) -> TufDelegations:
    return delegations([ALICE], delegated(rolename, [ALICE], *patterns))


def delegations_of(value: TufDelegations) -> Delegations:
    return parsed(delegating=value).delegations


A = ("targets", delegations_of(delegating_to("a", "a/*", "*.txt")))
B_OF_A = ("a", delegations_of(delegating_to("b", "a/b*")))


def test_targets_itself_may_speak_of_everything() -> None:
    trust.verify_authority("targets", parsed("any/thing", delegating=delegating_to("a", "*/*/*")), [])


def test_a_role_speaks_of_what_is_delegated_to_it() -> None:
    trust.verify_authority("a", parsed("a/x", "y.txt"), [A])
    trust.verify_authority("b", parsed("a/bx"), [A, B_OF_A])
    trust.verify_authority("a", parsed(), [A])


@pytest.mark.parametrize("path", ["b/x", "a/x/y", "x.txt/y", "a"])
def test_a_target_outside_its_paths_is_refused(path: str) -> None:
    with pytest.raises(NotAuthorized, match=f"a: '{path}' is outside what targets delegates to it"):
        trust.verify_authority("a", parsed("a/x", path), [A])


def test_a_target_outside_the_paths_of_any_role_on_the_way_is_refused() -> None:
    """A client walks the whole chain: what `a` may not say, it cannot let `b` say."""
    wide = ("a", delegations_of(delegating_to("b", "*/*")))
    with pytest.raises(NotAuthorized, match="b: 'c/x' is outside what targets delegates to it"):
        trust.verify_authority("b", parsed("c/x"), [A, wide])
    with pytest.raises(NotAuthorized, match="b: 'a/x' is outside what a delegates to it"):
        trust.verify_authority("b", parsed("a/x"), [A, B_OF_A])


def test_a_role_delegates_nothing_it_does_not_have() -> None:
    trust.verify_authority("a", parsed(delegating=delegating_to("b", "a/b*", "a/?", "x*.txt")), [A])
    with pytest.raises(NotAuthorized, match=r"a: '\*/b' is outside what targets delegates to it"):
        trust.verify_authority("a", parsed(delegating=delegating_to("b", "a/b", "*/b")), [A])
    with pytest.raises(NotAuthorized, match="b: 'a/c' is outside what a delegates to it"):
        trust.verify_authority("b", parsed(delegating=delegating_to("c", "a/c")), [A, B_OF_A])


BINS = ("targets", delegations_of(succinct(ALICE, 2, "bin")))
PATH = "dir/file.txt"
BIN = SuccinctRoles(2, "bin").bin_of(PATH)


def test_a_bin_holds_what_falls_into_it() -> None:
    trust.verify_authority(BIN, parsed(PATH), [BINS])
    for rolename in {"bin-0", "bin-1", "bin-2", "bin-3"} - {BIN}:
        with pytest.raises(NotAuthorized, match=f"{rolename}: 'dir/file.txt' is outside what targets delegates to it"):
            trust.verify_authority(rolename, parsed(PATH), [BINS])


def test_bins_below_a_role_hold_what_that_role_may_say() -> None:
    bins = ("a", delegations_of(succinct(ALICE, 2, "bin")))
    in_bin = next(path for number in range(100) if SuccinctRoles(2, "bin").bin_of(path := f"a/{number}") == "bin-1")
    trust.verify_authority("bin-1", parsed(in_bin), [A, bins])
    outside = next(path for number in range(100) if SuccinctRoles(2, "bin").bin_of(path := f"b/{number}") == "bin-1")
    with pytest.raises(NotAuthorized, match="outside what targets delegates"):
        trust.verify_authority("bin-1", parsed(outside), [A, bins])


def test_a_bin_delegates_no_further() -> None:
    for further in (delegating_to("a", "a"), succinct(ALICE, 1, "more")):
        with pytest.raises(BadDelegation, match=f"{BIN}: a bin delegates further"):
            trust.verify_authority(BIN, parsed(delegating=further), [BINS])


# What a client that holds the old release does with the new one


TIMESTAMP = ed25519_signer("timestamp")
CLIENT_ROOT = parsed_root().signed
ROLES = {"targets": 5, "a": 3}


def release(
    number: int = 2,
    roles: dict[str, int] | None = None,
    signers: tuple[Signer, Signer] = (ONLINE, TIMESTAMP),
    snapshot_version: int | None = None,
) -> tuple[Document[Timestamp], Document[Snapshot]]:
    listed = parse_snapshot(compact(envelope(snapshot(roles or ROLES, version=snapshot_version or number), signers[0])))
    newest = timestamp(version=number)
    newest["meta"]["snapshot.json"] = copy.deepcopy(dict(listed.meta_file))
    return parse_timestamp(compact(envelope(newest, signers[1]))), listed


def verify(old: tuple[Document[Timestamp], Document[Snapshot]] | None, new: tuple[Document[Timestamp], Document[Snapshot]]) -> None:
    trust.verify_successor((old[0].signed, old[1].signed) if old else None, *new, CLIENT_ROOT)


def test_a_release_follows_another() -> None:
    verify(None, release(1))
    verify(release(1), release(2))
    verify(release(1), release(2, {**ROLES, "a": 4, "b": 1}))
    verify(release(1), release(2, snapshot_version=1))


def test_the_same_snapshot_is_not_looked_at_again() -> None:
    """Refreshing the timestamp of a repository with many roles stays cheap."""
    old_timestamp, listed = release(1)
    newer = timestamp(version=2)
    newer["meta"]["snapshot.json"] = dict(listed.meta_file)
    document = parse_timestamp(compact(envelope(newer, TIMESTAMP)))
    trust.verify_successor((old_timestamp.signed, listed.signed), document, listed, CLIENT_ROOT)


@pytest.mark.parametrize("old", [None, release(1)], ids=["cold", "warm"])
def test_a_release_without_the_right_signatures_is_refused(old: Any) -> None:
    with pytest.raises(BadSignature, match="snapshot: the threshold of keys did not sign it"):
        verify(old, release(2, signers=(MALLORY, TIMESTAMP)))
    with pytest.raises(BadSignature, match="timestamp: the threshold of keys did not sign it"):
        verify(old, release(2, signers=(ONLINE, MALLORY)))


@pytest.mark.parametrize("old", [None, release(1)], ids=["cold", "warm"])
def test_a_timestamp_of_another_snapshot_is_refused(old: Any) -> None:
    with pytest.raises(SchemaViolation, match=r"^snapshot: expected "):
        verify(old, (release(2)[0], release(3)[1]))


@pytest.mark.parametrize("number", [1, 2])
def test_a_timestamp_that_does_not_go_up_is_refused(number: int) -> None:
    """Warm clients would not even see it."""
    with pytest.raises(OldVersion, match=f"timestamp: expected version 3, found {number}"):
        verify(release(2), release(number, snapshot_version=2))


def test_a_snapshot_that_goes_back_is_refused() -> None:
    with pytest.raises(OldVersion, match="snapshot: expected version 2, found 1"):
        verify(release(2), release(3, snapshot_version=1))


@pytest.mark.parametrize("rolename", ["targets", "a"])
def test_a_role_that_goes_back_is_refused(rolename: str) -> None:
    with pytest.raises(OldVersion, match=f"{rolename}: expected version {ROLES[rolename]}, found {ROLES[rolename] - 1}"):
        verify(release(1), release(2, {**ROLES, rolename: ROLES[rolename] - 1}))
    with pytest.raises(OldVersion, match=f"{rolename}: expected version"):
        verify(release(1), release(2, {**ROLES, rolename: ROLES[rolename] - 1, "b": 1}))


def test_a_role_that_gets_lost_is_refused() -> None:
    """All warm clients would fail for ever."""
    for roles in ({"targets": 6}, {"targets": 6, "b": 1}, {"targets": 6, "b": 1, "c": 1}):
        with pytest.raises(OldVersion, match=r"a: expected version 3, found 0"):
            verify(release(1), release(2, roles))


def test_keys_may_be_added_but_not_dropped() -> None:
    assert overlap.keeps_verifiable(role_keys(ALICE), role_keys(ALICE))
    assert overlap.keeps_verifiable(role_keys(ALICE), role_keys(ALICE, BOB))
    assert overlap.keeps_verifiable(role_keys(ALICE, BOB, threshold=2), role_keys(ALICE, BOB))
    assert not overlap.keeps_verifiable(role_keys(ALICE, BOB), role_keys(ALICE))
    assert not overlap.keeps_verifiable(role_keys(ALICE), role_keys(BOB))
    assert not overlap.keeps_verifiable(role_keys(ALICE, BOB), role_keys(ALICE, BOB, threshold=2))
    assert not overlap.keeps_verifiable(None, role_keys(ALICE))
