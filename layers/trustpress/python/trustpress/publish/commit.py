"""The commit: snapshot, then timestamp, then nothing remains to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from trustpress.core import layout, release, trust
from trustpress.core.canonical import canonical_from_compact
from trustpress.core.metadata import Document, MetaFile, Root, Signature, Snapshot, Timestamp
from trustpress.core.overlap import OVERLAP
from trustpress.core.portable import MAX_VERSION
from trustpress.errors import BrokenRepository, Invalid, Misconfigured, OutOfTime, Unavailable
from trustpress.online_keys import listed_materials
from trustpress.ports import Caching, Clock, ObjectStore, OnlineKeys, Signer
from trustpress.store.repository import Head, Repository
from trustpress.store.writes import put_immutable, swap

_MAX_ORPHANS = 1000

# A commit needs at most a few seconds; with less than this left in a run it is not started.
SECONDS_FOR_COMMIT = 15

S = TypeVar("S", Snapshot, Timestamp)


@dataclass(frozen=True)
class Change:
    """What a commit changes: the root in force, and roles by name.

    `pending_root` is a root on its way whose online keys sign already.
    """

    root: Document[Root]
    accepted: Mapping[str, MetaFile]
    pending_root: Root | None = None


def verify_time_left(repository: str, clock: Clock) -> None:
    """Raises OutOfTime."""
    if clock.seconds_left() < SECONDS_FOR_COMMIT:
        raise OutOfTime(repository)


def _verify_numbers_left(repository: str, version: int) -> None:
    """A number too high for clients would be the last of this repository. Raises BrokenRepository."""
    if version > MAX_VERSION:
        raise BrokenRepository(repository, f"no version number is left after {MAX_VERSION}")


class Committer:
    """Signs and writes releases with a repository's online keys, under whatever keyids roots list them.

    `overlap` is how long keys overlap, so that every cache forgets what the new ones do not verify.
    """

    def __init__(self, public: ObjectStore, keys: OnlineKeys, overlap: timedelta = OVERLAP) -> None:
        self._public, self._keys, self._overlap = public, keys, overlap

    def commit(self, repository: Repository, change: Change, now: datetime) -> Repository:
        """Write a new snapshot, then swap the timestamp. Raises Conflict if someone else committed first.

        A crash before the swap leaves an orphan snapshot, which nobody sees and the next commit steps over. After the swap
        the release is complete.
        """
        snapshot = self._put_snapshot(repository, change, now)
        return self._swap_timestamp(repository, change, snapshot, now)

    def renew_timestamp(self, repository: Repository, now: datetime) -> Repository:
        """Sign the same snapshot once more. Raises Conflict if someone else committed first."""
        head = repository.head
        assert head is not None
        return self._swap_timestamp(repository, Change(head.root, {}), head.snapshot, now)

    def renew_snapshot(self, repository: Repository, now: datetime) -> Repository:
        """Commit a release that lists the same. Raises Conflict if someone else committed first."""
        head = repository.head
        assert head is not None
        return self.commit(repository, Change(head.root, {}), now)

    def _put_snapshot(self, repository: Repository, change: Change, now: datetime) -> Document[Snapshot]:
        """Steps over orphans: a snapshot that a crashed or slower publisher left under the next number."""
        head = repository.head
        previous = head.snapshot.signed if head else None
        version = previous.version if previous else 0
        signed = release.next_snapshot(previous, change.accepted, 1, release.expiry(now, change.root.signed.policy.snapshot_life))
        signing = self._signing("snapshot", repository, change, now)
        for number in range(version + 1, version + 1 + _MAX_ORPHANS):
            _verify_numbers_left(repository.name, number)
            numbered = replace(signed, version=number)
            snapshot = sign(numbered, release.compose_after(head.snapshot if head else None, change.accepted, numbered), signing)
            if put_immutable(self._public, layout.metadata(repository.name, "snapshot", number), snapshot.body):
                return snapshot
        raise BrokenRepository(repository.name, f"{_MAX_ORPHANS} snapshots without a timestamp")

    def _swap_timestamp(self, repository: Repository, change: Change, snapshot: Document[Snapshot], now: datetime) -> Repository:
        head = repository.head
        expires = release.expiry(now, change.root.signed.policy.timestamp_life)
        signed = release.next_timestamp(head.timestamp.signed if head else None, snapshot.meta_file, expires)
        _verify_numbers_left(repository.name, signed.version)
        timestamp = sign(signed, release.compose(signed), self._signing("timestamp", repository, change, now))
        _verify_own_work(repository, timestamp, snapshot, change.root.signed)
        etag = swap(self._public, layout.timestamp(repository.name), timestamp.body, Caching.COMMIT, head.etag if head else None)
        same_root = head is not None and head.root.sha256 == change.root.sha256
        root_published = head.root_published if head and same_root else now
        return replace(repository, head=Head(change.root, root_published, timestamp, etag, snapshot))

    def _signing(self, rolename: str, repository: Repository, change: Change, now: datetime) -> dict[str, Signer]:
        """Which keys sign, by keyid: those root asks for, those a root on its way will, and those that signed before.

        So that at every instant every root that a client may hold verifies every timestamp that a cache may serve. Raises
        Misconfigured, before anything is written, if too few can sign.
        """
        role, roots = change.root.signed.roles[rolename], [change.root.signed, *([change.pending_root] if change.pending_root else [])]
        signers = {signer.public_key.material: signer for signer in self._keys.of(repository.name, *roots)}
        if sum(key.material in signers for key in role.keys.values()) < role.threshold:
            raise Misconfigured(
                f"{repository.name}: this deployment holds too few of the {rolename} keys that its root lists; a former online key "
                "has to be in SignerUris for as long as a root lists it"
            )
        listed = {keyid: key for root in roots for keyid, key in root.roles[rolename].keys.items()}
        signing = {keyid: signers[key.material] for keyid, key in listed.items() if key.material in signers}
        if repository.head:
            document = repository.head.timestamp if rolename == "timestamp" else repository.head.snapshot
            others = [signature for signature in document.signatures if signature.keyid not in signing]
            signing |= self._going_on(repository, change.root.signed, document.message, others, now) if others else {}
        return signing

    def _going_on(
        self, repository: Repository, newest: Root, message: bytes, others: Sequence[Signature], now: datetime
    ) -> dict[str, Signer]:
        """Other keys that signed the last release and have to go on: those of roots that caches may still serve as the newest,
        and those of a root that is to come, for which a later key than any that is listed has signed.
        """
        assert repository.head is not None
        former = [root for root, _ in repository.former_roots(now - self._overlap)]
        if repository.head.root.signed.version < newest.version:
            former.append(repository.head.root.signed)
        keys = self._keys.of(repository.name, newest, *former)
        listed, served = listed_materials([newest]), listed_materials(former)
        last = max((place for place, signer in enumerate(keys) if signer.public_key.material in listed), default=-1)
        lasting = [signer for place, signer in enumerate(keys) if place > last or signer.public_key.material in served]
        own = {signer.public_key.keyid: signer for signer in lasting}
        found = {signature.keyid: own.get(signature.keyid) or _maker(lasting, signature, message) for signature in others}
        return {keyid: signer for keyid, signer in found.items() if signer}


def _maker(signers: Sequence[Signer], signature: Signature, message: bytes) -> Signer | None:
    """A keyid that is not a key's own is told by its signature."""
    return next((signer for signer in signers if signer.public_key.verifies(signature.sig, message)), None)


def sign(signed: S, compact: bytes, signing: Mapping[str, Signer]) -> Document[S]:
    """The document of these compact bytes, signed by each of these keys under its keyid. Raises Unavailable."""
    message = canonical_from_compact(compact)
    return release.envelop(signed, compact, tuple(Signature(keyid, signer.sign(message)) for keyid, signer in signing.items()))


def _verify_own_work(repository: Repository, timestamp: Document[Timestamp], snapshot: Document[Snapshot], root: Root) -> None:
    """A key service may answer with anything: what clients would refuse is no uploader's fault, and is not committed.

    Raises Unavailable.
    """
    old = (repository.head.timestamp.signed, repository.head.snapshot.signed) if repository.head else None
    try:
        trust.verify_successor(old, timestamp, snapshot, root)
    except Invalid as error:
        raise Unavailable(f"{repository.name}: the release signed just now does not verify: {error}") from error
