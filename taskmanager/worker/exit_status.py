"""How a process ended, in words."""

from __future__ import annotations

import signal

__all__ = ["describe_exit", "describe_signal", "has_cause", "is_out_of_memory_suspect", "with_cause"]

_CAUSE = " after "


def describe_exit(status: int) -> str:
    """Return ``exit status 1`` or ``killed by signal 9 (SIGKILL)``.

    :param status: the exit code, or minus the number of the signal that ended the process (as ``subprocess`` has it).
    """
    if status >= 0:
        return f"exit status {status}"
    return f"killed by {describe_signal(-status)}"


def describe_signal(number: int) -> str:
    """Return ``signal 9 (SIGKILL)``."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def with_cause(description: str, cause: str) -> str:
    """Return the end of a process that was ended because of something, with that: ``it stood still``."""
    return f"{description}{_CAUSE}{cause}"


def has_cause(description: str) -> bool:
    """Whether it is said why the process was ended."""
    return _CAUSE in description


def is_out_of_memory_suspect(description: str) -> bool:
    """Whether the end looks like the work of the kernel's out-of-memory killer."""
    return "(SIGKILL)" in description and not has_cause(description)
