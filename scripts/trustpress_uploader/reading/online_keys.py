"""The online keys that a repository's next root may list."""

from collections.abc import Mapping

from trustpress.core import layout
from trustpress.core.keys import PublicKey, parse_key
from trustpress.core.parse import parse_object
from trustpress.errors import Invalid
from trustpress_uploader.errors import NotVerified
from trustpress_uploader.reading.web import fetch

_MAX_LENGTH = 64_000


def fetch_online_keys(url: str, repository: str) -> Mapping[str, PublicKey]:
    """By keyid, the oldest first; none where nobody has asked for them yet. Raises Unreachable or NotVerified."""
    place = f"{url}/{layout.online_keys(repository)}"
    body = fetch(place, _MAX_LENGTH)
    if body is None:
        return {}
    try:
        value = parse_object(body)
        return {keyid: parse_key(keyid, value["keys"][keyid]) for keyid in value["roles"]["timestamp"]["keyids"]}
    except (Invalid, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotVerified(f"{place} is not readable: {error}") from error
