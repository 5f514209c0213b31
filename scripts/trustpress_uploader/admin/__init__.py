"""What an administrator does to a deployment."""
