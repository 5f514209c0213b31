"""Everything that can go wrong, as one tree.

    TrustpressError
    ├─ Invalid           names and bytes that break a rule, wherever they come from; only the publisher makes of it a rejection
    │  ├─ BadKey             E_KEY           object key, repository or role name outside the whitelist
    │  ├─ MisplacedRoot      E_PLACE         a root in an upload whose key does not say so
    │  ├─ TooLarge           E_SIZE          over a cap, refused before it is read or parsed
    │  ├─ NotStrictJson      E_JSON          not exactly one strict JSON document
    │  ├─ SchemaViolation    E_SCHEMA        not the shape the specification gives this role
    │  ├─ NotPortable        E_PORTABLE      outside what all clients understand alike
    │  ├─ NotThere           E_ABSENT        metadata that other metadata lists, and nobody has
    │  ├─ BadSignature       E_SIG           threshold not met, or a signature that should not be there
    │  │  └─ KeyListedTwice  E_SIG           one key that would count twice
    │  ├─ BadRoot            E_ROOT          a root that would leave clients unable to verify
    │  ├─ ForeignOnlineKey   E_ONLINE        a root that lists an online key which is not this repository's own
    │  ├─ NotAuthorized      E_AUTH          a target outside the paths delegated to its role
    │  ├─ MisnamedRole       E_AUTH          metadata that was signed for another role
    │  ├─ ForeignRepository  E_FOREIGN       metadata that was signed for another repository
    │  ├─ OldVersion         E_OLD           a version below the published one
    │  ├─ VersionJump        E_JUMP          a version that skips numbers
    │  ├─ BadExpiry          E_EXPIRY        expired, too soon or too late
    │  └─ BadDelegation      E_DELEG         a delegation that would break the search for targets
    ├─ Rejected          (verdicts.py) the uploader's fault: a receipt with code and hint, no retry
    │  ├─ InboxFull          E_FULL          too much waits in this inbox already
    │  ├─ Equivocation       E_EQUIVOCATION  other bytes under a version that is already taken
    │  ├─ Reserved           E_RESERVED      a first root that is not the one this name is reserved for
    │  └─ BadTargetFile      E_TARGET        a target file that cannot become what the metadata says
    ├─ Waiting           (verdicts.py) a file or an earlier version has not arrived yet: stays in the inbox, rejected after a day
    │  ├─ AwaitingTargetFile E_TARGET
    │  ├─ AwaitingVersion    E_JUMP
    │  ├─ AwaitingRoles      E_DELEG
    │  ├─ AwaitingAccess     E_ACCESS        the store does not give its bytes: archived, or encrypted with another's key
    │  ├─ AwaitingOverlap    E_ROOT          clients may still hold a timestamp the new root would not verify
    │  └─ AwaitingNewRoot    E_ROOT          clients may still hold a root that would not verify the new targets
    ├─ Conflict          someone committed first: reload and rebase (HTTP 412, 409)
    ├─ Unavailable       storage or key service failed, nothing committed: the platform retries
    │  ├─ OutOfTime          E_TIME
    │  └─ Unreadable         E_ACCESS        one object's bytes are not to be had
    ├─ NeedsAPerson      no retry helps: an alarm and a hint, no dead letter
    │  ├─ BrokenRepository   E_STATE         what is published does not verify
    │  ├─ NeverPublished     E_MISSING       there is no repository of this name
    │  ├─ Unrecoverable      E_RECOVER       a recovery lacks something that only a person can bring
    │  ├─ StillNeeded        E_MASTER        a master secret that a repository depends on cannot be dropped
    │  └─ Misconfigured      E_SETTINGS      a setting is missing or impossible, or names no key that can be used
    └─ UnknownOutcome    the write may have happened: never guess, read back

Codes are stable: receipts carry them, tools may branch on them. Messages say what was expected before what was found.
"""


class TrustpressError(Exception):
    """An error with a stable `code`, a message, and a `hint` that says what to do next.

    The message is the place and, behind a colon, the reason; `hint` takes the place of the class's own.
    """

    code = "E_TRUSTPRESS"
    hint = ""

    def __init__(self, where: object, reason: str = "", hint: str = "") -> None:
        super().__init__(f"{where}: {reason}" if reason else str(where))
        self.hint = hint or self.hint


