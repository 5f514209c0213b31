"""The keys that are at hand, wherever they live: each is unlocked when it is first needed, and once.

A key is named by a URI: `file:PATH` (any format that `trustpress key import` reads), `awskms:KEY` or `hsm:...`. Keys of the
keystore need no naming.
"""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path

from trustpress.core.delegations import RoleKeys
from trustpress.core.keys import PublicKey
from trustpress.ports import Signer
from trustpress_uploader.disk import read_file
from trustpress_uploader.errors import BadKeyFile, NoSigningKey, NotPossible, UnusableFile
from trustpress_uploader.keys import remote
from trustpress_uploader.keys.formats import is_encrypted, read_private_key, read_public_key
from trustpress_uploader.keys.keystore import MAX_LENGTH, Keystore, read_owners_alone
from trustpress_uploader.keys.passphrases import Passphrase, Passphrases, Purpose, purpose_of
from trustpress_uploader.keys.private_keys import PrivateKey

SHORT = 8


class Keyring:
    """The keystore's keys and those that `uris` name."""

    def __init__(self, keystore: Keystore, passphrases: Passphrases, uris: Sequence[str] = (), *, is_each_meant: bool = False) -> None:
        """With `is_each_meant` each of `uris` was named for this run; else they are named for many, and one has to have a part."""
        self.keystore, self.passphrases, self._uris, self._is_each_meant = keystore, passphrases, uris, is_each_meant
        self._open: dict[str, Signer] = {}
        self._asked: set[str] = set()

    def held(self, role_keys: RoleKeys) -> list[str]:
        """The keyids among a role's that can sign here. May ask for the passphrases of files that do not say what they hold."""
        at_hand = {*self._open, *self._named, *self.keystore.held(role_keys.keys)}
        return [keyid for keyid in role_keys.keys if keyid in at_hand]

    def signers(self, rolename: str, role_keys: RoleKeys) -> list[Signer]:
        """Those of a role's keys that are at hand, unlocked. Raises BadPassphrase, BadKeyFile or RemoteKeyFailed."""
        held = self.held(role_keys)
        self._asked.update(held)
        return [self._signer(rolename, role_keys.keys[keyid]) for keyid in held]

    def check_named(self) -> None:
        """After signing, before anything is uploaded: the keys that were named may sign it. Raises NotPossible."""
        idle = [uri for keyid, uri in self._named.items() if keyid not in self._asked]
        if idle and (self._is_each_meant or len(idle) == len(self._named)):
            raise NotPossible(
                f"{', '.join(idle)}: named by --signer, and no role that changes here lists the key",
                "Nothing was published. Leave that --signer (or TRUSTPRESS_SIGNER) out, or name the key that is to sign; "
                "`trustpress inspect` shows the keys of every role.",
            )

    def require(self, rolename: str, role_keys: RoleKeys) -> list[Signer]:
        """As `signers`. Raises NoSigningKey if there are none."""
        signers = self.signers(rolename, role_keys)
        if not signers:
            raise self.missing(rolename, role_keys)
        return signers

    def missing(self, rolename: str, role_keys: RoleKeys) -> NoSigningKey:
        where = f"{self.keystore.folder} or named by --signer" if self._uris else self.keystore.folder
        return NoSigningKey(rolename, role_keys.keys, where)

    def add(self, key: Signer) -> None:
        """A key that was made in this run, and needs no passphrase again."""
        self._open[key.public_key.keyid] = key

    def find_public_key(self, text: str) -> PublicKey:
        """The key that somebody means: by URI, by file, or by the beginning of its keyid. Raises NoSuchKey or BadKeyFile."""
        if text.partition(":")[0] in {"file", *remote.SCHEMES}:
            return self._identify(text)
        if Path(text).is_file():
            return read_public_key(read_file(Path(text), MAX_LENGTH), text)
        stored = self.keystore.find(text)
        if stored.public_key is None:
            raise BadKeyFile(stored.path, "does not say its public half", "Import it again: `trustpress key import FILE`.")
        return stored.public_key

    def _signer(self, rolename: str, key: PublicKey) -> Signer:
        if key.keyid not in self._open:
            self._open[key.keyid] = self._unlock(rolename, key)
        return self._open[key.keyid]

    def _unlock(self, rolename: str, key: PublicKey) -> Signer:
        purpose = purpose_of(rolename)
        if key.keyid in self._named:
            return self._open_uri(self._named[key.keyid], key, purpose)
        stored = self.keystore.describe(key.keyid)
        if stored.uri:
            return self._open_uri(stored.uri, key, purpose)
        return self.passphrases.unlock(purpose, key.keyid[:SHORT], partial(self.keystore.load, key.keyid))

    def _open_uri(self, uri: str, key: PublicKey, purpose: Purpose) -> Signer:
        scheme, _, path = uri.partition(":")
        if scheme != "file":
            return remote.open_key(uri, key, self.passphrases.ask_pin)
        found = read_key_file(Path(path), partial(self.passphrases.unlock, purpose))
        if found.public_key.material != key.material:
            raise BadKeyFile(path, f"holds the key {found.public_key.keyid}, expected {key.keyid}", "Name the file of that key.")
        return found

    @cached_property
    def _named(self) -> dict[str, str]:
        """URIs by keyid."""
        return {self._identify(uri).keyid: uri for uri in self._uris}

    def _identify(self, uri: str) -> PublicKey:
        scheme, _, path = uri.partition(":")
        if scheme != "file":
            return remote.find_key(uri, self.passphrases.ask_pin)
        try:
            return read_public_key(read_owners_alone(Path(path)), path)
        except BadKeyFile:
            # It keeps even its public half to itself.
            key = read_key_file(Path(path), partial(self.passphrases.unlock, Purpose.KEY))
        self.add(key)
        return key.public_key


def read_key_file(path: Path, unlock: Callable[[str, Callable[[Passphrase], PrivateKey]], PrivateKey]) -> PrivateKey:
    """A private key from a file in any format; `unlock` is called if it needs a passphrase. Raises BadKeyFile or UnusableFile."""
    if not path.exists():
        raise UnusableFile(path, "there is no such file", "Check the path, and plug in the medium that the key is on.")
    body = read_owners_alone(path)
    if not is_encrypted(body, str(path)):
        return read_private_key(body, None, str(path))
    return unlock(str(path), lambda passphrase: read_private_key(body, passphrase, str(path)))
