"""An upload while it is being made: roles with what they say and who signs them, until it is bytes with a name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.builders import JsonObject, compact
from tests.proofs.fuzz.keys import SigningKey
from trustpress.core.canonical import encode_canonical

_ESCAPED_RAW = "\ue000raw:"


@dataclass(frozen=True)
class Good:
    """A good next upload of a scene: the `signed` members by role name, and who signs each."""

    filename: str
    signed: Mapping[str, bytes]
    signers: Mapping[str, Sequence[SigningKey]]

    @classmethod
    def of(cls, filename: str, roles: Mapping[str, tuple[JsonObject, Sequence[SigningKey]]]) -> "Good":
        return cls(
            filename,
            {name: orjson.dumps(signed) for name, (signed, _) in roles.items()},
            {name: tuple(signers) for name, (_, signers) in roles.items()},
        )

    def start(self) -> "Upload":
        """A copy to be changed."""
        roles = {name: Role(orjson.loads(signed), list(self.signers[name])) for name, signed in self.signed.items()}
        return Upload(self.filename, roles, is_bundle=len(roles) > 1)

    def body(self) -> bytes:
        """As it would be uploaded, unchanged."""
        upload = self.start()
        for role in upload.roles.values():
            upload.sign(role, role.signed)
        return compact(upload.value())


@dataclass
class Role:
    """What a role says, who signs it, and its envelope once it is signed."""

    signed: Any
    signers: list[SigningKey]
    envelope: Any = None


@dataclass
class Upload:
    """`raws` are JSON texts that no encoder writes, and the values that signatures are made for instead."""

    filename: str
    roles: dict[str, Role]
    is_bundle: bool
    raws: list[tuple[bytes, bytes]] = field(default_factory=list)

    def raw(self, text: bytes, meant: bytes = b"0") -> str:
        """Stand in for JSON text, such as `1e0`; signatures are over `meant`, such as `1`."""
        self.raws.append((text, meant))
        return f"{_ESCAPED_RAW}{len(self.raws) - 1}"

    def sign(self, role: Role, signed: Any) -> None:
        """Put `signed` into an envelope, signed by the role's signers."""
        message = self.canonical(signed)
        signatures = [{"keyid": key.public_key.keyid, "sig": key.sign(message)} for key in role.signers]
        role.envelope = {"signatures": signatures, "signed": signed}

    def canonical(self, value: Any) -> bytes:
        """What signatures cover. By our own encoder, as it is fast: were it wrong, clients would refuse what we accept."""
        text = encode_canonical(value)
        for number, (_, meant) in enumerate(self.raws):
            text = text.replace(b'"%b%d"' % (_ESCAPED_RAW.encode(), number), meant)
        return text

    def value(self) -> Any:
        """The whole upload as a JSON value."""
        envelopes = {name: role.envelope for name, role in self.roles.items()}
        return envelopes if self.is_bundle else next(iter(envelopes.values()))

    def with_raws(self, body: bytes) -> bytes:
        for number, (text, _) in enumerate(self.raws):
            for name in (_ESCAPED_RAW.encode(), b"\\ue000raw:"):
                body = body.replace(b'"%b%d"' % (name, number), text)
        return body
