"""Delegated roles: published with the role that delegates to them, and never lost again."""

import pytest
from tuf.api.metadata import SuccinctRoles, Targets

from tests.developer import as_tuf_key
from tests.publish.world import HELLO, World

DOCS = {"docs/manual.txt": b"read me"}


@pytest.fixture
def delegating(running: World) -> World:
    """targets delegates docs/* to docs, version 1 of which is published."""
    running.developer.next_version()
    running.developer.delegate("docs", "docs/*")
    running.publish(running.developer.bundle("targets", "docs"))
    return running


def test_a_role_and_its_delegation_arrive_as_one_bundle(delegating: World) -> None:
    assert delegating.published("2.snapshot.json")["meta"].keys() == {"targets.json", "docs.json"}


def test_a_role_and_its_delegation_arrive_as_two_files(running: World) -> None:
    running.developer.next_version()
    running.developer.delegate("docs", "docs/*")
    running.wait(running.developer.signed("docs"), "E_DELEG", "docs.json")
    running.upload(running.developer.signed(), "targets.json")
    assert [receipt.status for receipt in running.drain()] == ["published", "published"]


def test_a_delegation_waits_for_its_role(running: World) -> None:
    running.developer.next_version()
    running.developer.delegate("docs", "docs/*")
    receipt = running.wait(running.developer.signed(), "E_DELEG")
    assert "docs" in str(receipt.error)
    running.upload(running.developer.signed("docs"), "1.docs.json")
    assert [receipt.status for receipt in running.drain()] == ["published", "published"]


def test_a_delegated_role_is_published_alone(delegating: World) -> None:
    delegating.developer.next_version("docs", DOCS)
    delegating.publish(delegating.developer.signed("docs"), "docs.json", DOCS)
    assert delegating.download("docs/manual.txt") == b"read me"


def test_a_delegated_role_stays_within_its_paths(delegating: World) -> None:
    delegating.developer.next_version("docs", HELLO)
    delegating.refuse(delegating.developer.signed("docs"), "E_AUTH", "docs.json")


def test_a_role_that_nobody_delegates_to_waits(running: World) -> None:
    running.developer.delegate("docs", "docs/*")
    running.wait(running.developer.signed("docs"), "E_DELEG", "docs.json")


def test_a_delegated_role_signed_by_another_key_is_refused(delegating: World) -> None:
    delegating.developer.next_version("docs")
    delegating.developer.signers["docs"] = delegating.developer.signers["targets"]
    delegating.refuse(delegating.developer.signed("docs"), "E_SIG", "docs.json")


def test_a_nested_delegation_stays_within_the_paths_of_all_above(delegating: World) -> None:
    developer = delegating.developer
    developer.next_version("docs")
    developer.delegate("german", "docs/de-*", delegator="docs")
    delegating.publish(developer.bundle("docs", "german"), "docs.json")
    german = {"docs/de-manual.txt": b"lies mich"}
    developer.next_version("german", german)
    delegating.publish(developer.signed("german"), "german.json", german)
    assert delegating.download("docs/de-manual.txt") == b"lies mich"
    developer.next_version("german", DOCS)
    delegating.refuse(developer.signed("german"), "E_AUTH", "german.json")


def test_a_nested_delegation_of_more_than_one_has_is_refused(delegating: World) -> None:
    delegating.developer.next_version("docs")
    delegating.developer.delegate("everything", "*", delegator="docs")
    delegating.refuse(delegating.developer.bundle("docs", "everything"), "E_AUTH", "docs.json")


def test_three_generations_arrive_as_three_files(running: World) -> None:
    developer = running.developer
    developer.next_version()
    developer.delegate("docs", "docs/*")
    developer.delegate("german", "docs/de-*", delegator="docs")
    running.wait(developer.signed("german"), "E_DELEG", "german.json")
    running.wait(developer.signed("docs"), "E_DELEG", "docs.json")
    running.upload(developer.signed(), "targets.json")
    assert [receipt.status for receipt in running.drain()] == ["published"] * 3


def test_many_new_roles_and_their_delegator_arrive_as_separate_files(running: World) -> None:
    developer = running.developer
    developer.next_version()
    for number in range(20):
        developer.delegate(f"team-{number}", f"{number}/*")
        running.upload(developer.signed(f"team-{number}"), f"team-{number}.json")
    running.upload(developer.signed(), "targets.json")
    assert [receipt.status for receipt in running.drain()] == ["published"] * 21


