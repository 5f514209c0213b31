"""An online key for each repository, from one master secret (RFC 5869, HKDF with SHA-256).

Timestamp and snapshot do not name their repository, so a key that signs for two lets whoever publishes in one freeze, roll
back or fast-forward the other's clients (decision 32). What a key signs is bound to its repository by who the key is.
"""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SEED_LENGTH = 32

_PURPOSE = b"trustpress online key 1"


def derive_seed(master: bytes, repository: str, generation: int) -> bytes:
    """The Ed25519 seed of one generation of a repository's online key. `master` are 32 secret bytes.

    Repository names hold no zero byte: no two pairs of name and generation are written the same way.
    """
    info = b"\0".join([_PURPOSE, repository.encode(), str(generation).encode()])
    return HKDF(SHA256(), SEED_LENGTH, salt=None, info=info).derive(master)
