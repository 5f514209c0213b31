"""Earlier versions of a role: they stay where they were published, for ever."""

from trustpress.core import layout, trust
from trustpress.core.metadata import Document, RoleKeys, Root, Targets
from trustpress.core.parse import MAX_LENGTH, MAX_TARGETS_LENGTH, parse_root, parse_targets
from trustpress.errors import Rejected
from trustpress_uploader.editor import read_signed
from trustpress_uploader.errors import NotPublished, NotVerified
from trustpress_uploader.published import Trusted
from trustpress_uploader.roles import Roles
from trustpress_uploader.settings import KnownRepository
from trustpress_uploader.web import fetch
from trustpress_uploader.words import describe


def compare(
    repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str, *, older: int | None, newer: int | None
) -> list[str]:
    """What one version of a role changed since another, in words; by default the newest since the one before it.

    Raises NotPublished or NotVerified.
    """
    newest = trusted.root if rolename == "root" else roles.newest(rolename)
    after = newer or newest.signed.version
    before = older or after - 1
    documents = {
        version: newest if version == newest.signed.version else _verified(repository, trusted, roles, rolename, version)
        for version in (before, after)
        if version
    }
    earlier = read_signed(documents[before]) if before else None
    return describe(rolename, earlier, read_signed(documents[after]))[1:]


def _verified(
    repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str, version: int
) -> Document[Root] | Document[Targets]:
    """A version as it was published. Its signers are those of some root or delegation: of one that lists them now, or of a former root."""
    url = f"{repository.connection.url}/{layout.metadata(repository.name, rolename, version)}"
    body = fetch(url, MAX_LENGTH.get(rolename, MAX_TARGETS_LENGTH))
    if body is None:
        raise NotPublished(url)
    try:
        document = parse_root(body) if rolename == "root" else parse_targets(body)
    except Rejected as error:
        raise NotVerified(f"{url}: {error}") from error
    if not any(trust.is_signed_by(document, keys) for keys in _signers(repository, trusted, roles, rolename, document)):
        raise NotVerified(f"{url}: not signed by keys that this machine knows for {rolename}")
    return document


def _signers(
    repository: KnownRepository, trusted: Trusted, roles: Roles, rolename: str, document: Document[Root] | Document[Targets]
) -> list[RoleKeys]:
    if isinstance(document.signed, Root):
        return [document.signed.roles["root"]]
    found = roles.role_keys(rolename)
    former = [root.signed.roles["targets"] for root in _former_roots(repository, trusted)] if rolename == "targets" else []
    return [*([found] if found else []), *former]


def _former_roots(repository: KnownRepository, trusted: Trusted) -> list[Document[Root]]:
    """Every root from the pinned one to the newest, each verified by the one before (specification 5.3)."""
    chain = [parse_root(repository.pinned_root())]
    while chain[-1].signed.version < trusted.root.signed.version:
        url = f"{repository.connection.url}/{layout.metadata(repository.name, 'root', chain[-1].signed.version + 1)}"
        body = fetch(url, MAX_LENGTH["root"])
        if body is None:
            raise NotPublished(url)
        try:
            root = parse_root(body)
            trust.verify_next_root(chain[-1].signed, root)
        except Rejected as error:
            raise NotVerified(f"{url}: {error}") from error
        chain.append(root)
    return chain