def test_of_two_bundles_with_other_bytes_for_one_role_only_one_is_acknowledged(running: World) -> None:
    """targets needs both bundles, yet what they say of shared cannot both be published."""
    developer = running.developer
    developer.next_version()
    for name in ("left", "right", "shared"):
        developer.delegate(name, f"{name}/*")
    running.upload(developer.bundle("left", "shared"), "left.json")
    developer.roles["shared"].unrecognized_fields["x-other"] = "bytes"
    running.upload(developer.bundle("right", "shared"), "right.json")
    running.upload(developer.signed())
    assert [receipt.status for receipt in running.drain()] == ["waiting"] * 3
    running.upload(developer.signed("right"), "1.right.json")
    statuses = {receipt.upload.rpartition("/")[2]: receipt.status for receipt in running.drain()}
    assert statuses == {"left.json": "published", "right.json": "rejected", "targets.json": "published", "1.right.json": "published"}


def test_a_role_may_be_delegated_by_one_role_only(delegating: World) -> None:
    """Clients would take the keys of whichever delegation they meet first."""
    developer = delegating.developer
    developer.next_version()
    developer.delegate("other", "docs/*")
    delegating.publish(developer.bundle("targets", "other"))
    developer.next_version("other")
    developer.delegate("docs", "docs/*", delegator="other")
    delegating.refuse(developer.signed("other"), "E_DELEG", "other.json")


@pytest.mark.parametrize("owner", ["root", "targets", "online"])
def test_a_key_of_a_top_level_role_signs_no_delegated_one(delegating: World, owner: str) -> None:
    """What it signs as one role could pass as the other, and an online key would decide what clients install."""
    developer = delegating.developer
    developer.next_version()
    developer.delegate("tools", "tools/*")
    key = as_tuf_key(delegating.online.public_key) if owner == "online" else developer.signers[owner][-1].public_key
    developer.roles["targets"].add_key(key, "tools")
    delegating.refuse(developer.bundle("targets", "tools"), "E_DELEG", "bundle.json")


def test_a_delegation_that_is_removed_stays_in_the_snapshot(delegating: World) -> None:
    """Clients that once saw it would refuse every snapshot without it, for ever."""
    developer = delegating.developer
    developer.next_version().delegations = None
    delegating.publish(developer.signed())
    assert delegating.published("3.snapshot.json")["meta"]["docs.json"]["version"] == 1
    developer.next_version("docs")
    delegating.wait(developer.signed("docs"), "E_DELEG", "docs.json")


def test_a_delegation_that_comes_back_goes_on_where_it_was(delegating: World) -> None:
    developer = delegating.developer
    developer.next_version().delegations = None
    delegating.publish(developer.signed())
    developer.next_version()
    developer.delegate("docs", "docs/*")
    delegating.publish(developer.signed())
    developer.next_version("docs", DOCS)
    delegating.publish(developer.signed("docs"), "docs.json", DOCS)
    assert delegating.download("docs/manual.txt") == b"read me"


def test_a_delegator_may_not_drop_the_only_key_of_a_published_role(delegating: World) -> None:
    delegating.developer.next_version()
    delegating.developer.replace_delegated_key("docs")
    delegating.refuse(delegating.developer.signed(), "E_DELEG")


def test_a_delegated_key_is_replaced_with_the_role_signed_again_in_one_bundle(delegating: World) -> None:
    delegating.developer.next_version()
    delegating.developer.replace_delegated_key("docs")
    delegating.developer.next_version("docs", DOCS)
    delegating.publish(delegating.developer.bundle("targets", "docs"), files=DOCS)
    assert delegating.download("docs/manual.txt") == b"read me"


def test_a_delegator_may_not_ask_a_published_role_for_more_signatures(delegating: World) -> None:
    developer = delegating.developer
    role = developer.next_version()
    assert role.delegations is not None
    assert role.delegations.roles is not None
    role.add_key(developer.signers["root"][0].public_key, "docs")
    role.delegations.roles["docs"].threshold = 2
    delegating.refuse(developer.signed(), "E_DELEG")


def test_narrower_paths_may_leave_a_published_target_behind_them(delegating: World) -> None:
    """A client then finds no such target in that role, and goes on: nothing fails."""
    developer = delegating.developer
    developer.next_version("docs", DOCS)
    delegating.publish(developer.signed("docs"), "docs.json", DOCS)
    developer.next_version()
    developer.delegate("docs", "docs/public-*")
    delegating.publish(developer.signed())
    assert delegating.download("docs/manual.txt") is None


def test_bins_are_published_with_their_delegator(running: World) -> None:
    running.developer.next_version()
    bins = running.developer.delegate_bins(4, "bin")
    running.publish(running.developer.bundle("targets", *bins))
    assert len(running.published("2.snapshot.json")["meta"]) == 17
    put_into_its_bin(running, "any/file.txt", b"found")
    assert running.download("any/file.txt") == b"found"


