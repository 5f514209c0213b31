"""Property tests are judged by what they find, never by how fast this machine is."""

from hypothesis import settings

settings.register_profile("core", deadline=None)
settings.load_profile("core")
