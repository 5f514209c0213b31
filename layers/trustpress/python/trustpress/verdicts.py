"""What the publisher says of an upload that it does not publish: Rejected, or Waiting. The tree is drawn in errors.py."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeVar

from trustpress.errors import Invalid, TrustpressError

E = TypeVar("E", bound=TrustpressError)


def without_trace(error: E) -> E:
    """The error, to be kept: its frames and causes would keep all that was parsed when it was raised."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


class Rejected(TrustpressError):
    """The upload can never be published as it is."""

    @staticmethod
    def because(error: Invalid) -> "Rejected":
        """The refusal of an upload that is invalid, with the same words."""
        rejected = Rejected(error, hint=error.hint)
        rejected.code = error.code
        return rejected


class Waiting(TrustpressError):
    """The upload may become publishable when something else arrives, or at `until` where only time is missing.

    `is_verified` tells that keys of the repository have signed it; what nobody vouches for is given less room.
    """

    until: datetime | None = None
    is_verified = True


class InboxFull(Rejected):
    code = "E_FULL"

    def __init__(self, limit: int, unit: str, *, is_verified: bool) -> None:
        kind = "" if is_verified else " that no key of the repository vouches for"
        super().__init__(f"the inbox is full: at most {limit:,} {unit} may wait{kind}")
        self.hint = (
            "Upload what the others wait for, or withdraw them by deleting their objects; then upload this again."
            if is_verified
            else "Upload a role after the one that delegates to it, or both in one bundle; roots one after the other."
        )


class Equivocation(Rejected):
    code = "E_EQUIVOCATION"
    hint = "Someone published this version first. Fetch it, apply the change to it, and sign the next version."

    def __init__(self, rolename: str, version: int) -> None:
        self.rolename, self.version = rolename, version
        super().__init__(f"{rolename}: version {version} exists already with other bytes")


class Reserved(Rejected):
    """An operator has said which first root a repository is to have, and this is another."""

    code = "E_RESERVED"
    hint = (
        "Bring the first root that the name is reserved for: `trustpress inspect --root FILE` prints its hash as it is published. Or ask "
        "the operator of the deployment to reserve the name for this one, or for nobody."
    )

    def __init__(self, repository: str, expected: str, found: str) -> None:
        super().__init__(f"{repository}: reserved for the first root {expected[:64]}, found {found}")


class BadTargetFile(Rejected):
    code = "E_TARGET"
    hint = (
        "Put the file at inbox/REPOSITORY/targets/TARGETPATH in one PUT with its SHA-256 checksum "
        "(aws s3api put-object --checksum-algorithm SHA256), or declare the repository's targets external in root."
    )


class AwaitingTargetFile(Waiting):
    code = "E_TARGET"
    hint = "Put the file at inbox/REPOSITORY/targets/TARGETPATH; the upload is published when it is there."


class AwaitingVersion(Waiting):
    code = "E_JUMP"
    hint = "Upload the versions in between, or sign the next version instead."

    def __init__(self, rolename: str, expected: int, found: int) -> None:
        self.is_verified = rolename != "root"  # a root is signed by keys of the one before, which is not here
        super().__init__(f"{rolename}: version {found} is here before version {expected}")


class AwaitingRoles(Waiting):
    """`rolenames` are the roles whose metadata, or whose delegation, has to arrive as well."""

    code = "E_DELEG"
    hint = 'Upload the roles that belong together, best in one bundle: {"ROLE": envelope, ...}.'

    def __init__(self, rolename: str, reason: str, rolenames: Iterable[str], *, is_verified: bool = False) -> None:
        self.rolenames, self.is_verified = frozenset(rolenames), is_verified
        first = min(self.rolenames)
        others = f" and {len(self.rolenames) - 1} more" if len(self.rolenames) > 1 else ""
        super().__init__(f"{rolename}: {reason}: {first}{others}")


class AwaitingAccess(Waiting):
    is_verified = False
    code = "E_ACCESS"
    hint = "Upload it again in the standard storage class, without encryption headers of your own."

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: cannot be read: {reason}")


class AwaitingOverlap(Waiting):
    """Of a root. `is_signed` tells that the present release verifies under it already: only caches may still hold others."""

    code = "E_ROOT"

    def __init__(self, until: datetime, overlap: timedelta, *, is_signed: bool) -> None:
        self.until, self.is_signed = until, is_signed
        self.hint = (
            "Nothing to do: releases are signed by old and new keys meanwhile. It takes at least "
            f"{overlap.total_seconds():.0f} seconds, at most until the next sweep."
        )
        super().__init__("root: it drops keys, and waits until no cache holds what only they have signed")


class AwaitingNewRoot(Waiting):
    """Of targets."""

    code = "E_ROOT"

    def __init__(self, until: datetime, overlap: timedelta) -> None:
        self.until = until
        self.hint = (
            f"Nothing to do: it is published {overlap.total_seconds():.0f} seconds after the root that lists its keys, at the latest with "
            "the sweep that follows. Only if the old key is stolen, sign the next root with its own version as x-trustpress-at-once, and "
            "put it and targets into one bundle: clients may then fail until caches expire."
        )
        super().__init__("targets: its keys are new, and it waits until no cache remembers the root that lists them as missing")
