"""Nothing in a role is there in vain: take one action or one resource out, and the function fails; put it back, and it works.

MiniStack asks nobody's permission to poll a queue or to write a log, and tells everybody that a key is missing;
tests/template pins what that leaves untried.
"""

import secrets
from datetime import timedelta

import pytest

from tests.stack.actors import Operator, Repository, until
from tests.template.facts import read_template

NOT_ASKED_FOR_HERE = {"TakesMessagesOffTheQueue", "WritesItsOwnLog"}
ONLY_FOR_404 = {
    ("PublishRole", 0),
    ("PublishRole", 1),
    ("RefreshRole", 1),
    ("ExpireRole", 0),
    ("ExpireRole", 1),
    ("RecoverRole", 0),
}  # the resources of SeesThatAKeyIsMissing
ONLY_WITHOUT_TIME = "SendsItselfWhatIsLeftForLater"
WEEK = {"timestamp_seconds": 7 * 24 * 3600, "snapshot_seconds": 7 * 24 * 3600}
HELLO = {"dir/hello.txt": b"hello"}

Permission = tuple[str, str, int]


def permissions(role: str, *, sealed: bool) -> list[Permission]:
    """Every action and every resource of every statement, where a statement has several."""
    found = []
    for sid, statement in read_template().statements(role).items():
        if ("Sealed" in sid) == sealed and sid not in NOT_ASKED_FOR_HERE | {ONLY_WITHOUT_TIME}:
            parts = [part for part in ("Action", "Resource") if isinstance(statement[part], list)] or ["Action"]
            found += [(sid, part, index) for part in parts for index in range(len(_as_list(statement[part])))]
    return [(sid, part, index) for sid, part, index in found if sid != "SeesThatAKeyIsMissing" or (role, index) not in ONLY_FOR_404]


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def named(permission: Permission) -> str:
    return "-".join(map(str, permission))


def publish_works(operator: Operator, repository: Repository, upload: bytes) -> bool:
    """Look at metadata whose file is missing, then at both: everything the function ever does."""
    repository.put_silently(operator, "metadata/first.json", upload)
    if not operator.run_publish(repository.name):
        return False
    repository.put_silently(operator, "targets/dir/hello.txt", b"hello")
    return operator.run_publish(repository.name)


def refresh_works(operator: Operator, prefix: str) -> bool:
    """Refresh when there is everything to do: a snapshot is half spent, an event was lost, the online keys do not show."""
    old, lost = (Repository(operator.stack, f"{prefix}/{name}", WEEK) for name in ("old", "lost"))
    old.put_silently(operator, "metadata/first.json", old.developer.bundle("root", "targets"))
    operator.publish_in_the_past(old, timedelta(days=4))
    lost.put_silently(operator, "metadata/first.json", lost.developer.bundle("root", "targets"))
    operator.forget_public("online-keys.json")
    return operator.run_refresh()


def expire_works(operator: Operator, repository: str) -> bool:
    """Mark what was superseded, and look at a repository that there is not."""
    marked, unknown = (operator.run_expire(name, dry_run=False) for name in (repository, "permissions/nowhere"))
    return bool(marked.get("count")) and "error" in unknown


def watch_works(operator: Operator) -> bool:
    """Look at a repository that the watch has never seen, and whose root runs out."""
    repository = Repository(operator.stack, fresh_name())
    repository.developer.expires_in(timedelta(days=6))
    repository.put_silently(operator, "metadata/first.json", repository.developer.bundle("root", "targets"))
    assert operator.run_publish(repository.name)
    return operator.run_watch()


def have_a_disaster(operator: Operator, name: str) -> None:
    """There is everything to do: a root, a role and a file are hidden, and a file that is gone waits in the inbox."""
    repository = Repository(operator.stack, name)
    files = {"hidden.txt": b"hidden", "gone.txt": b"gone"}
    for targetpath, body in files.items():
        repository.put_silently(operator, f"targets/{targetpath}", body)
    repository.developer.next_version(files=files).version = 1
    repository.put_silently(operator, "metadata/first.json", repository.developer.bundle("root", "targets"))
    assert operator.run_publish(name)
    published = operator.public_bucket(name)
    (gone,) = [key for key in published if key.endswith(".gone.txt")]
    (hidden,) = [key for key in published if key.endswith(".hidden.txt")]
    operator.forget_public(f"{name}/metadata/1.root.json", f"{name}/metadata/1.targets.json", hidden)
    operator.forget_public(gone, for_good=True)
    repository.put_silently(operator, "targets/gone.txt", b"gone")
    repository.put_silently(operator, "metadata/root.json", repository.developer.signed("root"))


def recover_works(operator: Operator, name: str) -> bool:
    """Whether it recovered all there is to recover."""
    answer = operator.run_recover(name)
    return "release" in answer and len(answer["brought_back"]) == 4


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


@pytest.mark.parametrize("permission", permissions("RecoverRole", sealed=False), ids=named)
def test_recover_needs(operator: Operator, permission: Permission) -> None:
    check_recover(operator, permission)


@pytest.mark.parametrize("permission", permissions("RefreshRole", sealed=False), ids=named)
def test_refresh_needs(operator: Operator, permission: Permission) -> None:
    check_refresh(operator, permission)


@pytest.mark.parametrize("permission", permissions("WatchRole", sealed=False), ids=named)
def test_watch_needs(operator: Operator, permission: Permission) -> None:
    with operator.taken_away("WatchRole", *permission):
        assert not watch_works(operator)
    assert watch_works(operator)


@pytest.mark.parametrize("permission", permissions("PublishRole", sealed=False), ids=named)
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


@pytest.mark.parametrize("permission", permissions("ExpireRole", sealed=False), ids=named)
def test_expire_needs(operator: Operator, outdated: str, permission: Permission) -> None:
    with operator.taken_away("ExpireRole", *permission):
        assert not expire_works(operator, outdated)
    assert expire_works(operator, outdated)


def test_publish_without_time_for_a_look_needs_to_send_a_message_and_the_look_is_made_when_there_is_time(operator: Operator) -> None:
    repository = Repository(operator.stack, fresh_name())
    upload = repository.developer.bundle("root", "targets")
    repository.put_silently(operator, "metadata/first.json", upload)
    with operator.hurried("PublishFunction", seconds=30):
        with operator.taken_away("PublishRole", ONLY_WITHOUT_TIME, "Action", 0):
            assert not operator.run_publish(repository.name)
        assert operator.run_publish(repository.name)
        assert repository.receipt(upload) is None
    assert until(lambda: repository.receipt(upload), "a receipt")["status"] == "published"


@pytest.mark.parametrize("permission", permissions("RefreshRole", sealed=True), ids=named)
def test_refresh_with_a_sealed_key_needs(sealed: Operator, permission: Permission) -> None:
    """The function is to use one more key each time, so that there is one to be made."""
    current = sealed.online_keys[0]
    another = current.replace("sealed:online:", f"sealed:{secrets.token_hex(4)}:")
    sealed.start_anew("RefreshFunction", TRUSTPRESS_ONLINE_KEYS=f"{current} {another}")
    check_refresh(sealed, permission)


@pytest.mark.parametrize("permission", permissions("PublishRole", sealed=True), ids=named)
def test_publish_with_a_sealed_key_needs(sealed: Operator, permission: Permission) -> None:
    check_publish(sealed, permission)


@pytest.mark.parametrize("permission", permissions("RecoverRole", sealed=True), ids=named)
def test_recover_with_a_sealed_key_needs(sealed: Operator, permission: Permission) -> None:
    check_recover(sealed, permission)
