"""What can go wrong at the developer's desk, as leaves of Trustpress's tree of errors.

TrustpressError
├─ Refused                this command line will not do it
│  ├─ BadPassphrase       E_PASSPHRASE   wrong, too weak, or nobody there to ask
│  ├─ BadKeyFile          E_KEYFILE      a private key file that is unsafe or not readable
│  ├─ NoSuchKey           E_KEYID        no key, or several, begin with that keyid
│  ├─ NoSigningKey        E_NOKEY        none of the keys that a role asks for is at hand
│  ├─ RemoteKeyFailed     E_SIGNER       a key in AWS KMS or on a token does not sign
│  ├─ NotPossible         E_IMPOSSIBLE   the repository is not in a state in which this makes sense
│  ├─ StaleChange         E_STALE        a change was overtaken by what was published since
│  ├─ Declined            E_DECLINED     somebody was asked, and did not say yes
│  ├─ UnknownRepository   E_REPOSITORY   this machine has no pinned root for it, or has another one
│  ├─ AlreadyThere        E_EXISTS       init where a repository is published already
│  ├─ SupersededWrite     E_CONFLICT     somebody else wrote the same object first
│  ├─ UnusableFile        E_FILE         a file that cannot become a target, or be read or written
│  ├─ WrongFile           E_FILE         a file that is not what the metadata says
│  ├─ NoSuchTarget        E_NAME         no trust data for this name
│  ├─ NotPublished        E_MISSING      nothing is published there
│  ├─ NotShown            E_MISSING      a version above the newest that shows
│  ├─ NotKept             E_MISSING      an earlier version that does not show any more
│  ├─ Expired             E_EXPIRED      what is published has run out, and clients refuse it
│  ├─ NotVerified         E_VERIFY       what the server sent does not verify
│  ├─ StorageRefused      E_STORAGE      the staging bucket refused: credentials, permissions, names
│  ├─ UnreadableReceipt   E_RECEIPT      what lies where a receipt should be is none
│  ├─ AdministrationRefused E_DEPLOYMENT a stack, function or queue that is not to be had
│  ├─ FunctionFailed      E_FUNCTION     a function of the deployment ended without an answer
│  ├─ FunctionRefused     (its answer's) a function's reason, passed on
│  └─ UploadRejected      (its receipt's) the publisher's reason, passed on
├─ Unreachable            E_NETWORK      nothing answered: an Unavailable
└─ NoReceipt              E_TIMEOUT      the upload is in the inbox, and nobody has said what became of it
   └─ NoOnlineKey         E_TIMEOUT      the publisher was asked for an online key, and shows none that would be new
"""

from collections.abc import Iterable

from trustpress.errors import TrustpressError, Unavailable


class Refused(TrustpressError):
    """Nothing was published; the message says why."""


class _Advised(Refused):
    """Each case has advice of its own."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason, hint=hint)


class _PassedOn(Refused):
    """Carries code, message and hint of somebody else's answer."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class BadPassphrase(_Advised):
    code = "E_PASSPHRASE"


class BadKeyFile(Refused):
    code = "E_KEYFILE"

    def __init__(self, where: object, reason: str, hint: str) -> None:
        super().__init__(where, reason, hint)


class NoSuchKey(Refused):
    code = "E_KEYID"

    def __init__(self, prefix: str, found: Iterable[str] = ()) -> None:
        several = ", ".join(found)
        super().__init__(f"several keys begin with {prefix}: {several}" if several else f"no key on this machine begins with {prefix!r}")
        self.hint = "`trustpress key list` shows the keys; give at least four characters of a keyid, enough to tell it from the others."


class NoSigningKey(Refused):
    code = "E_NOKEY"

    def __init__(self, rolename: str, keyids: Iterable[str], folder: object) -> None:
        super().__init__(f"no key that may sign {rolename} is in {folder}: its keys are {', '.join(keyids)}")
        self.hint = "Bring the key file in with `trustpress key import FILE`, or name where the key is with --signer URI."


class RemoteKeyFailed(Refused):
    """A key that cannot be found, opened or used where its URI says it is."""

    code = "E_SIGNER"


class NotPossible(_Advised):
    code = "E_IMPOSSIBLE"


class StaleChange(Refused):
    code = "E_STALE"
    hint = "Drop it with `trustpress change discard`, and make it anew."

    def __init__(self, rolename: str, expected: int, found: int) -> None:
        super().__init__(f"this change brings version {found} of {rolename}, and version {expected} would be next: others were first")


class Declined(Refused):
    code = "E_DECLINED"
    hint = "Nothing was changed. Without a terminal say --yes."

    def __init__(self, what: str) -> None:
        super().__init__(f"not confirmed: {what}")


class SupersededWrite(Refused):
    code = "E_CONFLICT"
    hint = "Run the same command again."

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: somebody else wrote it first")


