"""The developer's command line, installed as `trustpress`."""
