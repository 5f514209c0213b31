"""What somebody with access to the inbox tries, with no key or with a delegated one."""

import json

from tests.publish.world import HELLO, World
from trustpress.errors import Unreadable
from trustpress.ports import StoredObject


def test_a_role_cannot_delegate_to_itself(running: World) -> None:
    developer = running.developer
    developer.delegate("docs", "docs/*")
    developer.next_version()
    running.publish(developer.bundle("targets", "docs"))
    developer.delegate("docs", "docs/*", delegator="docs")
    developer.next_version("docs")
    running.refuse(developer.signed("docs"), "E_DELEG", "docs.json")
    running.wait(
        b'{"signatures":[{"keyid":"%b","sig":"00"}],"signed":%b}' % (b"0" * 64, signed(developer.signed())), "E_DELEG", "nobody.json"
    )
    publish_beside_others(running)


def test_roles_do_not_delegate_in_a_circle(running: World) -> None:
    """Each step is fine by itself: eve delegates to mallory, targets drops eve and takes mallory, and mallory would take eve."""
    developer = running.developer
    developer.delegate("eve", "docs/*")
    developer.delegate("mallory", "docs/*", delegator="eve")
    developer.next_version()
    running.publish(developer.bundle("targets", "eve", "mallory"))
    developer.next_version().delegations = None
    developer.delegate("mallory", "docs/*")
    running.publish(developer.signed())
    developer.delegate("eve", "docs/*", delegator="mallory")
    developer.next_version("mallory")
    receipt = running.refuse(developer.signed("mallory"), "E_DELEG", "mallory.json")
    assert "leads back to mallory by eve" in str(receipt.error)
    publish_beside_others(running)


def test_nobody_takes_over_a_role_by_delegating_to_its_published_bytes(running: World) -> None:
    developer = running.developer
    for rolename in ("docs", "other"):
        developer.delegate(rolename, f"{rolename}/*")
    developer.next_version()
    running.publish(developer.bundle("targets", "docs", "other"))
    published = developer.signed("docs")
    developer.delegate("docs", "other/*", delegator="other")
    developer.next_version("other")
    bundle = b'{"docs":%b,"other":%b}' % (published, developer.signed("other"))
    running.refuse(bundle, "E_DELEG", "bundle.json")


def test_an_empty_bin_cannot_pass_for_another(running: World) -> None:
    """Bins share their keys: without its name, the metadata of one would fit all."""
    developer = running.developer
    developer.next_version()
    bins = developer.delegate_bins(1, "bin")
    running.publish(developer.bundle("targets", *bins))
    developer.next_version(bins[0]).unrecognized_fields["x-trustpress-role"] = bins[0]
    running.publish(developer.signed(bins[0]), f"{bins[0]}.json")
    running.upload(developer.signed(bins[0]), f"{bins[1]}.json")
    running.drain()
    assert f"acme/api/metadata/2.{bins[1]}.json" not in running.public.objects
    developer.roles[bins[0]].unrecognized_fields.clear()
    developer.next_version(bins[0])
    running.refuse(developer.signed(bins[0]), "E_AUTH", f"{bins[0]}.json")


def test_bytes_that_were_published_keep_their_receipt(running: World) -> None:
    running.developer.next_version(files=HELLO)
    first = running.developer.signed()
    sha256 = running.publish(first, files=HELLO).sha256
    running.developer.next_version()
    running.publish(running.developer.signed())
    running.upload(first, "again.json")
    running.upload(first, "nosuch.json")
    running.drain()
    assert running.receipt(sha256)["status"] == "published"
    assert running.inbox() == []


def test_an_upload_that_the_store_does_not_give_stands_in_nobodys_way(running: World) -> None:
    """Archived, or encrypted with somebody else's key."""
    running.upload(b"{}", "archived.json")
    get = running.staging.get

    def refusing(key: str, limit: int, version_id: str | None = None) -> StoredObject | None:
        if key.endswith("archived.json"):
            raise Unreadable(key, "InvalidObjectState")
        return get(key, limit, version_id)

    running.staging.get = refusing  # type: ignore[method-assign]
    running.developer.next_version(files=HELLO)
    running.upload_files(HELLO)
    running.upload(running.developer.signed())
    statuses = {receipt.upload.rpartition("/")[2]: receipt.status for receipt in running.drain()}
    assert statuses == {"archived.json": "waiting", "targets.json": "published"}


def test_a_bundle_of_thousands_of_unknown_roles_waits_without_harm(running: World) -> None:
    junk = json.loads(running.developer.signed())
    body = json.dumps({f"unknown-role-{number:05}": junk for number in range(5000)}).encode()
    running.wait(body, "E_DELEG", "junk.json")
    publish_beside_others(running)


def test_junk_under_the_name_of_a_role_does_not_stand_in_for_it(running: World) -> None:
    developer = running.developer
    developer.delegate("docs", "docs/*")
    running.upload(developer.signed().replace(b'"sig":"', b'"sig":"00'), "9.docs.json")
    developer.next_version()
    running.upload(developer.signed("docs"), "docs.json")
    running.upload(developer.signed())
    statuses = {receipt.upload.rpartition("/")[2]: receipt.status for receipt in running.drain()}
    assert statuses["docs.json"] == statuses["targets.json"] == "published"


def publish_beside_others(world: World) -> None:
    """The next good upload goes through, whatever else waits."""
    world.developer.next_version(files=HELLO)
    world.upload_files(HELLO)
    sha256 = world.upload(world.developer.signed())
    world.drain()
    assert world.receipt(sha256)["status"] == "published"


def signed(envelope: bytes) -> bytes:
    return json.dumps(json.loads(envelope)["signed"]).encode()
