"""Private keys: where they lie, how they are opened, and the signatures they make."""
