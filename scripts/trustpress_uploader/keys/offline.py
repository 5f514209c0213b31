"""Moving a key off this machine: the copy is proven before the original is wiped."""

from pathlib import Path

from trustpress_uploader.errors import BadKeyFile
from trustpress_uploader.keys.formats import read_private_key
from trustpress_uploader.keys.keystore import Keystore, read_owners_alone, write_elsewhere, write_new
from trustpress_uploader.keys.passphrases import Passphrase


def move_key(keystore: Keystore, keyid: str, folder: Path, passphrase: Passphrase) -> Path:
    """Move a key file to `folder`, and leave a note of where it went. Raises WrongPassphrase or BadKeyFile.

    Interrupted before the end, the key is in both places.
    """
    stored = keystore.find_here(keyid)
    encoded = keystore.read(keyid)
    key = read_private_key(encoded, passphrase, str(stored.path))
    path = folder.resolve() / f"{keyid}.json"
    if not path.exists():
        write_new(path, encoded)
    copied = _read_copy(path)
    if copied != encoded or read_private_key(copied, passphrase, str(path)).public_key != key.public_key:
        raise BadKeyFile(path, "the copy is not what was written", "Nothing was wiped. Delete it, or try another medium.")
    keystore.replace(keyid, write_elsewhere(f"file:{path}", key.public_key))
    return path


def _read_copy(path: Path) -> bytes:
    """As everybody reads it who looks for the key there. Raises BadKeyFile."""
    try:
        return read_owners_alone(path)
    except BadKeyFile as error:
        error.hint = "Nothing was wiped. A medium that keeps no permissions, such as FAT, has to be mounted with umask=077."
        raise
