"""What both sides of the benchmark agree on."""

from datetime import UTC, datetime, timedelta

REPOSITORY = "acme/bench"
NOW = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251, a benchmark runs at the time it runs
EXPIRES = NOW + timedelta(days=90)
BIN = "bin-002a"
ONLINE_SEED = bytes(range(32))