class Invalid(TrustpressError):
    """Names or bytes break a rule that is the same for everybody: whoever reads them says what follows."""


class Conflict(TrustpressError):
    """The object changed since it was read, or exists already: nothing was written."""

    code = "E_CONFLICT"
    hint = "Someone committed first: reload, rebase and try again."

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: another writer was first")


class Unavailable(TrustpressError):
    """Storage or the key service did not do its work; nothing was committed."""

    code = "E_UNAVAILABLE"
    hint = "Nothing was committed. The platform tries again by itself."


class NeedsAPerson(TrustpressError):
    """Something is broken or misconfigured: it stays so until somebody mends it, however often it is tried."""


class UnknownOutcome(TrustpressError):
    """A write got no clear answer: read the object back before deciding anything."""

    code = "E_UNKNOWN"
    hint = "Read the object back and compare its bytes."

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: no clear answer to a write: {reason}")


class BadKey(Invalid):
    code = "E_KEY"
    hint = (
        "Uploads go to inbox/REPOSITORY/metadata/ROLE.json or inbox/REPOSITORY/targets/TARGETPATH; repository names "
        "are lower-case segments [a-z0-9][a-z0-9._:-]* joined by '/', and metadata, targets and v2 are reserved."
    )

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key!r}: {reason}")


class MisplacedRoot(Invalid):
    """A root under a key that credentials for pushes may write to."""

    code = "E_PLACE"
    hint = (
        "Upload it to inbox/REPOSITORY/metadata/root.json, or a bundle with a root in it to .../NAME.root.json. A build system may not: "
        "it takes the credentials of a person, with the deployment's DeveloperPolicyArn."
    )

    def __init__(self, filename: str) -> None:
        super().__init__(f"{filename}: expected root.json or NAME.root.json as the name of an upload with a root in it")


class TooLarge(Invalid):
    code = "E_SIZE"
    hint = (
        "The caps are fixed. Move targets into delegated roles or succinct bins, bring new target files with several versions, one after "
        "the other, and write target entries as compact JSON (members sorted, no white space): only those may take 64 MB."
    )

    def __init__(self, what: str, limit: int, unit: str = "bytes") -> None:
        super().__init__(f"{what}: at most {limit:,} {unit} are accepted")


class NotStrictJson(Invalid):
    code = "E_JSON"
    hint = (
        "Upload one UTF-8 JSON document, exactly {signed, signatures} or a bundle of such by role name: not compressed, without byte order "
        "mark, duplicate members, floats or lone surrogates, with integers within 2^53-1, nested at most 32 deep."
    )

    def __init__(self, reason: str) -> None:
        super().__init__(f"not strict JSON: {reason}")


class SchemaViolation(Invalid):
    code = "E_SCHEMA"
    hint = (
        "Compare the place that the message names with section 4 of the TUF specification. Members of your own begin with 'x-'; "
        "python-tuf's Metadata API writes the right shape."
    )


class NotPortable(Invalid):
    code = "E_PORTABLE"
    hint = (
        "TUF clients disagree about this: some would refuse it, or find something else. "
        "Use names, paths, patterns and keys from the portable subset in docs/portable.md."
    )


class NotThere(Invalid):
    code = "E_ABSENT"
    hint = "Publish the release whole: every role that snapshot lists, and the snapshot that timestamp lists."

    def __init__(self, filename: str) -> None:
        super().__init__(f"{filename} is missing")


class BadSignature(Invalid):
    code = "E_SIG"
    hint = (
        "Sign the canonical form of `signed` (OLPC canonical JSON) with keys that the delegating role lists for this role, as many as its "
        "threshold asks for, each once, and with no others; a new root is signed by the old root keys too."
    )


class KeyListedTwice(BadSignature):
    """One key counts once, whatever its keyids and spellings (CVE-2020-6174)."""

    hint = "List each key once, under one keyid and in one spelling: however often it is listed, it can sign for one of the threshold only."


class BadRoot(Invalid):
    code = "E_ROOT"

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__("root", reason, hint)


