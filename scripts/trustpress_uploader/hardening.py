"""What keeps secrets inside this process."""

import resource


def forbid_core_files() -> None:
    """A process that crashes while it holds a key must not write its memory to a disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