def test_a_missing_bin_is_waited_for(running: World) -> None:
    running.developer.next_version()
    *first, last = running.developer.delegate_bins(2, "bin")
    receipt = running.wait(running.developer.bundle("targets", *first), "E_DELEG")
    assert last in str(receipt.error)
    running.upload(running.developer.signed(last), f"{last}.json")
    assert [receipt.status for receipt in running.drain()] == ["published", "published"]


def test_more_bins_than_before_are_all_waited_for(running: World) -> None:
    developer = running.developer
    developer.next_version()
    running.publish(developer.bundle("targets", *developer.delegate_bins(2, "bin")))
    delegations = developer.next_version().delegations
    assert delegations is not None
    assert delegations.succinct_roles is not None
    [keyid] = delegations.succinct_roles.keyids
    delegations.succinct_roles = SuccinctRoles([keyid], 1, 3, "bin")
    running.wait(developer.signed(), "E_DELEG")
    new_bins = [f"bin-{number}" for number in range(4, 8)]
    for name in new_bins:
        developer.signers[name], developer.roles[name] = developer.signers["bin-0"], Targets(expires=developer.expires)
    running.upload(developer.bundle(*new_bins), "new.json")
    assert [receipt.status for receipt in running.drain()] == ["published", "published"]


def test_a_new_version_of_targets_needs_no_look_at_unchanged_bins(running: World) -> None:
    running.developer.next_version()
    running.publish(running.developer.bundle("targets", *running.developer.delegate_bins(5, "bin")))
    assert_unchanged_roles_are_not_read(running)


def test_a_new_version_of_targets_needs_no_look_at_unchanged_roles(running: World) -> None:
    names = [f"team-{number}" for number in range(32)]
    running.developer.next_version()
    for name in names:
        running.developer.delegate(name, f"{name}/*")
    running.publish(running.developer.bundle("targets", *names))
    assert_unchanged_roles_are_not_read(running)


def test_a_root_has_roles_read_only_where_it_lists_a_new_key(running: World) -> None:
    """To be held against what each of them delegates, by a container that has just started."""
    names = [f"team-{number}" for number in range(8)]
    running.developer.next_version()
    for name in names:
        running.developer.delegate(name, f"{name}/*")
    running.publish(running.developer.bundle("targets", *names))

    def requests_of_a_root() -> int:
        running.start()
        running.upload(running.developer.signed("root"), "root.json")
        running.public.calls.clear()
        (receipt,) = running.publisher.drain(running.name, running.clock).receipts
        assert receipt.status == "published"
        return running.public.calls["GET"]

    running.developer.next_root()
    without = requests_of_a_root()
    assert without < len(names)
    running.developer.next_root()
    running.developer.replace_key("root")
    assert requests_of_a_root() <= without + len(names) + 1


def test_a_target_in_the_wrong_bin_is_refused(running: World) -> None:
    running.developer.next_version()
    bins = running.developer.delegate_bins(2, "bin")
    running.publish(running.developer.bundle("targets", *bins))
    right = running.bin_of("any/file.txt")
    wrong = next(name for name in bins if name != right)
    running.developer.next_version(wrong, {"any/file.txt": b"lost"})
    running.refuse(running.developer.signed(wrong), "E_AUTH", f"{wrong}.json")


def test_the_key_of_published_bins_is_replaced_with_all_of_them_in_one_bundle(running: World) -> None:
    running.developer.next_version()
    bins = running.developer.delegate_bins(2, "bin")
    running.publish(running.developer.bundle("targets", *bins))
    running.developer.next_version()
    running.developer.delegate_bins(2, "bin")
    for name in bins:
        running.developer.roles[name].version = 2
        running.developer.roles[name].unrecognized_fields["x-trustpress-role"] = name
    running.refuse(running.developer.signed(), "E_DELEG")
    running.publish(running.developer.bundle("targets", *bins))


def assert_unchanged_roles_are_not_read(world: World) -> None:
    """By a container that has just started: timestamp, snapshot, targets and roots are all it needs."""
    world.start()
    world.developer.next_version()
    world.upload(world.developer.signed())
    world.public.calls.clear()
    world.publisher.drain(world.name, world.clock)
    assert world.public.calls["GET"] <= 6


def put_into_its_bin(world: World, targetpath: str, data: bytes) -> None:
    name = world.bin_of(targetpath)
    world.developer.next_version(name, {targetpath: data})
    world.publish(world.developer.signed(name), f"{name}.json", {targetpath: data})
