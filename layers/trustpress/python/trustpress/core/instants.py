"""Instants as metadata and receipts write them, in UTC: YYYY-MM-DDTHH:MM:SSZ (specification 4.2)."""

from datetime import datetime


def write_instant(instant: datetime) -> str:
    """Of an aware instant in UTC, without the part of a second."""
    return f"{instant.isoformat()[:19]}Z"


def parse_instant(text: str) -> datetime:
    """An aware instant in UTC, of exactly what `write_instant` writes. Raises ValueError for every other spelling of it."""
    instant = datetime.fromisoformat(text)
    if write_instant(instant) != text:
        raise ValueError(f"expected YYYY-MM-DDTHH:MM:SSZ, found {text[:100]!r}")
    return instant
