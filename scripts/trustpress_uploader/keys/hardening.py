"""What keeps secrets inside this process."""

import resource


def forbid_core_files() -> None:
    """A process that crashes while it holds a key must not write its memory to a disk.

    A limit of 0 keeps it from files alone. Where the system pipes crashes to a program (core(5)), Linux asks no limit but this
    one: 1, which is too short for a file as well.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (1 if hard else 0, hard))
