"""The rulebook: bytes and values in, values out; no clock, environment, I/O or logging."""
