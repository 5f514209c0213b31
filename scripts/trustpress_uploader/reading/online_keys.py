"""The online keys of a deployment, which a first root lists."""

from collections.abc import Mapping

from trustpress.core import layout
from trustpress.core.delegations import RoleKeys
from trustpress.core.keys import parse_key
from trustpress.core.parse import parse_object
from trustpress.core.parse_delegations import parse_role_keys
from trustpress.errors import Invalid
from trustpress_uploader.errors import NotVerified
from trustpress_uploader.reading.web import fetch

_MAX_LENGTH = 64_000


def fetch_online_keys(url: str) -> Mapping[str, RoleKeys]:
    """Who signs snapshot and timestamp in this deployment. Raises Unreachable or NotVerified."""
    body = fetch(f"{url}/{layout.ONLINE_KEYS}", _MAX_LENGTH)
    if body is None:
        raise NotVerified(f"{url}/{layout.ONLINE_KEYS} is missing: expected the URL of a Trustpress deployment")
    try:
        value = parse_object(body)
        keys = {keyid: parse_key(keyid, key) for keyid, key in value["keys"].items()}
        return {rolename: parse_role_keys(rolename, keys, value["roles"][rolename]) for rolename in ("snapshot", "timestamp")}
    except (Invalid, ValueError, TypeError, KeyError, AttributeError) as error:
        raise NotVerified(f"{url}/{layout.ONLINE_KEYS} is not readable: {error}") from error
