"""Where everything lies: object keys in the staging and the public bucket, and the names they may carry.

A repository name is one to many segments `[a-z0-9][a-z0-9._:-]*` joined by '/', at most 200 characters; the segments
`metadata`, `targets` and `v2` are reserved, so that a key splits into repository and rest in one way only.
"""

import functools
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from trustpress.errors import BadKey

INBOX = "inbox/"
REGISTERS = "repositories/"
ONLINE_KEYS = "online-keys.json"
MASTERS = "online-keys/masters/"

_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9._:-]*(?:/[a-z0-9][a-z0-9._:-]*)*")
_RESERVED = {"metadata", "targets", "v2"}
_METADATA_FILE = re.compile(r"(?:(?P<version>[1-9][0-9]{0,9})\.)?(?P<rolename>[A-Za-z0-9._-]{1,100})\.json")
MAX_REPOSITORY_LENGTH = 200


@dataclass(frozen=True, slots=True)
class InboxKey:
    """An object key below `inbox/`: the repository, and whether it is metadata or a target file."""

    repository: str
    area: str
    path: str


def check_repository(name: str) -> str:
    """Return `name` if it is a repository name. Raises BadKey."""
    if len(name) > MAX_REPOSITORY_LENGTH or not _REPOSITORY.fullmatch(name) or _RESERVED.intersection(name.split("/")):
        raise BadKey(name[:MAX_REPOSITORY_LENGTH], "not a repository name")
    return name


def parse_inbox_key(key: str) -> InboxKey:
    """Split `inbox/R/metadata/...` or `inbox/R/targets/...` at the first reserved segment. Raises BadKey."""
    segments = key.split("/")
    for index, segment in enumerate(segments):
        if index > 1 and segments[0] == "inbox" and segment in {"metadata", "targets"}:
            repository = check_repository("/".join(segments[1:index]))
            return InboxKey(repository, segment, "/".join(segments[index + 1 :]))
    raise BadKey(key, "not below inbox/REPOSITORY/metadata/ or inbox/REPOSITORY/targets/")


def parse_rolename(filename: str) -> str:
    """The role an uploaded file stands for: its name without `.json` and without a version prefix. Raises BadKey."""
    match = _METADATA_FILE.fullmatch(filename)
    if match is None:
        raise BadKey(filename, "expected ROLE.json or VERSION.ROLE.json")
    return match["rolename"]


def may_hold_root(filename: str) -> bool:
    """Whether an upload of this name may have a root in it: credentials for the inbox can be cut along such names."""
    return filename == "root.json" or filename.endswith(".root.json")


def inbox_metadata(repository: str, filename: str = "") -> str:
    return f"{INBOX}{repository}/metadata/{filename}"


def inbox_target(repository: str, targetpath: str) -> str:
    return f"{INBOX}{repository}/targets/{targetpath}"


def receipt(repository: str, upload_sha256: str) -> str:
    return f"receipts/{repository}/{upload_sha256}.json"


def pending(repository: str, name: str = "") -> str:
    """A change that waits for signatures of several key holders. Only people read and write it, never the publisher."""
    return f"pending/{repository}/{name}"


@functools.lru_cache  # every look and every refresh asks more than once, and quoting is slow
def register(repository: str) -> str:
    return f"{REGISTERS}{quote(repository, safe='')}.json"


def reservation(repository: str) -> str:
    """What an operator has said of the first root that a repository is to have."""
    return f"reservations/{quote(repository, safe='')}.sha256"


def parse_register_key(key: str) -> str:
    """The repository a register belongs to. Raises BadKey."""
    name = unquote(key.removeprefix(REGISTERS).removesuffix(".json"), errors="replace")
    if register(check_repository(name)) != key:
        raise BadKey(key, "not a register")
    return name


def watch(repository: str) -> str:
    """What the freshness watch remembers of a repository, and what it has told."""
    return f"watch/{quote(repository, safe='')}.json"


def sealed_key(name: str) -> str:
    return f"online-keys/{name}.sealed"


def master(number: int) -> str:
    """A master secret, sealed."""
    return f"{MASTERS}{number:04}.sealed"


def dropped_master(number: int) -> str:
    """The mark of a master secret that nothing is derived from any more."""
    return f"{MASTERS}{number:04}.dropped"


def online_keys(repository: str) -> str:
    """The public halves of the online keys that a repository's next root may list."""
    return f"{repository}/metadata/{ONLINE_KEYS}"


def metadata(repository: str, rolename: str, version: int) -> str:
    """The immutable object of one version of a role (specification section 6, consistent snapshots)."""
    return f"{repository}/metadata/{metadata_filename(rolename, version)}"


def metadata_filename(rolename: str, version: int) -> str:
    return f"{version}.{rolename}.json"


def published_metadata(repository: str) -> str:
    """What the keys of all metadata of a repository begin with; no other one's are below it, as `metadata` is reserved."""
    return f"{repository}/metadata/"


def published_targets(repository: str) -> str:
    """What the keys of all target files of a repository begin with."""
    return f"{repository}/targets/"


def parse_version(key: str) -> tuple[str, int] | None:
    """The role and version that a published `VERSION.ROLE.json` stands for; None for timestamp.json and what is no metadata."""
    match = _METADATA_FILE.fullmatch(key.rpartition("/")[2])
    return (match["rolename"], int(match["version"])) if match and match["version"] else None


def timestamp(repository: str) -> str:
    """The one object of a repository that changes."""
    return f"{repository}/metadata/timestamp.json"


def target(repository: str, targetpath: str, digest: str) -> str:
    """A target file under one of its hashes: the hash prefixes the last segment of the path."""
    directory, slash, name = targetpath.rpartition("/")
    return f"{repository}/targets/{directory}{slash}{digest}.{name}"
