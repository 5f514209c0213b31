"""What an administrator asks of a deployment: to recover, to expire what nobody needs, to try again what failed."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from trustpress.adapters.sqs import requests_in
from trustpress.errors import BadKey
from trustpress_uploader.admin.answers import EXPIRED, RECOVERED, check_answer
from trustpress_uploader.admin.stack import Message
from trustpress_uploader.terminal.progress import Say

_NOT_READABLE = "(not readable)"


class Functions(Protocol):
    """The functions of a deployment, by their names in its template."""

    def invoke(self, function: str, event: Mapping[str, Any]) -> dict[str, Any]:
        """The function's answer. Raises FunctionRefused, FunctionFailed, AdministrationRefused or Unreachable."""


class Queue(Protocol):
    """Messages, each received again after a while unless it was deleted."""

    def receive(self) -> list[Message]: ...

    def send(self, body: str) -> None: ...

    def delete(self, message: Message) -> None: ...

    def release(self, message: Message) -> None: ...


def recover(functions: Functions, repository: str, first_root: str | None) -> dict[str, Any]:
    """Bring back what a loss has left, with numbers that no client has seen. `first_root` is needed where the register is gone."""
    answer = functions.invoke("RecoverFunction", {"repository": repository, **({"first_root": first_root} if first_root else {})})
    return check_answer("RecoverFunction", answer, RECOVERED)


def expire(functions: Functions, repository: str, *, dry_run: bool) -> dict[str, Any]:
    """List the metadata that no client asks for any more, and unless it is a dry run have it marked for S3 to forget."""
    return check_answer("ExpireFunction", functions.invoke("ExpireFunction", {"repository": repository, "dry_run": dry_run}), EXPIRED)


def new_master(functions: Functions) -> int:
    """Make a new master secret, which online keys are derived from from now on; its number."""
    return int(functions.invoke("MastersFunction", {"do": "new"})["master"])


def survey_masters(functions: Functions, say: Say) -> dict[str, Any]:
    """Show every repository its key under the master in use, and tell which do not list it yet. Says how many it has seen so far."""
    total: dict[str, Any] = {"seen": 0, "behind": [], "broken": [], "behind_count": 0, "broken_count": 0}
    after: str | None = ""
    while after is not None:
        part = functions.invoke("MastersFunction", {"do": "survey", "after": after})
        total |= {"master": part["master"], "masters": part["masters"]}
        for name in ("seen", "behind", "broken", "behind_count", "broken_count"):
            total[name] += part[name]
        after = part["after"] or None
        if after:
            say(f"{total['seen']:,} repositories")
    return total


def drop_master(functions: Functions, number: int) -> dict[str, Any]:
    """Derive nothing from a former master any more. Refused where a repository still needs it."""
    return functions.invoke("MastersFunction", {"do": "drop", "master": number})


def look_into(queue: Queue) -> list[Message]:
    """Every message, each once; they are there for others again afterwards."""
    found: dict[str, Message] = {}
    while new := [message for message in queue.receive() if message.id not in found]:
        found |= {message.id: message for message in new}
    for message in found.values():
        queue.release(message)
    return list(found.values())


def redrive(dead_letters: Queue, uploads: Queue) -> list[Message]:
    """Move every message back to where it failed."""
    moved: list[Message] = []
    while received := dead_letters.receive():
        for message in received:
            uploads.send(message.body)
            # A crash right here leaves it in both queues: looking into an inbox twice does no harm.
            dead_letters.delete(message)
        moved += received
    return moved


def count_by_repository(messages: Iterable[Message]) -> dict[str, int]:
    """How many messages ask to look at each repository."""
    counted = Counter(repository for message in messages for repository in _repositories(message))
    return dict(sorted(counted.items()))


def _repositories(message: Message) -> set[str]:
    try:
        return {request.repository for request in requests_in({"body": message.body})}
    except (BadKey, ValueError, TypeError, KeyError, AttributeError):
        return {_NOT_READABLE}
