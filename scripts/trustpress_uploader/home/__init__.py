"""What this machine remembers: its folder, the roots pinned there, and a backup of both."""
