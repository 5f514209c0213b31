"""The ports over what they touch: one file for each service. Functions and scripts wire them together."""
