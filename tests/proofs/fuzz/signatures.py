"""Changes to the signatures and the envelope of one role, made after it was signed."""

from collections.abc import Callable
from random import Random
from typing import Any

from tests.builders import JsonObject
from tests.proofs.fuzz import hostile
from tests.proofs.fuzz.keys import P256, Ed25519, SigningKey
from tests.proofs.fuzz.uploads import Role, Upload

# The order of the group that Ed25519 signatures live in: S + L is S once more, in careless verifiers.
_ORDER = 2**252 + 27742317777372353535851937790883648493

_OTHERS: list[SigningKey] = [
    Ed25519("stranger"), P256("stranger"), Ed25519("root-1"), Ed25519("root-2"), Ed25519("root-3"), Ed25519("targets-1"),
    P256("targets-2"), Ed25519("docs"),
    Ed25519("german"), Ed25519("releases-1"), P256("releases-2"), Ed25519("bins"), Ed25519("news"),
]  # fmt: skip


def change(rng: Random, upload: Upload, role: Role) -> None:
    """Change one thing, as far as earlier changes have left the signatures in shape."""
    try:
        rng.choice(_CHANGES)(rng, upload, role)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError):
        role.envelope["x-out-of-shape"] = 0


def _drop(rng: Random, upload: Upload, role: Role) -> None:
    del role.envelope["signatures"][rng.randrange(len(role.envelope["signatures"]))]


def _duplicate(rng: Random, upload: Upload, role: Role) -> None:
    one = _one(rng, role)
    other = {**one, "sig": rng.choice([one["sig"], "00" * 64, one["sig"][::-1]])}
    role.envelope["signatures"] += [other] * rng.choice([1, 1, 1, 62, 63, 64, 200])


def _swap(rng: Random, upload: Upload, role: Role) -> None:
    """Signatures under each other's keyids."""
    signatures = role.envelope["signatures"]
    one, other = _one(rng, role), _one(rng, role)
    one["keyid"], other["keyid"] = other["keyid"], one["keyid"]
    signatures.reverse()


def _another_length(rng: Random, upload: Upload, role: Role) -> None:
    one = _one(rng, role)
    sig = one["sig"]
    one["sig"] = rng.choice(["", "0", "00", sig[:-1], sig[:-2], sig + "0", sig + "00", sig * 2, sig * 40, "00" * 2048, "00" * 2049])


def _another_spelling(rng: Random, upload: Upload, role: Role) -> None:
    one = _one(rng, role)
    member = rng.choice(["sig", "keyid"])
    value = one[member]
    one[member] = rng.choice(
        [
            value.upper(),
            f"{value}\n",
            f" {value}",
            f"0x{value}",
            value[:2] + " " + value[2:],
            value.replace("0", "\uff10"),
            None,
            0,
            [value],
        ]
    )


def _malleable(rng: Random, upload: Upload, role: Role) -> None:
    """The same Ed25519 signature, with S + L; a P-256 one with the other S would be valid, and is not made here."""
    one = _one(rng, role)
    raw = bytes.fromhex(one["sig"])
    number = int.from_bytes(raw[32:64], "little") + _ORDER
    one["sig"] = (raw[:32] + number.to_bytes(33, "little")[:32]).hex()


def _by_another(rng: Random, upload: Upload, role: Role) -> None:
    """A good signature by somebody else: added, or under a keyid that is not theirs."""
    key = rng.choice(_OTHERS)
    signature = {"keyid": key.public_key.keyid, "sig": key.sign(upload.canonical(role.envelope["signed"]))}
    if rng.random() < 0.6:
        role.envelope["signatures"].append(signature)
    else:
        _one(rng, role)["sig"] = signature["sig"]


def _over_other_bytes(rng: Random, upload: Upload, role: Role) -> None:
    """A signature over what a sloppy signer would have signed."""
    message = upload.canonical(role.envelope["signed"])
    other = rng.choice(
        [message + b"\n", message[:-1], b"", upload.canonical({"signed": role.envelope["signed"]}), message.replace(b":", b": ")]
    )
    role.envelope["signatures"] = [{"keyid": key.public_key.keyid, "sig": key.sign(other)} for key in role.signers]


def _unknown(rng: Random, upload: Upload, role: Role) -> None:
    extra = {"keyid": rng.choice(["0" * 64, "x" * 64, "", "A" * 64]), "sig": rng.choice(["00" * 64, "", "00"])}
    role.envelope["signatures"] += [extra] * rng.choice([1, 1, 70])


def _member(rng: Random, upload: Upload, role: Role) -> None:
    holder: JsonObject = rng.choice([role.envelope, _one(rng, role)])
    holder[rng.choice(["method", "scheme", "x-note", "Signed", "Signatures", "sig", "extra", "__proto__"])] = hostile.anything(rng, upload)


def _no_list(rng: Random, upload: Upload, role: Role) -> None:
    role.envelope["signatures"] = rng.choice([[], None, {}, "", {"0": _one(rng, role)}, [[]], [None], _one(rng, role)])


def _one(rng: Random, role: Role) -> Any:
    return rng.choice(role.envelope["signatures"])


_CHANGES: list[Callable[[Random, Upload, Role], None]] = [
    _drop, _duplicate, _swap, _another_length, _another_spelling, _malleable, _by_another, _by_another, _over_other_bytes, _unknown,
    _member, _no_list,
]  # fmt: skip
