"""The staging bucket, and the files on their way into it."""
