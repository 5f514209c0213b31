"""What is kept in the two buckets: one file for each kind of object."""
