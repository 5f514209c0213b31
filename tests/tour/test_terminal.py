"""The tour's most important steps, typed on a terminal: every question is answered, and the screen keeps every secret."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from local.ministack import PATH
from local.stack import Stack
from tests.tour.terminal import Terminal, terminal

OFFLINE, TAGGING, KEY = "correct horse battery staple", "four more random words", "what ivy remembers"
NEW, BACKUP, WRONG = "a new broom sweeps well", "the third floor, on the left", "four other random words"
SECRETS = (OFFLINE, TAGGING, KEY, NEW, BACKUP, WRONG)

SitDown = Callable[[str, str | None], Terminal]

pytestmark = pytest.mark.usefixtures("undisturbed")


@pytest.fixture
def sit_down(stack: Stack, tmp_path: Path) -> Iterator[SitDown]:
    """Terminals for people by name, some with credentials for a repository.

    At the end nothing secret is in what any screen has shown, nor in any other file.
    """
    secrets = list(SECRETS)
    with ExitStack() as opened:

        def sit_down(name: str, repository: str | None) -> Terminal:
            environment = {"PATH": PATH}
            if repository:
                environment = stack.cloud.environment(stack.deployment.person(repository))
                secrets.append(environment["AWS_SECRET_ACCESS_KEY"])
            return opened.enter_context(terminal(tmp_path / name, environment))

        yield sit_down
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "typescript" in {path.name for path in files}
    assert [(path, secret) for path in files for secret in secrets if secret.encode() in path.read_bytes()] == []


def init(person: Terminal, stack: Stack, repository: str) -> None:
    person.type(f"trustpress init -r {repository} --url {stack.edge.url} --staging {stack.deployment.staging_bucket}")
    person.hide("Choose a passphrase for the offline key", OFFLINE)
    person.hide("Type it again", OFFLINE)
    person.hide("Choose a passphrase for the tagging key", TAGGING)
    person.hide("Type it again", TAGGING)
    assert f"Published {repository}: root 1, targets 1" in person.finish()


def generate(person: Terminal, file: str) -> str:
    """Make a key; its keyid."""
    person.type(f"trustpress key generate -o {file}")
    person.hide("Choose a passphrase for the key", KEY)
    person.hide("Type it again", KEY)
    found = re.search(r"Key ([0-9a-f]{64})", person.finish())
    assert found
    return found[1]


def test_a_repository_a_file_and_its_end(stack: Stack, sit_down: SitDown) -> None:
    ivy = sit_down("ivy", "typed/files")
    init(ivy, stack, "typed/files")
    ivy.run("echo hello > hello.txt")
    ivy.type("trustpress push hello.txt")
    ivy.hide("Passphrase of the tagging key", WRONG)
    ivy.child.expect_exact("Wrong passphrase.")
    ivy.hide("Passphrase of the tagging key", TAGGING)
    assert "Published typed/files: targets 2" in ivy.finish()

    ivy.type("trustpress revoke hello.txt")
    ivy.answer("Really revoke 1 target of typed/files? [y/N]: ", "n")
    assert "Nothing was changed" in ivy.finish(exit_code=1)
    ivy.type("trustpress revoke hello.txt")
    ivy.answer("Really revoke 1 target of typed/files? [y/N]: ", "y")
    ivy.hide("Passphrase of the tagging key", TAGGING)
    assert "Published typed/files: targets 3" in ivy.finish()


def test_keys_from_their_beginning_to_their_end(sit_down: SitDown) -> None:
    ivy = sit_down("ivy", None)
    keyid = generate(ivy, "ivy.pub")

    ivy.type(f"trustpress key passwd {keyid[:8]}")
    ivy.hide("Passphrase of the key", WRONG)
    ivy.hide("Passphrase of the key", KEY)
    ivy.hide("Choose a passphrase for the key from now on", NEW)
    ivy.hide("Type it again", NEW)
    assert "has a new passphrase" in ivy.finish()

    ivy.type("trustpress key backup ivy.backup")
    ivy.hide("Choose a passphrase for the backup", BACKUP)
    ivy.hide("Type it again", BACKUP)
    assert "read back, complete" in ivy.finish()

    ivy.type(f"trustpress key remove {keyid[:8]}")
    ivy.answer("[y/N]: ", "y")
    assert "Wiped the key" in ivy.finish()

    ivy.type("trustpress key restore ivy.backup")
    ivy.hide("Passphrase of the backup", WRONG)
    ivy.hide("Passphrase of the backup", BACKUP)
    assert "Restored: 1 key" in ivy.finish()
    assert keyid[:16] in ivy.run("trustpress key list")


def test_a_second_holder_is_asked_before_root_changes(stack: Stack, sit_down: SitDown) -> None:
    ivy, jack = sit_down("ivy", "typed/root"), sit_down("jack", "typed/root")
    init(ivy, stack, "typed/root")
    keyid = generate(jack, "jack.pub")

    ivy.type(f"trustpress root add-key {jack.home}/jack.pub")
    ivy.child.expect_exact(f"+ root key {keyid}")
    ivy.answer("Sign this? [y/N]: ", "y")
    ivy.hide("Passphrase of the offline key", OFFLINE)
    assert "Published typed/root: root 2" in ivy.finish()
    ivy.type("trustpress root set-threshold 2")
    ivy.answer("Sign this? [y/N]: ", "y")
    ivy.hide("Passphrase of the offline key", OFFLINE)
    assert "nothing is published yet" in ivy.finish(exit_code=4)

    place = f"-r typed/root --url {stack.edge.url} --staging {stack.deployment.staging_bucket}"
    jack.type(f"trustpress root sign {place} --root {ivy.home}/.trustpress/repositories/typed%2Froot/root.json")
    jack.child.expect_exact("root asks for 2 of 2 signatures, was 1")
    jack.answer("Sign this? [y/N]: ", "")
    assert "Nothing was changed" in jack.finish(exit_code=1)
    jack.type("trustpress root sign")
    jack.answer("Sign this? [y/N]: ", "y")
    jack.hide("Passphrase of the offline key", KEY)
    assert "Published typed/root: root 3" in jack.finish()


def test_tab_completes_commands(sit_down: SitDown) -> None:
    ivy = sit_down("ivy", None)
    ivy.run('eval "$(trustpress completion bash)"')
    ivy.complete("trustpress key mo", "trustpress key move-offline ")
