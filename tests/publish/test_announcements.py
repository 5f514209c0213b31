"""Every release and every rejection is announced, at least once, whatever happens in between; what waits is no news."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError

from tests.events import validate
from tests.poison import POISON
from tests.publish.troubles import Crash, crash
from tests.publish.world import HELLO, World
from trustpress.errors import NotStrictJson, Unavailable
from trustpress.ports import Event
from trustpress.publish.settlement import announcements

DOCS = Path(__file__).parents[2] / "docs"


def news(world: World) -> list[Event]:
    """What was announced since the last time this was asked, all of it as the schema says."""
    events = world.announcer.events[:]
    world.announcer.events.clear()
    for event in events:
        validate(event.kind, event.detail)
    return events


def kinds(world: World) -> list[str]:
    return [event.kind for event in news(world)]


def test_a_release_is_announced_with_its_receipt(world: World) -> None:
    receipt = world.publish_first()
    (event,) = news(world)
    assert event.kind == "Release Published"
    assert event.detail == world.receipt(receipt.sha256) | {"schema_version": 1}


def test_a_rejection_is_announced_with_its_receipt(running: World) -> None:
    news(running)
    receipt = running.refuse(running.stranger().signed(), "E_SIG")
    (event,) = news(running)
    assert event.kind == "Upload Rejected"
    assert event.detail == running.receipt(receipt.sha256) | {"schema_version": 1}


def test_what_waits_is_announced_when_it_waits_no_longer(running: World) -> None:
    news(running)
    running.developer.next_version(files=HELLO)
    running.wait(running.developer.signed(), "E_TARGET")
    assert news(running) == []
    running.upload_files(HELLO)
    running.drain()
    assert kinds(running) == ["Release Published"]


def test_uploads_that_are_published_together_are_announced_one_by_one_with_one_release(running: World) -> None:
    news(running)
    for _ in range(3):
        running.developer.next_version()
        running.upload(running.developer.signed(), f"{running.developer.roles['targets'].version}.targets.json")
    running.drain()
    releases = [event.detail["release"] for event in news(running)]
    assert releases == [{"root": 1, "snapshot": 2, "timestamp": 2}] * 3


def test_nothing_is_announced_where_nothing_happened(running: World) -> None:
    news(running)
    running.drain()
    assert news(running) == []


def test_no_poison_makes_an_event_that_is_not_as_the_schema_says(running: World) -> None:
    news(running)
    good, signer = running.developer.next_version(), running.developer.signers["targets"][0]
    for poison in POISON:
        running.upload(poison.build(good.to_dict(), signer))
        running.publisher.drain(running.name, running.clock)
        (event,) = news(running)
        assert (event.kind, event.detail["code"]) == ("Upload Rejected", poison.code)


def test_ten_events_fit_into_one_request_however_long_what_they_quote(running: World) -> None:
    receipt = running.refuse(running.stranger().signed(), "E_SIG")
    roles = {f"{number:0100}": 2**31 - 1 for number in range(20_000)}
    (event,) = announcements([replace(receipt, roles=roles, error=NotStrictJson("\u2028" * 1_000_000))])
    validate(event.kind, event.detail)
    assert 10 * len(json.dumps(event.detail)) < 256_000


def test_announcements_come_after_receipts_and_before_the_inbox_is_emptied(running: World) -> None:
    seen: dict[str, Any] = {}

    def look() -> None:
        seen.update(inbox=running.inbox(), receipt=running.receipt(sha256), register=register(running))

    running.developer.next_version()
    sha256 = running.upload(running.developer.signed())
    running.announcer.before = look
    running.drain()
    assert seen["inbox"] == ["inbox/acme/api/metadata/targets.json"]
    assert (seen["receipt"]["status"], seen["register"]["timestamp"]) == ("published", 2)
    assert running.inbox() == []


def register(world: World) -> dict[str, Any]:
    return dict(json.loads(world.staging.body("repositories/acme%2Fapi.json")))


def test_a_crash_in_front_of_an_announcement_loses_none(running: World) -> None:
    news(running)
    running.developer.next_version()
    running.upload(running.developer.signed())
    running.announcer.before = crash
    with pytest.raises(Crash):
        running.drain()
    running.announcer.before = lambda: None
    running.start()
    running.drain()
    assert kinds(running) == ["Release Published"]
    assert running.inbox() == []


def test_a_crash_behind_an_announcement_repeats_it(running: World) -> None:
    news(running)
    running.developer.next_version()
    running.upload(running.developer.signed())
    running.staging.before = lambda operation, _key: crash() if operation == "DELETE" else None
    with pytest.raises(Crash):
        running.drain()
    running.staging.before = lambda _operation, _key: None
    running.start()
    running.drain()
    assert kinds(running) == ["Release Published"] * 2


def test_where_nobody_can_be_told_everything_is_published_and_told_later(running: World) -> None:
    news(running)
    running.developer.next_version()
    running.upload(running.developer.signed())

    def refuse() -> None:
        raise Unavailable("eventbridge")

    running.announcer.before = refuse
    with pytest.raises(Unavailable):
        running.drain()
    running.see_as_clients_do()
    assert running.published("timestamp.json")["version"] == 2
    assert running.inbox()
    running.announcer.before = lambda: None
    running.drain()
    assert kinds(running) == ["Release Published"]


@pytest.mark.parametrize("member", ["repository", "upload", "sha256", "status", "at", "roles", "schema_version", "release"])
def test_the_schema_asks_for_every_member(world: World, member: str) -> None:
    world.publish_first()
    ((kind, detail),) = [(event.kind, dict(event.detail)) for event in news(world)]
    del detail[member]
    with pytest.raises(ValidationError):
        validate(kind, detail)


def test_the_schema_knows_a_release_from_a_rejection(running: World) -> None:
    running.refuse(running.stranger().signed(), "E_SIG")
    release, rejection = news(running)
    for kind, event in (("Upload Rejected", release), ("Release Published", rejection)):
        with pytest.raises(ValidationError):
            validate(kind, event.detail)


def test_the_examples_in_the_documentation_are_events() -> None:
    examples = [json.loads(text) for text in re.findall(r"```json\n(\{.*?)```", (DOCS / "events.md").read_text(), re.DOTALL)]
    events = [example for example in examples if "detail-type" in example and isinstance(example["detail-type"], str)]
    assert [event["detail-type"] for event in events] == ["Release Published", "Upload Rejected"]
    for event in events:
        validate(event["detail-type"], event["detail"])
