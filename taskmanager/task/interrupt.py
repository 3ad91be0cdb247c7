"""Breaking into user code that does not come back.

A task's user functions run on the slot's event loop, so one that blocks (a socket without a timeout, an endless loop)
holds up the whole slot, commands to cancel included. The TaskManager then interrupts the worker:
:class:`TaskInterrupted` is raised inside the user's function. It must never hit the engine's own code, so each loop
thread has one :class:`UserCodeSection` that the tasks enter around their calls to user code, and an interrupt outside
of a section does nothing.

A worker process is interrupted by ``SIGUSR1``, whose handler runs in the main thread, between two bytecodes of
whatever blocks there (:func:`install_signal_handler`). A worker thread is interrupted from another thread by
:func:`interrupt_current_user_code`.
"""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from types import FrameType

__all__ = [
    "TaskInterrupted",
    "UserCodeSection",
    "install_signal_handler",
    "interrupt_current_user_code",
    "raise_in_thread",
]

_BLOCKED_AFTER_NS = 250_000_000
"""User code that has run this long without a return holds up the loop, so a cancellation may be waiting unread."""


class TaskInterrupted(BaseException):  # not an error: a request, like KeyboardInterrupt
    """Raised inside a user's function to end it. Not an ``Exception``, so that ``except Exception`` lets it through."""


class UserCodeSection:
    """Marks when user code of a task runs on one loop thread.

    Tasks call :meth:`enter` and :meth:`leave` once per batch, so both are cheap.

    :ivar cancelling: set by a task that is being cancelled while it is in the section: any interrupt counts then.
    """

    __slots__ = ("_lock", "_requested", "_since_ns", "cancelling")

    def __init__(self) -> None:
        self._since_ns = 0
        self._requested = False
        self._lock = threading.Lock()
        self.cancelling = False

    @classmethod
    def of_this_thread(cls) -> UserCodeSection:
        """Return the section of the calling thread."""
        ident = threading.get_ident()
        section = _sections.get(ident)
        if section is None:
            section = _sections[ident] = cls()
        return section

    @staticmethod
    def forget_this_thread() -> None:
        """Drop the section of the calling thread, which ends (thread idents are used again)."""
        _sections.pop(threading.get_ident(), None)

    @property
    def active(self) -> bool:
        """User code runs now."""
        return self._since_ns != 0

    def enter(self, now_ns: int) -> None:
        """User code begins to run.

        :param now_ns: ``time.perf_counter_ns()``.
        """
        self._since_ns = now_ns

    def leave(self) -> None:
        """User code has returned or raised.

        :raises TaskInterrupted: an interrupt came at the last moment and had not been delivered yet.
        """
        # Each side writes before it reads: this sees the request, or who makes it sees that the section was left.
        self._since_ns = 0
        if self._requested:
            with self._lock:
                requested, self._requested = self._requested, False
            if requested:
                _absorb()

    def reset(self) -> None:
        """Be outside of the section for certain: :class:`TaskInterrupted` may arrive anywhere, in :meth:`leave` too."""
        self._since_ns = 0
        with self._lock:
            self._requested = False

    def may_interrupt(self) -> bool:
        """Whether an interrupt would hit user code that is being cancelled or that blocks the loop."""
        since = self._since_ns
        return since != 0 and (self.cancelling or time.perf_counter_ns() - since >= _BLOCKED_AFTER_NS)

    def interrupt_from_other_thread(self, ident: int) -> bool:
        """Raise :class:`TaskInterrupted` in thread ``ident``, whose section this is; False: no user code to hit."""
        with self._lock:
            if self._requested:
                return False
            self._requested = True
            self._requested = self.may_interrupt() and raise_in_thread(ident, TaskInterrupted)
            return self._requested


_sections: dict[int, UserCodeSection] = {}


def _absorb() -> None:
    # An exception set from another thread arrives at a later bytecode. Let it arrive here and not in the engine.
    for _ in range(1000):
        time.perf_counter_ns()


def raise_in_thread(ident: int, exception: type[BaseException]) -> bool:
    """Raise ``exception`` in another thread at its next bytecode. False: there is no such thread.

    A thread that waits in C code (a socket, ``time.sleep``) notices only when that returns.
    """
    count: int = ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(exception))
    return count == 1


def interrupt_current_user_code(thread_ident: int | None = None) -> bool:
    """Break into the user code that runs on a loop thread; return whether there was any.

    :param thread_ident: ``threading.get_ident()`` of the loop's thread. Without it, or with the caller's own, the
        caller is a signal handler on that very thread, and the exception is raised from here.
    :raises TaskInterrupted: see above.
    """
    own = threading.get_ident()
    section = _sections.get(own if thread_ident is None else thread_ident)
    if section is None:
        return False
    if thread_ident is None or thread_ident == own:
        if section.may_interrupt():
            raise TaskInterrupted("interrupted by the TaskManager")
        return False
    return section.interrupt_from_other_thread(thread_ident)


def _on_signal(_signum: int, _frame: FrameType | None) -> None:
    interrupt_current_user_code()


def install_signal_handler() -> None:
    """Let ``SIGUSR1`` interrupt the user code of this process's main thread (worker processes call this at start)."""
    signal.signal(signal.SIGUSR1, _on_signal)
