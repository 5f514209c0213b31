"""A thief who may upload to one repository of an owner who has two, and uses one offline and one tagging key for both.

He has no key. He uploads to the second what the owner has signed for the first: roots and targets metadata do not name their
repository by themselves, and the same keys have signed them.
"""

from pathlib import Path

import pytest

from tests.attacks.fleet import Clients, Fleet, MasterThief
from tests.developer import Developer
from tests.fakes import RecordingInvalidator
from trustpress.core.portable import MAX_VERSION
from trustpress.recover.recovery import Recovered, Recovery

MINE, OTHER = "acme/api", "acme/web"
API, WEB = {"app.bin": b"api"}, {"app.bin": b"web"}


def says(owner: Developer, repository: str) -> None:
    """What `trustpress` signs into each root and targets role."""
    for signed in (owner.root, owner.roles["targets"]):
        signed.unrecognized_fields["x-trustpress-repository"] = repository


@pytest.fixture
def owners(fleet: Fleet) -> tuple[Developer, Developer]:
    """The same person, with one set of keys, as the owner of two repositories."""
    api, web = fleet.owner(MINE), fleet.owner(OTHER)
    web.signers = dict(api.signers)
    for rolename in ("root", "targets"):
        web.root.revoke_key(web.root.roles[rolename].keyids[0], rolename)
        web.root.add_key(api.signers[rolename][0].public_key, rolename)
    for owner, name, files in ((api, MINE, API), (web, OTHER, WEB)):
        says(owner, name)
        owner.next_version(files=files).version = 1
        assert fleet.publish(name, owner.bundle("root", "targets"), files).status == "published"
    return api, web


@pytest.mark.parametrize("rolename", ["targets", "root"])
def test_what_was_signed_for_one_is_refused_by_the_other(
    fleet: Fleet, owners: tuple[Developer, Developer], rolename: str, tmp_path: Path
) -> None:
    api, _ = owners
    clients = Clients(fleet, OTHER, tmp_path)
    warm = clients.new()
    before = warm.refresh()
    if rolename == "root":
        api.next_root()
    else:
        api.next_version(files={"app.bin": b"api, newer"})
    fleet.staging.upload(f"inbox/{OTHER}/targets/app.bin", b"api, newer")
    receipt = fleet.publish(OTHER, api.signed(rolename), filename=f"{rolename}.json")
    assert receipt.error is not None
    assert receipt.error.code == "E_FOREIGN"
    for client in (warm, clients.new()):
        assert client.refresh() == before
        assert client.download("app.bin") == WEB["app.bin"]


def test_a_delegated_role_of_one_is_refused_by_the_other(fleet: Fleet, owners: tuple[Developer, Developer]) -> None:
    api, web = owners
    for owner, name in ((api, MINE), (web, OTHER)):
        owner.signers["docs"] = api.signers.setdefault("docs", [owner._new_key()])
        owner.next_version()
        owner.delegate("docs", "docs/*")
        owner.roles["docs"].unrecognized_fields |= {"x-trustpress-repository": name, "x-trustpress-role": "docs"}
        assert fleet.publish(name, owner.bundle("targets", "docs")).status == "published"
    api.next_version("docs")
    receipt = fleet.publish(OTHER, api.signed("docs"), filename="docs.json")
    assert receipt.error is not None
    assert receipt.error.code == "E_FOREIGN"


def recover(fleet: Fleet) -> Recovered:
    return Recovery(fleet.staging, fleet.public, fleet.keys, RecordingInvalidator(), workers=1).recover(OTHER, fleet.clock)


def destroy(fleet: Fleet, *filenames: str) -> None:
    for filename in filenames:
        del fleet.public.objects[f"{OTHER}/metadata/{filename}"]


def test_a_role_of_one_does_not_come_back_as_the_others(fleet: Fleet, owners: tuple[Developer, Developer]) -> None:
    """What lists it by its hash is lost as well; what was signed for the first waits in the inbox of the second."""
    api, web = owners
    for owner, name, files in ((api, MINE, API), (web, OTHER, WEB)):
        owner.next_version(files=files)
        assert fleet.publish(name, owner.signed(), files).status == "published"
    destroy(fleet, "2.targets.json", "2.snapshot.json")
    fleet.staging.upload(f"inbox/{OTHER}/metadata/targets.json", api.signed())
    (lost,) = recover(fleet).to_sign
    assert (lost.rolename, lost.seen, lost.available) == ("targets", 2, 1)


def test_a_root_of_one_does_not_stand_in_the_way_of_the_others(fleet: Fleet, owners: tuple[Developer, Developer]) -> None:
    """A recovery needs the next root of the second; that of the first was put into the same inbox, under a name that comes before."""
    api, web = owners
    fleet.masters.make_next()
    fleet.ask(OTHER)
    web.next_root()
    web.list_online_keys(fleet.shown(OTHER)[-1:])
    api.next_root()
    for filename, owner in (("a.root.json", api), ("b.root.json", web)):
        fleet.staging.upload(f"inbox/{OTHER}/metadata/{filename}", owner.bundle("root"))
    MasterThief(fleet, OTHER).show({"version": 1}, MAX_VERSION)
    assert recover(fleet).release["root"] == 2
