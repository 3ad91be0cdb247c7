"""A reader's requests for splits: sent to the enumerator by way of the JobMaster, which may lose them.

So a request is sent again, under its number, until a split comes or there will be none; the enumerator, which remembers
the numbers, sees it once. What becomes of a request has no bearing on which splits are read: it only says who is idle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from millstream.common.wire.cluster_pb2 import SplitRequest
from millstream.taskmanager.operators.operator import TaskInfo

__all__ = ["SplitRequests"]

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0


class SplitRequests:
    """The requests of one attempt of a reader; one at a time.

    :param send: takes a request, on the event loop.
    """

    def __init__(self, task: TaskInfo, send: Callable[[SplitRequest], None]) -> None:
        self._task = task
        self._send = send
        self._number = 0
        self._pause_s = _FIRST_PAUSE_S
        self._next: asyncio.TimerHandle | None = None
        self._closed = False

    def ask(self) -> None:
        """Ask for a split, unless that was done already and none has come."""
        if self._next is None and not self._closed:
            self._number += 1
            self._pause_s = _FIRST_PAUSE_S
            self._send_now()

    def answered(self) -> None:
        """A split has come."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def close(self) -> None:
        """Nothing more is wanted."""
        self._closed = True
        self.answered()

    def _send_now(self) -> None:
        self._next = asyncio.get_running_loop().call_later(self._pause_s, self._send_now)
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
        task = self._task
        self._send(SplitRequest(attempt_id=task.attempt_id, subtask_index=task.subtask_index, number=self._number))
