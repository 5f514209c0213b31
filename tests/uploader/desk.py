"""A developer's machine: a home folder, an environment, and the command line run in it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tests.uploader.deployment import Deployment
from tests.uploader.storage import STAGING
from trustpress_uploader.commands import main
from trustpress_uploader.home.folder import Home, KnownRepository

ROOT_PASSPHRASE = "correct horse battery staple"
TAGGING_PASSPHRASE = "four more random words"
PASSPHRASES = {"TRUSTPRESS_ROOT_PASSPHRASE": ROOT_PASSPHRASE, "TRUSTPRESS_TAGGING_PASSPHRASE": TAGGING_PASSPHRASE}


@dataclass
class Desk:
    """`run` expects success unless told what to expect; it never has a terminal."""

    folder: Path
    deployment: Deployment
    repository: str
    environment: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.home = self.folder / "home"
        inherited = dict.fromkeys(name for name in os.environ if name.startswith(("AWS_", "TRUSTPRESS_")))
        self.environment = {**inherited, **self.deployment.environment, **PASSPHRASES, "TRUSTPRESS_HOME": str(self.home)}

    def run(self, *arguments: str, exit_code: int = 0, environment: Mapping[str, str | None] | None = None) -> Result:
        result = CliRunner().invoke(main, arguments, env={**self.environment, **(environment or {})}, catch_exceptions=False)
        assert result.exit_code == exit_code, result.output
        return result

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Run a command beside the test, in a process of its own."""
        environment = {name: value for name, value in {**os.environ, **self.environment}.items() if value is not None}
        program = str(Path(sys.executable).with_name("trustpress"))
        return subprocess.Popen(
            [program, *arguments, "--json"], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )

    def run_json(self, *arguments: str, exit_code: int = 0, environment: Mapping[str, str | None] | None = None) -> Any:
        return json.loads(self.run(*arguments, "--json", exit_code=exit_code, environment=environment).stdout)

    def refuse(self, code: str, *arguments: str, environment: Mapping[str, str | None] | None = None) -> str:
        """Run a command that must fail with this code and a hint; returns its message."""
        error = self.run_json(*arguments, exit_code=1, environment=environment)["error"]
        assert error["code"] == code, error
        assert error["hint"], error
        return str(error["message"])

    def init(self, *options: str) -> Any:
        return self.run_json("init", "-r", self.repository, "--url", self.deployment.url, "--staging", STAGING, *options)

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def push(self, name: str, text: str) -> Any:
        return self.run_json("push", self.write(name, text), "--as", name)

    def pull(self, name: str, *options: str) -> str:
        path = self.folder / "pulled"
        self.run("pull", name, "-o", str(path), *options)
        return path.read_text()

    def targets(self) -> list[str]:
        return sorted(self.run_json("inspect")["targets"])

    def staged(self) -> list[str]:
        """What waits in the inbox of this repository."""
        return list(self.deployment.staging.list_keys(f"inbox/{self.repository}/"))

    def known(self) -> KnownRepository:
        known = Home(self.home).find(self.repository)
        assert known is not None
        return known

    def key_files(self) -> list[Path]:
        return sorted((self.home / "keys").iterdir())
