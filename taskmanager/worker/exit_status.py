"""How a process ended, in words."""

from __future__ import annotations

import signal

__all__ = ["describe_exit", "is_out_of_memory_suspect"]


def describe_exit(status: int) -> str:
    """Return ``exit status 1`` or ``killed by signal 9 (SIGKILL)``.

    :param status: the exit code, or minus the number of the signal that ended the process (as ``subprocess`` has it).
    """
    if status >= 0:
        return f"exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        return f"killed by signal {-status}"
    return f"killed by signal {-status} ({name})"


def is_out_of_memory_suspect(description: str) -> bool:
    """Whether the end looks like the work of the kernel's out-of-memory killer."""
    return "(SIGKILL)" in description
