"""Online keys change without one failed refresh, whatever caches still hold (the world checks every such view)."""

from datetime import timedelta

import pytest

from tests.publish.world import HELLO, World
from trustpress.core.keys import PublicKey, compute_keyid, parse_key
from trustpress.core.overlap import OVERLAP
from trustpress_uploader.keys.private_keys import PrivateKey


@pytest.fixture
def new_key(running: World) -> PublicKey:
    """The deployment holds a second key; root version 2, not uploaded yet, lists it instead of the first."""
    key = running.add_online_key()
    running.developer.next_root()
    running.developer.list_online_keys([key])
    return key


def test_a_root_with_new_online_keys_waits_while_caches_may_hold_what_it_would_not_verify(running: World, new_key: PublicKey) -> None:
    running.wait(running.developer.signed("root"), "E_ROOT", "root.json")
    assert "acme/api/metadata/2.root.json" not in running.public.objects
    both = {running.online.public_key.keyid, new_key.keyid}
    assert running.signers_of("timestamp.json") == running.signers_of("2.snapshot.json") == both


def test_it_is_published_once_every_cache_has_forgotten(running: World, new_key: PublicKey) -> None:
    running.wait(running.developer.signed("root"), "E_ROOT", "root.json")
    running.clock.pass_time(OVERLAP - timedelta(seconds=1))
    assert [receipt.status for receipt in running.drain()] == ["waiting"]
    running.clock.pass_time(timedelta(seconds=1))
    assert [receipt.status for receipt in running.drain()] == ["published"]
    assert running.published("2.root.json")["version"] == 2
    running.publish_files(HELLO)


def test_publishing_goes_on_meanwhile_signed_by_both(running: World, new_key: PublicKey) -> None:
    running.wait(running.developer.signed("root"), "E_ROOT", "root.json")
    running.clock.pass_time(timedelta(seconds=45))
    running.developer.next_version(files=HELLO)
    running.upload_files(HELLO)
    running.upload(running.developer.signed())
    assert sorted(receipt.status for receipt in running.drain()) == ["published", "waiting"]
    assert running.signers_of("timestamp.json") == {running.online.public_key.keyid, new_key.keyid}
    running.clock.pass_time(OVERLAP)
    assert [receipt.status for receipt in running.drain()] == ["published"]


def test_a_former_key_signs_until_caches_have_forgotten_its_root(running: World, new_key: PublicKey) -> None:
    former = running.online.public_key.keyid
    running.wait(running.developer.signed("root"), "E_ROOT", "root.json")
    running.clock.pass_time(OVERLAP)
    running.drain()
    running.clock.pass_time(OVERLAP - timedelta(seconds=1))
    running.publish_files(HELLO)
    assert running.signers_of("timestamp.json") == {former, new_key.keyid}
    running.clock.pass_time(timedelta(seconds=1))
    running.publish_files({"later.txt": b"later"})
    assert running.signers_of("timestamp.json") == {new_key.keyid}


def test_a_container_that_starts_meanwhile_keeps_the_former_signatures_too(running: World, new_key: PublicKey) -> None:
    running.wait(running.developer.signed("root"), "E_ROOT", "root.json")
    running.clock.pass_time(OVERLAP)
    running.drain()
    running.start()
    running.publish_files(HELLO)
    assert running.signers_of("timestamp.json") == {running.online.public_key.keyid, new_key.keyid}


def test_a_refresh_meanwhile_keeps_the_former_signatures_too(running: World, new_key: PublicKey) -> None:
    running.clock.pass_time(timedelta(hours=11, minutes=59))
    running.publish_files(HELLO)
    running.wait(running.developer.signed("root"), "E_ROOT", "root.json")
    running.clock.pass_time(timedelta(hours=13))
    assert running.refresher.refresh(running.name, running.clock)
    running.see_as_clients_do()
    assert running.signers_of("timestamp.json") == {running.online.public_key.keyid, new_key.keyid}
    assert [receipt.status for receipt in running.drain()] == ["published"]


def test_a_refresher_that_knew_only_the_old_root_follows(running: World, new_key: PublicKey) -> None:
    running.refresher.refresh(running.name, running.clock)
    running.wait(running.developer.signed("root"), "E_ROOT", "root.json")
    running.clock.pass_time(OVERLAP)
    running.drain()
    running.clock.pass_time(timedelta(hours=2))
    refresher = running.refresher
    running.signers.pop(running.online.public_key.keyid)
    running.start()
    running.publish_files(HELLO)
    assert running.signers_of("timestamp.json") == {new_key.keyid}
    running.clock.pass_time(timedelta(hours=13))
    assert refresher.refresh(running.name, running.clock)
    running.see_as_clients_do()
    assert running.signers_of("timestamp.json") == {new_key.keyid}


def test_a_key_that_is_added_beside_the_old_one_needs_no_wait(running: World) -> None:
    key = running.add_online_key()
    running.developer.next_root()
    running.developer.list_online_keys([running.online.public_key, key])
    running.publish(running.developer.signed("root"), "root.json")


def test_a_threshold_of_two_online_keys_needs_the_overlap(running: World) -> None:
    key = running.add_online_key()
    running.developer.next_root()
    running.developer.list_online_keys([running.online.public_key, key])
    running.developer.root.roles["timestamp"].threshold = 2
    running.wait(running.developer.signed("root"), "E_ROOT", "root.json")
    running.clock.pass_time(OVERLAP)
    assert [receipt.status for receipt in running.drain()] == ["published"]
    running.publish_files(HELLO)


