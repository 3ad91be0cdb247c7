"""The lock under which a ``SourceFunction`` emits and moves its position.

A function that emits in a loop holds the lock nearly always, and a lock is not fair: who asks for it from another
thread may wait for ever. So the task says that it wants the lock, and the function's thread, when it lets go of the
lock next, stands still until the task is done. While nobody wants it, it costs what an ``RLock`` costs.
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

    def __init__(self, on_free: Callable[[], None]) -> None:
        """:param on_free: called in the function's thread when it has let go of a lock that is wanted."""
        super().__init__()
        self.wanted = False
        self._on_free = on_free
        self._go_on = threading.Event()

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Let go; if the task wants the lock, return when it is done."""
        super().release()
        if self.wanted and not self._is_owned():  # type: ignore[attr-defined]  # threading.Condition uses it too
            self._stand_still()

    def claim(self) -> bool:
        """For the task: take the lock if it is free. If not, ask again after ``on_free``."""
        if not self.wanted:
            self._go_on.clear()
            self.wanted = True
        return self.acquire(blocking=False)

    def hand_back(self) -> None:
        """For the task, after a :meth:`claim` that was granted: the function may go on."""
        self.give_up()
        super().release()

    def give_up(self) -> None:
        """For the task: the lock is not wanted (any more)."""
        self.wanted = False
        self._go_on.set()

    def _stand_still(self) -> None:
        self._on_free()
        while self.wanted:
            self._go_on.wait(_LOOK_AGAIN_S)
