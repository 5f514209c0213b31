"""From an inbox to a release: read, judge, draft, write, commit, settle; and keep what is published fresh."""
