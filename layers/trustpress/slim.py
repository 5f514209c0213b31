#!/usr/bin/env python3
"""Make a layer lighter: a cold start pays for every megabyte.

Compiled libraries keep only what the loader maps. Symbol tables and section headers, about a quarter of them, serve
debuggers alone; wheels for any platform can be cut this way on any machine, where `strip` knows only its own.
"""

import shutil
import struct
import sys
from pathlib import Path

# Nothing here is imported by a function: what Powertools offers beyond logs, metrics and batches, the compiler's half of
# cffi, tests, type stubs, and bytecode of another Python.
UNUSED = (
    "aws_lambda_powertools/event_handler",
    "aws_lambda_powertools/utilities/auth_alpha",
    "aws_lambda_powertools/utilities/circuit_breaker",
    "aws_lambda_powertools/utilities/feature_flags",
    "aws_lambda_powertools/utilities/idempotency",
    "aws_lambda_powertools/utilities/kafka",
    "aws_lambda_powertools/utilities/parameters",
    "aws_lambda_powertools/utilities/parser",
    "cffi",
    "pycparser",
    "*/benchmarks",
    "*/tests",
    "**/__pycache__",
    "**/*.pyi",
)


def cut(library: Path) -> None:
    """Cut an ELF file behind its last segment and forget the section headers, which lie there."""
    body = bytearray(library.read_bytes())
    if body[:6] != b"\x7fELF\x02\x01":  # 64 bits, little-endian: everything Lambda runs
        raise SystemExit(f"{library} is not a 64-bit library")
    (headers_at,) = struct.unpack_from("<Q", body, 32)
    header_length, headers = struct.unpack_from("<HH", body, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", body, headers_at + index * header_length) for index in range(headers)]
    end = max(offset + length for _, _, offset, _, _, length, *_ in segments)
    struct.pack_into("<Q", body, 40, 0)
    struct.pack_into("<HH", body, 60, 0, 0)
    library.write_bytes(body[:end])


def main(layer: Path) -> None:
    for pattern in UNUSED:
        for path in list(layer.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for library in layer.rglob("*.so"):
        cut(library)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
