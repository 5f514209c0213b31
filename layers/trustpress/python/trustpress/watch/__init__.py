"""What clients see through the edge, and the notices before offline roles expire."""
