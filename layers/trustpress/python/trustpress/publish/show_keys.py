"""The public halves of a repository's online keys, shown on demand for its owner to list them in root."""

from trustpress.core import layout
from trustpress.core.canonical import encode_compact
from trustpress.core.metadata import Root
from trustpress.online_keys import ONLINE_ROLES
from trustpress.ports import Caching, ObjectStore, OnlineKeys
from trustpress.store.repository import verifying
from trustpress.store.writes import swap

_MAX_LENGTH = 64_000


def show_online_keys(public: ObjectStore, keys: OnlineKeys, repository: str, root: Root | None) -> None:
    """Write online-keys.json, if it says anything else: the members `keys` and `roles` as root is to have them, with every
    key that the next root may list. Nothing is lost where it is wrong: the publisher takes no root with another's key.

    Raises Conflict, Unavailable, Misconfigured, or BrokenRepository where something huge lies in its place.
    """
    offered = keys.offered(repository, root)
    role = {"keyids": [key.keyid for key in offered], "threshold": 1}
    body = encode_compact({"keys": {key.keyid: key.as_json() for key in offered}, "roles": dict.fromkeys(ONLINE_ROLES, role)})
    with verifying(repository):
        found = public.get(layout.online_keys(repository), _MAX_LENGTH)
    if found is None or found.body != body:
        swap(public, layout.online_keys(repository), body, Caching.COMMIT, found.etag if found else None)
