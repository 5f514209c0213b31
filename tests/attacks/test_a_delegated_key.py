"""A thief with the credentials of a build system, and no key: he uploads what a signer has signed as another role's metadata.

A client takes any targets metadata that the right keys have signed for the role that it asks for. So a key that signs two roles
lets the metadata of one pass as the other's, unless each says which it is.
"""

from pathlib import Path

import pytest

from tests.attacks.fleet import Clients, Fleet
from tests.developer import Developer

REPOSITORY = "acme/api"
OURS, ALICES = {"app.bin": b"the owner's"}, {"alice/tool.bin": b"alice's"}


@pytest.fixture
def owner(fleet: Fleet) -> Developer:
    """The owner has delegated a folder to alice, who has published three versions; targets is at version 2."""
    owner = fleet.owner(REPOSITORY)
    assert fleet.publish(REPOSITORY, owner.bundle("root", "targets")).status == "published"
    owner.next_version(files=OURS)
    owner.delegate("alice", "alice/*")
    assert fleet.publish(REPOSITORY, owner.bundle("targets", "alice"), OURS).status == "published"
    for _ in range(2):
        owner.next_version("alice", ALICES)
        assert fleet.publish(REPOSITORY, owner.bundle("alice"), ALICES).status == "published"
    return owner


@pytest.mark.parametrize("rolename", ["root", "targets", "snapshot", "timestamp"])
def test_no_root_makes_a_signers_key_one_of_its_own(fleet: Fleet, owner: Developer, rolename: str, tmp_path: Path) -> None:
    """The file that alice has published would be the next version of targets, and nobody would find what the owner has signed."""
    clients = Clients(fleet, REPOSITORY, tmp_path)
    warm = clients.new()
    before = warm.refresh()
    owner.next_root().add_key(owner.signers["alice"][0].public_key, rolename)
    owner.signers["root"] += owner.signers["alice"] if rolename == "root" else []
    receipt = fleet.publish(REPOSITORY, owner.signed("root"), filename="root.json")
    alices = fleet.public.body(f"{REPOSITORY}/metadata/3.alice.json")
    fleet.publish(REPOSITORY, alices)

    for client in (warm, clients.new()):
        assert client.refresh() == before
        assert client.download("app.bin") == OURS["app.bin"]
    assert receipt.error is not None
    assert receipt.error.code == ("E_ROOT" if rolename in {"root", "targets"} else "E_ONLINE")


def test_a_role_that_shares_a_key_says_which_it_is_from_its_first_version_on(fleet: Fleet, owner: Developer) -> None:
    owner.next_version()
    owner.signers["bob"] = owner.signers["alice"]
    owner.delegate("bob", "bob/*")
    refused = fleet.publish(REPOSITORY, owner.bundle("targets", "bob"))
    assert refused.error is not None
    assert refused.error.code == "E_AUTH"
    owner.roles["bob"].unrecognized_fields["x-trustpress-role"] = "bob"
    assert fleet.publish(REPOSITORY, owner.bundle("targets", "bob")).status == "published"
    del owner.next_version("bob").unrecognized_fields["x-trustpress-role"]
    refused = fleet.publish(REPOSITORY, owner.bundle("bob"))
    assert refused.error is not None
    assert refused.error.code == "E_AUTH"


def test_what_a_signer_has_published_without_a_name_is_not_taken_for_the_role_beside_it(
    fleet: Fleet, owner: Developer, tmp_path: Path
) -> None:
    """Alice's key signs the folder beside hers as well; a thief uploads what she has published there as the next version of that."""
    owner.next_version()
    owner.signers["tools"] = owner.signers["alice"]
    owner.delegate("tools", "alice/*")
    owner.roles["tools"].unrecognized_fields["x-trustpress-role"] = "tools"
    assert fleet.publish(REPOSITORY, owner.bundle("targets", "tools")).status == "published"
    before = Clients(fleet, REPOSITORY, tmp_path).new().refresh()
    fleet.staging.upload(f"inbox/{REPOSITORY}/metadata/tools.json", fleet.public.body(f"{REPOSITORY}/metadata/2.alice.json"))
    (receipt,) = fleet.publisher.drain(REPOSITORY, fleet.clock).receipts
    assert receipt.error is not None
    assert receipt.error.code == "E_AUTH"
    assert Clients(fleet, REPOSITORY, tmp_path / "later").new().refresh() == before
