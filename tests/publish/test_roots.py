"""Whoever writes roots believes nobody: not publish, which may be a thief's, and reads for itself what it is told of."""

import json
from datetime import timedelta

import pytest

from tests.fakes import KeysOf
from tests.publish.test_requests import counted, reset
from tests.publish.world import World
from trustpress.core.overlap import OVERLAP
from trustpress.errors import Conflict, Misconfigured, Unavailable
from trustpress.publish.roots import Roots

INBOX = "inbox/acme/api/metadata/root.json"


def written(world: World, body: bytes, key: str = INBOX) -> bool:
    """What the writer of roots makes of an upload that a thief in publish tells it of."""
    world.staging.upload(key, body)
    roots = Roots(world.staging, world.public, KeysOf(world.signers.values()))
    return roots.write(world.name, key, world.staging.objects[key][-1].version_id, world.clock.now())


def refused(world: World, body: bytes, reason: str, key: str = INBOX) -> None:
    before = list(world.public.objects)
    with pytest.raises(Misconfigured, match=reason):
        written(world, body, key)
    assert list(world.public.objects) == before
    world.see_as_clients_do()


def test_the_next_root_is_written_once_and_the_same_bytes_are_fine(running: World) -> None:
    running.developer.next_root()
    assert written(running, running.developer.signed("root"))
    assert written(running, running.developer.signed("root"))
    running.see_as_clients_do()


def test_other_bytes_under_a_number_that_is_taken_are_not_written(running: World) -> None:
    running.developer.next_root()
    running.publish(running.developer.signed("root"), "root.json")
    running.developer.root.expires -= timedelta(days=1)
    assert not written(running, running.developer.signed("root"))


def test_what_is_no_metadata_is_refused(running: World) -> None:
    refused(running, b"<html>", "no root to be published")


def test_an_upload_without_a_root_is_refused(running: World) -> None:
    running.developer.next_version()
    refused(running, running.developer.signed(), "it holds no root", "inbox/acme/api/metadata/targets.json")


def test_a_root_that_the_one_before_did_not_sign_is_refused(running: World) -> None:
    stranger = running.stranger()
    stranger.root.version = 2
    refused(running, stranger.signed("root"), "signature")


def test_a_root_that_skips_a_number_is_refused(running: World) -> None:
    running.developer.next_root()
    running.developer.next_root()
    refused(running, running.developer.signed("root"), r"2\.root\.json")


def test_a_root_out_of_another_inbox_is_refused(running: World) -> None:
    running.developer.next_root()
    refused(running, running.developer.signed("root"), "not metadata in the inbox of acme/api", "inbox/acme/web/metadata/root.json")


def test_a_root_with_an_online_key_of_somebody_else_is_refused(running: World) -> None:
    key = running.add_online_key()
    del running.signers[key.keyid]
    running.developer.next_root()
    running.developer.list_online_keys([running.online.public_key, key])
    refused(running, running.developer.signed("root"), "is not an online key of acme/api alone")


def test_a_root_that_drops_a_key_at_once_is_refused(running: World) -> None:
    """The thief in publish is in a hurry; the owner was not, and has uploaded it to wait."""
    key = running.add_online_key()
    running.developer.next_root()
    running.developer.list_online_keys([running.online.public_key, key])
    running.publish(running.developer.signed("root"), "root.json")
    running.developer.next_root()
    running.developer.list_online_keys([key])
    body = running.developer.signed("root")
    refused(running, body, "drops keys that caches may still need")
    running.wait(body, "E_ROOT", "root.json")
    running.clock.pass_time(OVERLAP)
    assert {receipt.status for receipt in running.drain()} == {"published"}


def test_a_root_under_which_nothing_published_would_verify_is_refused(running: World) -> None:
    key = running.add_online_key()
    running.developer.next_root()
    running.developer.list_online_keys([key])
    refused(running, running.developer.signed("root"), "the published timestamp would not verify under it")


def test_a_root_with_targets_that_it_does_not_verify_is_refused(running: World) -> None:
    running.developer.next_version()
    targets = json.loads(running.developer.signed())
    running.developer.next_root()
    running.developer.replace_key("targets")
    body = json.dumps({"root": json.loads(running.developer.signed("root")), "targets": targets}).encode()
    refused(running, body, "targets")


def test_a_bundle_drops_a_targets_key_at_once_only_if_its_root_says_so(running: World) -> None:
    running.developer.next_root()
    running.developer.replace_key("targets")
    running.developer.next_version()
    refused(running, running.developer.bundle("root", "targets"), "drops keys that caches may still need")


def test_a_root_that_names_another_repository_is_refused(running: World) -> None:
    running.developer.next_root()
    running.developer.root.unrecognized_fields["x-trustpress-repository"] = "acme/web"
    refused(running, running.developer.signed("root"), "acme/web")


def test_an_expired_root_is_refused(running: World) -> None:
    running.developer.next_root()
    running.developer.root.expires = running.clock.now().replace(microsecond=0) - timedelta(days=1)
    refused(running, running.developer.signed("root"), "expected an expiry at least an hour from")


def test_an_upload_that_is_gone_starts_the_publisher_over(running: World) -> None:
    roots = Roots(running.staging, running.public, KeysOf(running.signers.values()))
    with pytest.raises(Conflict):
        roots.write(running.name, INBOX, "v999", running.clock.now())


def test_a_root_costs_three_requests_more_than_if_publish_wrote_it(running: World) -> None:
    """The upload, the root before it and the timestamp are read once more; what carries no root costs what it did."""
    running.publish_files({})
    running.developer.next_root()
    running.upload(running.developer.signed("root"), "root.json")
    reset(running)
    running.publisher.drain(running.name, running.clock)
    by_roots = 3
    assert counted(running) == {"PUT": 5, "DELETE": 1, "GET": 4 + by_roots, "LIST": 1}


class Broken:
    """A function that does not answer."""

    def write(self, repository: str, key: str, version_id: str, now: object) -> bool:
        raise Unavailable("lambda: roots failed")


def test_a_root_that_could_not_be_written_waits_for_the_next_try(running: World) -> None:
    sound = running.publisher._roots
    running.publisher._roots = Broken()
    running.developer.next_root()
    running.upload(running.developer.signed("root"), "root.json")
    with pytest.raises(Unavailable):
        running.publisher.drain(running.name, running.clock)
    running.see_as_clients_do()
    running.publisher._roots = sound
    assert [receipt.status for receipt in running.drain()] == ["published"]


def test_a_root_whose_time_comes_while_it_is_judged_is_written(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written as of the instant at which it was judged, and not of the one at which the look began."""
    key = running.add_online_key()
    running.developer.next_root()
    running.developer.list_online_keys([key])
    receipt = running.wait(running.developer.signed("root"), "E_ROOT", "root.json")
    assert receipt.until is not None
    running.clock.pass_time(receipt.until - running.clock.now() - timedelta(milliseconds=1))
    instants = iter([running.clock.now()])
    monkeypatch.setattr(running.clock, "now", lambda: next(instants, receipt.until))
    assert [receipt.status for receipt in running.publisher.drain(running.name, running.clock).receipts] == ["published"]
