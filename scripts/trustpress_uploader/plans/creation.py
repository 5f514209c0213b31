"""A new repository: its keys, its first root and its first targets, signed here and kept until they are published."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trustpress.core import layout, trust
from trustpress.core.delegations import RoleKeys
from trustpress.core.keys import PublicKey
from trustpress.core.parse import MAX_LENGTH, parse_root
from trustpress_uploader.changes.change import Authority, compose_change, name_repository
from trustpress_uploader.errors import AlreadyThere, UnknownRepository
from trustpress_uploader.home.folder import Connection, Home, KnownRepository, is_private
from trustpress_uploader.keys.keyring import Keyring
from trustpress_uploader.keys.passphrases import Purpose
from trustpress_uploader.keys.private_keys import PrivateKey
from trustpress_uploader.plans.plan import TARGETS_LIFE
from trustpress_uploader.plans.root_editor import compose_root
from trustpress_uploader.plans.signers import role_keys
from trustpress_uploader.plans.targets_editor import compose_targets
from trustpress_uploader.reading.web import fetch

ROOT_LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Keys:
    """Which keys are to sign: keyids, files or URIs. Where none are named, new ones are made."""

    root: Sequence[str] = ()
    root_threshold: int = 1
    tagging: str | None = None


def create_repository(
    home: Home,
    keyring: Keyring,
    name: str,
    connection: Connection,
    keys: Keys,
    *,
    ask_for_online_key: Callable[[], PublicKey],
    now: datetime,
    external_targets: bool,
) -> KnownRepository:
    """Make keys, sign root and targets version 1 with those at hand, and keep them as a change. Asks for passphrases.

    Keys are written before anything is uploaded: what is published can always be signed again. Raises AlreadyThere,
    NoSigningKey, BadPassphrase, UnknownRepository, or what asking for the online key does.
    """
    if not is_private(connection.url):
        raise UnknownRepository(f"{connection.url}: expected https, as root will trust the online key found there")
    if fetch(f"{connection.url}/{layout.metadata(name, 'root', 1)}", MAX_LENGTH["root"]):
        raise AlreadyThere(name)
    online = dict.fromkeys(("snapshot", "timestamp"), role_keys([ask_for_online_key()], 1))
    chosen = {
        "root": role_keys([keyring.find_public_key(key) for key in keys.root], keys.root_threshold) if keys.root else None,
        "targets": role_keys([keyring.find_public_key(keys.tagging)], 1) if keys.tagging else None,
    }
    roles = _with_new_keys(keyring, chosen)
    root = compose_root({**roles, **online}, now + ROOT_LIFE, external_targets=external_targets)
    draft = compose_change(name_repository(name, {"root": root, "targets": compose_targets(now + TARGETS_LIFE)}))
    change = draft.sign(Authority(None), keyring.require)
    signed_root = change.steps[0]["root"].envelope()
    is_complete = trust.is_signed_by(parse_root(signed_root), roles["root"])
    return home.add(name, connection, signed_root, change.encode(), complete=is_complete)


def _with_new_keys(keyring: Keyring, chosen: dict[str, RoleKeys | None]) -> dict[str, RoleKeys]:
    """All passphrases are chosen before the first key is made: who gives up leaves nothing behind."""
    purposes = {"root": Purpose.ROOT, "targets": Purpose.TAGGING}
    passphrases = {rolename: keyring.passphrases.choose(purposes[rolename]) for rolename, keys in chosen.items() if keys is None}
    made = {rolename: PrivateKey.generate() for rolename in passphrases}
    for rolename, key in made.items():
        keyring.keystore.add(key, passphrases[rolename])
        keyring.add(key)
    return {rolename: keys or role_keys([made[rolename].public_key], 1) for rolename, keys in chosen.items()}
