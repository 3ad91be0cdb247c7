"""Ties a process to its parent: when the parent dies, however it dies, the kernel kills the child.

User code can hold a worker's only thread (and the GIL) for ever, so nothing that runs inside the worker can be relied
on to notice that its TaskManager is gone. The kernel can.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

__all__ = ["load_lifeline", "name_process"]

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15


def _prctl() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return None
    function.restype = ctypes.c_int
    function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong]
    return function


_PRCTL = _prctl()


def load_lifeline() -> Callable[[int], None]:
    """Return a function that a child calls, with its parent's pid, as the first thing after the fork.

    Loaded before the fork, so that the child has nothing left to import. On systems without ``prctl`` the child
    relies on the end of its socket alone.
    """
    prctl = _PRCTL

    def tie(parent_pid: int) -> None:
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent_pid:  # it died before the kernel was told
            os._exit(1)

    return tie


def name_process(name: str) -> None:
    """Show ``name`` (15 characters at most) for this process in ``top`` and ``ps -o comm``."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
