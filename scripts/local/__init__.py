"""Trustpress on a laptop: MiniStack in the place of AWS, the same template (emulator.py says where not) deployed to it, an edge in front.

`python -m local` (that is `scripts/run`) shows the main job on it; the tests in tests/stack break it on purpose.
"""
