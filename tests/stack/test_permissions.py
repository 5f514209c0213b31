"""Nothing in a role is there in vain: take one action or one resource out, and the function fails; put it back, and it works.

MiniStack asks nobody's permission to poll a queue or to write a log, and tells everybody that a key is missing;
tests/template pins what that leaves untried.
"""

import secrets
from datetime import timedelta

import pytest

from tests.stack.actors import Operator, Repository, until
from tests.template.facts import read_template
from trustpress.core import layout

NOT_ASKED_FOR_HERE = {"TakesMessagesOffTheQueue", "WritesItsOwnLog", "WritesNoRoots"}
ONLY_WHERE_KEYS_ARE_DROPPED = "ReadsSinceWhenAnUploadHasWaited"
ONLY_FOR_404 = {
    ("PublishRole", 0),
    ("PublishRole", 1),
    ("RootsRole", 1),
    ("RefreshRole", 1),
    ("ExpireRole", 0),
    ("ExpireRole", 1),
    ("RecoverRole", 0),
    ("MastersRole", 1),
}  # the resources of SeesThatAKeyIsMissing
MAKE_THE_FIRST_MASTER = {"MakesSealedMasters", "KeepsSealedMasters"}
ONLY_WITHOUT_TIME = "SendsItselfWhatIsLeftForLater"
WEEK = {"timestamp_seconds": 7 * 24 * 3600, "snapshot_seconds": 7 * 24 * 3600}
HELLO = {"dir/hello.txt": b"hello"}

Permission = tuple[str, str, int]


def permissions(role: str, *, in_kms: bool = False) -> list[Permission]:
    """Every action and every resource of every statement, where a statement has several; of those that name a key in KMS, or not."""
    found = []
    for sid, statement in read_template().statements(role).items():
        left_out = NOT_ASKED_FOR_HERE | {ONLY_WITHOUT_TIME, ONLY_WHERE_KEYS_ARE_DROPPED}
        if (sid in {"SignsDigestsWithTheOnlineKey", "KnowsTheOnlineKey"}) == in_kms and sid not in left_out:
            parts = [part for part in ("Action", "Resource") if isinstance(statement[part], list)] or ["Action"]
            found += [(sid, part, index) for part in parts for index in range(len(_as_list(statement[part])))]
    return [(sid, part, index) for sid, part, index in found if sid != "SeesThatAKeyIsMissing" or (role, index) not in ONLY_FOR_404]


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def named(permission: Permission) -> str:
    return "-".join(map(str, permission))


def publish_works(operator: Operator, repository: Repository, upload: bytes) -> bool:
    """Look at metadata whose file is missing, then at both: everything the function ever does."""
    repository.put_silently(operator, "metadata/first.root.json", upload)
    if not operator.run_publish(repository.name):
        return False
    repository.put_silently(operator, "targets/dir/hello.txt", b"hello")
    return operator.run_publish(repository.name)


def refresh_works(operator: Operator, prefix: str) -> bool:
    """Refresh when there is everything to do: a snapshot is half spent, an event was lost, the online keys do not show."""
    old, lost = (Repository(operator.stack, f"{prefix}/{name}", WEEK) for name in ("old", "lost"))
    old.put_silently(operator, "metadata/first.root.json", old.developer.bundle("root", "targets"))
    operator.publish_in_the_past(old, timedelta(days=4))
    lost.put_silently(operator, "metadata/first.root.json", lost.developer.bundle("root", "targets"))
    return operator.run_refresh()


def masters_work(operator: Operator) -> bool:
    """Make a master, and show every repository its key under it."""
    made = operator.run_masters(do="new")
    surveyed = operator.run_masters(do="survey")
    return "master" in made and not surveyed.get("after", "none") and not surveyed["broken"]


def expire_works(operator: Operator, repository: str) -> bool:
    """Mark what was superseded, and look at a repository that there is not."""
    marked, unknown = (operator.run_expire(name, dry_run=False) for name in (repository, "permissions/nowhere"))
    return bool(marked.get("count")) and "error" in unknown


def watch_works(operator: Operator) -> bool:
    """Look at a repository that the watch has never seen, and whose root runs out."""
    repository = Repository(operator.stack, fresh_name())
    repository.developer.expires_in(timedelta(days=6))
    repository.put_silently(operator, "metadata/first.root.json", repository.developer.bundle("root", "targets"))
    assert operator.run_publish(repository.name)
    return operator.run_watch()


