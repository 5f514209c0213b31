"""Values that known fields do not expect, and some that they just about allow: those have to mean the same to every client."""

from random import Random
from typing import Any

from tests.builders import JsonObject, key_object, p256_signer, p384_public_key, pem_of, respelled, rsa_public_key, tuf_key
from tests.proofs.fuzz.keys import Ed25519, key_json
from tests.proofs.fuzz.uploads import Upload

NUMBERS: list[Any] = [
    0, 1, 2, 3, -1, 63, 64, 65, 1000, 1001, 2**31 - 1, 2**31, 2**53 - 1, 2**53, -(2**53), 2**63, 2**64 - 1, True, False, None, "1", "",
    [], {}, 1.5,
]  # fmt: skip

# JSON text, and the value that signatures are made for.
NUMBER_TEXTS = [
    (b"1.0", b"1"), (b"1e0", b"1"), (b"3.0", b"3"), (b"-0", b"0"), (b"-0.0", b"0"), (b"0e9", b"0"), (b"01", b"1"), (b"+1", b"1"), (b"1.",
    b"1"), (b"0x1", b"1"),
    (b"NaN", b"0"), (b"Infinity", b"0"), (b"-Infinity", b"0"), (b"1" + b"0" * 4000, b"0"), (b"9" * 5000, b"0"), (b"1e400", b"0"), (b"1E3",
    b"1000"),
]  # fmt: skip

TEXTS = [
    "", " ", "a", "A" * 300, "x" * 70_000, "\0", "\n", "\t\r\b\f", "\x7f", "\x80", "\x1f\u2028\u2029", '"', "\\", "\\u0041", "\\\\n", "'",
    "/", "\u00e9", "e\u0301",
    "\ufeff", "\ufffd", "\uffff", "\U0001f511", "\u202e", "../../etc", "%2e%2e", "targets", "root", "constructor", "__proto__",
    "toString", "true", "null", "0",
    ',"targets":{', '},"version":', '"},"length":1}', '{"signatures":', ',"signed":{', "\x00targets\x00",
]  # fmt: skip

# More JSON text: a lone surrogate, members twice, and nesting that a member behind it may hide.
TEXT_TEXTS = [
    b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83d\\udd11"', b'"\\u0000"', b'"\\/"', b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"',
    b"{\"a\":0,\"a\":0}", b"[]]", b"{]", b"",
    b"[" * 40 + b"]" * 40, b"[" * 1010 + b"]" * 1010, b"[" * 3000 + b"]" * 3000, b'{"a":' * 1010 + b"0" + b"}" * 1010,
    b'{"a":' + b"[" * 1005 + b"]" * 1005 + b',"a":0}',
]  # fmt: skip

EXPIRES: list[Any] = [
    "2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z", "2026-12-01T00:00:00Z", "2036-01-01T00:00:00Z", "2999-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "10000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2027-02-29T00:00:00Z", "2028-02-29T00:00:00Z",
    "2027-06-30T23:59:60Z",
    "2027-01-01T24:00:00Z", "2027-01-01T00:00:00+00:00", "2027-01-01T00:00:00.0Z", "2027-01-01t00:00:00z", "2027-01-01 00:00:00Z",
    "2027-01-01T00:00:00Z\n",
    " 2027-01-01T00:00:00Z", "\u0662027-01-01T00:00:00Z", "2027-1-1T0:0:0Z", "2027-01-01", 0, None, "",
]  # fmt: skip

SPEC_VERSIONS: list[Any] = [
    "1.0", "1.0.0", "1.0.1", "1.0.34", "1.0.9999", "1.0.10000", "1.0.00", "1.1.0", "2.0.0", "1", "1.", "1.0.", "1.0.34\n", " 1.0.34",
    "1.0.x", "v1.0.34", "1.0.34-rc1",
    "\u0661.0.0", "1.0.0.0", "", 1, 1.0, None,
]  # fmt: skip

ROLENAMES = [
    "docs", "german", "releases", "news", "bin-0", "bin-4", "Docs", "x", "a.b", "-", ".", "..", "...", "_", "a" * 100, "a" * 101, "1",
    "12", "1.docs", "1.root", "root.json",
    "root", "targets", "snapshot", "timestamp", "mirrors", "Root", "__proto__", "constructor", "toString", "then", "length", "a b", "a/b",
    "a+b", "\u00e9", "", "%2e", "con", "nul",
]  # fmt: skip

PATHS = [
    "one.txt", "two.bin", "a", "A", "a/b", "a/b/c/d", "docs/x", "docs/a/x", "docs/de-y", "releases/v2.bin", "x.bin", "news/x", "-", "_",
    "...", ".hidden", "a..b", "a.", "~", "!",
    "$&'()*,;=@", "[a]", "{a}", "<a>", "a|b", "a^b", "a`b", '"a"', "*", "a*", "constructor", "__proto__", "toString", "valueOf",
    "hasOwnProperty", "a/constructor", "then",
    "length", "x" * 240, "x" * 241, '"' * 80, '"' * 81, "/".join("a" * 120), "/".join("a" * 121),
    "", ".", "..", "../x", "a/../b", "a/./b", "/a", "a/", "a//b", "a b", "a\\b", "a:b", "a%b", "a#b", "a?b", "a+b", "a\0b", "a\nb",
    "\u00e9", "\U0001f511", "\x7f",
]  # fmt: skip

