"""What a refused or unanswered write means.

boto3 and networks repeat requests, so "exists already" may mean that our own first attempt won, and a time-out that the
write happened. Both are settled the same way: read back and compare bytes. It is decided here, above the ports, once.
"""

from trustpress.errors import Conflict, TooLarge, Unavailable, UnknownOutcome
from trustpress.ports import Caching, ObjectStore


def put_immutable(store: ObjectStore, key: str, body: bytes) -> bool:
    """Make `key` hold `body` for ever: True if it does now, whoever wrote it, False if other bytes are there.

    Raises Conflict where another write of it seems to be going on, Unavailable where the write did not happen.
    """
    try:
        store.put_new(key, body, Caching.IMMUTABLE)
    except (Conflict, UnknownOutcome) as error:
        try:
            found = store.get(key, limit=len(body))
        except TooLarge:
            return False
        if found is None and isinstance(error, Conflict):
            # 409: neither write has won yet, and both may have been our own.
            raise
        if found is None:
            raise Unavailable(f"{key}: no clear answer, and nothing is there") from None
        return found.body == body
    return True


def holds(store: ObjectStore, key: str, body: bytes) -> bool:
    """Whether exactly these bytes are at `key`."""
    try:
        found = store.get(key, limit=len(body))
    except TooLarge:
        return False
    return found is not None and found.body == body


def swap(store: ObjectStore, key: str, body: bytes, caching: Caching, etag: str | None) -> str:
    """Put `body` in the place of the object with `etag` (None: of nothing) and return the new etag. Raises Conflict."""
    try:
        return store.put_new(key, body, caching) if etag is None else store.replace(key, body, caching, etag)
    except (Conflict, UnknownOutcome):
        try:
            found = store.get(key, limit=len(body))
        except TooLarge:
            raise Conflict(key) from None
        if found is None or found.body != body:
            raise Conflict(key) from None
        return found.etag
