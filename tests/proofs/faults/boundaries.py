"""The calls of a publish, by the names that the matrix of faults gives them."""

import functools
import re

_NAMES = [
    (r"LIST inbox/.*", "list inbox"),
    (r"GET inbox/.+/metadata/.*", "GET upload"),
    (r"DELETE inbox/.+/metadata/.*", "DELETE upload"),
    (r"HEAD inbox/.+/targets/.*", "HEAD staged target"),
    (r"DELETE inbox/.+/targets/.*", "DELETE staged target"),
    (r"GET receipts/.*", "GET receipt"),
    (r"PUT receipts/.*", "PUT receipt"),
    (r"GET repositories/.*", "GET register"),
    (r"PUT repositories/.*", "PUT register"),
    (r"GET .+/metadata/timestamp\.json", "GET timestamp"),
    (r"PUT .+/metadata/timestamp\.json", "PUT timestamp"),
    (r"GET .+/metadata/[0-9]+\.root\.json", "GET root"),
    (r"PUT .+/metadata/[0-9]+\.root\.json", "PUT root"),
    (r"GET .+/metadata/[0-9]+\.snapshot\.json", "GET snapshot"),
    (r"PUT .+/metadata/[0-9]+\.snapshot\.json", "PUT snapshot"),
    (r"GET .+/metadata/[0-9]+\..+\.json", "GET delegator"),
    (r"HEAD .+/metadata/[0-9]+\..+\.json", "HEAD role"),
    (r"PUT .+/metadata/[0-9]+\..+\.json", "PUT role"),
    (r"HEAD .+/targets/.*", "HEAD target"),
    (r"COPY .+/targets/.*", "copy target"),
]
_PATTERNS = [(re.compile(pattern), name) for pattern, name in _NAMES]


@functools.cache
def store_boundary(operation: str, key: str) -> str:
    """The name of a store call, such as `PUT snapshot`."""
    call = f"{operation} {key}"
    return next(name for pattern, name in _PATTERNS if pattern.fullmatch(call))


def sign_boundary(message: bytes) -> str:
    """`sign snapshot` or `sign timestamp`."""
    return "sign snapshot" if b'"_type":"snapshot"' in message else "sign timestamp"
