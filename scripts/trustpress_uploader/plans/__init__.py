"""What to sign next, composed and not yet signed: targets, root, keys, signers."""
