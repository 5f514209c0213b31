"""Changes that wait for signatures: what they say, who has to sign, where they wait."""
