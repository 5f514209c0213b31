"""`trustpress key`: the keys on this machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustpress_uploader.commands import options
from trustpress_uploader.commands.options import Unlocking
from trustpress_uploader.terminal.output import Output

if TYPE_CHECKING:
    from trustpress_uploader.keys.keystore import Keystore, StoredKey

_FORMATS = click.Choice(["trustpress", "pem", "notary"])
_KEYTYPES = click.Choice(["ed25519", "ecdsa", "rsa"])


@click.group("key")
def key_command() -> None:
    """Keys: make, list, move, back up.

    A key file is encrypted by its passphrase (scrypt and NaCl's secretbox, as go-tuf and cosign do) and lies in
    ~/.trustpress/keys, readable by its owner alone. KEYID may be shortened to its first characters.
    """


@key_command.command("generate")
@click.option("--type", "keytype", type=_KEYTYPES, default="ed25519", show_default=True, help="All clients take each of them.")
@click.option("-o", "--output", "path", type=options.PATH, help="Write the public half to this file as well, as PEM.")
@options.encrypts
@options.json
@click.pass_obj
def generate(output: Output, /, *, keytype: str, path: Path | None, unlocking: Unlocking) -> None:
    """Make a key, and ask for its passphrase twice.

    Its public half is what others list: for `signer add`, `root add-key` or `init --root-key`.

    \b
    Example:
      trustpress key generate -o alice.pub
    """
    from trustpress_uploader.keys.formats import write_public_key
    from trustpress_uploader.keys.keystore import write_new
    from trustpress_uploader.keys.passphrases import Purpose
    from trustpress_uploader.keys.private_keys import PrivateKey

    if path:
        _check_new_file(path)
    keystore = _keystore()
    passphrase = unlocking.passphrases().choose(Purpose.KEY)
    key = PrivateKey.generate(keytype)
    keystore.add(key, passphrase)
    if path:
        write_new(path, write_public_key(key.public_key))
    output.result(
        {"keyid": key.public_key.keyid, "keytype": keytype, "public": key.public_key.public},
        f"Key {key.public_key.keyid}",
        f"  in {keystore.folder}",
        *([f"  public half in {path}"] if path else []),
    )


@key_command.command("list")
@options.json
@click.pass_obj
def list_keys(output: Output, /) -> None:
    """Show the keys on this machine, and what they sign in the repositories it knows."""
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.terminal.tables import show_keys

    home = open_home()
    uses = _uses()
    rows = [_describe(stored, uses.get(stored.keyid, [])) for stored in home.keystore.all()]
    output.table({"folder": str(home.keystore.folder), "keys": rows}, show_keys)


@key_command.command("import")
@click.argument("source", metavar="FILE|URI")
@options.encrypts
@options.json
@click.pass_obj
def import_key(output: Output, /, *, source: str, unlocking: Unlocking) -> None:
    """Take a key into the keystore.

    Reads PEM (PKCS#8, SEC1, PKCS#1, encrypted or not), Notary's PEM, and key files of Trustpress, go-tuf and cosign. The key is
    encrypted anew, by a passphrase of this keystore. A key in AWS KMS or on a token stays there: only its place is
    remembered.

    \b
    Examples:
      trustpress key import tagging.pem
      trustpress key import ~/.docker/trust/private/4b8f7d5e.key
      trustpress key import awskms:alias/tagging
      PYKCS11LIB=/usr/lib/softhsm/libsofthsm2.so trustpress key import 'hsm:2?label=token'
    """
    from functools import partial

    from trustpress_uploader.keys import remote
    from trustpress_uploader.keys.keyring import read_key_file
    from trustpress_uploader.keys.passphrases import Purpose

    keystore, passphrases = _keystore(), unlocking.passphrases()
    if source.partition(":")[0] in remote.SCHEMES:
        public_key = remote.find_key(source, passphrases.ask_pin)
        keystore.add_elsewhere(source, public_key)
    else:
        key = read_key_file(Path(source), partial(passphrases.unlock, Purpose.KEY))
        public_key = key.public_key
        keystore.check_new(public_key.keyid)
        keystore.add(key, passphrases.choose(Purpose.NEW))
    output.result({"keyid": public_key.keyid, "keytype": public_key.keytype}, f"Key {public_key.keyid}", f"  in {keystore.folder}")


@key_command.command("export")
@click.argument("keyid")
@click.option("-o", "--output", "path", type=options.PATH, required=True, help="The file to write; it must not exist.")
@click.option("--format", "kind", type=_FORMATS, default="trustpress", show_default=True, help="trustpress is go-tuf's, pem is PKCS#8.")
@click.option("--public", "is_public", is_flag=True, help="The public half alone, as PEM.")
@click.option("--no-passphrase", "is_plain", is_flag=True, help="With --format pem: write the key unencrypted.")
@click.option("--role", metavar="ROLE", help="With --format notary: the role that its header names.")
@click.option("--gun", metavar="GUN", help="With --format notary: the collection that its header names.")
@options.encrypts
@options.json
@click.pass_obj
def export_key(
    output: Output,
    /,
    *,
    keyid: str,
    path: Path,
    kind: Any,
    is_public: bool,
    is_plain: bool,
    role: str | None,
    gun: str | None,
    unlocking: Unlocking,
) -> None:
    """Write a key, or its public half, to a file.

    \b
    Examples:
      trustpress key export 4b8f7d5e --public -o alice.pub
      trustpress key export 4b8f7d5e --format pem -o alice.pem
      trustpress key export 4b8f7d5e --format notary --role alice -o alice.key
    """
    from trustpress_uploader.keys.formats import write_private_key, write_public_key
    from trustpress_uploader.keys.keystore import write_new
    from trustpress_uploader.keys.passphrases import Purpose

    if (role or gun) and kind != "notary":
        raise click.UsageError("--role and --gun go with --format notary.")
    if is_plain and kind != "pem":
        raise click.UsageError("--no-passphrase goes with --format pem.")
    _check_new_file(path)
    keystore, passphrases = _keystore(), unlocking.passphrases()
    stored = keystore.find(keyid) if is_public else keystore.find_here(keyid)
    if is_public and stored.public_key:
        body = write_public_key(stored.public_key)
    else:
        key = passphrases.unlock(Purpose.KEY, stored.keyid[:8], lambda passphrase: keystore.load(stored.keyid, passphrase))
        chosen = None if is_public or is_plain else passphrases.choose(Purpose.NEW)
        body = write_public_key(key.public_key) if is_public else write_private_key(key, chosen, kind, role=role, gun=gun)
    write_new(path, body)
    output.result({"keyid": stored.keyid, "file": str(path)}, f"Key {stored.keyid}{', public half' if is_public else ''}", f"  in {path}")


@key_command.command("passwd")
@click.argument("keyid")
@options.encrypts
@options.json
@click.pass_obj
def passwd(output: Output, /, *, keyid: str, unlocking: Unlocking) -> None:
    """Change the passphrase of a key."""
    from trustpress_uploader.keys.formats import write_private_key
    from trustpress_uploader.keys.passphrases import Purpose

    keystore, passphrases = _keystore(), unlocking.passphrases()
    stored = keystore.find_here(keyid)
    key = passphrases.unlock(Purpose.KEY, stored.keyid[:8], lambda passphrase: keystore.load(stored.keyid, passphrase))
    keystore.replace(stored.keyid, write_private_key(key, passphrases.choose(Purpose.NEW), "trustpress"))
    output.result({"keyid": stored.keyid}, f"Key {stored.keyid} has a new passphrase. Copies and backups keep the old one.")


@key_command.command("remove")
@click.argument("keyid")
@options.yes
@options.json
@click.pass_obj
def remove(output: Output, /, *, keyid: str, yes: bool) -> None:
    """Wipe a key from this machine, after asking."""

    keystore = _keystore()
    stored = keystore.find(keyid)
    uses = _uses().get(stored.keyid, [])
    what = f"wipe the key {stored.keyid}{', which signs ' + ', '.join(uses) if uses else ''}"
    output.require_yes(what, f"Really {what}? Without a backup it is gone for ever.", yes=yes)
    keystore.remove(stored.keyid)
    output.result({"keyid": stored.keyid}, f"Wiped the key {stored.keyid}.")


@key_command.command("backup")
@click.argument("file", type=options.PATH)
@options.encrypts
@options.json
@click.pass_obj
def backup(output: Output, /, *, file: Path, unlocking: Unlocking) -> None:
    """Write all keys and pinned roots to one encrypted archive.

    It is read back to be sure. Keys stay encrypted by their own passphrases inside. A key that was moved offline is taken along
    if its medium is plugged in; otherwise it is said to be missing. FILE must not exist yet.

    \b
    Example:
      trustpress key backup /media/usb/trustpress-2026-11.backup
    """
    from trustpress_uploader.home.backup import write_backup
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.keys.passphrases import Purpose

    _check_new_file(file)
    contents = write_backup(open_home(), file, unlocking.passphrases().choose(Purpose.BACKUP))
    output.result(
        {"file": str(file), "keys": contents.keyids, "repositories": contents.repositories, "absent": contents.absent},
        f"Backed up in {file}: {contents.count}; read back{'' if contents.absent else ', complete'}.",
        *contents.notes,
    )


@key_command.command("restore")
@click.argument("file", type=options.FILE)
@options.opens
@options.json
@click.pass_obj
def restore(output: Output, /, *, file: Path, unlocking: Unlocking) -> None:
    """Bring keys and pinned roots back from an archive.

    What is here already stays as it is; what differs from the archive is reported, and nothing is written then.

    \b
    Example:
      trustpress key restore /media/usb/trustpress-2026-11.backup
    """
    from trustpress_uploader.home.backup import restore_backup
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.keys.passphrases import Purpose

    passphrases = unlocking.passphrases()
    restored = passphrases.unlock(Purpose.BACKUP, str(file), lambda passphrase: restore_backup(open_home(), file, passphrase))
    output.result(
        {"keys": restored.keyids, "repositories": restored.repositories, "absent": restored.absent},
        f"Restored: {restored.count}.",
        *restored.notes,
    )


@key_command.command("move-offline")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--key", "keyid", metavar="KEYID", help="Which key. Default: the root key of the repository.")
@options.placed("repository")
@options.opens
@options.json
@click.pass_obj
def move_offline(output: Output, /, *, folder: Path, keyid: str | None, place: options.Place, unlocking: Unlocking) -> None:
    """Move the offline key to FOLDER, such as a memory stick, and wipe it here.

    The copy is read back and opened before the file here is wiped. Commands that need the key look for it where it went;
    anywhere else name it by --signer file:PATH.

    \b
    Examples:
      trustpress key move-offline /media/usb
      trustpress root renew        # with the stick plugged in
    """
    from trustpress_uploader.keys.offline import move_key
    from trustpress_uploader.keys.passphrases import purpose_of

    keystore = _keystore()
    stored = keystore.find(keyid) if keyid else _root_key(keystore, place)
    path = unlocking.passphrases().unlock(
        purpose_of("root"), stored.keyid[:8], lambda passphrase: move_key(keystore, stored.keyid, folder, passphrase)
    )
    output.result({"keyid": stored.keyid, "file": str(path)}, f"Moved the key {stored.keyid}", f"  to {path}; the file here is wiped.")


def _check_new_file(path: Path) -> None:
    """Before anything is asked for or made. Raises UnusableFile."""
    from trustpress_uploader.errors import UnusableFile

    if os.path.lexists(path):
        raise UnusableFile(path, "exists already", "Name a file that does not exist yet.")
    if not path.parent.is_dir():
        raise UnusableFile(path.parent, "there is no such folder", "Make it first, or name a file in another one.")


def _keystore() -> "Keystore":
    from trustpress_uploader.home.folder import open_home

    return open_home().keystore


def _root_key(keystore: "Keystore", place: options.Place) -> "StoredKey":
    from trustpress_uploader.errors import NoSigningKey
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.reading.published import known_root

    home = open_home()
    name = place.repository or home.only_name()
    known = home.find(name)
    if known is None:
        from trustpress_uploader.errors import UnknownRepository

        raise UnknownRepository(f"this machine does not know {name}")
    keys = known_root(known).signed.roles["root"].keys
    here = [stored for stored in map(keystore.describe, keystore.held(keys)) if not stored.uri]
    if not here:
        raise NoSigningKey("root", keys, keystore.folder)
    return here[0]


def _uses() -> dict[str, list[str]]:
    """What each key signs in the repositories that this machine knows, as far as their roots say."""
    from trustpress_uploader.home.folder import open_home
    from trustpress_uploader.reading.published import known_root

    home = open_home()
    uses: dict[str, list[str]] = {}
    for name in home.names():
        known = home.find(name)
        assert known is not None
        for rolename, role in known_root(known).signed.roles.items():
            for keyid in role.keys:
                uses.setdefault(keyid, []).append(f"{rolename} of {name}")
    return uses


def _describe(stored: "StoredKey", uses: list[str]) -> dict[str, Any]:
    return {
        "keyid": stored.keyid,
        "keytype": stored.public_key.keytype if stored.public_key else None,
        "where": stored.uri or "here",
        "signs": uses,
    }
