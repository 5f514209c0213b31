"""The main job, once, in front of your eyes: a file goes in at one end and comes out verified at the other."""

import hashlib
import secrets
import shlex
import subprocess
from pathlib import Path

from rich.console import Console

from local.ministack import PATH
from local.processes import ROOT
from local.stack import Stack

REPOSITORY = "acme/demo"
console = Console(highlight=False, soft_wrap=True)


class Tour:
    """A developer's terminal: a home folder of their own, and no more rights than a build system has."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._folder = stack.folder / "developer"
        self._folder.mkdir()
        self._passphrases = {
            "TRUSTPRESS_ROOT_PASSPHRASE": secrets.token_urlsafe(),
            "TRUSTPRESS_TAGGING_PASSPHRASE": secrets.token_urlsafe(),
        }
        self.environment = {
            **stack.cloud.environment(stack.deployment.developer(REPOSITORY)),
            "TRUSTPRESS_HOME": str(self._folder / "home"),
        }

    def run(self) -> None:
        """Make a repository, publish a file, fetch it back. Raises CalledProcessError where a step fails."""
        file = ROOT / "LICENSE"
        edge, staging = self._stack.edge.url, self._stack.deployment.staging_bucket
        self._trustpress("init", "--repository", REPOSITORY, "--url", edge, "--staging", staging)
        self._trustpress("push", str(file))
        fetched = self._folder / "fetched"
        self._trustpress("pull", file.name, "--output", str(fetched))
        assert _sha256(fetched) == _sha256(file)
        console.print(f"\n[green]The same {file.stat().st_size:,} bytes came back, verified from the root key down.[/green]")

    def show_what_to_try(self) -> None:
        """Print the addresses, and a shell environment that the next commands work in."""
        settings = self._folder / "environment"
        exported = {**self.environment, **self._passphrases, "PATH": PATH}
        settings.touch(mode=0o600)
        settings.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in exported.items()))
        edge = self._stack.edge
        console.print(f"\n[bold]Clients fetch from[/bold]  {edge.url}/{REPOSITORY}/metadata/timestamp.json")
        console.print(f"[bold]AWS API[/bold]             {self._stack.cloud.endpoint}")
        if not edge.caches:
            console.print("nginx is not installed: this edge passes everything through and keeps nothing.")
        console.print(f"\nTry, in another terminal:\n  . {settings}\n  trustpress push README.md")
        console.print("  trustpress inspect\n  trustpress remove LICENSE\n\nCtrl-C stops everything.")

    def _trustpress(self, *arguments: str) -> None:
        console.print(f"\n[bold]$ trustpress {shlex.join(arguments)}[/bold]")
        subprocess.run(["trustpress", *arguments], env={**self.environment, **self._passphrases}, cwd=self._folder, check=True)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