_PATH_ALPHABET = "abAB019.-_~!$&'()*,;=@[]{}<>|^`\"/"
_PATTERN_ALPHABET = "abd019.-_*?/oc"

PATTERNS = [
    "*", "*/*", "?", "docs/*", "docs/*/*", "docs/?e-*", "docs/de-x.txt", "*.txt", "*.*", "**", "a*b*c*d*e", "?*?*?", "docs/*a*a*a*a*a*b",
    "***/***", "docs/**", "!*", "^*", "*$", "*|*",
    "{a,b}", "(a)", "[a]", "[!a]", "a]", "\\*", "", "/", "/a", "a/", "a//b", "..", "../*", "a/../*", "a b", "x" * 240, "x" * 241,
    "?" * 240, "\u00e9", "a\n", "-", "~", "#", "+", "%", ":",
]  # fmt: skip

NAMES = ["x-note", "x-", "x-__proto__", "X-Note", "__proto__", "constructor", "Version", "VERSION", "extra", "", "\0", "\U0001f511",
"\uffff", "_type", "keyid_hash_algorithms"]  # fmt: skip

_PEM = pem_of(rsa_public_key(2048))
_P256 = tuf_key(p256_signer("fuzz"))
_RSA = key_object("rsa", "rsassa-pss-sha256", _PEM)

KEYS: list[JsonObject] = [
    _P256,
    _RSA,
    key_json(Ed25519("fuzz")),
    {**_P256, "keytype": "ecdsa-sha2-nistp256"},
    *respelled(_P256).values(),
    *respelled(_RSA).values(),
    key_object("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(2048, exponent=3))),
    key_object("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(3072))),
    key_object("rsa", "rsassa-pss-sha256", pem_of(rsa_public_key(1024))),
    key_object("rsa", "rsa-pkcs1v15-sha256", _PEM),
    key_object("ecdsa", "ecdsa-sha2-nistp384", pem_of(p384_public_key())),
    key_object("ecdsa", "ecdsa-sha2-nistp256", pem_of(p384_public_key())),
    key_object("ecdsa", "ecdsa-sha2-nistp256", _PEM),
    key_object("ed25519", "ed25519", "01" + "00" * 31),
    key_object("ed25519", "ed25519", "00" * 32),
    key_object("ed25519", "ed25519", "ec" + "ff" * 30 + "7f"),
    key_object("ed25519", "ed25519", "AB" * 32),
    key_object("ed25519", "ed25519", ""),
    key_object("sphincs", "sphincs-shake-128s", "00"),
    key_object("x" * 3000, "y" * 3000, "z"),
    {**_P256, "x-note": {"a": [1]}},
    {**_P256, "keyid_hash_algorithms": ["sha256"]},
]


def number(rng: Random, upload: Upload) -> Any:
    return upload.raw(*rng.choice(NUMBER_TEXTS)) if rng.random() < 0.3 else rng.choice(NUMBERS)


def text(rng: Random, upload: Upload) -> Any:
    return upload.raw(rng.choice(TEXT_TEXTS)) if rng.random() < 0.25 else rng.choice(TEXTS)


def anything(rng: Random, upload: Upload, depth: int = 0) -> Any:
    """A number, a text, or a small tree of them."""
    kind = rng.random()
    if depth > 3 or kind < 0.35:
        return text(rng, upload)
    if kind < 0.65:
        return number(rng, upload)
    if kind < 0.7:
        return nested(rng.choice([1, 5, 20, 26, 27, 28, 29, 30, 31, 32, 33, 40]))
    if kind < 0.85:
        return [anything(rng, upload, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(NAMES + TEXTS[:30]): anything(rng, upload, depth + 1) for _ in range(rng.randrange(4))}


def harmless(rng: Random, depth: int = 0) -> Any:
    """What `custom` and members of one's own may hold: every text, nested objects, integers."""
    kind = rng.random()
    if depth > 3 or kind < 0.5:
        return rng.choice([text for text in TEXTS if len(text) < 1000])
    if kind < 0.7:
        return rng.choice([0, -1, 2**53 - 1, True, False, None])
    if kind < 0.8:
        return [harmless(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice(TEXTS[:18] + TEXTS[-10:]): harmless(rng, depth + 1) for _ in range(rng.randrange(4))}


def nested(depth: int) -> Any:
    value: Any = 0
    for level in range(depth):
        value = {"a": value} if level % 2 else [value]
    return value


def targetpath(rng: Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(PATHS)
    return "".join(rng.choices(_PATH_ALPHABET, k=rng.randrange(1, 20)))


def pattern(rng: Random) -> str:
    if rng.random() < 0.5:
        return rng.choice(PATTERNS)
    return "".join(rng.choices(_PATTERN_ALPHABET, k=rng.randrange(1, 14)))
