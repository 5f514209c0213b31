"""The first root of a repository, on which all trust hangs: obtained by somebody, or fetched and compared, never just believed."""

import hashlib
from pathlib import Path

from trustpress.core import trust
from trustpress.core.parse import MAX_LENGTH, parse_root
from trustpress.errors import Invalid
from trustpress_uploader.disk import read_file
from trustpress_uploader.errors import UnusableFile

_GET_ONE = "Get the repository's root from its owner, who has it as root.json and at URL/REPOSITORY/metadata/1.root.json."


def read_root(path: Path) -> bytes:
    """What somebody says is a root, in a file. Raises UnusableFile."""
    return read_file(path, MAX_LENGTH["root"])


def check_root(body: bytes, where: str) -> bytes:
    """The bytes of a root that signs itself: nothing else is ever pinned. Raises UnusableFile."""
    try:
        root = parse_root(body)
    except Invalid as error:
        raise UnusableFile(where, f"not a root: {error}", _GET_ONE) from error
    if not trust.is_signed_by(root, root.signed.roles["root"]):
        raise UnusableFile(where, "not a root that its own keys have signed", _GET_ONE)
    return body


def is_same_root(given: bytes, pinned: bytes) -> bool:
    """Whether both say the same, whoever has signed them."""
    try:
        return given == pinned or parse_root(given).message == parse_root(pinned).message
    except Invalid:
        return False


def has_another_hash(pinned: bytes, sha256: str) -> bool:
    """Whether the pinned root is certainly not the 1.root.json of this SHA-256 (hex): a later root cannot tell."""
    return parse_root(pinned).signed.version == 1 and hashlib.sha256(pinned).hexdigest() != sha256.lower()
