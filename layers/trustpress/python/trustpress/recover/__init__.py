"""After a loss: what is left, what it adds up to, and a release that every client accepts."""
