"""The main job, once, in front of your eyes: a file goes in at one end and comes out verified at the other."""

import hashlib
import secrets
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from local.edge import running_edge
from local.ministack import PATH
from local.processes import ROOT
from local.stack import Stack

REPOSITORY = "acme/demo"
console = Console(highlight=False, soft_wrap=True)


class Tour:
    """A developer with the rights of a person who holds keys, and a reader elsewhere who has none: only a root that they trust."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._folder = stack.folder / "tour"
        self._folder.mkdir()
        self._reader = {"PATH": PATH, "TRUSTPRESS_HOME": str(self._folder / "reader")}
        self._developer = {
            **stack.cloud.environment(stack.deployment.person(REPOSITORY)),
            "TRUSTPRESS_HOME": str(self._folder / "developer"),
            "TRUSTPRESS_ROOT_PASSPHRASE": secrets.token_urlsafe(),
            "TRUSTPRESS_TAGGING_PASSPHRASE": secrets.token_urlsafe(),
        }

    def run(self) -> None:
        """Make a repository, publish a file, fetch it elsewhere. Raises CalledProcessError where a step fails."""
        file, fetched = ROOT / "LICENSE", self._folder / "fetched"
        edge, staging = self._stack.edge.url, self._stack.deployment.staging_bucket
        console.print("\nA developer, who may upload into one inbox and see what becomes of it:")
        self._trustpress(self._developer, "init", "--repository", REPOSITORY, "--url", edge, "--staging", staging)
        self._trustpress(self._developer, "push", str(file))
        (root,) = self._folder.glob("developer/repositories/*/root.json")
        console.print("\nA reader at another edge location, without credentials, with the root that the developer gave them:")
        with running_edge(self._stack.deployment, self._stack.folder) as elsewhere:
            self._trustpress(
                self._reader, "pull", file.name, "-r", REPOSITORY, "--url", elsewhere.url, "--root", str(root), "-o", str(fetched)
            )
        assert _sha256(fetched) == _sha256(file)
        console.print(f"\n[green]The same {file.stat().st_size:,} bytes arrived, verified from the root key down.[/green]")

    def show_what_to_try(self) -> None:
        """Print the addresses, and where the next commands find the environment of a developer, and of an administrator."""
        developer = self._write_environment("environment", self._developer)
        administrator = self._write_environment("administrator", self._stack.cloud.environment(self._stack.deployment.administrator()))
        edge = self._stack.edge
        console.print(f"\nClients fetch from {edge.url}/{REPOSITORY}/metadata/timestamp.json")
        console.print(f"AWS answers at     {self._stack.cloud.endpoint}")
        if not edge.caches:
            console.print("nginx is not installed here: this edge passes everything through and keeps nothing.")
        console.print(f"\nTry, in another terminal:\n  . {developer}\n  trustpress push README.md --custom note=hello")
        console.print("  trustpress list\n  trustpress status\n  trustpress tagging rotate")
        console.print(f"and as an administrator:\n  . {administrator}\n  trustpress admin recover {REPOSITORY}\n\nCtrl-C stops everything.")

    def _write_environment(self, name: str, environment: Mapping[str, str]) -> Path:
        settings = self._folder / name
        settings.touch(mode=0o600)
        settings.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()))
        return settings

    def _trustpress(self, environment: dict[str, str], *arguments: str) -> None:
        console.print(f"\n[bold]$ trustpress {shlex.join(arguments)}[/bold]".replace(f"{ROOT}/", ""))
        subprocess.run(["trustpress", *arguments], env=environment, cwd=ROOT, check=True)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
