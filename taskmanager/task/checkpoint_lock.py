"""The lock under which a ``SourceFunction`` emits and moves its position.

A function that emits in a loop holds the lock nearly always, and a lock is not fair: who asks for it from another
thread may wait for ever. So the task says that it wants the lock, and the function's thread stands still where it would
take the lock next, until the task is done. While nobody wants it, it is an ``RLock`` in C: records cost nothing more.
"""

from __future__ import annotations

import threading
from _thread import RLock
from collections.abc import Callable

__all__ = ["CheckpointLock"]

_LOOK_AGAIN_S = 1.0


class CheckpointLock(RLock):  # type: ignore[misc]  # final in the stubs, not in CPython
    """Shared by the function's threads, and the task on the slot's event loop, which never waits for it.

    :ivar wanted: the task wants the lock, or has it.
    """

    def __init__(self, on_standing: Callable[[], None]) -> None:
        """:param on_standing: called in the function's thread when it stands still."""
        super().__init__()
        self.wanted = False
        self._on_standing = on_standing
        self._go_on = threading.Event()

    def claim(self) -> bool:
        """For the task: take the lock if it is free. If not, ask again after ``on_standing``, or a while later: the
        function may have let go of the lock without coming back.
        """
        if not self.wanted:
            self._go_on.clear()
            self.wanted = True
            self.__class__ = _WantedLock
        return RLock.acquire(self, blocking=False)

    def hand_back(self) -> None:
        """For the task, after a :meth:`claim` that was granted: the function may go on."""
        self.give_up()
        self.release()

    def give_up(self) -> None:
        """For the task: the lock is not wanted (any more)."""
        self.__class__ = CheckpointLock
        self.wanted = False
        self._go_on.set()

    def _stand_still(self) -> None:
        if self.wanted and not self._is_owned():  # type: ignore[attr-defined]  # threading.Condition uses it too
            self._on_standing()
            while self.wanted:
                self._go_on.wait(_LOOK_AGAIN_S)


class _WantedLock(CheckpointLock):  # type: ignore[misc]  # the same
    """What the lock is while the task wants it. An object's class is looked at whenever it is entered."""

    # Not by super(): when the function goes on, the lock is none of this class any more.
    def __enter__(self, blocking: bool = True, timeout: float = -1) -> bool:
        return self.acquire(blocking, timeout)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock when the task is done with it."""
        if blocking:
            self._stand_still()
        return RLock.acquire(self, blocking, timeout)