class ForeignOnlineKey(Invalid):
    """A key that signs snapshots and timestamps of another repository as well, or that this deployment does not hold."""

    code = "E_ONLINE"

    def __init__(self, repository: str, rolename: str, keyid: str, hint: str = "") -> None:
        self.hint = hint or (
            f"List the keys of {repository}/metadata/online-keys.json for snapshot and timestamp, and no others. An empty object at "
            f"inbox/{repository}/metadata/online-keys.json brings that file up to date."
        )
        super().__init__(f"root: its {rolename} key {keyid} is not an online key of {repository} alone")


class NotAuthorized(Invalid):
    code = "E_AUTH"
    hint = "Move the target to the role whose paths cover it, or have the delegating role widen the paths."

    def __init__(self, rolename: str, what: str, delegator: str) -> None:
        super().__init__(f"{rolename}: {what!r} is outside what {delegator} delegates to it")


class MisnamedRole(Invalid):
    """Signed metadata that says, by its `x-trustpress-role`, that it is another role's."""

    code = "E_AUTH"
    hint = (
        "Upload it under the name of the role it was signed for, or sign it again with that name in x-trustpress-role. "
        "A bin without targets, and a role that shares a key with another, need their name there."
    )

    def __init__(self, rolename: str, found: str | None) -> None:
        super().__init__(f"{rolename}: expected {rolename} as its x-trustpress-role, found {found[:100] if found else 'none'}")


class ForeignRepository(Invalid):
    """Signed metadata that says, by its `x-trustpress-repository`, that it is another repository's."""

    code = "E_FOREIGN"
    hint = (
        "Bring it to the repository that it was signed for, or sign it again with this one's name in x-trustpress-repository. What was "
        "signed for one repository is not taken by another, even if they share keys."
    )

    def __init__(self, rolename: str, expected: str, found: str) -> None:
        super().__init__(f"{rolename}: expected {expected} as its x-trustpress-repository, found {found[:200]}")


class OldVersion(Invalid):
    code = "E_OLD"
    hint = "Fetch the published metadata, apply the change to it, and sign the next version."

    def __init__(self, rolename: str, expected: int, found: int) -> None:
        super().__init__(f"{rolename}: expected version {expected}, found {found}, which is older than what is published")


class VersionJump(Invalid):
    code = "E_JUMP"
    hint = "Sign it as the next version: they go up by exactly one, as a jump would lock everybody out of the numbers it skips."

    def __init__(self, rolename: str, expected: int, found: int) -> None:
        super().__init__(f"{rolename}: expected version {expected}, found {found}")


class BadExpiry(Invalid):
    code = "E_EXPIRY"
    hint = "Sign it again with an expiry at least an hour and at most ten years from now."


class BadDelegation(Invalid):
    code = "E_DELEG"


class OutOfTime(Unavailable):
    code = "E_TIME"

    def __init__(self, repository: str) -> None:
        super().__init__(f"{repository}: too little time left in this run")


class Unreadable(Unavailable):
    """The store answers for this object, and does not give its bytes: archived, or encrypted with a key we may not use."""

    code = "E_ACCESS"


class BrokenRepository(NeedsAPerson):
    code = "E_STATE"

    def __init__(self, repository: str, reason: str) -> None:
        self.hint = (
            f"Nothing was changed. See docs/operations.md, 'When what is published does not verify': trustpress admin recover {repository}"
        )
        super().__init__(f"{repository}: what is published does not verify: {reason}")


class NeverPublished(NeedsAPerson):
    code = "E_MISSING"
    hint = "Check the name; the registers, repositories/ in the staging bucket, are named for all repositories there are."

    def __init__(self, repository: str) -> None:
        super().__init__(f"{repository}: nothing was ever published")


class Unrecoverable(NeedsAPerson):
    code = "E_RECOVER"

    def __init__(self, repository: str, reason: str, hint: str) -> None:
        super().__init__(f"{repository}: cannot be recovered: {reason}")
        self.hint = hint


class StillNeeded(NeedsAPerson):
    code = "E_MASTER"
    hint = "`trustpress admin masters` tells which repositories list other keys: their owners run `trustpress online-key rotate` first."

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"master {number} cannot be dropped: {reason}")


class Misconfigured(NeedsAPerson):
    code = "E_SETTINGS"
    hint = "template.yaml sets every setting; deploy it with scripts/deploy."

    def __init__(self, reason: str) -> None:
        super().__init__(f"settings: {reason}")
