"""A person who holds keys, at a machine with the command line."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from local.ministack import Credentials
from local.stack import Stack

SECONDS_TO_FINISH = 90

PASSPHRASES = {
    "TRUSTPRESS_ROOT_PASSPHRASE": "correct horse battery staple",
    "TRUSTPRESS_TAGGING_PASSPHRASE": "four more random words",
    "TRUSTPRESS_DELEGATION_PASSPHRASE": "what alice remembers",
    "TRUSTPRESS_KEY_PASSPHRASE": "what alice remembers",
}


class Person:
    """Uses `trustpress` as a process of its own, with keys in a home of their own and by default the policy of a person."""

    def __init__(self, stack: Stack, repository: str, folder: Path, credentials: Credentials | None = None) -> None:
        self._stack, self.repository = stack, repository
        self._folder, self._home = folder, folder / "home"
        self._pinned = self._home / "repositories" / quote(repository, safe="") / "root.json"
        self._environment = stack.cloud.environment(credentials or stack.deployment.person(repository)) | PASSPHRASES
        self._environment |= {
            "TRUSTPRESS_HOME": str(self._home),
            "TRUSTPRESS_REPOSITORY": repository,
            "TRUSTPRESS_STAGING": stack.deployment.staging_bucket,
            "TRUSTPRESS_URL": stack.edge.url,
        }

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run a command to its end; what it prints."""
        with self.running(*arguments) as process:
            return self.finish(process)

    @contextmanager
    def running(self, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
        """A command that runs beside the block, and has ended when the block has."""
        command, pipe = ["trustpress", *arguments, "--json"], subprocess.PIPE
        with subprocess.Popen(
            command, env=self._environment, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def finish(self, process: "subprocess.Popen[str]") -> dict[str, Any]:
        """What a running command prints in the end. Fails the test if it fails."""
        output, errors = process.communicate(timeout=SECONDS_TO_FINISH)
        assert process.returncode == 0, f"{process.args!r}: {output}{errors}"
        return dict(json.loads(output))

    def refused(self, *arguments: str) -> str:
        """Run a command that must fail; the code of its error."""
        with self.running(*arguments) as process:
            output, _ = process.communicate(timeout=SECONDS_TO_FINISH)
        assert process.returncode == 1, output
        return str(json.loads(output)["error"]["code"])

    def robbed(self, folder: Path, *left: str) -> "Person":
        """A thief who has copied this person's keys with their passphrases, and credentials to upload; these keys are left."""
        folder.mkdir()
        thief = Person(self._stack, self.repository, folder, self._stack.deployment.developer(self.repository))
        shutil.copytree(self._home, thief._home)
        for keyid in left:
            (thief._home / "keys" / f"{keyid}.json").unlink()
        return thief

    def push(self, targetpath: str, data: bytes) -> int:
        """Publish a file; the version of the timestamp that shows it."""
        (self._folder / "file").write_bytes(data)
        return int(self.run("push", "file", "--as", targetpath)["versions"]["timestamp"])

    def new_key(self) -> str:
        return str(self.run("key", "generate")["keyid"])

    def pinned_root(self) -> bytes:
        return self._pinned.read_bytes()
