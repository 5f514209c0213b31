"""Names that an operator has reserved: whose first root may be published under them."""

from trustpress.core import layout
from trustpress.ports import ObjectStore

# A SHA-256 in hexadecimal, perhaps with white space around it.
_MAX_LENGTH = 100


def read_reservation(staging: ObjectStore, repository: str) -> str | None:
    """The SHA-256 (hex) of the only first root that may be published; None for a name that is not reserved.

    What is no hash reserves the name for nobody. Raises Unavailable, and TooLarge for what cannot be one.
    """
    found = staging.get(layout.reservation(repository), _MAX_LENGTH)
    return found.body.decode(errors="replace").strip().lower() if found else None
