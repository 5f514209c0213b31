"""What a queue message says: look at these repositories."""

import json
from urllib.parse import unquote_plus

from trustpress.core.layout import check_repository, parse_inbox_key
from trustpress.errors import BadKey


def repositories_in(body: str) -> set[str]:
    """The repositories named by the sweep, or by S3 in object keys, which are encoded once. Raises BadKey."""
    message = json.loads(body)
    if "repository" in message:
        return {check_repository(message["repository"])}
    return {parse_inbox_key(_decode(record["s3"]["object"]["key"])).repository for record in message.get("Records", [])}


def _decode(key: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError as error:
        raise BadKey(key[:200], "not UTF-8") from error
