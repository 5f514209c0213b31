"""Trustpress: publish TUF trust metadata from object storage, with no server to run."""