def have_a_disaster(operator: Operator, name: str) -> None:
    """There is everything to do: a root, a role and a file are hidden, and a file that is gone waits in the inbox; junk lies in the
    place of the next root, and over the register.
    """
    repository = Repository(operator.stack, name)
    files = {"hidden.txt": b"hidden", "gone.txt": b"gone"}
    for targetpath, body in files.items():
        repository.put_silently(operator, f"targets/{targetpath}", body)
    repository.developer.next_version(files=files).version = 1
    repository.put_silently(operator, "metadata/first.root.json", repository.developer.bundle("root", "targets"))
    assert operator.run_publish(name)
    published = operator.public_bucket(name)
    (gone,) = [key for key in published if key.endswith(".gone.txt")]
    (hidden,) = [key for key in published if key.endswith(".hidden.txt")]
    operator.forget_public(f"{name}/metadata/1.root.json", f"{name}/metadata/1.targets.json", hidden)
    operator.forget_public(gone, for_good=True)
    repository.put_silently(operator, "targets/gone.txt", b"gone")
    repository.put_silently(operator, "metadata/root.json", repository.developer.signed("root"))
    deployment = operator.stack.deployment
    operator.s3.put_object(Bucket=deployment.public_bucket, Key=f"{name}/metadata/2.root.json", Body=b"<html>")
    operator.s3.put_object(Bucket=deployment.staging_bucket, Key=layout.register(name), Body=b"<html>")


def recover_works(operator: Operator, name: str) -> bool:
    """Whether it recovered all there is to recover."""
    answer = operator.run_recover(name)
    return "release" in answer and len(answer["brought_back"]) == 4 and len(answer["hidden"]) == 1 and not answer["note"]


def fresh_name() -> str:
    return f"permissions/{secrets.token_hex(4)}"


def check_publish(operator: Operator, permission: Permission) -> None:
    repository = Repository(operator.stack, fresh_name())
    repository.developer.next_version(files=HELLO).version = 1
    upload = repository.developer.bundle("root", "targets")
    with operator.taken_away("PublishRole", *permission):
        assert not publish_works(operator, repository, upload)
    assert publish_works(operator, repository, upload)
    receipt = repository.receipt(upload)
    assert receipt is not None
    assert receipt["status"] == "published"


def check_roots(operator: Operator, permission: Permission) -> None:
    """A first root, and one that follows it."""
    repository = Repository(operator.stack, fresh_name())
    uploads = [repository.developer.bundle("root", "targets")]
    repository.developer.next_root()
    uploads.append(repository.developer.signed("root"))
    with operator.taken_away("RootsRole", *permission):
        assert [roots_work(operator, repository, upload) for upload in uploads] != [True, True]
    for upload in uploads:
        assert roots_work(operator, repository, upload)
    assert f"{repository.name}/metadata/2.root.json" in operator.public_bucket(repository.name)


def roots_work(operator: Operator, repository: Repository, upload: bytes) -> bool:
    repository.put_silently(operator, "metadata/root.json", upload)
    return operator.run_publish(repository.name)


@pytest.mark.parametrize("permission", permissions("RootsRole"), ids=named)
def test_roots_need(operator: Operator, permission: Permission) -> None:
    check_roots(operator, permission)


def check_refresh(operator: Operator, permission: Permission) -> None:
    with operator.taken_away("RefreshRole", *permission):
        assert not refresh_works(operator, fresh_name())
    assert operator.run_refresh()


def check_recover(operator: Operator, permission: Permission) -> None:
    name = fresh_name()
    have_a_disaster(operator, name)
    with operator.taken_away("RecoverRole", *permission):
        assert not recover_works(operator, name)
    answer = operator.run_recover(name)
    assert not answer["note"]
    assert operator.run_publish(name)


@pytest.mark.parametrize("permission", permissions("RecoverRole"), ids=named)
def test_recover_needs(operator: Operator, permission: Permission) -> None:
    check_recover(operator, permission)


@pytest.mark.parametrize("permission", [found for found in permissions("RefreshRole") if found[0] not in MAKE_THE_FIRST_MASTER], ids=named)
def test_refresh_needs(operator: Operator, permission: Permission) -> None:
    check_refresh(operator, permission)