def test_a_deployment_that_lost_the_old_key_refuses_to_sign_for_the_old_root(running: World) -> None:
    """It cannot serve clients of the old root any more: nothing may be committed in silence."""
    running.signers.pop(running.online.public_key.keyid)
    running.add_online_key()
    before = dict(running.public.objects)
    running.developer.next_version()
    running.upload(running.developer.signed())
    with pytest.raises(Exception, match="too few of the snapshot keys"):
        running.drain()
    assert running.public.body("acme/api/metadata/timestamp.json") == before["acme/api/metadata/timestamp.json"][-1].body
    running.see_as_clients_do()


def test_a_waiting_root_that_is_withdrawn_leaves_everything_working(running: World, new_key: PublicKey) -> None:
    running.wait(running.developer.signed("root"), "E_ROOT", "root.json")
    running.staging.objects.pop("inbox/acme/api/metadata/root.json")
    running.clock.pass_time(OVERLAP)
    assert running.drain() == []
    running.publish_files(HELLO)


def test_a_root_that_comes_back_waits_anew_where_its_key_has_not_signed_all_the_while(running: World, new_key: PublicKey) -> None:
    """Its old receipt says since when it waited then; meanwhile the deployment did not hold its key."""
    body = running.developer.signed("root")
    running.wait(body, "E_ROOT", "root.json")
    running.staging.objects.pop("inbox/acme/api/metadata/root.json")
    held = running.signers.pop(new_key.keyid)
    running.start()
    running.clock.pass_time(timedelta(hours=2))
    running.publish_files(HELLO)
    running.signers[new_key.keyid] = held
    running.start()
    assert running.wait(body, "E_ROOT", "root.json").until == running.clock.now() + OVERLAP
    assert [receipt.status for receipt in running.drain()] == ["waiting"]
    running.clock.pass_time(OVERLAP)
    assert [receipt.status for receipt in running.drain()] == ["published"]


def test_a_receipt_says_when_and_how_long(running: World, new_key: PublicKey) -> None:
    """From the first look on: that is when both keys began to sign."""
    body = running.developer.signed("root")
    running.wait(body, "E_ROOT", "root.json")
    running.clock.pass_time(timedelta(seconds=45))
    [receipt] = running.drain()
    written = running.receipt(receipt.sha256)
    assert (written["since"], written["until"]) == ("2026-11-23T12:00:00Z", "2026-11-23T12:03:20Z")
    assert "at least 200 seconds" in written["hint"]
    running.clock.pass_time(OVERLAP)
    running.drain()
    assert not {"since", "until"} & running.receipt(receipt.sha256).keys()


def test_only_what_waits_for_nothing_but_time_says_until_when(running: World) -> None:
    running.developer.next_version(files=HELLO)
    receipt = running.wait(running.developer.signed(), "E_TARGET")
    assert "until" not in running.receipt(receipt.sha256)


def test_an_overlap_of_a_day_is_not_taken_for_an_upload_that_waits_in_vain(running: World, new_key: PublicKey) -> None:
    """Uploaded, seen an hour later, published a day after that."""
    running.overlap = timedelta(days=1)
    running.start()
    running.upload(running.developer.signed("root"), "root.json")
    running.clock.pass_time(timedelta(hours=1))
    assert "at least 86400 seconds" in running.receipt(running.drain()[0].sha256)["hint"]
    for hours in (13, 10.5):
        running.clock.pass_time(timedelta(hours=hours))
        running.refresher.refresh(running.name, running.clock)
        assert [receipt.status for receipt in running.drain()] == ["waiting"]
    running.clock.pass_time(timedelta(minutes=30))
    assert [receipt.status for receipt in running.drain()] == ["published"]


# One key in two spellings: a PEM may end without a line feed, and has another keyid then


class TestAnotherSpelling:
    @pytest.fixture
    def curved(self, world: World) -> World:
        """The deployment's one online key is ECDSA, as AWS KMS has it; nothing is published yet."""
        signer = PrivateKey.generate("ecdsa")
        world.signers.clear()
        world.signers[signer.public_key.keyid] = signer
        world.start()
        return world

    def test_a_key_is_known_however_a_root_spells_it(self, curved: World) -> None:
        (own,) = (signer.public_key for signer in curved.signers.values())
        other = respelled(own)
        curved.developer.list_online_keys([other])
        curved.publish_first()
        assert curved.signers_of("timestamp.json") == curved.signers_of("1.snapshot.json") == {other.keyid}

    def test_a_former_spelling_goes_on_signing(self, curved: World) -> None:
        """Clients that still hold the former root know its keyid alone."""
        (own,) = (signer.public_key for signer in curved.signers.values())
        other = respelled(own)
        curved.developer.list_online_keys([other])
        curved.publish_first()
        curved.developer.next_root()
        curved.developer.list_online_keys([own])
        curved.wait(curved.developer.signed("root"), "E_ROOT", "root.json")
        curved.clock.pass_time(OVERLAP)
        assert [receipt.status for receipt in curved.drain()] == ["published"]
        curved.publish_files(HELLO)
        assert curved.signers_of("timestamp.json") == {own.keyid, other.keyid}


def respelled(key: PublicKey) -> PublicKey:
    public = key.public.rstrip("\n")
    value = key.as_json() | {"keyval": {"public": public}}
    return parse_key(compute_keyid(key.keytype, key.scheme, public), value)
