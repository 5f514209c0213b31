"""What is published, verified."""
