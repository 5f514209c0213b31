"""The seeds of online keys: HKDF, and no two that are the same."""

import hashlib
import hmac

from trustpress.core.derivation import derive_seed

MASTER = bytes(range(32))


def test_a_seed_is_what_rfc_5869_says() -> None:
    """Extract with a salt of zeros, then expand one block."""
    extracted = hmac.digest(bytes(32), MASTER, hashlib.sha256)
    info = b"trustpress online key 1\0acme/api\x007"
    assert derive_seed(MASTER, "acme/api", 7) == hmac.digest(extracted, info + b"\1", hashlib.sha256)


def test_every_master_repository_and_generation_has_a_seed_of_its_own() -> None:
    masters, names = (MASTER, bytes(32)), ("acme/api", "acme", "acme/api1", "acme/api/1")
    seeds = [derive_seed(master, name, generation) for master in masters for name in names for generation in (1, 2, 11, 21)]
    assert len(set(seeds)) == len(seeds)


def test_a_seed_stays_what_it_is() -> None:
    """Another one would lock every repository out of its own root."""
    assert derive_seed(MASTER, "acme/api", 1).hex() == "4c72cbcb68e93e84e76d85bf470faf879ae190573d76cdecc2f313d7b68ad00e"
