"""What may happen around a write: given to a store's `before` or `after`."""

from collections.abc import Callable

from trustpress.errors import UnknownOutcome
from trustpress.ports import Signer


class Crash(BaseException):
    """The end of a process: nothing may catch it."""


def at_first(key_ends: str, trouble: Callable[[], object]) -> Callable[[str, str], None]:
    """Have trouble once, at the first write to a key that ends like this."""
    pending = [trouble]

    def interrupt(operation: str, key: str) -> None:
        if pending and operation in {"PUT", "COPY"} and key.endswith(key_ends):
            pending.pop()()

    return interrupt


def at_call(name: str, trouble: Callable[[], object]) -> Callable[[str, str], None]:
    """Have trouble once, at the first call of this operation."""
    pending = [trouble]

    def interrupt(operation: str, key: str) -> None:
        if pending and operation == name:
            pending.pop()()

    return interrupt


def at_write(number: int, trouble: Callable[[], object]) -> Callable[[str, str], None]:
    """Have trouble at one write or deletion, counted from zero over all stores that share the result."""
    counted = [0]

    def interrupt(operation: str, key: str) -> None:
        if operation in {"PUT", "COPY", "DELETE"}:
            counted[0] += 1
            if counted[0] == number + 1:
                trouble()

    return interrupt


class GarblingSigner:
    """A key service that answers, with signatures that do not verify."""

    def __init__(self, signer: Signer) -> None:
        self.public_key, self._signer = signer.public_key, signer

    def sign(self, message: bytes) -> bytes:
        return self._signer.sign(message + b" ")


def crash() -> None:
    raise Crash


def no_answer() -> None:
    raise UnknownOutcome("somewhere", "the connection broke")


def calm(operation: str, key: str) -> None:
    """No trouble."""