class UnknownRepository(Refused):
    code = "E_REPOSITORY"
    hint = (
        "Make a new one with `trustpress init`, or give --repository and --url of one that exists, and its first root: --root FILE, "
        "--root-hash SHA256, or --trust-on-first-use if this machine has no better way."
    )


class AlreadyThere(Refused):
    code = "E_EXISTS"

    def __init__(self, repository: str) -> None:
        super().__init__(f"{repository} is published already")
        self.hint = "To publish into it use `trustpress push`, with --url and --root FILE on a machine that does not know it yet."


class UnusableFile(Refused):
    code = "E_FILE"

    def __init__(self, where: object, reason: str, hint: str) -> None:
        super().__init__(where, reason, hint)


class WrongFile(Refused):
    code = "E_FILE"
    hint = "Do not use it. `trustpress pull` fetches the file that is signed."

    def __init__(self, path: object, targetpath: str, reason: str) -> None:
        super().__init__(f"{path} is not {targetpath}: {reason}")


class NoSuchTarget(Refused):
    code = "E_NAME"

    def __init__(self, names: Iterable[str], similar: Iterable[str] = ()) -> None:
        super().__init__(f"no trust data available for {', '.join(names)}")
        found = ", ".join(similar)
        seen_late = "What was published a moment ago may not be in every cache yet."
        self.hint = f"Did you mean {found}? {seen_late}" if found else f"`trustpress inspect` lists the targets. {seen_late}"


class NotPublished(Refused):
    code = "E_MISSING"
    hint = "Check --url and --repository; after an interrupted init, run `trustpress init` again."

    def __init__(self, url: str) -> None:
        super().__init__(f"nothing is published at {url}")


class NotShown(Refused):
    code = "E_MISSING"
    hint = "Name that one or an earlier one. What was published a moment ago may not be in every cache yet: then try again in a minute."

    def __init__(self, rolename: str, version: int, newest: int) -> None:
        super().__init__(f"{rolename} {version}: the newest version of {rolename} that shows is {newest}")


class NotKept(Refused):
    code = "E_MISSING"
    hint = "Earlier versions are kept until an administrator has them expire (`trustpress admin expire`). Name a later one."

    def __init__(self, rolename: str, version: int) -> None:
        super().__init__(f"{rolename} {version} is not there any more, or never was")


class NotVerified(Refused):
    code = "E_VERIFY"
    hint = "Nothing of it was used. If it stays, ask the repository's owner; `trustpress inspect` shows what did verify."


class Expired(Refused):
    code = "E_EXPIRED"
    hint = (
        "Its owner renews it: root by `trustpress root renew`, targets by `trustpress renew`, timestamp and snapshot by the deployment's "
        "refresh function. `trustpress status` says which; list, inspect and diff work meanwhile."
    )


class StorageRefused(Refused):
    code = "E_STORAGE"

    def __init__(self, place: str, reason: str, hint: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.hint = hint


class UnreadableReceipt(Refused):
    code = "E_RECEIPT"
    hint = (
        "The upload may be published all the same: `trustpress inspect` shows what is. Only the publisher should be able to write below "
        "receipts/: look at who else may."
    )

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: not what the publisher writes: {reason}")


class AdministrationRefused(Refused):
    code = "E_DEPLOYMENT"

    def __init__(self, place: str, reason: str, hint: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.hint = hint


class FunctionFailed(Refused):
    code = "E_FUNCTION"

    def __init__(self, function: str, stack: str, reason: str) -> None:
        super().__init__(f"{function} of the stack {stack} failed: {reason}")
        self.hint = f"Its log says more: `sam logs --stack-name {stack} --name {function}`. Running the same command again does no harm."


class FunctionRefused(_PassedOn):
    """Carries code, message and hint of a function's answer."""


class UploadRejected(_PassedOn):
    """Carries code, message and hint of the receipt."""


class Unreachable(Unavailable):
    code = "E_NETWORK"
    hint = "Check the URL and the network, then run the same command again."


class NoReceipt(TrustpressError):
    code = "E_TIMEOUT"

    def __init__(self, key: str, seconds: float, waiting: str = "") -> None:
        said = f"its last receipt says: {waiting}" if waiting else "there is no receipt that these credentials may read"
        super().__init__(f"{key}: not published within {seconds:g} s; {said}")
        self.hint = (
            "The upload is safe in the inbox and may still be published: run the same command again to find out, or "
            "`trustpress change sign` if it was a change of keys. "
            "A receipt that does not exist yet and one that may not be read look the same, unless s3:ListBucket is allowed."
        )


class NoOnlineKey(NoReceipt):
    def __init__(self, place: str, seconds: float) -> None:
        TrustpressError.__init__(self, f"{place}: no online key that root does not list already shows within {seconds:g} s")
        self.hint = "Run the same command again: nothing was signed. The log of the publish function says what it made of the request."
