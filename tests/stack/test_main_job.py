"""From an upload in S3 to a client that verifies, through everything that the template deploys."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from local.edge import pass_through_edge
from local.stack import Stack
from tests.stack.actors import OVERLAP_SECONDS, Operator, Repository, until

HELLO = {"dir/hello.txt": b"hello"}


def test_what_python_tuf_signed_and_s3_took_is_served_verified(stack: Stack, tmp_path: Path) -> None:
    repository = Repository(stack, "acme/first")
    receipt = repository.publish_first(HELLO)
    assert receipt["roles"] == {"root": 1, "targets": 1}
    reader = repository.reader(tmp_path, stack.edge.url)
    assert reader.refresh().meta == {"targets.json": 1}
    assert reader.download("dir/hello.txt") == b"hello"


def test_a_file_that_arrives_after_its_metadata_is_published_when_it_arrives(stack: Stack, tmp_path: Path) -> None:
    repository = Repository(stack, "acme/late")
    repository.publish_first()
    repository.developer.next_version(files=HELLO)
    upload = repository.developer.signed()
    repository.put("metadata/targets.json", upload)
    waiting = until(lambda: repository.receipt(upload), "a receipt")
    assert (waiting["status"], waiting["code"]) == ("waiting", "E_TARGET")
    repository.put("targets/dir/hello.txt", b"hello")
    assert repository.publish(upload)["roles"] == {"targets": 2}
    with pass_through_edge(stack.deployment) as edge:
        assert repository.reader(tmp_path, edge.url).download("dir/hello.txt") == b"hello"


def test_an_upload_that_is_refused_says_why_and_stops_nobody(stack: Stack) -> None:
    repository, stranger = Repository(stack, "acme/refused"), Repository(stack, "acme/stranger")
    repository.publish_first()
    stranger.developer.next_version()
    forged = stranger.developer.signed()
    repository.put("metadata/targets.json", forged)
    refused = until(lambda: repository.receipt(forged), "a receipt")
    assert (refused["status"], refused["code"]) == ("rejected", "E_SIG")
    assert refused["hint"]
    repository.developer.next_version()
    assert repository.publish(repository.developer.signed())["roles"] == {"targets": 2}


def test_refresh_renews_what_has_lived_for_half_of_its_life(stack: Stack, operator: Operator, tmp_path: Path) -> None:
    repository = Repository(stack, "acme/old")
    repository.put_silently(operator, "metadata/first.root.json", repository.developer.bundle("root", "targets"))
    operator.publish_in_the_past(repository, timedelta(hours=13))
    with pass_through_edge(stack.deployment) as edge:
        reader = repository.reader(tmp_path, edge.url)
        assert reader.refresh().timestamp == 1
        assert operator.run_refresh()
        assert reader.refresh().timestamp == 2


def test_an_upload_whose_event_was_lost_is_found_by_the_sweep(stack: Stack, operator: Operator) -> None:
    repository = Repository(stack, "acme/lost")
    upload = repository.developer.bundle("root", "targets")
    repository.put_silently(operator, "metadata/first.root.json", upload)
    assert repository.receipt(upload) is None
    assert operator.run_refresh()
    assert until(lambda: repository.receipt(upload), "a receipt")["status"] == "published"


def test_another_tagging_key_signs_when_the_overlap_of_this_deployment_is_over(stack: Stack, operator: Operator) -> None:
    repository = Repository(stack, "acme/keys")
    repository.publish_first()
    developer = repository.developer
    former = developer.signers["targets"][-1].public_key
    developer.next_root()
    developer.replace_key("targets")
    developer.root.add_key(former, "targets")
    developer.next_version()
    root, targets = developer.signed("root"), developer.signed()
    repository.put_silently(operator, "metadata/root.json", root)
    repository.put_silently(operator, "metadata/targets.json", targets)

    def look() -> dict[str, str] | None:
        assert operator.run_publish(repository.name)
        receipt = repository.receipt(targets)
        return receipt if receipt and receipt["status"] == "published" else None

    assert look() is None
    waiting = repository.receipt(targets)
    assert waiting is not None
    assert (waiting["status"], waiting["code"]) == ("waiting", "E_ROOT")
    assert f"{OVERLAP_SECONDS} seconds" in waiting["hint"]
    published = until(look, "targets by the new key")
    waited = datetime.fromisoformat(published["at"]) - datetime.fromisoformat(waiting["since"])
    assert waited >= timedelta(seconds=OVERLAP_SECONDS)


@pytest.mark.parametrize("function", ["PublishFunction", "RefreshFunction", "WatchFunction"])
def test_a_function_logs_to_its_own_group(stack: Stack, operator: Operator, function: str) -> None:
    assert operator.run_watch()  # which otherwise waits for a quarter of an hour
    assert operator.log_of(function)
