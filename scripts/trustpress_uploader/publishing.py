"""From an edit to a receipt: the use cases behind `init`, `push` and `remove`.

Target files go first, metadata last, and metadata is one object: interrupted at any point, nothing is half published, and
the same command finishes what was begun.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from trustpress.core import layout
from trustpress.core.entries import TargetFile
from trustpress.core.metadata import Document, RoleKeys, Root, Targets, published_version
from trustpress.core.parse import MAX_LENGTH
from trustpress_uploader import editor
from trustpress_uploader.artifacts import Artifact, check_lengths, hash_artifact
from trustpress_uploader.editor import Edit
from trustpress_uploader.errors import AlreadyThere, NoSigningKey, UnknownRepository, UploadRejected
from trustpress_uploader.keystore import Keystore, PrivateKey
from trustpress_uploader.passphrases import choose_passphrase, unlock
from trustpress_uploader.progress import Show
from trustpress_uploader.published import Trusted, fetch, fetch_online_keys, newest_targets, refresh
from trustpress_uploader.settings import Connection, Home, KnownRepository, is_private
from trustpress_uploader.staging import Receipt, Staging

ROOT_LIFE = timedelta(days=365)
TARGETS_LIFE = timedelta(days=90)

# How often somebody else may publish first before this gives up.
MAX_REBASES = 3
_SOMEBODY_WAS_FIRST = {"E_OLD", "E_EQUIVOCATION"}


@dataclass(frozen=True, slots=True)
class Publication:
    """What is published now. `release` is empty where nothing was left to do."""

    targets: Document[Targets]
    release: Mapping[str, int]

    @property
    def versions(self) -> dict[str, int]:
        return {"targets": self.targets.signed.version, **self.release}

    def entries(self, names: Iterable[str]) -> dict[str, TargetFile]:
        """What is published under these names."""
        wanted = set(names)
        return {name: entry for name, entry in self.targets.signed.targets.items() if name in wanted}


def create_repository(home: Home, name: str, connection: Connection, now: datetime, *, external_targets: bool) -> KnownRepository:
    """Make keys, sign root and targets version 1 and keep them for `publish_first`. Asks for both passphrases.

    Keys are written before anything is uploaded: what is published can always be signed again.
    """
    if not is_private(connection.url):
        raise UnknownRepository(f"{connection.url}: expected https, as root will trust the online keys found there")
    online = fetch_online_keys(connection.url)
    if fetch(f"{connection.url}/{layout.metadata(name, 'root', 1)}", MAX_LENGTH["root"]):
        raise AlreadyThere(name)
    passphrases = {rolename: choose_passphrase(rolename) for rolename in ("root", "targets")}
    keys = {rolename: PrivateKey.generate() for rolename in passphrases}
    roles = {rolename: RoleKeys({key.public_key.keyid: key.public_key}, 1) for rolename, key in keys.items()}
    root = editor.sign(editor.compose_root({**roles, **online}, now + ROOT_LIFE, external_targets=external_targets), [keys["root"]])
    targets = editor.sign(editor.compose_targets(now + TARGETS_LIFE), [keys["targets"]])
    editor.verify_first(root, targets, now)
    for rolename, key in keys.items():
        home.keystore.add(key, passphrases[rolename])
    return home.add(name, connection, root, editor.bundle({"root": root, "targets": targets}))


def publish_first(home: Home, repository: KnownRepository, staging: Staging, seconds: float) -> Receipt:
    """Publish root and targets of a new repository together. Raises UploadRejected or NoReceipt."""
    upload = staging.put_metadata("1.root.json", repository.first_upload.read_bytes())
    try:
        receipt = staging.wait(upload, seconds)
    except UploadRejected:
        # These bytes will never be published: the next `init` starts anew.
        home.forget(repository)
        raise
    repository.first_upload.unlink()
    return receipt


class TargetsPublisher:
    """Publishes changes to the top-level targets of one repository."""

    def __init__(
        self, repository: KnownRepository, keystore: Keystore, staging: Staging, *, now: datetime, seconds: float, show: Show
    ) -> None:
        self._repository, self._keystore, self._staging = repository, keystore, staging
        self._now, self._seconds, self._show = now, seconds, show
        self._keys: dict[str, PrivateKey] = {}
        self._staged: dict[str, TargetFile | None] = {}

    def push(self, artifacts: Sequence[Artifact]) -> Publication:
        """Publish files. A repository with external targets lists them and keeps none."""
        trusted = refresh(self._repository)
        uploaded = [] if trusted.root.signed.policy.external_targets else artifacts
        check_lengths(uploaded)
        edit = Edit(added={artifact.targetpath: hash_artifact(artifact, self._show) for artifact in artifacts})
        return self._publish(trusted, edit, uploaded)

    def remove(self, names: Sequence[str]) -> Publication:
        """Publish targets without these names. Raises NoSuchTarget."""
        trusted = refresh(self._repository)
        editor.check_names(editor.read_signed(newest_targets(self._repository, trusted)), names)
        return self._publish(trusted, Edit(removed=frozenset(names)), [])

    def _publish(self, trusted: Trusted, edit: Edit, artifacts: Sequence[Artifact]) -> Publication:
        """Whoever loses the race to the next version applies the same edit to the winner's."""
        for _ in range(MAX_REBASES):
            try:
                return self._publish_onto(trusted, edit, artifacts)
            except UploadRejected as error:
                if error.code not in _SOMEBODY_WAS_FIRST:
                    raise
            trusted = refresh(self._repository)
        return self._publish_onto(trusted, edit, artifacts)

    def _publish_onto(self, trusted: Trusted, edit: Edit, artifacts: Sequence[Artifact]) -> Publication:
        current = newest_targets(self._repository, trusted)
        signed = editor.read_signed(current)
        if edit.apply(signed["targets"]) == signed["targets"]:
            return self._finish(trusted, current)
        changed = editor.next_targets(signed, edit, self._now + TARGETS_LIFE)
        envelope = editor.sign(changed, self._unlocked(trusted.root.signed))
        document = editor.verify_next_targets(envelope, trusted.root.signed, changed["version"], self._now)
        self._stage(artifacts, edit, signed["targets"])
        upload = self._staging.put_metadata(f"{changed['version']}.targets.json", envelope)
        return Publication(document, self._staging.wait(upload, self._seconds).release)

    def _stage(self, artifacts: Sequence[Artifact], edit: Edit, listed: Mapping[str, TargetFile]) -> None:
        """Upload each file once, and again if somebody else published its name since: the staged one may be theirs."""
        for artifact in artifacts:
            name = artifact.targetpath
            if name in self._staged and self._staged[name] == listed.get(name):
                continue
            self._staging.put_artifact(artifact, edit.added[name], self._show)
            self._staged[name] = listed.get(name)

    def _finish(self, trusted: Trusted, current: Document[Targets]) -> Publication:
        """Nothing to change, but perhaps to finish: a version that this machine has seen in no snapshot.

        Its publish is still under way, or crashed half-way. Uploading the same bytes again is harmless, and finishes it.
        """
        if published_version(trusted.snapshot.signed if trusted.snapshot else None, "targets") >= current.signed.version:
            return Publication(current, {})
        upload = self._staging.put_metadata(f"{current.signed.version}.targets.json", current.body)
        return Publication(current, self._staging.wait(upload, self._seconds).release)

    def _unlocked(self, root: Root) -> list[PrivateKey]:
        """The tagging keys on this machine, each unlocked once. Raises NoSigningKey or BadPassphrase."""
        keyids = self._keystore.held(root.roles["targets"].keys)
        if not keyids:
            raise NoSigningKey("targets", root.roles["targets"].keys, self._keystore.folder)
        for keyid in keyids:
            if keyid not in self._keys:
                self._keys[keyid] = unlock("targets", partial(self._keystore.load, keyid))
        return [self._keys[keyid] for keyid in keyids]
