"""PEM (RFC 7468), with the headers of RFC 1421: one block and nothing around it."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_BEGIN, _BEGIN_PARAMETERS = b"-----BEGIN ", b"-----BEGIN EC PARAMETERS-----"
# One block and nothing around it, but for the curve that `openssl ecparam` writes first, and headers as of RFC 1421.
_PEM = re.compile(
    rb"(?:-----BEGIN EC PARAMETERS-----\n[A-Za-z0-9+/=\n]+-----END EC PARAMETERS-----\n)?"
    rb"-----BEGIN (?P<label>[A-Z0-9 ]+)-----\n"
    rb"(?P<headers>(?:[A-Za-z-]+:[^\n]*\n)+\n)?"
    rb"(?P<text>[A-Za-z0-9+/=\n]+)"
    rb"-----END (?P=label)-----"
)
_ONE_LINE = re.compile(rb"(?P<begin>-----BEGIN [A-Z0-9 ]+-----) (?P<text>[A-Za-z0-9+/= ]+) (?P<end>-----END [A-Z0-9 ]+-----)")
_LINE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Block:
    """A PEM block."""

    label: str
    headers: dict[str, str]
    content: bytes = field(repr=False)


def is_pem(body: bytes) -> bool:
    return body.lstrip().startswith(_BEGIN)


def has_several_blocks(body: bytes) -> bool:
    return body.count(_BEGIN) - body.count(_BEGIN_PARAMETERS) > 1


def parse_pem(body: bytes) -> Block | None:
    """The one block of a file, None if it is not exactly that. Its line ends may be spaces, or written as \\n: variables and secrets
    of CI keep it so.
    """
    match = _PEM.fullmatch(_in_lines(body.strip()))
    if not match:
        return None
    content = _decode_base64(match["text"].replace(b"\n", b""))
    if content is None:
        return None
    headers = [line.split(b":", 1) for line in (match["headers"] or b"").splitlines() if line]
    return Block(match["label"].decode(), {name.decode(): value.strip().decode(errors="replace") for name, value in headers}, content)


def _in_lines(text: bytes) -> bytes:
    text = text.replace(b"\r\n", b"\n")
    if b"\n" in text:
        return text
    if b"\\n" in text:
        return text.replace(b"\\n", b"\n").strip()
    found = _ONE_LINE.fullmatch(text)
    return b"\n".join([found["begin"], *found["text"].split(), found["end"]]) if found else text


def _decode_base64(text: bytes) -> bytes | None:
    """Base64 in its one spelling; even a strict decoder minds neither a padding too much nor bits left over."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return content if base64.b64encode(content) == text else None


def write_pem(label: str, headers: Mapping[str, str], content: bytes) -> bytes:
    text = base64.b64encode(content).decode()
    lines = [text[start : start + _LINE_LENGTH] for start in range(0, len(text), _LINE_LENGTH)]
    heading = [*(f"{name}: {value}" for name, value in headers.items()), ""] if headers else []
    return "\n".join([f"-----BEGIN {label}-----", *heading, *lines, f"-----END {label}-----", ""]).encode()