@pytest.mark.parametrize("sid", sorted(MAKE_THE_FIRST_MASTER))
def test_the_first_refresh_needs(operator: Operator, sid: str) -> None:
    with operator.without_masters():
        with operator.taken_away("RefreshRole", sid, "Action", 0):
            operator.run_refresh()
            assert operator.run_masters(do="survey")["error"]["code"] == "E_SETTINGS"
        operator.run_refresh()
        assert operator.run_masters(do="survey")["masters"] == [1]


@pytest.mark.parametrize("permission", permissions("WatchRole"), ids=named)
def test_watch_needs(operator: Operator, permission: Permission) -> None:
    with operator.taken_away("WatchRole", *permission):
        assert not watch_works(operator)
    assert watch_works(operator)


@pytest.mark.parametrize("permission", permissions("PublishRole"), ids=named)
def test_publish_needs(operator: Operator, permission: Permission) -> None:
    check_publish(operator, permission)


@pytest.fixture(scope="module")
def outdated(operator: Operator) -> str:
    """A repository with something to expire, as the function takes it to be nine days later."""
    repository = Repository(operator.stack, fresh_name())
    repository.publish_first(HELLO)
    repository.developer.next_version()
    repository.publish(repository.developer.signed())
    operator.let_time_pass("ExpireFunction", timedelta(days=9))
    return repository.name


@pytest.mark.parametrize("permission", permissions("ExpireRole"), ids=named)
def test_expire_needs(operator: Operator, outdated: str, permission: Permission) -> None:
    with operator.taken_away("ExpireRole", *permission):
        assert not expire_works(operator, outdated)
    assert expire_works(operator, outdated)


def test_publish_without_time_for_a_look_needs_to_send_a_message_and_the_look_is_made_when_there_is_time(operator: Operator) -> None:
    repository = Repository(operator.stack, fresh_name())
    upload = repository.developer.bundle("root", "targets")
    repository.put_silently(operator, "metadata/first.root.json", upload)
    with operator.hurried("PublishFunction", seconds=30):
        with operator.taken_away("PublishRole", ONLY_WITHOUT_TIME, "Action", 0):
            assert not operator.run_publish(repository.name)
        assert operator.run_publish(repository.name)
        assert repository.receipt(upload) is None
    assert until(lambda: repository.receipt(upload), "a receipt")["status"] == "published"


@pytest.mark.parametrize("permission", permissions("MastersRole"), ids=named)
def test_masters_needs(operator: Operator, permission: Permission) -> None:
    Repository(operator.stack, fresh_name()).publish_first()
    with operator.taken_away("MastersRole", *permission):
        assert not masters_work(operator)
    assert masters_work(operator)


@pytest.fixture(scope="module")
def only(in_kms: Operator) -> Repository:
    repository = Repository(in_kms.stack, "permissions/only")
    repository.publish_first()
    return repository


@pytest.mark.parametrize("permission", permissions("PublishRole", in_kms=True), ids=named)
def test_publish_with_a_key_in_kms_needs(in_kms: Operator, only: Repository, permission: Permission) -> None:
    only.developer.next_version()
    only.put_silently(in_kms, "metadata/targets.json", only.developer.signed())
    with in_kms.taken_away("PublishRole", *permission):
        assert not in_kms.run_publish(only.name)
    assert in_kms.run_publish(only.name)


@pytest.mark.parametrize("permission", permissions("RefreshRole", in_kms=True), ids=named)
def test_refresh_with_a_key_in_kms_needs(in_kms: Operator, only: Repository, permission: Permission) -> None:
    in_kms.let_time_pass("RefreshFunction", timedelta(hours=13 * (1 + permission[2])))
    with in_kms.taken_away("RefreshRole", *permission):
        assert not in_kms.run_refresh()
    assert in_kms.run_refresh()


@pytest.mark.parametrize("permission", permissions("RecoverRole", in_kms=True), ids=named)
def test_recover_with_a_key_in_kms_needs(in_kms: Operator, only: Repository, permission: Permission) -> None:
    with in_kms.taken_away("RecoverRole", *permission):
        assert "release" not in in_kms.run_recover(only.name)
    assert "release" in in_kms.run_recover(only.name)


def test_a_second_repository_of_a_key_in_kms_is_refused(in_kms: Operator, only: Repository) -> None:
    second = Repository(in_kms.stack, "permissions/second")
    upload = second.upload_first()
    receipt = until(lambda: second.receipt(upload), "a receipt")
    assert (receipt["status"], receipt["code"]) == ("rejected", "E_ONLINE")
    assert "OnlineKey=sealed" in receipt["hint"]
