"""The long forms of what the tests show in short: `scripts/prove NAME`."""
