"""One object is lost, each in its turn."""

import pytest

from tests.proofs.disaster.story import EVERYTHING, NEWS, Story, to_sign
from trustpress.errors import Unrecoverable

METADATA = [
    *("1.root.json", "2.root.json", "3.root.json", "timestamp.json", "5.snapshot.json"),
    *("1.targets.json", "2.targets.json", "3.targets.json", "1.docs.json", "3.docs.json"),
]


@pytest.fixture
def followed(story: Story) -> Story:
    story.go_on()
    story.everybody_refreshes(EVERYTHING)
    return story


@pytest.mark.parametrize("filename", METADATA)
def test_what_a_delete_marker_hides_is_brought_back_or_made_anew(followed: Story, filename: str) -> None:
    """A superseded role file is asked for by nobody; snapshot and timestamp are signed again."""
    key = f"acme/api/metadata/{filename}"
    followed.world.public.withdraw(key)
    recovered = followed.recover()
    assert recovered.to_sign == []
    is_needed = filename in {"1.root.json", "2.root.json", "3.root.json", "3.targets.json", "3.docs.json"}
    assert recovered.brought_back == ([key] if is_needed else [])
    followed.everybody_refreshes(EVERYTHING)
    followed.world.start()
    followed.world.developer.next_version()
    followed.publish_works("targets")
    followed.everybody_refreshes(EVERYTHING)


@pytest.mark.parametrize("name", ["hello.txt", "manual.txt", "news.txt"])
def test_a_target_file_comes_back(followed: Story, name: str) -> None:
    [key] = [key for key in followed.world.public.objects if key.endswith(f".{name}")]
    followed.world.public.withdraw(key)
    assert followed.recover().brought_back == [key]
    followed.everybody_refreshes(EVERYTHING)


def test_a_target_file_that_is_gone_for_good_is_named_and_taken_from_the_inbox(followed: Story) -> None:
    [key] = [key for key in followed.world.public.objects if key.endswith(".news.txt")]
    followed.world.public.objects.pop(key)
    recovered = followed.recover()
    assert (recovered.brought_back, recovered.missing_files) == ([], ["news.txt"])
    followed.warm_refresh()
    followed.world.upload_files({"news.txt": b"not what it was"})
    assert followed.recover().missing_files == ["news.txt"]
    followed.world.upload_files(NEWS)
    assert followed.recover().brought_back == [key]
    followed.everybody_refreshes(EVERYTHING)


def test_a_hidden_file_that_is_not_what_its_name_says_stays_hidden(followed: Story) -> None:
    public = followed.world.public
    [key] = [key for key in public.objects if key.endswith(".news.txt")]
    public.objects.pop(key)
    public.upload(key, b"later than the backuq")
    public.withdraw(key)
    assert followed.recover().missing_files == ["news.txt"]


@pytest.mark.parametrize("body", [b"<html>", b'{"signatures":[],"signed":{}}'])
def test_what_is_there_and_is_not_metadata_counts_as_lost(followed: Story, body: bytes) -> None:
    """Nothing else is kept under its number: the version before it is the newest left."""
    key, public = "acme/api/metadata/3.docs.json", followed.world.public
    public.objects.pop(key)
    public.upload(key, body)
    assert followed.recover().to_sign == [to_sign("docs", 3, 2)]
    followed.world.developer.next_version("docs")
    followed.publish_works("docs")
    followed.everybody_refreshes(EVERYTHING)


@pytest.mark.parametrize("filename", ["2.root.json", "3.docs.json", "3.targets.json"])
def test_what_was_written_over_is_brought_back_and_what_lies_there_is_hidden(followed: Story, filename: str) -> None:
    key, public = f"acme/api/metadata/{filename}", followed.world.public
    former = public.objects.pop(key)
    public.upload(key, b"<html>")
    public.objects[key][:0] = former
    recovered = followed.recover()
    assert (recovered.hidden, recovered.brought_back, recovered.to_sign) == ([key], [key], [])
    assert public.hidden[key][-1].body == b"<html>"
    followed.everybody_refreshes(EVERYTHING)


def test_a_root_of_which_nothing_is_left_is_asked_for(followed: Story) -> None:
    public = followed.world.public
    public.objects.pop("acme/api/metadata/2.root.json")
    with pytest.raises(Unrecoverable, match=r"2\.root\.json is gone, or is not what it was") as refused:
        followed.recover()
    assert "Put a copy of it at inbox/acme/api/metadata/2.root.json" in refused.value.hint


def test_a_role_that_its_delegator_would_not_verify_is_no_way_back(story: Story) -> None:
    """The backup does not know what version 3 was; whoever can write to the new bucket signs one with a key of their own."""
    backup = story.backup()
    story.go_on()
    root = story.world.public.body("acme/api/metadata/3.root.json")
    story.restore_into_a_new_bucket({**backup, "acme/api/metadata/3.root.json": root})
    story.world.developer.signers["docs"] = story.world.stranger().signers["targets"]
    story.world.public.upload("acme/api/metadata/3.docs.json", story.world.developer.signed("docs"))
    assert to_sign("docs", 3, 2) in story.recover().to_sign


def test_a_role_under_the_number_of_another_version_is_not_that_version(followed: Story) -> None:
    """Somebody in a hurry copied what was left over what was gone."""
    public = followed.world.public
    former = public.body("acme/api/metadata/2.docs.json")
    for version in (2, 3):
        public.objects.pop(f"acme/api/metadata/{version}.docs.json")
    public.upload("acme/api/metadata/3.docs.json", former)
    assert followed.recover().to_sign == [to_sign("docs", 3, 1)]


def test_a_role_that_equivocates_is_not_what_clients_have_seen(followed: Story) -> None:
    """Signed by the right key under the same number, and not the bytes that snapshot lists."""
    developer, key = followed.world.developer, "acme/api/metadata/3.docs.json"
    followed.world.public.objects.pop(key)
    developer.roles["docs"].unrecognized_fields["x-note"] = "another"
    followed.world.public.upload(key, developer.signed("docs"))
    followed.world.public.withdraw(key)
    assert followed.recover().to_sign == [to_sign("docs", 3, 2)]


def test_a_healthy_repository_is_none_the_worse(followed: Story) -> None:
    assert followed.recover().brought_back == []
    followed.everybody_refreshes(EVERYTHING)
    assert followed.world.drain() == []


def test_news_in_the_inbox_is_left_to_the_next_publish(followed: Story) -> None:
    """A recovery checks nothing but signatures: it takes what clients have seen, and no more."""
    followed.world.developer.next_version()
    followed.world.upload(followed.world.developer.signed())
    assert followed.recover().brought_back == []
    assert followed.published_snapshot()["meta"]["targets.json"]["version"] == 3
    followed.world.drain()
    assert followed.published_snapshot()["meta"]["targets.json"]["version"] == 4
